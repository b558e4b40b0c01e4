# Commands that are refused one allocation, whoever asks for it (refuse_nth.c): they end with exit code 1 and a sentence, or
# come through with what a whole run writes; outputs are whole or not there, and a store goes on where it was.
#   tests/refused.sh LOCI SOURCE_DIR LIBRARY
#   EACH=N         so many of a command's allocations; 0: every one; places: the first of each place in the code that asks
#                  for memory, with all its callers
#   SEED=N         of N: from another on
#   COMMANDS=...   some of the commands
#   SPARE=none     those of oneDNN and fontconfig as well: what falls over then is told with its signal, and is no miss
# shellcheck source=tests/cli/lib.sh disable=SC1091
shim=$(realpath "$3")
source "$(dirname "$0")/cli/lib.sh"
cd "$work" || exit 1
export OMP_NUM_THREADS=1
each=${EACH-4} seed=${SEED:-1}
tiny=$source_dir/tests/golden/models/text-llama
here=(-m "$tiny" -t raw --threads 1 --no-progress)
ask=(-q 'Where is this city?' -c 'this city')
line='{"question":"Where is this city?","constraints":[{"text":"this city"}],"answers":["a"]'
printf '%s}\n%s,"id":"b"}\n' "$line" "$line" >q.jsonl
printf '%s,"image":"%s"}\n' "${line/\"Where/\"<image> Where}" "$image" >lint.jsonl

study() { "$loci" study run q.jsonl "${here[@]}" --what ask,trace --layers 1 --max-new 1 --store s.db; }
store_trace() { "$loci" trace "${here[@]}" "${ask[@]}" --layers 1 -o t.json; }
draw_pdf() { "$loci" trace "${here[@]}" "${ask[@]}" --layers 1 -o t.pdf; }
draw_trace() { "$loci" trace "${here[@]}" "${ask[@]}" --layers 1 -o t.png; }
solve() { "$loci" edit solve "${here[@]}" "${ask[@]}" --target b --steps 1 --layer 1 -o an.edit; }
apply() { "$loci" edit apply an.edit -m "$tiny" --threads 1 --no-progress -o edited; }
lint() { "$loci" data lint lint.jsonl --fix -o fixed.jsonl; }
annotate() { "$loci" data annotate lint.jsonl -o noted.jsonl; }
merge() { "$loci" study merge half1.db half2.db -o merged.db; }
picture() { "$loci" image -m "$model" -i "$image" -o seen.png; }
commands=(study store_trace draw_trace draw_pdf solve apply lint annotate merge picture)
only=${COMMANDS:-${commands[*]}}
outputs=(s.db t.json t.png t.pdf an.edit edited fixed.jsonl noted.jsonl merged.db seen.png)

forget() { rm -rf "$1" "$1"-wal "$1"-shm "$1"-writer; }
content() {
  case $1 in
    *.db) "$loci" study export "$1" -o rows.csv >/dev/null 2>&1 && sort rows.csv ;;
    edited) (cd edited 2>/dev/null && find . -type f -exec md5sum {} + | sort -k 2) ;;
    # but for how long it took, and the edit for its cost
    *.json) sed "s/\"cost\":.*//" "$1" ;;
    *) cat "$1" ;;
  esac 2>/dev/null | md5sum
  rm -f rows.csv
}
for i in 1 2; do
  "$loci" study run q.jsonl "${here[@]}" --what ask --max-new 1 --store half$i.db --shard $i/2 >/dev/null 2>&1
done

refuse() { # refuse COMMAND OUTPUT WHOLE CODE N
  last="$1, allocation $5 ($(sed -n "$5"p made))"
  (export REFUSE=$5 LD_PRELOAD=$shim; $1) >out 2>err
  code=$?
  tried=$((tried + 1))
  if [ $code -gt 128 ] && [ "${SPARE-}" = none ]; then
    echo "fell over: $last: signal $((code - 128))"
    fell=$((fell + 1))
    [ "$1" = solve ] || forget "$2"
    rm -rf ./"$2"?*
    return
  fi
  if [ $code = 1 ]; then
    [ -s err ] || miss "no sentence"
  elif [ $code != "$4" ]; then
    miss "exit code $code: $(head -1 err)"
  fi
  if [ $code = 1 ] && [ "$1" = study ]; then # it goes on where it was
    study >out 2>err || miss "the run after it: $(head -1 err)"
  fi
  if [ -e "$2" ]; then
    [ "$(content "$2")" = "$3" ] || miss "another output, exit code $code: $(head -1 err)"
  else
    [ $code = 1 ] || miss "no output, exit code $code"
  fi
  [ "$1" = solve ] || forget "$2"
  ls -d ./"$2"?* 2>/dev/null && miss "left beside the output"
  come_through=$((come_through + (code != 1)))
}

[[ " $only " == *" solve "* ]] || solve >/dev/null 2>&1 # what apply reads

numbers() { # of the allocations that are refused
  if [ "$each" = places ]; then
    awk '!seen[$1]++ && $3 == "" {print NR}' made
  else
    local step=$((each == 0 || each > count ? 1 : count / each))
    seq $((seed % step + 1)) "$step" "$count"
    [ "$command" != draw_pdf ] || seq $((count - 200)) 50 "$count" # where cairo ends the file, and tells no failure
  fi
}

for c in "${!commands[@]}"; do
  command=${commands[c]} output=${outputs[c]} tried=0 come_through=0 fell=0
  [[ " $only " == *" $command "* ]] || continue
  rm -f made
  (export REFUSED=$work/made LD_PRELOAD=$shim; $command) >out 2>err
  usual=$? count=$(wc -l <made) whole=$(content "$output")
  last="$command, nothing refused"
  [ -e "$output" ] && [ "$count" -gt 50 ] || miss "no output, or no allocation"
  [ "$command" = solve ] || forget "$output"
  for n in $(numbers); do refuse "$command" "$output" "$whole" $usual "$n"; done
  echo "$command: $tried of $count allocations refused, $come_through came through, $fell fell over"
  [ "$each" != places ] || cut -d ' ' -f 2 made | sort | uniq -c | sort -rn | awk '{printf "  %s %s", $1, $2} END {print ""}'
done
finish

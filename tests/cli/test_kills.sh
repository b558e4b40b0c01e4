# Commands that write, ended by a signal at random moments: what they write is whole or not there, nothing temporary
# stays but after KILL, where the next run takes it away, and a study loses no example and measures none twice.
#   KILLS=200 tests/cli/test_kills.sh LOCI SOURCE_DIR      the long version; it also says how long edit apply took to stop
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
kills=${KILLS:-4} examples=${EXAMPLES:-4}
RANDOM=${SEED:-1}
mkdir data
cp -r "$model/images" images
head -"$examples" "$model/data/trace.jsonl" >data/q.jsonl
for ((i = 0; i < 200; i++)); do cat "$model/data/score.jsonl"; done | head -3000 |
  sed 's/"question": "/"question": "<image> /' >data/lint.jsonl

study=(study run data/q.jsonl -m "$model" --what ask,trace --layers 4-7 --no-progress --threads 1)
run() { ${1-} "$loci" "${study[@]}" --store run.db; }
merge() { ${1-} "$loci" study merge half1.db half2.db -o merged.db; }
apply() { ${1-} "$loci" edit apply an.edit -m "$model" -o edited --no-progress --threads 1; }
lint() { ${1-} "$loci" data lint data/lint.jsonl --fix -o fixed.jsonl --no-images; }
commands=(run merge apply lint) outputs=(run.db merged.db edited fixed.jsonl) signals=(KILL TERM HUP INT)

forget() { rm -rf "$1" "$1"-wal "$1"-shm "$1"-writer; }
left() { # what stands beside an output that is none
  find . -maxdepth 1 -name "$1?*" | head -3
}
rows() { "$loci" study export "$1" -o rows.csv >/dev/null 2>&1 && sort rows.csv | md5sum; rm -f rows.csv; }
bytes() { (cd "$1" 2>/dev/null && find . -type f -exec md5sum {} + | sort -k 2 | md5sum); }

last='what nobody disturbs'
"$loci" "${study[@]}" --store half1.db --shard 1/2 >/dev/null 2>&1 || miss "no first half"
"$loci" "${study[@]}" --store half2.db --shard 2/2 >/dev/null 2>&1 || miss "no second half"
"$loci" edit solve -m "$model" -i "$image" -q "$question" -c 'this country' --target Lima --steps 2 -o an.edit \
  --no-progress >/dev/null 2>&1
whole=() took=()
for i in 0 1 2 3; do
  begin=${EPOCHREALTIME/./}
  ${commands[i]} >/dev/null 2>err || miss "${commands[i]}: $(cat err)"
  took[i]=$(((${EPOCHREALTIME/./} - begin) / 1000))
done
whole=("$(rows run.db)" "$(rows merged.db)" "$(bytes edited)" "$(md5sum <fixed.jsonl)")
for o in "${outputs[@]}"; do
  [ -z "$(left "$o")" ] || miss "left of a whole run: $(left "$o")"
  forget "$o"
done

# Whether the output is what a whole run writes.
is_whole() {
  case $1 in
    0 | 1) [ "$(rows "${outputs[$1]}")" = "${whole[$1]}" ] ;;
    2) [ "$(bytes edited)" = "${whole[2]}" ] ;;
    3) [ "$(md5sum <fixed.jsonl)" = "${whole[3]}" ] ;;
  esac
}

disturb() { # disturb NUMBER: one command, ended by one signal
  local c=$(($1 % 4)) s=$((($1 + $1 / 4) % 4)) begin pid
  local signal=${signals[s]}
  local output=${outputs[c]} wait_ms=$((RANDOM % (took[c] + 1)))
  last="${commands[c]}, $signal after $wait_ms of ${took[c]} ms"
  ${commands[c]} exec >/dev/null 2>err &
  pid=$!
  sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
  begin=${EPOCHREALTIME/./}
  kill -"$signal" $pid 2>/dev/null
  { wait $pid; } 2>/dev/null
  code=$?
  [ $c != 2 ] || slowest=$((${EPOCHREALTIME/./} - begin > slowest ? ${EPOCHREALTIME/./} - begin : slowest))
  ended=$((ended + (code != 0)))
  tried[c * 4 + s]=$((${tried[c * 4 + s]-0} + 1)) before[c * 4 + s]=$((${before[c * 4 + s]-0} + (code != 0)))
  if [ $c != 0 ] && [ -e "$output" ]; then is_whole $c || miss "an output in part, exit code $code"; fi
  if [ "$signal" != KILL ] && [ -n "$(left "$output")" ]; then miss "left, exit code $code: $(left "$output")"; fi
  if [ $c != 0 ] && [ "$code" = 0 ] && ! is_whole $c; then miss "exit code 0 and no output"; fi
  # A study goes on where it was; everything else begins again.
  [ $c = 0 ] || forget "$output"
  if [ $c = 0 ] && [ $((RANDOM % 2)) = 0 ]; then return; fi
  ${commands[c]} >/dev/null 2>err || miss "the run after it: $(cat err)"
  is_whole $c || miss "the run after it has another output"
  forget "$output"
  [ -z "$(left "$output")" ] || miss "left after the next run: $(left "$output")"
}

ended=0 slowest=0 tried=() before=()
for ((n = 0; n < kills; n++)); do disturb $n; done
run >/dev/null 2>err && is_whole 0 || miss "the study at the end: $(cat err)"
echo "$kills signals, $ended of them before the end; edit apply stopped within $((slowest / 1000)) ms"
for i in "${!tried[@]}"; do echo "  ${commands[i / 4]} ${signals[i % 4]}: ${tried[i]}, ${before[i]} of them before the end"; done
finish

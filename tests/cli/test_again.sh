# Every result names the command that makes it again: run by a shell as it stands, it gives the same bytes but for
# times, whatever the paths hold.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
mkdir bin "it's here"
ln -s "$loci" bin/loci
PATH=$PWD/bin:$PATH
ln -s "$model" "it's here/the model"
ln -s "$image" "it's here/a \"\$HOME\" picture.png"
head -4 "$model/data/trace.jsonl" >"it's here/four questions.jsonl"
ln -s "$model/images" images # as the questions name them
m="it's here/the model" i="it's here/a \"\$HOME\" picture.png" x="it's here/four questions.jsonl"
timeless() { sed -E '/^ "cost":/,/"spent"/d; s/"seconds":[0-9.e-]+//g; /^ +"(spent|naive_flop)"/d' "$1"; }
again() { # COMMAND...: as JSON and, if it draws, as a picture
  try "$@" --json
  wants 0
  printf '%s\n' "$out" >first.json
  command=$(sed -nE 's/^ "command":"(.*)"[,}]*$/\1/p' first.json | sed -E 's/\\(["\\])/\1/g')
  [[ $command == "loci $1"* ]] || miss "no command: $command"
  sh -c "$command --json" >second.json 2>err || miss "again: $(cat err): $command"
  cmp -s <(timeless first.json) <(timeless second.json) ||
    miss "again: $command: $(diff <(timeless first.json) <(timeless second.json) | head -4)"
}
drawn() { # "ENDINGS" COMMAND...: files that say how they are made, by that command
  local files=$1 e first=() second=
  shift
  for e in $files; do first+=(-o "first.$e") second+=" -o second.$e"; done
  try "$@" "${first[@]}"
  wants 0
  command=$(sed -nE 's/^<metadata>(.*)<\/metadata>$/\1/p' first.svg | sed 's/&quot;/"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' |
    sed -E 's/^\{"command":"(.*)","request":.*/\1/; s/\\(["\\])/\1/g')
  [[ $command == "loci $1"* ]] || miss "no command in the picture: $command"
  sh -c "$command$second" >/dev/null 2>err || miss "again: $(cat err): $command"
  for e in $files; do
    cmp -s "first.$e" "second.$e" || miss "again: another $e: $command"
    [[ $e == csv || $e == pdf ]] || grep -aq 'loci [a-z]' "first.$e" || miss "$e does not say its command"
  done
}
ask=(-m "$m" -i "$i" -q "$question")
one=("${ask[@]}" -c "this country")
again ask "${ask[@]}" --max-new 3
cp "$source_dir/tests/golden/images/turned.jpg" "it's here/a phone's.jpg"
again ask -m "$m" -i "it's here/a phone's.jpg" -q "$question" --max-new 3 --exif turn
[[ $command == *" --exif turn"* ]] || miss "no --exif turn in: $command"
cp first.json turned.json
again ask -m "$m" -i "it's here/a phone's.jpg" -q "$question" --max-new 3
[ "$(grep '"p"' first.json)" != "$(grep '"p"' turned.json)" ] || miss "--exif turn changes nothing"
again trace "${one[@]}" --corrupt "image:$i" --site mlp_out --layers 2-4 --direction both --threads 1
drawn "svg png pdf html csv npz safetensors" trace "${one[@]}" --corrupt "image:$i" --site mlp_out --layers 2-4 --threads 1
drawn "svg png" trace "${one[@]}" --site mlp_out --layers 2-2 --metric logit_diff
again knockout "${one[@]}" --from image,constraint --to last --layers 1-3
again lens "${one[@]}" --positions constraint,last -a Lima
again flow "${ask[@]}" --from image --to last
drawn "svg npz safetensors" flow "${ask[@]}" --from image --to last --layers 1-2 --threads 1
drawn "svg csv" knockout "${one[@]}" --from constraint --to last --layers 1-2 --metric logp
drawn "svg csv" lens "${one[@]}" --layers 1-2 --metric logp
again score "$x" -m "$m" --max-new 3 --limit 2 --by relation
drawn "svg csv" score "$x" -m "$m" --max-new 3 --limit 2 --by relation
again study trace "$x" -m "$m" --max-new 3 --limit 2 --min-te 0 --site mlp_out --seed 5
finish

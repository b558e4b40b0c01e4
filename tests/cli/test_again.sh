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
drawn() { # COMMAND...: the picture of it
  try "$@" -o first.svg -o first.csv
  wants 0
  sh -c "$command -o second.svg -o second.csv" >/dev/null || miss "again: $command"
  cmp -s first.csv second.csv || miss "again: other numbers: $command"
  cmp -s first.svg second.svg || miss "again: another picture: $command"
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
drawn trace "${one[@]}" --corrupt "image:$i" --site mlp_out --layers 2-4 --direction both --threads 1
again knockout "${one[@]}" --from image,constraint --to last --layers 1-3
again lens "${one[@]}" --positions constraint,last -a Lima
again flow "${ask[@]}" --from image --to last
again score "$x" -m "$m" --max-new 3 --limit 2 --by relation
again study trace "$x" -m "$m" --max-new 3 --limit 2 --min-te 0 --site mlp_out --seed 5
finish

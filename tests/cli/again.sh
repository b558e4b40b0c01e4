# For tests that run the command a result names: a place with awkward paths, and again, drawn, written.
# shellcheck shell=bash disable=SC2154
cd "$work" || exit 1
mkdir bin "it's here"
ln -s "$loci" bin/loci
PATH=$PWD/bin:$PATH
ln -s "$model" "it's here/the model"
ln -s "$image" "it's here/a \"\$HOME\" picture.png"
head -4 "$model/data/trace.jsonl" >"it's here/four questions.jsonl"
ln -s "$model/images" images # as the questions name them
m="it's here/the model" i="it's here/a \"\$HOME\" picture.png" x="it's here/four questions.jsonl"
timeless() { # what a machine needs for it: JSON in lines, or that of benches, a member a line
  sed -E '/^ "cost":/,/"spent"/d; s/"seconds":[0-9.e-]+//g; /^ +"(spent|naive_flop)"/d
    /^ +"([a-z_]*(_per_s|_seconds)|seconds|read|convert|product|attention|head|other|share|peak_bytes)": /d' "$1"
}
ends=0 # the exit code of what follows, and of its command
repeat() { # WORDS: the command again, with these
  sh -c "$command$1" >"${2:-/dev/null}" 2>err
  [ $? = $ends ] || miss "again: $(cat err): $command"
}
again() { # COMMAND...: as JSON and, if it draws, as a picture
  try "$@" --json
  wants $ends
  printf '%s\n' "$out" >first.json
  command=$(grep -oE '"command": ?"([^"\\]|\\.)*"' first.json | head -1 | sed -E 's/^"command": ?"(.*)"$/\1/; s/\\(["\\])/\1/g')
  [[ $command == "loci $1"* ]] || miss "no command: $command"
  repeat " --json" second.json
  cmp -s <(timeless first.json) <(timeless second.json) ||
    miss "again: $command: $(diff <(timeless first.json) <(timeless second.json) | head -4)"
}
drawn() { # "ENDINGS" COMMAND...: files that say how they are made, by that command
  local files=$1 e first=() second=
  shift
  for e in $files; do first+=(-o "first.$e") second+=" -o second.$e"; done
  try "$@" "${first[@]}"
  wants $ends
  command=$(sed -nE 's/^<metadata>(.*)<\/metadata>$/\1/p' first.svg | sed 's/&quot;/"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' |
    sed -E 's/^\{"command":"(.*)","request":.*/\1/; s/\\(["\\])/\1/g')
  [[ $command == "loci $1"* ]] || miss "no command in the picture: $command"
  repeat "$second"
  for e in $files; do
    cmp -s "first.$e" "second.$e" || miss "again: another $e: $command"
    [[ $e == csv || $e == pdf ]] || grep -aq 'loci [a-z]' "first.$e" || miss "$e does not say its command"
  done
}
written() { # FILE COMMAND...: a safetensors file whose metadata name the command
  local file=$1 ending=${1##*.}
  shift
  try "$@" -o "$file"
  wants $ends
  command=$(head -c 65536 "$file" | grep -aoE '"command":"([^"\\]|\\.)*"' | head -1 |
    sed -E 's/^"command":"(.*)"$/\1/; s/\\(["\\])/\1/g')
  [[ $command == "loci $1"* ]] || miss "no command in $file: $command"
  repeat " -o second.$ending"
  cmp -s "$file" "second.$ending" || miss "again: another $file: $command"
}

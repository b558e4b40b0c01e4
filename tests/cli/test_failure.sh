# Failures: exit code 1, one sentence on standard error, an object on standard output with --json; never a silent
# success when the output cannot be written.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"

failed 'no model "nosuch": no directory of this name, not in LOCI_MODELS (not set), not in the Hugging Face cache' \
  info -m nosuch
says 'nothing is downloaded'
failed './nosuch: No such file or directory' info -m ./nosuch
failed 'a PNG picture, not a model' info -m "$image"
mkdir "$work/empty"
failed 'config.json' info -m "$work/empty"
failed 'nosuch.png' image -m "$model" -i "$work/nosuch.png" -o "$work/x.png"
failed 'there is no directory' ask -m nosuch -q x -o "$work/nowhere/x.json"
failed 'is a directory' ask -m nosuch -q x -o "$(mkdir "$work/d.json" && echo "$work/d.json")"
ln -s nowhere.json "$work/dangling.json"
failed 'dangling.json: is a link that leads to no file' ask -m nosuch -q x -o "$work/dangling.json"
[ -L "$work/dangling.json" ] || miss 'the link is gone'
touch "$work/real.svg"
ln -s real.svg "$work/alias.json"
failed 'alias.json: two outputs would be this one file' trace -m nosuch -q x -o "$work/real.svg" -o "$work/alias.json"
failed 'new.json: two outputs would be this one file' trace -m nosuch -q x -o "$work/new.json" -o "$work/new.json"
failed 'nosuch.jsonl' tokens -m "$model" --lines "$work/nosuch.jsonl"
failed 'line 1: is longer than 4096 kB' tokens -m "$model" --lines /dev/zero
failed 'a directory, not a file' tokens -m "$model" --lines "$work/empty"

# Files without an end, lines without one, and what is no text: never more memory or time than a sentence takes.
solve=(edit solve -m "$model" -i "$image" -q "$question" -c 'this country' --target Lima -o "$work/x.edit")
failed '/dev/zero, line 1: is longer than 64 kB' "${solve[@]}" --prefixes /dev/zero
failed 'a directory, not a file' "${solve[@]}" --prefixes "$work/empty"
printf 'It is so.\nWell\0known. {}\n' >"$work/nul.txt"
failed 'nul.txt, line 2: a NUL character' "${solve[@]}" --prefixes "$work/nul.txt"
failed '/dev/zero: line 1 has no end' data import csv /dev/zero -o "$work/x.jsonl"
failed '/dev/zero: line 1 has no end' data show /dev/zero
asked=(-m "$model" -i "$image" -q "$question")
failed 'a constraint is empty: blanks alone' tokens "${asked[@]}" -c ' '
failed 'positions, the model was made for 256' trace "${asked[@]}" -c 'this country' \
  -a "$(printf 'Kyiv %.0s' {1..300})"

# A checkpoint whose file was lost is not one without that file, and an answer ends where the model's positions do.
cp -r "$model" "$work/copy"
sed -i 's/"max_position_embeddings": [0-9]*/"max_position_embeddings": 9/' "$work/copy/config.json"
failed 'positions, the model was made for 9' ask -m "$work/copy" -i "$image" -q "$question"
length=$(sed 's/.*has \([0-9]*\) positions.*/\1/' <<<"$err")
sed -i "s/\"max_position_embeddings\": 9/\"max_position_embeddings\": $length/" "$work/copy/config.json"
try ask -m "$work/copy" -i "$image" -q "$question" --max-new 60000 --json
wants 0
[[ $(tr -d ' \n' <<<"$out") =~ \"ids\":\[[0-9]+\] ]] || miss "more than one token after the last position"
rm "$work/copy/tokenizer_config.json"
try tokens -m "$work/copy" --text x
wants 0
ln -s nowhere "$work/copy/tokenizer_config.json"
failed 'tokenizer_config.json: a link to nowhere, which is not there' tokens -m "$work/copy" --text x
try info -m nosuch --json
wants 1
prints '"error"'
prints '"message"'
says 'no model'
try info --json
wants 2
prints '"error"'

# A name that would steer the terminal is shown as an escape.
failed '?[31mred' info -m $'./\e[31mred'
[[ $err != *$'\e'* ]] || miss "an escape sequence came through"

# A file that may not grow: one sentence, and nothing is left behind.
(ulimit -f 0; "$loci" tokens -m "$model" --text x -o "$work/limited.json" 2>&1 >/dev/null) |
  grep -q 'File too large' || miss "a limit on files is not said"
[ -z "$(find "$work" -name 'limited*')" ] || miss "a part of a file is left"

# What somebody planted under the name of a temporary file is not written through; what a killed run left goes.
echo precious >"$work/victim"
mkdir "$work/shared"
ln -s "$work/victim" "$work/shared/out.json.0.loci-tmp"
echo half >"$work/shared/out.json.1.loci-tmp"
try tokens -m "$model" --text x -o "$work/shared/out.json"
wants 0
[ "$(cat "$work/victim")" = precious ] || miss "a planted link was followed"
[ -f "$work/shared/out.json" ] && [ ! -e "$work/shared/out.json.1.loci-tmp" ] || miss "no output, or a left one"

# A checkpoint that is cut short while many threads read it.
cp -r "$model" "$work/cut"
last='study run, cut short'
(
  "$loci" study run "$model/data/trace.jsonl" -m "$work/cut" --store "$work/cut.db" --what trace --no-progress --threads 16 \
    2>"$work/err" >/dev/null &
  until [ -s "$work/cut.db-wal" ]; do sleep 0.1; done
  truncate -s 100000 "$work/cut/model.safetensors"
  wait $!
)
code=$? err=$(cat "$work/err")
wants 1
says 'was cut short'

# A benchmark's directory is its own.
mkdir "$work/bench" && echo kept >"$work/bench/mine"
BUILD=/nonexistent PYTHON=/bin/false bash "$source_dir/bench/run.sh" quick "$work/bench" >/dev/null 2>&1
[ "$(ls "$work/bench")" = mine ] || miss "bench/run.sh touched what is not its own"

# Standard output that takes nothing.
unwritable() {
  last=$*
  wants 1
  says 'standard output:'
}
if [ -w /dev/full ]; then
  "$loci" help trace >/dev/full 2>"$work/err"
  code=$? err=$(cat "$work/err")
  unwritable 'help trace >/dev/full'
  "$loci" tokens -m "$model" --text x --json >/dev/full 2>"$work/err"
  code=$? err=$(cat "$work/err")
  unwritable 'tokens --json >/dev/full'
fi
"$loci" help trace >&- 2>"$work/err"
code=$? err=$(cat "$work/err")
unwritable 'help trace >&-'
mkfifo "$work/pipe"
exec 3<>"$work/pipe" 4>"$work/pipe" 3<&-
"$loci" help trace >&4 2>"$work/err"
code=$? err=$(cat "$work/err")
[ "$code$err" = 0 ] || miss "whoever reads has seen enough: exit code $code: $err"
exec 4>&-
# What only one command needs is started by no other: a TLS library comes with the server's.
[[ $(ldd "$loci") != *@(gnutls|microhttpd)* ]] || miss 'every command loads what loci serve needs'
# A result never takes the place of what it is made from.
cp -r "$model" "$work/own" && cp "$image" "$work/own.png"
failed 'a file of the checkpoint' record -m "$work/own" -i "$image" -q x --site z --layers 1 -o "$work/own/model.safetensors"
failed 'is the picture' trace -m "$model" -i "$work/own.png" -q "$question" -c 'this country' -o "$work/own.png"
cmp -s "$model/model.safetensors" "$work/own/model.safetensors" || miss 'the checkpoint was overwritten'

finish

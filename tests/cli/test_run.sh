# Every command on the little model that knows countries by their flags: what people read and what scripts read.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
asked=(-m "$model" -i "$image" -q "$question")
version=$("$loci" --version | sed 's/loci //')
json() { # json FORMAT: standard output is this one object
  local flat
  flat=$(tr -d ' \n' <<<"$out")
  [[ $flat == "{\"format\":\"loci.$1/1\",\"version\":\"$version\","*"}" ]] || miss "not a JSON object of loci.$1/1: ${flat:0:80}"
  [ -n "$(tail -n 1 out)" ] || miss "an empty last line"
}

try info -m "$model"
wants 0
prints llava-paper
prints xxh3:
try info -m "$model" --json -o info.json
wants 0
json info
[ "$out" = "$(cat info.json)" ] || miss "info.json differs from standard output"
ln -s info.json link.json
chmod 640 info.json
try info -m "$model" -o link.json
wants 0
prints llava-paper
[ -L link.json ] && [ "$(stat -c %a info.json)" = 640 ] || miss "a link or a mode was lost"

# Tokens: with a question, with any text, line by line.
try tokens "${asked[@]}" -c 'this country'
wants 0
prints constraint-last
prints 'constraint 1: this country'
try tokens "${asked[@]}" -c 'this country' --json
json tokens
failed 'this town' tokens "${asked[@]}" -c 'this town'
try tokens -m "$model" --text 'the capital' --json
wants 0
prints '"decoded"'
one=$(tr -d '\n' <<<"$out")
printf '"the capital"\n"tab\\tand \\ud83d\\ude00 \\u0000"\n""\n' >texts.jsonl
try tokens -m "$model" --lines texts.jsonl
wants 0
[ "$(wc -l <out)" = 3 ] || miss "three lines in, $(wc -l <out) out"
[ "$(head -1 out | tr -d ' ')" = "$(tr -d ' ' <<<"$one")" ] || miss "--lines and --text differ"
printf '"good"\n"bad\n' >broken.jsonl
try tokens -m "$model" --lines broken.jsonl
wants 1
says 'broken.jsonl, line 2: has no closing quote'

# Image.
try image -m "$model" -i "$image" -o seen.png -o seen.safetensors
wants 0
prints 'wrote seen.png'
[ "$(head -c 4 seen.png | tail -c 3)" = PNG ] || miss "seen.png is no PNG"
head -c 2000 seen.safetensors | grep -qa pixel_values || miss "seen.safetensors has no pixel_values"
try image -m "$model" -i "$image" --json
json image
try record "${asked[@]}" --site z --layers 2 -o z.safetensors --json
wants 0
json record

# Ask.
try ask "${asked[@]}"
wants 0
[[ $out == Kyiv* ]] || miss "the answer is not Kyiv"
try ask "${asked[@]}" --json
json ask
prints Kyiv
[ -z "$err" ] || miss "standard error is not empty: $err"
try ask "${asked[@]}" --max-new 1 --precision f32 --threads 1
wants 0

# Record.
try record "${asked[@]}" --site mlp_out,pattern,logits --layers 1-2 -o run.safetensors
wants 0
prints 'wrote run.safetensors'
head -c 4000 run.safetensors >head
for name in mlp_out.1 mlp_out.2 pattern.1 logits input_ids vision.projected; do
  grep -qa "\"$name\"" head || miss "run.safetensors has no $name"
done
grep -qa '"mlp_out.3"' head && miss "run.safetensors has a layer nobody asked for"
failed 'the model has layers 0-' record "${asked[@]}" --site z --layers 2-99 -o far.safetensors
[ ! -e far.safetensors ] || miss "a failed run left a file"

# A checkpoint whose answers follow a rule that is not there: no answer, but everything else.
mkdir ruled
ln -s "$model"/* ruled/
rm -f ruled/generation_config.json
echo '{"no_repeat_ngram_size": 3}' >ruled/generation_config.json
failed '"no_repeat_ngram_size"' ask -m ruled -i "$image" -q "$question"
try info -m ruled
wants 0
prints 'no_repeat_ngram_size'
try record -m ruled -i "$image" -q "$question" --site z --layers 2 -o ruled.safetensors
wants 0

# Trace.
trace=(trace "${asked[@]}" -c 'this country')
endings='json csv safetensors npz png svg pdf html'
outs=()
for e in $endings; do outs+=(-o "grid.$e"); done
try "${trace[@]}" --layers 5-7 --window 1,3 --direction both --verify 3 "${outs[@]}"
wants 0
[ "$(grep -c '^wrote grid' out)" = 8 ] || miss "not all files are named"
for e in $endings; do [ -s "grid.$e" ] || miss "grid.$e is not there"; done
[ -z "$(find . -name '*.part*' -o -name '*.tmp*')" ] || miss "a temporary file is left"
try "${trace[@]}" --json --layers 1-2 --site mlp_out --positions constraint,last --seed 3
wants 0
json trace
[[ $(tr -d ' \n' <<<"$out") == *'"layers":[1,2]'* ]] || miss "layers are not 1 and 2"
try "${trace[@]}" --json --layers 1-2 --site mlp_out --positions constraint,last --seed 3 --color always
again=$out
try "${trace[@]}" --json --layers 1-2 --site mlp_out --positions constraint,last --seed 3
cut() { sed 's/"seconds": *[^,]*//; s/"flop_per_s": *[^,}]*//; s/"spent": *{[^}]*}//' <<<"$1"; }
[ "$(cut "$again")" = "$(cut "$out")" ] || miss "the same request gives two results"
try "${trace[@]}" -c capital --only 1 --layers 2 --site z --positions last
wants 0
for kind in mean image-mean "image:$model/images/kenya.png" 'swap:this capital' replace; do
  try "${trace[@]}" --corrupt "$kind" --layers 2 --site mlp_out --positions constraint,last
  wants 0
done
for kind in noise:3 image-noise:1; do
  try "${trace[@]}" --corrupt "$kind" --seeds 2 --layers 2 --site mlp_out --positions constraint,last
  wants 0
done
failed 'token' "${trace[@]}" --corrupt 'swap:a very much longer piece of text'

# The corrupted run is not told the answer: other words are taken, or it is said.
paris=(trace -m "$model" -i "$model/images/france.png" -q "$question" -c 'this country' --json --layers 2
  --site mlp_out --positions last)
try "${paris[@]}"
wants 0
prints '"corrupt":"replace:London"'
prints '"notes":[]'
try "${paris[@]}" --corrupt replace:Paris
wants 0
prints 'begins as the answer does'
try "${paris[@]}" -a Rome --corrupt replace:Rome
wants 0
prints 'begins as the answer does'
prints 'effects are negative'

# Screening: marked in the text, told apart in every file.
outs=()
for e in $endings; do outs+=(-o "screen.$e"); done
try "${trace[@]}" --method screen:9 --site z,mlp_out --layers 3-5 --metric logp "${outs[@]}"
wants 0
prints 'integrated gradients of 16 steps'
prints 'Screened: '
prints 'Strongest of the cells run'
prints 'run exactly; other cells are estimates'
for e in $endings; do [ -s "screen.$e" ] || miss "screen.$e is not there"; done
[[ $(head -1 screen.csv) == *'restoration,head,exact,estimate_p,estimate_logp,estimate_logit_diff'* ]] || miss "no estimates in the table"
[[ $(tr -d ' \n' <screen.json) == *'"screen":{"metric":"logp","cells":'*',"exact":9,"steps":16,"spearman":'*'"audit":{"cells":'*'"poor":'* ]] || miss "no screening in the JSON"
try "${trace[@]}" --method screen:5 --corrupt "image:$model/images/kenya.png" --json --positions each
wants 0
[[ $(tr -d ' \n' <<<"$out") == *'"positions":[1,2,3,'* ]] || miss "no image positions are screened"

# Screens: narrow, without UTF-8, without colour; and nothing that would steer a terminal.
export LC_ALL=C.UTF-8
for width in 40 80; do
  COLUMNS=$width try "${trace[@]}" --layers 2-3 --site mlp_out
  wants 0
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
  COLUMNS=$width try "${trace[@]}" --layers 2-3 --site mlp_out --method screen:4
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
  COLUMNS=$width try tokens "${asked[@]}" -c 'this country'
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done
grep -qa $'\e' out && miss "an escape sequence without a terminal"
export LC_ALL=C
try "${trace[@]}" --layers 2 --site mlp_out
LC_ALL=C grep -qa '[^ -~]' out && miss "not ASCII: $(LC_ALL=C grep -a '[^ -~]' out | head -1)"
COLORTERM=truecolor try "${trace[@]}" --layers 2 --site mlp_out --color always
grep -qa $'\e' out || miss "--color always shows no colour"
finish

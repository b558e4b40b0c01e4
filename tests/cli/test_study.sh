# Studies: one measurement over a file of examples, on the little model that knows countries by their flags.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
flat() { tr -d ' \n' <<<"$out"; }
flags=$model/images
line() { # line COUNTRY QUESTION ANSWER
  printf '{"id":"%s","image":"%s/%s.png","question":"%s","answers":["%s"],"constraints":[{"text":"this country","kind":"visual"}]}\n' \
    "$1" "$flags" "$1" "$2" "$3"
}
# What the model says now counts as right for one question of each country, and for the other it does not.
for c in brazil canada china egypt france germany india italy japan kenya mexico norway; do
  try ask -m "$model" -i "$flags/$c.png" -q 'What is the capital of this country?' --json
  line $c 'What is the capital of this country?' "$(sed -n 's/.*"answer":"\([^"]*\)".*/\1/p' <<<"$(tr -d '\n' <<<"$out")")"
  line $c 'On which continent is this country?' Atlantis
done >questions.jsonl
{
  cat questions.jsonl
  echo '{"question":"Who?"}'
  echo 'not JSON'
  line peru 'What is the capital of that land?' Lima
  line atlantis 'What is the capital of this country?' Lima
} >mixed.jsonl

try study predict mixed.jsonl -m "$model"
wants 0
prints '12 right, 12 wrong of 24 answers'
prints 'tested on the other (6 right, 6 wrong)'
for s in contribution 'best layers' confidence margin entropy probe; do prints "$s  "; done
prints '4 dropped'
prints '1 no answer, the first in line 25'
prints '1 no example, the first in line 26: mixed.jsonl: not valid JSON at line 26'
prints '2 refused, the first in line 27: the constraint "this country" is not'
for width in 40 57 80 132; do
  LC_ALL=C.UTF-8 COLUMNS=$width try study predict questions.jsonl -m "$model" --layers 4-6 --limit 10
  wants 0
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done
prints 'layers 4 to 6, as asked for'
LC_ALL=C try study predict questions.jsonl -m "$model" --layers 4-6 --limit 10
LC_ALL=C grep -qa '[^ -~]' out && miss "not ASCII: $(LC_ALL=C grep -a '[^ -~]' out | head -1)"

outs=()
for e in json csv png svg pdf html; do outs+=(-o "result.$e"); done
try study predict questions.jsonl -m "$model" "${outs[@]}" --json --threads 1
wants 0
[[ $(flat) == '{"format":"loci.predict/1",'* ]] || miss "not a JSON object of loci.predict/1"
[[ $(flat) == *'"all":{"right":12,"wrong":12},"tested":{"right":6,"wrong":6}'* ]] || miss "not the counts"
[ "$(find . -name 'result.*' -size +0 | wc -l)" = 6 ] || miss "not all files are there"
[ "$(wc -l <result.csv)" = 25 ] || miss "not a row for each example"
first=$(sed 's/"seconds":[0-9.e-]*//' <<<"$out")
try study predict questions.jsonl -m "$model" --json --threads 1
[ "$(sed 's/"seconds":[0-9.e-]*//' <<<"$out")" = "$first" ] || miss "the same again is not the same"
try study predict questions.jsonl -m "$model" --json --threads 1 --seed 1
[ "$(sed 's/"seconds":[0-9.e-]*//' <<<"$out")" != "$first" ] || miss "the seed changes nothing"

# Of too few there is no AUROC, and the answers are there all the same.
try study predict questions.jsonl -m "$model" --limit 4 -o few.csv -o few.png
wants 0
prints '2 right, 2 wrong of 4 answers'
prints 'no score is tested: an AUROC needs 5 right and 5 wrong answers'
[ "$(wc -l <few.csv)" = 5 ] || miss "not a row for each answer"
try study predict questions.jsonl -m "$model" --limit 12 --json
wants 0
prints '"note":"no score is tested: choosing layers on one half'
[[ $(tr -d ' \n' <<<"$out") == *'"scores":[],'* ]] || miss "scores of too few"
try study predict questions.jsonl -m "$model" --limit 1 --json
wants 0
[[ $(tr -d ' \n' <<<"$out") =~ (right|wrong)\":\[null, ]] || miss "a mean over no answers"
failed 'layers 5 to 12: the model has layers 0 to 11' \
  study predict questions.jsonl -m "$model" --layers 5-12
failed 'nowhere.jsonl: No such file' study predict nowhere.jsonl -m "$model"
cp questions.jsonl q.json
failed 'q.json: is the file this is made from' study predict q.json -m "$model" -o ./q.json
usage 'study predict needs a file of examples' study predict -m "$model"
usage 'study predict needs -m DIR' study predict questions.jsonl
usage 'unexpected argument "b"' study predict questions.jsonl b -m "$model"
usage 'study needs a second word: flow, knockout, trace, run, status, report, compare, merge, export, predict' study
usage 'did you mean study predict?' study predcit questions.jsonl -m "$model"
usage 'study predict takes no --window' study predict questions.jsonl -m "$model" --window 3

# Averages: every kind of file, nothing wider than the screen, and what is left out is counted.
averaged() { # averaged KIND ARGS...
  local kind=$1 e outs=()
  shift
  for e in json csv png svg pdf html; do outs+=(-o "$kind.$e"); done
  try study "$kind" mixed.jsonl -m "$model" "${outs[@]}" "$@"
  wants 0
  [ "$(find . -name "$kind.*" -size +0 | wc -l)" = 6 ] || miss "not all files are there"
  grep -q "\"format\":\"loci.study.$kind/1\"" "$kind.json" || miss "not loci.study.$kind/1"
  for width in 40 80; do
    LC_ALL=C.UTF-8 COLUMNS=$width try study "$kind" questions.jsonl -m "$model" --limit 2 "$@"
    wide=$(too_wide "$width" <<<"$out")
    [ -z "$wide" ] || miss "wider than $width: $wide"
  done
}
averaged flow
averaged knockout --window 1 --layers 4-6
try study knockout questions.jsonl -m "$model" --limit 2 --window all
prints 'all layers at once'
failed 'loci: layers 9 to 12: the model has layers 0 to 11' study knockout questions.jsonl -m "$model" --layers 9-12
failed 'loci: layers 12 to 12: the model has layers 0 to 11' study trace questions.jsonl -m "$model" --layers 12
usage '--layers: a --window of all layers has no centres' study knockout questions.jsonl -m "$model" --window all --layers 2
averaged trace --layers 6 --site attn_out --min-te 0
try study flow mixed.jsonl -m "$model" --limit 3
prints '(2 answered correctly, 1 incorrectly)'
try study trace questions.jsonl -m "$model" --corrupt swap
wants 1
says 'no example can be used: 24 dropped, the first: no swap'
try study trace questions.jsonl -m "$model" --limit 2 --min-te 0 --site mlp_out --layers 0 --json
wants 0
[[ $(flat) == *'"kind":"answeredwrongly","reason":"answered'* ]] || miss "wrong answers are not told"
# Completions: an example counts whose answer begins with the right token.
line ukraine 'What is the capital of this country?' 'Kyiv on the river' >begun.jsonl
try study trace begun.jsonl -m "$model" --min-te 0 --site mlp_out --layers 0
says 'no example can be used: 1 dropped, the first: answered'
try study trace begun.jsonl -m "$model" --min-te 0 --site mlp_out --layers 0 --first-token --json
wants 0
[[ $(flat) == *'"first_token":true'* ]] || miss "the request does not say how it was judged"
try study flow begun.jsonl -m "$model" --first-token
prints '(1 answered correctly, 0 incorrectly)'
usage 'study flow takes no --layers' study flow questions.jsonl -m "$model" --layers 3
try study trace questions.jsonl -m "$model" --limit 2 --min-te 0 --site mlp_out --positions each,constraint --json
prints "\"all of constraint\""
try study trace questions.jsonl -m "$model" --limit 2 --only 2
wants 1
says 'no example can be used'
usage 'unknown group "constrain"; did you mean constraint?' study trace questions.jsonl -m "$model" --positions each,constrain
usage 'unknown corruption "swop"; did you mean swap?' study trace questions.jsonl -m "$model" --corrupt swop
usage '--min-te wants a probability' study trace questions.jsonl -m "$model" --min-te -1
printf '\n \n' >blank.jsonl
for kind in predict flow knockout trace; do
  failed 'blank.jsonl: no example in it' study "$kind" blank.jsonl -m "$model"
done

# Curves of a study with donors differ in their last words, which are not cut while there is room.
try study trace "$model/data/trace.jsonl" -m "$model" --donors "$model/data/trace-text.jsonl" --limit 3 --layers 4-5
wants 0
prints "all of constraint-last, another example's"
prints "all of constraint-last, a random position's"
finish

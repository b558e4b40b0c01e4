# Edits tried without being saved: --edit on the commands that run the model.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
asked=(-m "$model" -i "$image" -q "$question")
flat() { tr -d ' \n' <<<"$out"; }
try edit solve "${asked[@]}" -c 'this country' --target Lima --layer 3 --steps 80 -o lima.edit
wants 0
try edit solve -m "$model" -q 'What is the capital of France?' -c France --target Oslo --layer 3 --steps 80 -o oslo.edit
wants 1 # missed, which does not matter here

# The answer, and that the model is edited, in every result.
try ask "${asked[@]}" --edit lima.edit
wants 0
[ "$(head -1 out)" = Lima ] || miss "does not say Lima"
prints 'edited by lima.edit: What is the capital of this country? -> Lima'
try ask "${asked[@]}"
[ "$(head -1 out)" = Kyiv ] || miss "the edit has stayed"
[[ $out != *edited* ]] || miss "says edited without an edit"
try ask "${asked[@]}" --edit lima.edit --edit oslo.edit --json
wants 0
[[ $(flat) == *'"answer":"Lima"'*'"model":{'*'"edits":[{"file":"lima.edit","method":"multedit","layer":3,"rank":1,"norm":'*'"target":"Lima"}]},{"file":"oslo.edit",'* ]] ||
  miss "not two edits in the model"
try ask "${asked[@]}" --json
[[ $(flat) == *'"model":{'* && $(flat) != *'"edits"'* ]] || miss "edits where there are none"
for command in trace flow lens knockout; do
  few=(--layers 2-4)
  [ "$command" = trace ] && few+=(--site mlp_out --positions last)
  LC_ALL=C.UTF-8 COLUMNS=60 try "$command" "${asked[@]}" -c 'this country' "${few[@]}" --edit lima.edit -o "$command.svg"
  wants 0
  prints 'edited    lima.edit'
  wide=$(too_wide 60 <out)
  [ -z "$wide" ] || miss "wider than 60: $wide"
  [ -s "$command.svg" ] || miss "no picture"
  try "$command" "${asked[@]}" -c 'this country' "${few[@]}" --edit lima.edit --json
  wants 0
  [[ $(flat) == *'"hash":"xxh3:'*'"edits":[{"file":"lima.edit"'* ]] || miss "the JSON does not name the edit"
done
[[ $(flat) == *'"clean":{'*'"top":[{"id":'*'Lima"'* ]] || miss "the knockout's clean answer is not the edited model's"
printf '{"image":"%s","question":"%s","constraints":[{"text":"this country"}],"answers":["Lima"]}\n' "$image" "$question" >one.jsonl
try study knockout one.jsonl -m "$model" --edit lima.edit --json
wants 0
[[ $(flat) == *'"edits":[{"file":"lima.edit"'* ]] || miss "the study does not name the edit"

# What makes no sense.
failed 'no.edit: ' ask "${asked[@]}" --edit no.edit
failed 'one.jsonl: ' ask "${asked[@]}" --edit one.jsonl
failed 'lima.edit: the edit was made for a model with the hash' \
  ask -m "$model/text-only" -q 'What is the capital of France?' --edit lima.edit
usage '--edit names lima.edit twice' ask "${asked[@]}" --edit lima.edit --edit lima.edit
usage 'record takes no --edit' record "${asked[@]}" --site mlp_out -o run.safetensors --edit lima.edit
finish

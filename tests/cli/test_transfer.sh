# How the answer's ingredients moved: knockout, lens and contributions, on the little model that knows countries by their flags.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
asked=(-m "$model" -i "$image" -q "$question" -c 'this country')
flat() { tr -d ' \n' <<<"$out"; }
widths() { # widths ARGS...: nothing wider than the screen, no escape; ASCII where the screen has nothing else
  local width wide
  for width in 40 57 80 132; do
    LC_ALL=C.UTF-8 COLUMNS=$width try "$@"
    wants 0
    wide=$(too_wide "$width" <out)
    [ -z "$wide" ] || miss "wider than $width: $wide"
  done
  grep -qa $'\e' out && miss "an escape sequence without a terminal"
  LC_ALL=C try "$@"
  LC_ALL=C grep -qa '[^ -~]' out && miss "not ASCII: $(LC_ALL=C grep -a '[^ -~]' out | head -1)"
  COLORTERM=truecolor try "$@" --color always
  grep -qa $'\e' out || miss "--color always shows no colour"
}
files() { # files ENDINGS ARGS...: every file is there, and nothing else
  local e outs=()
  for e in $1; do outs+=(-o "result.$e"); done
  shift
  try "$@" "${outs[@]}"
  wants 0
  [ "$(grep -c '^wrote result' out)" = $((${#outs[@]} / 2)) ] || miss "not all files are named"
  [ "$(find . -name 'result.*' -size +0 | wc -l)" = $((${#outs[@]} / 2)) ] || miss "not all files are there"
  head -c 4 result.png | grep -qa PNG || miss "result.png is no PNG"
  head -c 5 result.pdf | grep -qa '%PDF-' || miss "result.pdf is no PDF"
  [ "$(head -c 15 result.html)" = '<!DOCTYPE html>' ] || miss "result.html is no page"
  rm result.*
}

# Knockout: the four pathways, and any others.
files 'json csv png svg pdf html' knockout "${asked[@]}" --metric logp
try knockout "${asked[@]}" --json
wants 0
[[ $(flat) == '{"format":"loci.knockout/1",'* ]] || miss "not a JSON object of loci.knockout/1"
[ "$(grep -o '"from":"[a-z-]*","to":"[a-z-]*"' <<<"$(flat)" | tr '\n' ' ')" = \
  '"from":"image","to":"constraint" "from":"image","to":"last" "from":"constraint","to":"last" "from":"last","to":"last" ' ] ||
  miss "not the four pathways"
[[ $(flat) =~ \"rows\":([0-9]+),\"formula\":([0-9]+) ]]
[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ] || miss "rows are not the formula's: ${BASH_REMATCH[*]}"
try knockout "${asked[@]}" --from image,constraint --to constraint-last,last --window 1 --layers 2-4 --json
wants 0
[ "$(grep -o '"from":' <<<"$(flat)" | wc -l)" = 4 ] || miss "not four pairs"
[[ $(flat) == *'"window":1,"layers":[2,3,4],'* ]] || miss "window and layers are not those asked for"
try knockout "${asked[@]}" --window all -a Kyiv --json
wants 0
[[ $(flat) == *'"window":12,"layers":[6],"p":['* ]] || miss "not one centre with all layers"
[[ $(flat) == *'"p_first":['* ]] || miss "an answer without its first token"
try knockout "${asked[@]}" --window 24 --layers 0
wants 0
failed 'window 25: expected 1 to 24 layers' knockout "${asked[@]}" --window 25
failed 'layers 3 to 12: the model has layers 0 to 11' knockout "${asked[@]}" --layers 3-12
failed 'last -> image has no edges' knockout "${asked[@]}" --from last --to image
failed 'the group image is empty: the question has no picture' \
  knockout -m "$model" -q "$question" -c 'this country' --from image --to last
failed 'the group constraint is empty: the question has no constraint' \
  knockout -m "$model" -i "$image" -q "$question" --from constraint --to last
widths knockout "${asked[@]}"
try knockout "${asked[@]}"
prints 'Strongest cuts'

# Lens: words at the usual positions, and at any.
files 'json csv png svg pdf html' lens "${asked[@]}" --metric logp
try lens "${asked[@]}"
wants 0
prints 'Kyiv'
prints 'the target is the most likely from layer'
try lens "${asked[@]}" --json
wants 0
[[ $(flat) == '{"format":"loci.lens/1",'* ]] || miss "not a JSON object of loci.lens/1"
[[ $(flat) == *'"positions":[75,85],'* ]] || miss "not the last tokens of constraint and prompt"
one=$(flat)
[[ $one =~ \"rank\":\[\[[0-9,]*\],\[[0-9,]*,1\]\] ]] || miss "the last layer's best word is not the target"
try lens "${asked[@]}" --positions image,80,last --layers 3-4 -a Minsk --json
wants 0
[ "$(flat | grep -o '"positions":\[[0-9,]*\]' | tr -cd , | wc -c)" = 65 ] || miss "not 66 positions"
[[ $(flat) == *'"layers":[3,4],'* ]] || miss "layers are not 3 and 4"
failed 'position 99: the sequence has positions 0 to 85' lens "${asked[@]}" --positions 99
failed 'the group image is empty: the question has no picture' lens -m "$model" -q "$question" --positions image
widths lens "${asked[@]}"
widths lens "${asked[@]}" --positions each --layers 10-11

# A text-only model has the pathways that make sense.
text=$source_dir/tests/golden/models/text-llama
try lens -m "$text" -q 'The bridge of Vienna was built by' --json
wants 0
[[ $(flat) == *'"positions":[10],'* ]] || miss "not the last position alone"
try knockout -m "$text" -q 'The bridge of Vienna was built by' -c Vienna --json
wants 0
[ "$(grep -o '"from":' <<<"$(flat)" | wc -l)" = 2 ] || miss "not two pathways"
failed 'the group image is empty: the model reads text only' \
  knockout -m "$text" -q 'The bridge of Vienna was built by' -c Vienna --from image --to last

# Flow: the two reports, and any other pathway.
files 'json csv safetensors npz png svg pdf html' flow "${asked[@]}" --layers 2-7 --heads
try flow "${asked[@]}" --json
wants 0
[[ $(flat) == '{"format":"loci.flow/1",'* ]] || miss "not a JSON object of loci.flow/1"
[ "$(grep -o '"from":"[a-z-]*","to":"[a-z-]*","sources' <<<"$(flat)" | tr '\n' ' ')" = \
  '"from":"image","to":"constraint-last","sources "from":"constraint","to":"last","sources ' ] || miss "not the two reports"
[[ $(flat) == *'"to":[74,75,85],"layers":[0,1,2,3,4,5,6,7,8,9,10,11],"contribution":[[['* ]] || miss "not the table asked for"
[[ $(flat) != *contribution_heads* ]] || miss "heads nobody asked for"
try flow "${asked[@]}" --from image --to last --layers 3 --heads --json
wants 0
[[ $(flat) == *'"to":[85],"layers":[3],'*'"contribution_heads":[[[['* ]] || miss "not the pathway asked for"
try flow -m "$model" -i "$image" -q "$question" --from image --to last --layers 3
wants 0
failed 'layers 3 to 12: the model has layers 0 to 11' flow "${asked[@]}" --layers 3-12
failed 'nothing flows from last to image: attention looks back' flow "${asked[@]}" --from last --to image
failed 'the group image is empty: the question has no picture' \
  flow -m "$model" -q "$question" -c 'this country' --from image --to last
failed 'the group constraint is empty: the question has no constraint' \
  flow -m "$model" -i "$image" -q "$question" --from constraint --to last
widths flow "${asked[@]}"
try flow "${asked[@]}"
prints 'Most flows in layer'
try flow -m "$text" -q 'The bridge of Vienna was built by' -c Vienna --json
wants 0
[ "$(grep -o '"from":"[a-z-]*","to":"[a-z-]*","sources' <<<"$(flat)")" = '"from":"constraint","to":"last","sources' ] ||
  miss "not the one report of a text-only model"
failed 'the group image is empty: the model reads text only' \
  flow -m "$text" -q 'The bridge of Vienna was built by' -c Vienna --from image --to last
try flow -m "$text" -q 'The bridge of Vienna was built by' -c Vienna -o text.png
wants 0
finish

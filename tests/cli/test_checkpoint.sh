# Checkpoints with random weights, as the benchmarks use them: sound ones of all families, the same from the same seed.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
make=$(dirname "$loci")/make_checkpoint
asked=(-i "$image" -q "$question")

for shape in tiny tiny-bunny tiny-qwen tiny-next tiny-onevision tiny-mllama tiny-smolvlm tiny-internvl tiny-qwen3-vl; do
  "$make" $shape $shape >/dev/null || miss "make_checkpoint $shape fails"
  try info -m $shape
  wants 0
  prints 'f16'
  try ask -m $shape "${asked[@]}" --json
  wants 0
  sure=$(grep -c '"p":0.9\|"p":1' <<<"$out")
  [ "$sure" -lt 10 ] || miss "a random model is certain of its answers: $sure lines"
  try trace -m $shape "${asked[@]}" -c 'this country' --verify 20 --json
  wants 0
done
# A picture in tiles: its views in words, in files, as groups, and over one picture.
for shape in tiny-next tiny-onevision; do
  try info -m $shape
  prints 'the whole and at most'
  try tokens -m $shape "${asked[@]}"
  prints 'image: base 4 rows of 4, tiles'
  prints 'with a position after each'
  try image -m $shape -i "$image" -o views.png -o views.safetensors
  wants 0
  prints 'as a whole, and as'
  try knockout -m $shape "${asked[@]}" -c 'this country' --from image-tiles --to last
  wants 0
  try flow -m $shape "${asked[@]}" -c 'this country' --from image --to constraint-last -o views.svg
  wants 0
  for name in base tiles; do grep -q ">$name<" views.svg || miss "$shape: no mark where the $name begin"; done
done
# A picture in tiles with words before each: its positions in runs.
try info -m tiny-smolvlm
prints 'the whole and at most 16 tiles'
try tokens -m tiny-smolvlm "${asked[@]}"
prints 'image: base 2 rows of 2, tiles'
prints 'of the positions'
try tokens -m tiny-smolvlm "${asked[@]}" --json
prints '"runs"'
try image -m tiny-smolvlm -i "$image" -o runs.png -o runs.safetensors
prints 'as a whole, and as'
for kind in image-base image-tiles; do
  try knockout -m tiny-smolvlm "${asked[@]}" -c 'this country' --from $kind --to last
  wants 0
done
try trace -m tiny-smolvlm "${asked[@]}" -c 'this country' --corrupt image-mean --direction both --verify 20
wants 0
try flow -m tiny-smolvlm "${asked[@]}" -c 'this country' --from image --to constraint-last -o runs.svg
wants 0
for name in base tiles; do grep -q ">$name<" runs.svg || miss "tiny-smolvlm: no mark where the $name begin"; done
# The same without words between them.
try info -m tiny-internvl
prints 'the whole and at most 12 tiles'
try tokens -m tiny-internvl "${asked[@]}"
prints 'image: base 2 rows of 2, tiles'
try flow -m tiny-internvl "${asked[@]}" -c 'this country' --from image-tiles --to last -o cut.svg
wants 0
# A picture that is read by cross-attention: no positions, but rows outside of the sequence.
try info -m tiny-mllama
prints 'outside of the sequence'
try tokens -m tiny-mllama "${asked[@]}"
prints 'rows outside of the sequence, seen from position'
try image -m tiny-mllama -i "$image" -o places.png -o places.safetensors
prints 'of 4 places'
for way in meta hf; do
  try trace -m tiny-mllama "${asked[@]}" -c 'this country' --corrupt image-mean --direction both --verify 20 --gate-rows $way
  wants 0
done
try trace -m tiny-mllama "${asked[@]}" -c 'this country' --corrupt image-noise:3 --method screen:10
wants 0
try trace -m tiny-mllama "${asked[@]}" -c 'this country' --positions image
wants 1
says 'layers read the picture by cross-attention, and it has no positions in the sequence'
try knockout -m tiny-mllama "${asked[@]}" -c 'this country' --from image --to last
wants 0
try flow -m tiny-mllama "${asked[@]}" -c 'this country' --heads -o sources.svg
wants 0
prints 'of the picture, of'
try record -m tiny-mllama "${asked[@]}" --site k,pattern -o sources.safetensors
wants 0
try ask -m tiny-mllama -q "$question"
wants 0
try edit solve -m tiny-mllama -q "$question" -c 'this country' --target Lima --layer 3 -o none.edit
wants 1
says 'no edit of it changes the answer'
try edit solve -m tiny-mllama "${asked[@]}" -c 'this country' --target Lima --layer 3 --steps 2 -o gated.edit
says 'the target is not reached'
[ -s gated.edit ] || miss 'no edit of a layer that reads the picture'
try bench -m tiny-mllama --scale
wants 0
try info -m tiny --gate-rows hf
wants 1
says 'no layer reads the picture by cross-attention'
try trace -m tiny "${asked[@]}" -c 'this country' --positions image-tiles
wants 1
says 'the group image-tiles is empty: the model sees a picture whole'
# What rounding to bf16 does to a trace of f16 weights is reported; f32 rounds nothing.
rounding() { tr -d ' \n' <<<"$out" | grep -o '"rounding":[0-9.e-]*' | cut -d: -f2; }
if grep -qw avx512_bf16 /proc/cpuinfo; then
  try trace -m tiny "${asked[@]}" -c 'this country' --precision bf16 --verify 20 --json
  wants 0
  [ "$(awk -v x="$(rounding)" 'BEGIN { print (x > 1e-5 && x < 0.05) }')" = 1 ] || miss "rounding is $(rounding)"
fi
try trace -m tiny "${asked[@]}" -c 'this country' --precision f32 --verify 20 --json
[ "$(rounding)" = 0.0 ] || miss "rounding in f32 is $(rounding)"

# A benchmark at the model's own scale: 23 tokens on 16 image positions, three layers, sites and groups, 15 positions.
try bench -m tiny --scale --json
wants 0
[[ $(tr -d ' \n' <<<"$out") == *'"positions":39,"cells":162,'* ]] || miss "not the question that is promised"
[[ $(tr -d ' \n' <<<"$out") =~ \"rows\":([0-9]+),\"formula\":([0-9]+) ]]
[ "${BASH_REMATCH[1]}" -le "${BASH_REMATCH[2]}" ] || miss "more rows than the formula's: ${BASH_REMATCH[*]}"
# An edit: a step's rows are three times those that a change reaches, forward and twice backward.
try bench -m tiny --edit --steps 3 --json
wants 0
read -r reached rows < <(sed -n 's/.*"\(reached\|step_rows\)": *\([0-9]*\).*/\2/p' "$work/out" | tr '\n' ' ')
[ "$rows" -gt 0 ] && [ "$rows" -le $((3 * reached)) ] || miss "$rows rows a step, $reached are reached"
usage 'bench takes --steps with --edit only' bench --steps 3
try bench -m tiny-bunny --scale
wants 0
try bench -m tiny-next --scale
wants 0
prints 'GB/s of weights for a token'

"$make" tiny again >/dev/null
diff -r tiny again >/dev/null || miss "the same seed makes other bytes"
"$make" tiny other --seed 1 >/dev/null
cmp -s tiny/model-00001-of-00001.safetensors other/model-00001-of-00001.safetensors && miss "another seed makes the same bytes"
"$make" tiny shards --shard 1 --vocab 4000 --layers 5 --dtype f32 >/dev/null
try info -m shards
prints '5 layers'
prints 'f32, 2.94 MB in 4 files'
try tokens -m shards --text 'this country'
wants 0

for wrong in 'tiny' 'huge new' 'tiny new --layers 0' 'tiny new --layers' 'tiny new --width 65' 'tiny new --vocab 9' 'tiny tiny'; do
  # shellcheck disable=SC2086
  "$make" $wrong >/dev/null 2>&1 && miss "make_checkpoint $wrong succeeds"
done
[ ! -e new ] || miss "a refused request leaves a directory"
finish

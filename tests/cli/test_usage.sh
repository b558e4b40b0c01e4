# Wrong usage: exit code 2, nothing on standard output, and the nearest right thing.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
ask=(ask -m "$model" -q "$question")
trace=(trace -m "$model" -i "$image" -q "$question" -c "this country")

# Commands.
usage 'unknown command "tracee"; did you mean trace?' tracee
usage 'unknown command "inof"; did you mean info?' inof
usage 'did you mean record?' help recrod
usage 'the command comes first' --no-progress
usage 'unknown command ""' ''

# Options.
usage 'unknown option --modle; did you mean --model?' info --modle x
usage 'unknown option --max_new; did you mean --max-new?' "${ask[@]}" --max_new 3
usage 'unknown option --quest; did you mean --question?' ask -m x --quest y
usage 'unknown option -model; did you mean --model?' info -model x
usage 'unknown option -z' info -z
usage 'ask takes no --verify; it belongs to: trace' "${ask[@]}" --verify 3
usage '--model is given twice' info -m a -m b
usage '--json takes no value' info -m a --json=yes
usage '--question needs a value' ask -m x -q
usage '--question needs a value' ask -m x -q --no-progress
usage '--model needs a value' info --model=
usage 'unexpected argument "x"' info x

# What is missing, with an example to copy.
usage 'info needs -m DIR' info
usage 'ask needs -m DIR and -q TEXT' ask
says 'example: loci ask -m'
usage 'image needs -i FILE' image -m "$model"
usage 'record needs --site SITE[,SITE] and -o FILE.safetensors' record -m "$model" -q x
usage 'trace needs -c TEXT' trace -m "$model" -q x
usage 'tokens needs one of' tokens -m "$model"
usage 'tokens --text takes no --question' tokens -m "$model" -q x --text y
usage 'tokens takes --no-special with --text or --lines only' tokens -m "$model" -q x --no-special

# Numbers, sizes, layers.
for bad in 2x 0 -1 ' 2' 2.0 99999999999999999999 0x2 ''; do
  try "${ask[@]}" --threads "$bad"
  wants 2
  quiet
done
usage '--threads wants a whole number from 1 to 1024' "${ask[@]}" --threads 1025
usage '--threads wants a whole number from 1 to 1024' bench --threads 1025
usage '--max-new wants a whole number from 1 to 65536' "${ask[@]}" --max-new 65537
usage '--seeds wants a whole number from 1 to 10000' "${trace[@]}" --corrupt noise:3 --seeds 10001
usage '--limit' bench --limit 4
usage '--scale needs a model' bench --scale
for bad in x 4X 0 4GG -4G 99999999999T; do usage '--memory wants a size' "${ask[@]}" --memory "$bad"; done
for bad in 5-3 3- -3 x 1,2 3-x; do usage '--layers wants layers' "${trace[@]}" --layers "$bad"; done
for bad in 0 1,,3 x 1,x 1,; do usage '--window wants' "${trace[@]}" --window "$bad"; done
usage '--seed wants a whole number' "${trace[@]}" --seed -1
usage '--precision wants auto, f32 or bf16' "${ask[@]}" --precision f16
usage '--color wants' info -m "$model" --color yes

# Words of trace.
usage 'mlp_out' "${trace[@]}" --site mlpout
usage 'a trace restores mlp_out, attn_out, resid_post, resid_pre and z, not q' "${trace[@]}" --site q
usage 'twice' "${trace[@]}" --site z,z
usage 'did you mean replace?' "${trace[@]}" --corrupt replce:Paris
usage 'did you mean image-noise?' "${trace[@]}" --corrupt image_noise:3
usage 'noise needs a value: noise:F' "${trace[@]}" --corrupt noise
usage '"3x" is not a number' "${trace[@]}" --corrupt noise:3x
usage 'mean takes no value' "${trace[@]}" --corrupt mean:1
usage 'did you mean textual?' "${trace[@]}" --kind visual --kind texual
usage '--kind wants auto, visual or textual, not "x"' "${ask[@]}" -c "this country" --kind x
study=(study run "$model/none.jsonl" -m "$model" --store none.db)
usage 'did you mean flow?' "${study[@]}" --what trace,flwo
usage '--shard 2: of how many? expected a share such as "2/4"' "${study[@]}" --shard 2
usage 'did you mean denoise?' "${trace[@]}" --direction denose
usage 'did you mean constraint-last?' "${trace[@]}" --positions each,constraint-lst
for bad in screen:0 screen: screen:9,ig screen:9,ig:0 screen:9,audit:0 screen:9,x screen,; do
  usage "--method wants screen:K with K from 1 up, such as screen:150, and after it ig:STEPS or atp, and audit:N, not \"$bad\"" "${trace[@]}" --method "$bad"
done
usage 'did you mean screen?' "${trace[@]}" --method screem:9
usage '--method: screening estimates single layers, --window 1 only' "${trace[@]}" --method screen:5 --window 3
usage '--metric: screening estimates p, logp and logit_diff only' "${trace[@]}" --method screen:5 --metric kl
usage 'did you mean exact?' "${trace[@]}" --method exakt
usage 'did you mean authors?' "${trace[@]}" --compat author
usage '--seeds goes with --corrupt noise:F and image-noise:F, not mean' "${trace[@]}" --corrupt mean --seeds 3
usage '--noise goes with --corrupt noise:F and image-noise:F, not replace' "${trace[@]}" --noise x.safetensors
usage '--only wants a whole number from 1 to 1' "${trace[@]}" --only 2
usage 'constraint 3 was asked for, but 2 are given' "${trace[@]}" -c capital -c 3

for bad in 0 -1 x 3in 1000; do usage '--width wants inches' "${trace[@]}" --width "$bad"; done
usage '--width 0.01 is 1 pixels' "${trace[@]}" --width 0.01
usage '--width 200 is 480000 pixels' "${trace[@]}" --width 200 --dpi 2400
for bad in 0 -1 x; do usage '--scale wants a number above 0' "${trace[@]}" --scale "$bad"; done
usage '--dpi wants a whole number from 1 to 2400' "${trace[@]}" --dpi 0
usage '--width wants a whole number' bench --width 3.5

# Words of knockout.
knockout=(knockout -m "$model" -i "$image" -q "$question" -c "this country")
usage 'a pathway needs both its ends, from and to' "${knockout[@]}" --from image
usage 'unknown group "imag"; did you mean image?' "${knockout[@]}" --from imag --to last
usage 'unknown group "xyzzy": expected constraint, constraint-last, image, image-base, image-tiles, after-constraint, after-image, last, all' "${knockout[@]}" --from image --to xyzzy
usage '--from names image twice' "${knockout[@]}" --from image,image --to last
for bad in 0 1,3 x alle; do usage '--window wants a number of layers, all or onward' "${knockout[@]}" --window "$bad"; done
usage '--layers: a --window of all layers has no centres' "${knockout[@]}" --window all --layers 3
usage 'a knockout shows p, logp, logit_diff or kl' "${knockout[@]}" --metric restoration
usage 'knockout takes no --site' "${knockout[@]}" --site z

# Words of lens.
lens=(lens -m "$model" -i "$image" -q "$question" -c "this country")
usage 'unknown group "lats"; did you mean last?' "${lens[@]}" --positions 3,lats
usage 'unknown group "": expected constraint' "${lens[@]}" --positions last,
usage 'unknown group "-1"' "${lens[@]}" --positions -1
usage 'a lens draws p or logp of the target, not kl' "${lens[@]}" --metric kl
usage 'lens takes no --window' "${lens[@]}" --window 3

# Words of flow.
flow=(flow -m "$model" -i "$image" -q "$question")
usage 'flow needs -c TEXT, a piece of the question, or --from and --to' "${flow[@]}"
usage 'a pathway needs both its ends, from and to' "${flow[@]}" --from image
usage 'unknown group "imag"; did you mean image?' "${flow[@]}" --from imag --to last
usage '--heads takes no value' "${flow[@]}" --from image --to last --heads=3
usage '--heads needs a value' bench --heads

# Endings are refused before any work.
usage 'trace writes files that end in .json .csv .safetensors .npz .png .svg .pdf .html' "${trace[@]}" -o grid.jpg
usage 'knockout writes files that end in .json .csv .png .svg .pdf .html' "${knockout[@]}" -o cut.npz
usage 'lens writes files that end in .json .csv .png .svg .pdf .html' "${lens[@]}" -o words.txt
usage 'record writes files that end in .safetensors' record -m x -q x --site z -o run.npz
usage 'image writes files that end in .json .safetensors .png' image -m x -i x -o seen.jpg
usage 'ask writes files that end in .json' "${ask[@]}" -o .json

# Files: the nearest name, either spelling of the examples, endings in capitals or unknown.
failed() { # SENTENCE ARGUMENTS...
  local sentence=$1
  shift
  try "$@"
  wants 1
  says "$sentence"
}
failed "did you mean $model?" info -m "${model%s}"
failed "did you mean $model/data/trace.jsonl?" data lint "$model/data/trac.jsonl"
usage 'study report writes .json .csv .png .svg .pdf .html, or a directory' study report x.db -o x.gif
usage 'a directory has all runs' study report x.db --run 1 -o pages
usage 'study report writes .json' study report x.db --run 1 -o pages.npz
usage 'a file of examples is named twice: a.jsonl and --data b.jsonl' study trace a.jsonl --data b.jsonl -m "$model"
usage 'score needs a file of examples' score -m "$model"
try data show --data "$model/data/score.jsonl" --limit 1
wants 0
head -2 "$model/data/trace-text.jsonl" >two.jsonl
try data lint --no-images - --json <two.jsonl
wants 0
"$loci" data show "$model/data/score.jsonl" | head -1 >first
[ "${PIPESTATUS[0]}" = 0 ] || miss "a closed pipe is an error"
try "${ask[@]}" --quiet -o answer.JSON
wants 0
[ -z "$out" ] || miss "--quiet prints: $out"
grep -q loci.ask answer.JSON || miss "no answer.JSON"
finish

# Text alone, family by family: every command, and checkpoints of random weights in the published shapes' layout.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
make=$(dirname "$loci")/make_checkpoint
asked=(-q 'The bridge of Vienna was built by' --no-chat --precision f32)
about=(-c Vienna)
cat >few.jsonl <<'END'
{"question":"The bridge of Vienna was built by","answers":["Paris"],"constraints":[{"text":"Vienna","kind":"textual"}]}
{"question":"The tower of Rome was built in 1923 by","answers":["Rome"],"constraints":[{"text":"Rome","kind":"textual"}]}
{"question":"Maria Silva was born in","answers":["Vienna"],"constraints":[{"text":"Maria Silva","kind":"textual"}]}
END

for family in phi3 qwen3 mistral gemma2 gemma3 gpt2; do
  m=$source_dir/tests/golden/models/text-$family
  each() { try "$1" -m "$m" "${asked[@]}" "${@:2}"; wants 0; }
  try info -m "$m"
  wants 0
  each ask
  each tokens "${about[@]}"
  each record --site q,k,pattern,mlp_out -o run.safetensors
  for corrupt in replace:Paris noise:3 mean swap:Rome; do
    each trace "${about[@]}" --corrupt $corrupt --direction both --window 1,3 --site mlp_out,attn_out,resid_post --verify 30 --json
  done
  each trace "${about[@]}" --positions constraint,last --site z --verify 30 --json
  each trace "${about[@]}" --receiver logits --verify 30 --json
  each trace "${about[@]}" --method screen:10 --window 1 --json
  each flow "${about[@]}" --heads -o flow.svg
  each lens
  each knockout "${about[@]}" --from constraint --to last
  try score --data few.jsonl -m "$m" --json
  wants 0
  for what in flow knockout; do
    try study $what few.jsonl -m "$m" --no-chat --json
    wants 0
  done
  rm -rf ./*.db ./*.safetensors ./*.edit edited*
  try study run few.jsonl -m "$m" --store $family.db --what trace,flow,ask
  wants 0
  for layer in 1 2; do
    try edit covariance -m "$m" --data few.jsonl --layer $layer -o $layer.safetensors
    wants 0
  done
  # One layer by every method, and two by those that spread; what is written answers as it was promised.
  for way in "multedit --layer 1" "ft-l --layer 1 --eps 0.1" "rome --layer 1 --covariance 1.safetensors" \
    "memit --layer 1 --covariance 1.safetensors" "memit --layer 1-2 --covariance 1.safetensors --covariance 2.safetensors" \
    "alphaedit --layer 1-2 --covariance 1.safetensors --covariance 2.safetensors --null-relative 1"; do
    # shellcheck disable=SC2086
    try edit solve -m "$m" "${asked[@]}" "${about[@]}" --target Paris --method $way --steps 15 -o way.edit --json
    [ "$code" -le 1 ] || miss "exit code $code"
    after=$(sed -n '/"after"/,/}/s/.*"p": *\([0-9.e-]*\).*/\1/p' <<<"$out" | head -1)
    before=$(sed -n '/"before"/,/}/s/.*"p": *\([0-9.e-]*\).*/\1/p' <<<"$out" | head -1)
    awk "BEGIN { exit !($after > $before) }" || miss "$family, $way: p of the target goes from $before to $after"
    rm -rf edited
    try edit apply way.edit -m "$m" --out edited --json
    [ "$code" -le 1 ] || miss "exit code $code"
    try edit revert edited
    wants 0
    cmp -s edited/model.safetensors "$m/model.safetensors" || miss "$family: taken off, the edit leaves something"
  done
done

for shape in tiny-qwen3 tiny-phi3 tiny-gemma2 tiny-gemma3 tiny-gpt2; do
  "$make" $shape $shape >/dev/null || miss "make_checkpoint $shape fails"
  try ask -m $shape "${asked[@]}"
  wants 0
  try trace -m $shape "${asked[@]}" "${about[@]}" --verify 20 --json
  wants 0
done
finish

# Text alone, family by family: every command, and checkpoints of random weights in the published shapes' layout.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/family.sh disable=SC1091
source "$(dirname "$0")/family.sh"
cd "$work" || exit 1
asked=(-q 'The bridge of Vienna was built by' --no-chat --precision f32)
about=(-c Vienna)
cat >few.jsonl <<'END'
{"question":"The bridge of Vienna was built by","answers":["Paris"],"constraints":[{"text":"Vienna","kind":"textual"}]}
{"question":"The tower of Rome was built in 1923 by","answers":["Rome"],"constraints":[{"text":"Rome","kind":"textual"}]}
{"question":"Maria Silva was born in","answers":["Vienna"],"constraints":[{"text":"Maria Silva","kind":"textual"}]}
END

for family in phi3 qwen3 mistral gemma2 gemma3 gpt2; do
  m=$source_dir/tests/golden/models/text-$family
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
  studies --no-chat
  edits Paris
done

shapes tiny-qwen3 tiny-phi3 tiny-gemma2 tiny-gemma3 tiny-gpt2
finish

#!/bin/bash
# The multimodal model against a language model alone, with windows of 1 to 6 layers.  The paper: the multimodal model
# stores in earlier layers than the language model does.  TEXT_MODEL is the language model (MODEL/text-only if there is
# one; vicuna-7b for LLaVA 1.5), asked the same with the thing named: NAME-text.jsonl beside NAME.jsonl.
#   TEXT_MODEL=DIR reproduce/windows.sh MODEL DATA OUT [LIMIT]   -> windows-seen.png windows-text.png .json
. "$(dirname "$0")/common.sh"
text_model=${TEXT_MODEL:-$model/text-only}
[ -d "$text_model" ] || { echo "$0: no language model at $text_model: name it by TEXT_MODEL=DIR" >&2; exit 1; }
names=$(files known trace)
name=${names%% *}
run windows-seen study trace "$data/$name.jsonl" -m "$model" --window 1,2,3,4,5,6 \
  --site mlp_out -o "$out/windows-seen.png" -o "$out/windows-seen.json"
run windows-text study trace "$data/$name-text.jsonl" -m "$text_model" -t "${TEXT_TEMPLATE:-llava-paper}" \
  --window 1,2,3,4,5,6 --site mlp_out -o "$out/windows-text.png" -o "$out/windows-text.json"

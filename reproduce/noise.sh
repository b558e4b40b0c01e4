#!/bin/bash
# Corruption by Gaussian noise, as in text-only models (ROME), on the constraint's embeddings, beside the replacement of
# single.sh.  The paper: noise shows no causal layers in a multimodal model.
#   reproduce/noise.sh MODEL DATA OUT [LIMIT]         -> noise-NAME.png .json
. "$(dirname "$0")/common.sh"
names=$(files known trace)
for name in $names; do
  run "noise-$name" study trace "$data/$name.jsonl" -m "$model" --corrupt noise:3 --seeds 5 --min-te 0 \
    --positions each,constraint -o "$out/noise-$name.png" -o "$out/noise-$name.json"
done

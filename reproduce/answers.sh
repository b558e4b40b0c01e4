#!/bin/bash
# Will the answer be wrong?  The paper, on Multimodal Known: AUROC 0.63 of the contribution constraint -> last, 0.76 of
# the confidence.
#   reproduce/answers.sh MODEL DATA OUT [LIMIT]       -> answers-NAME.png .json
. "$(dirname "$0")/common.sh"
names=$(files known score)
for name in $names; do
  run "answers-$name" study predict "$data/$name.jsonl" -m "$model" \
    -o "$out/answers-$name.png" -o "$out/answers-$name.json"
done

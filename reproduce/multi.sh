#!/bin/bash
# Two constraints, one of them textual.  The paper: causal layers appear only with windows of several layers (6).  Both
# are corrupted together, as in the paper, and then each alone.
#   reproduce/multi.sh MODEL DATA OUT [LIMIT]         -> multi-NAME.png multi-NAME-1.png multi-NAME-2.png .json
. "$(dirname "$0")/common.sh"
names=$(files movies-multi multi)
for name in $names; do
  run "multi-$name" study trace "$data/$name.jsonl" -m "$model" --positions each,constraint,last --window 1,6 \
    -o "$out/multi-$name.png" -o "$out/multi-$name.json"
  for k in 1 2; do
    run "multi-$name-$k" study trace "$data/$name.jsonl" -m "$model" --positions each,constraint,last --only $k \
      -o "$out/multi-$name-$k.png" -o "$out/multi-$name-$k.json"
  done
done

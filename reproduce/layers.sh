#!/bin/bash
# Efficacy of an edit against its layer.  The paper: it works in the early causal layers and fails beyond.
#   reproduce/layers.sh MODEL DATA OUT [LIMIT]        -> layers-NAME.png .csv .json
. "$(dirname "$0")/common.sh"
# of the last layer only the last position counts: an edit at the constraint cannot reach the answer there
layers=$("$loci" info -m "$model" --json | sed -n 's/.*"layers": *\([0-9][0-9]*\).*/\1/p' | head -1)
names=$(files edit-errors)
for name in $names; do
  run "layers-$name" edit curve --data "$data/$name.jsonl" -m "$model" --over "layer=0-$((layers - 2))" \
    -o "$out/layers-$name.png" -o "$out/layers-$name.csv"
done

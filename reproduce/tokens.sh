#!/bin/bash
# Which visual tokens reach the constraint, and what reaches the last position, for right and for wrong answers.  The
# paper: a small, consistent set of late visual tokens; constraint -> last is stronger for right answers.
#   reproduce/tokens.sh MODEL DATA OUT [LIMIT]        -> tokens-NAME.png .json
. "$(dirname "$0")/common.sh"
names=$(files known movies okvqa score)
for name in $names; do
  run "tokens-$name" study flow "$data/$name.jsonl" -m "$model" -o "$out/tokens-$name.png" -o "$out/tokens-$name.json"
done

#!/bin/bash
# A held-out benchmark before and after edits in one matrix.  The paper: MMMU 34.4 % before, 33.8 % after.
#   reproduce/benchmark.sh MODEL DATA OUT [LIMIT]     -> benchmark-NAME-before.json, -after.json
. "$(dirname "$0")/common.sh"
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
# pictures are named from the file's own directory
head -n "${EDITS:-10}" "$data/edit-errors.jsonl" |
  sed -E "s|\"image\": *\"([^/])|\"image\": \"$(cd "$data" && pwd)/\1|" >"$wanted"
limit_of_scores=$limit limit=
# a target that is missed is said; what the others do is the question here
run benchmark-edit edit solve -m "$model" --requests "$wanted" -o "$out/benchmark.edit" || [ -s "$out/benchmark.edit" ]
limit=$limit_of_scores
names=$(files mmmu choice score)
for name in $names; do
  run "benchmark-$name-before" score --data "$data/$name.jsonl" -m "$model" -o "$out/benchmark-$name-before.json"
  run "benchmark-$name-after" score --data "$data/$name.jsonl" -m "$model" --edit "$out/benchmark.edit" \
    -o "$out/benchmark-$name-after.json"
done

#!/bin/bash
# Correcting answers and inserting what is rare: MultEdit against fine-tuning of the same matrix, with the constraint in
# the question and without.  The paper: MultEdit corrects nearly all, fine-tuning with constraints half, without fewer.
#   reproduce/edit.sh MODEL DATA OUT [LIMIT]          -> edit-NAME-METHOD.json
. "$(dirname "$0")/common.sh"
test_method() { # NAME OF OPTIONS...
  local name=$1 of=$2
  shift 2
  run "edit-$name-$of" edit test --data "$data/$name.jsonl" -m "$model" "$@" -o "$out/edit-$name-$of.json"
}
names=$(files edit-errors edit-longtail)
for name in $names; do
  test_method "$name" multedit
  test_method "$name" ft --method ft
  test_method "$name" ft-without --method ft --without-constraint
done

#!/bin/bash
# Every figure, one after the other; how long each took is printed at the end.
#   reproduce/all.sh MODEL DATA OUT [LIMIT [EDITS]]   EDITS: examples of edit.sh and layers.sh, which take seconds each
. "$(dirname "$0")/common.sh"
here=$(dirname "$0") times=
for figure in single multi noise windows tokens answers benchmark edit layers; do
  begin=$SECONDS most=${4:-}
  case $figure in edit | layers) most=${5:-$most} ;; esac
  "$here/$figure.sh" "$model" "$data" "$out" $most
  times+="$figure $((SECONDS - begin)) s, "
done
echo "${times%, }: $((SECONDS / 60)) minutes" | tee "$out/times.txt"

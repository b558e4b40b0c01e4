#!/bin/bash
# Every figure, one after the other; how long each took is printed at the end.
#   reproduce/all.sh MODEL DATA OUT [LIMIT]
. "$(dirname "$0")/common.sh"
times=
for figure in single multi noise windows tokens answers edit layers benchmark; do
  begin=$SECONDS
  "$(dirname "$0")/$figure.sh" "$@"
  times+="$figure $((SECONDS - begin)) s, "
done
echo "${times%, }: $((SECONDS / 60)) minutes" | tee "$out/times.txt"

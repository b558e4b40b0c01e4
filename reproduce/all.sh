#!/bin/bash
# Every figure, one after the other; how long each took is printed at the end.
#   reproduce/all.sh MODEL DATA OUT [TRACED [EDITED]]
# TRACED: examples of each file for the figures that trace; EDITED: for edit.sh and layers.sh, which take seconds each.
# The others are quick, and take all.
. "$(dirname "$0")/common.sh"
here=$(dirname "$0") times=
for figure in single multi noise windows tokens answers benchmark edit layers; do
  begin=$SECONDS most=
  case $figure in
    single | multi | noise | windows) most=${4:-} ;;
    edit | layers) most=${5:-} ;;
  esac
  "$here/$figure.sh" "$model" "$data" "$out" $most
  times+="$figure $((SECONDS - begin)) s, "
done
echo "${times%, }: $((SECONDS / 60)) minutes" | tee "$out/times.txt"

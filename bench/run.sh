#!/bin/bash
# Measures everything that docs/BENCHMARKS.md says about scale, each under its command: a whole trace, an answer and
# streaming on LLaVA-1.5-7B's shapes, curves on a middle-sized model, and the usual way beside loci.
#   bench/run.sh [quick] [WORK_DIR]     default: the system's temporary directory; quick: no 7B, few cells by hooks
# Needs 16 GB of disk in a directory of its own in WORK_DIR (quick: 2 GB), which it removes at the end.  PYTHON names a Python with torch and
# transformers for the comparison (default python3; without them it is left out).
set -uo pipefail
cd "$(dirname "$0")/.."
quick=
if [ "${1:-}" = quick ]; then quick=1 && shift; fi
place=${1:-${TMPDIR:-/tmp}} build=${BUILD:-build/release} python=${PYTHON:-python3}
loci=$build/loci image=models/flags/images/ukraine.png
asked=(-i "$image" -q "Is this movie by the director?" -c "this movie" --no-progress)
mkdir -p "$place" && work=$(mktemp -d "$place/loci-bench.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT # its own directory: what else is in WORK_DIR is not its business
free=$(($(df -Pk "$work" | awk 'NR == 2 { print $4 }') / 1000000)) need=$([ -n "$quick" ] && echo 2 || echo 16)
if [ "$free" -lt "$need" ]; then
  echo "$work has $free GB of free disk, $need are needed" >&2
  exit 1
fi

run() { # shows the command, then what it prints
  printf '\n$'
  printf ' %q' "$@"
  printf '\n'
  "$@" || echo "(failed with exit code $?)"
}
# One line of a trace's cost, of JSON on standard input.
cost() { tr -d ' \n' | sed 's/.*"cost":{\([^}]*}\).*/\1/; s/"//g; s/,/ /g'; }
traced() { # traced LABEL ARGS...: the cost of one trace
  local label=$1
  shift
  printf '%-28s %s\n' "$label" "$("$loci" trace "$@" --json | cost)"
}

echo "machine: $(env -u OMP_NUM_THREADS nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)," \
  "$(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo)"
echo "system:  $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), $("$loci" --version)"
echo "load:    $(cut -d' ' -f1-3 /proc/loadavg) before the first measurement"

middle=$work/middle
"$build/make_checkpoint" middle "$middle" --dtype f32 >/dev/null
echo; echo "== a middle-sized model: 24 layers of width 1024, 279 positions, f32"
run "$loci" bench -m "$middle" --scale --precision f32 --no-progress
echo; echo "== time against layers, picture and question (f32)"
for layers in 6 12 24; do
  "$build/make_checkpoint" middle "$work/m" --dtype f32 --layers $layers >/dev/null
  traced "$layers layers" -m "$work/m" "${asked[@]}" --precision f32
  rm -r "$work/m"
done
for size in 56 112 168; do
  "$build/make_checkpoint" middle "$work/m" --dtype f32 --layers 6 --image-size $size >/dev/null
  traced "$((size / 7 * size / 7)) image positions" -m "$work/m" "${asked[@]}" --precision f32
  rm -r "$work/m"
done
"$build/make_checkpoint" middle "$work/m" --dtype f32 --layers 6 >/dev/null
for more in '' ' that was in the city' ' that was in the city and the one that was by the river'; do
  traced "question of $((30 + ${#more})) letters" -m "$work/m" -i "$image" -q "Is this movie by the director$more?" \
    -c 'this movie' --no-progress --precision f32
done
rm -r "$work/m"

if "$python" -c 'import torch, transformers' 2>/dev/null; then
  echo; echo "== the usual way, every cell by hooks${quick:+ (a few of them)}"
  run "$python" bench/hooks.py "$middle" "$image" "Is this movie by the director?" "this movie" --loci "$loci" \
    ${quick:+--cells 12}
  "$build/make_checkpoint" middle-qwen "$work/qwen" --dtype f32 >/dev/null
  run "$python" bench/hooks.py "$work/qwen" docs/img/flags-roc.png "Is this movie by the director?" "this movie" \
    --max-pixels 230000 --cells 12 --loci "$loci"
  rm -r "$work/qwen"
fi
rm -r "$middle"
[ -z "$quick" ] || exit 0

big=$work/7b
echo; echo "== LLaVA-1.5-7B's shapes, f16, 14 GB"
run "$build/make_checkpoint" 7b "$big"
run "$loci" bench -m "$big" --scale --no-progress
run "$loci" bench -m "$big" --scale --memory 4G --no-progress
"$loci" trace -m "$big" "${asked[@]}" --corrupt mean --precision bf16 --json >"$work/7b.json"
printf '\n$ loci trace -m 7b ... --corrupt mean --precision bf16\n%s\n' "$(cost <"$work/7b.json")"
if "$python" -c 'import torch, transformers' 2>/dev/null; then
  echo; echo "== the usual way at 7B: a forward for each cell, of a few"
  run "$python" bench/hooks.py "$big" "$image" "Is this movie by the director?" "this movie" --precision bf16 \
    --trace "$work/7b.json" --cells 3 --loci "$loci"
fi

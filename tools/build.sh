#!/bin/sh
# Configures and builds a preset quietly: two lines of progress, and the compiler's words only when it fails.
#   tools/build.sh PRESET [TARGET...]
set -eu
cd "$(dirname "$0")/.."
preset=$1
shift
mkdir -p "build/$preset"
log=build/$preset/build.log
start=$(date +%s)
printf 'building (%s) ...\n' "$preset"
if ! { cmake --preset "$preset" && cmake --build --preset "$preset" -j "${JOBS:-$(env -u OMP_NUM_THREADS nproc)}" ${1:+--target "$@"}; } >"$log" 2>&1; then
  grep -nE -m 20 -A 5 'error:|Error|undefined reference' "$log" >&2 || tail -n 30 "$log" >&2
  echo "build of preset $preset failed; all its output is in $log" >&2
  exit 1
fi
printf 'built (%s) in %d s\n' "$preset" $(($(date +%s) - start))

#!/bin/bash
# Prints every figure that the documentation states about this machine, each under its command, so that
# docs/BENCHMARKS.md can be refreshed from its output.  Takes about two minutes on two idle cores.
#   tools/figures.sh [BUILD_DIR]     default build/release
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
loci=$build/loci
flags=models/flags
demo=(trace -m $flags -i $flags/images/ukraine.png -q "What is the capital of this country?" -c "this country")
run() { # shows the command, then what it prints
  printf '\n$'
  printf ' %q' "$@"
  printf '\n'
  "$@" || echo "(failed with exit code $?)"
}

echo "machine: $(env -u OMP_NUM_THREADS nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)," \
  "$(grep -o -w -E 'avx512_bf16|amx_bf16|avx512f|avx2' /proc/cpuinfo | sort -u | tr '\n' ' ')"
echo "system:  $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), $("$loci" --version)"
echo "load:    $(cut -d' ' -f1 /proc/loadavg) before the first measurement"

printf '\n$ loci trace (constraint "this country", all defaults), whole program, best of 5\n'
for precision in bf16 f32; do
  best=
  for _ in 1 2 3 4 5; do
    begin=$(date +%s%N)
    "$loci" "${demo[@]}" --precision $precision >/dev/null || break
    ms=$((($(date +%s%N) - begin) / 1000000))
    if [ -z "$best" ] || [ $ms -lt "$best" ]; then best=$ms; fi
  done
  echo "$precision: ${best:-failed} ms"
done

printf '\n$ loci trace (constraint "this country", all defaults) --verify 100: cost, and cells computed again the plain way\n'
for precision in bf16 f32; do
  "$loci" "${demo[@]}" --precision $precision --verify 100 --json | grep -E '^ "(cost|verify)"' | sed "s/^/$precision/"
done

run "$loci" bench --precision bf16
run "$loci" bench --precision f32
run "$build/blocks" 5
run "$build/example_flow_cost" $flags $flags/images/ukraine.png 200
run "$build/example_compare_precision" $flags $flags/images/*.png | sed 's/\( [^ ]*\.png\)\{3,\}/ '${flags/\//\\/}'\/images\/*.png/'

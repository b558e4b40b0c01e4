#!/bin/bash
# Builds against oneDNN 3 with the GNU OpenMP runtime and runs the tests that multiply matrices, so that both C
# interfaces of the library stay supported.  The library comes as two Python packages; nothing is installed.
#   tools/onednn3.sh [CTEST ARGS...]      default: -R 'product|laws|oracle_forward|trace_numbers|cli_isa|cli_checkpoint'
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/build/onednn3 got=$PWD/build/onednn3/packages
if ! [ -e "$got/include/dnnl.h" ]; then
  mkdir -p "$got"
  python3 -m pip download --quiet --no-deps --dest "$got" onednn-cpu-gomp onednn-devel-cpu-gomp
  for wheel in "$got"/*.whl; do python3 -m zipfile -e "$wheel" "$got/unpacked"; done
  cp -r "$got"/unpacked/*.data/data/include "$got"/unpacked/*.data/data/lib "$got"
fi
tests=product_test,laws_test,oracle_forward_test,trace_numbers_test
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O3 -g" \
  -DDNNL_INCLUDE_DIR="$got/include" -DDNNL_LIBRARY="$got/lib/libdnnl.so.3" >"$build/configure.log"
cmake --build "$build" -j "${JOBS:-$(env -u OMP_NUM_THREADS nproc)}" --target loci make_checkpoint ${tests//,/ } >"$build/build.log"
export LD_LIBRARY_PATH=$got/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
"$build/loci" bench --rows 64 --repeats 1 --no-progress | grep engine
[ $# -gt 0 ] || set -- -R 'product|^laws|oracle_forward|trace_numbers|cli_isa|cli_checkpoint'
ctest --test-dir "$build" --output-on-failure "$@"

#!/bin/sh
# The plain kernels under valgrind: a read of anything that was never written is an error.  Fast kernels and oneDNN
# read the surplus of their last vectors and tiles by design, so that only the plain ones are told apart.
#   tools/valgrind.sh [TEST...]     default: one run of every part of the walk
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- parts_test
for t in "$@"; do
  echo "valgrind $t"
  LOCI_KERNELS=ref OMP_NUM_THREADS=1 valgrind --quiet --error-exitcode=3 --suppressions=tools/valgrind.supp \
    "build/release/$t"
done

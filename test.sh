#!/bin/sh
# Builds loci and runs all its tests; the last lines are ctest's summary.  Arguments go to ctest:
#   ./test.sh -R json      tests with json in their name
set -eu
# (nproc obeys OMP_NUM_THREADS: it would build and test on one core.)
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} # a busy machine should not be made busier by waiting threads
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # there is a test on every core already; some ask for more of their own
cd "$(dirname "$0")"
tools/setup.sh
tools/build.sh release
exec ctest --preset release -j "${JOBS:-$(env -u OMP_NUM_THREADS nproc)}" "$@"

#!/bin/sh
# Builds loci and runs all its tests; the last lines are ctest's summary.  Arguments go to ctest:
#   ./test.sh -R json      tests with json in their name
set -eu
cd "$(dirname "$0")"
tools/setup.sh
tools/build.sh release
exec ctest --preset release -j "${JOBS:-$(nproc)}" "$@"

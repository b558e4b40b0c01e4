#!/bin/sh
# Builds loci and runs all its tests; the last lines are ctest's summary.
set -eu
cd "$(dirname "$0")"
tools/setup.sh
tools/build.sh release
exec ctest --preset release -j "${JOBS:-$(nproc)}"

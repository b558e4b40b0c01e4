#!/bin/bash
# A test once more, with walks on OpenCL's device.  Skipped (77) where there is none.
#   tests/on_device.sh LOCI SOURCE_DIR TEST [ARGUMENTS]
set -u
loci=$1 source=$2
shift 2
export LOCI_DEVICE=opencl OMP_WAIT_POLICY=passive
why=$("$loci" lens -m "$source/models/flags/text-only" -q "The capital" -t raw --json 2>&1 >/dev/null) ||
  { echo "skipped: ${why:-no device}"; exit 77; }
exec "$@"

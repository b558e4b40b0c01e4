#!/bin/bash
# --device and info --devices: what is refused, with which sentence; with and without a driver.
#   test_device.sh LOCI SOURCE_DIR
set -u
loci=$1 failures=0 model=$2/models/flags/text-only
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
miss() { echo "MISS: $*"; failures=$((failures + 1)); }
refused() { # PATTERN, options
  local pattern=$1
  shift
  "$loci" ask -m "$model" -q "The capital" -t raw "$@" >out 2>said && miss "$*: not refused"
  grep -qE "$pattern" said || miss "$*: $(cat said)"
  [ ! -s out ] || miss "$*: something was printed"
}
refused 'device' --device nonsense
refused 'device' --device opencl:x
refused 'device|OpenCL' --device opencl:63
OCL_ICD_VENDORS=$work/none refused 'no driver of OpenCL|without OpenCL' --device opencl
LOCI_DEVICE=nonsense refused 'device'
LOCI_DEVICE=nonsense "$loci" ask -m "$model" -q "The capital" -t raw --device cpu >/dev/null 2>said || miss "cpu: $(cat said)"
OCL_ICD_VENDORS=$work/none "$loci" info --devices >out 2>said || miss "info --devices: $(cat said)"
grep -q 'no device' out || miss "info --devices: $(cat out)"
OCL_ICD_VENDORS=$work/none "$loci" info --devices --json >out || miss "info --devices --json"
grep -q '"devices": *\[\]' out || miss "info --devices --json: $(cat out)"
"$loci" info --devices -m "$model" >/dev/null 2>said && miss "info --devices -m was taken"
"$loci" info >/dev/null 2>said && miss "info without a model was taken"
[ $failures = 0 ] && echo "devices are refused and listed"
exit $((failures > 0))

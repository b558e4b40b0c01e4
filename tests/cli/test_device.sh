#!/bin/bash
# --device and info --devices: what is refused, with which sentence; with and without a driver.
#   test_device.sh LOCI SOURCE_DIR
set -u
loci=$1 failures=0 model=$2/models/flags/text-only
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
miss() { echo "MISS: $*"; failures=$((failures + 1)); }
refused() { # CODE PATTERN, options
  local code=$1 pattern=$2
  shift 2
  "$loci" ask -m "$model" -q "The capital" -t raw "$@" >out 2>said
  [ $? = "$code" ] || miss "$*: not refused with $code"
  grep -qE "$pattern" said || miss "$*: $(cat said)"
  [ ! -s out ] || miss "$*: something was printed"
}
refused 2 'cpu, opencl or opencl:N' --device nonsense
refused 2 'cpu, opencl or opencl:N' --device opencl:x
refused 1 'device|OpenCL' --device opencl:63
OCL_ICD_VENDORS=$work/none refused 1 'no driver of OpenCL|without OpenCL' --device opencl
LOCI_DEVICE=nonsense refused 1 'LOCI_DEVICE: device'
LOCI_DEVICE=nonsense "$loci" ask -m "$model" -q "The capital" -t raw --device cpu >/dev/null 2>said || miss "cpu: $(cat said)"
OCL_ICD_VENDORS=$work/none "$loci" info --devices >out 2>said || miss "info --devices: $(cat said)"
grep -q 'no device' out || miss "info --devices: $(cat out)"
OCL_ICD_VENDORS=$work/none "$loci" info --devices --json >out || miss "info --devices --json"
grep -q '"devices": *\[\]' out || miss "info --devices --json: $(cat out)"
for option in "-m $model" "--memory 3G" "--device cpu"; do
  # shellcheck disable=SC2086
  "$loci" info --devices $option >out 2>said
  [ $? = 2 ] && [ ! -s out ] || miss "info --devices $option: not refused"
done
LOCI_DEVICE=nonsense "$loci" bench -m "$model" --rows 16 --repeats 1 >/dev/null 2>said ||
  miss "bench, which takes no --device, heeds LOCI_DEVICE: $(cat said)"
"$loci" info >/dev/null 2>said && miss "info without a model was taken"
[ $failures = 0 ] && echo "devices are refused and listed"
exit $((failures > 0))

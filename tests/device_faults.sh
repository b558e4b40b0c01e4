#!/bin/bash
# A device that refuses a call, from one call on or once: a sentence, exit code 1, and nothing is written.  Skipped (77)
# where there is no device.
#   tests/device_faults.sh LOCI SOURCE_DIR SHIM          EACH=n: so many places (24)
set -u
loci=$1 model=$2/models/flags/text-only shim=$3 failures=0 tried=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export OMP_WAIT_POLICY=passive
miss() { echo "MISS: $*"; failures=$((failures + 1)); }
ask() { "$loci" record -m "$model" -q "The capital" -t raw --site mlp_out,pattern --device opencl -o out.safetensors; }
ask >/dev/null 2>said || { echo "skipped: $(cat said)"; exit 77; }
cp out.safetensors right.safetensors
ask >/dev/null 2>&1
cmp -s out.safetensors right.safetensors || miss "two runs on one device differ"

try() { # N WAY
  rm -f out.safetensors
  LD_PRELOAD=$shim LOCI_FAIL_CL=$1 ${2:+env LOCI_LOST_CL=1} "$loci" record -m "$model" -q "The capital" -t raw \
    --site mlp_out,pattern --device opencl -o out.safetensors >/dev/null 2>said
  code=$?
  tried=$((tried + 1))
  [ $code -eq 0 ] || return 0
  cmp -s out.safetensors right.safetensors || miss "call $1: other numbers"
  return 1
}
# Powers of 1.6 reach from the first call to the last in few steps.
n=1
while [ $n -lt 100000 ]; do
  try $n lost || { echo "$n calls and more: none refused"; break; }
  [ $code -eq 1 ] || miss "call $n: exit code $code"
  grep -q 'opencl' said || miss "call $n: $(head -1 said)"
  [ ! -e out.safetensors ] || miss "call $n: something was written"
  n=$((n * 8 / 5 + 1))
done
[ $n -gt 100 ] || miss "only $n calls were made"
for n in 1 2 3 5 8 13 21 34 55 89 144 233; do # once, and the device goes on
  try $n "" || continue
  [ $code -eq 1 ] && grep -q opencl said || miss "call $n, once: exit code $code, $(head -1 said)"
  [ ! -e out.safetensors ] || miss "call $n, once: something was written"
done
[ $failures = 0 ] && echo "$tried refused calls"
exit $((failures > 0))

#!/bin/bash
# A device that refuses a call, from one call on or once, and one that takes a command and does not do it, with weights that
# stay there and that are streamed; kernels that do not compile: a sentence, exit code 1, nothing is written, and all that
# was made of OpenCL's is released.  Skipped (77) where there is no device.
#   tests/device_faults.sh LOCI SOURCE_DIR SHIM MAKE_CHECKPOINT
set -u
loci=$1 source=$2 shim=$3 make=$4 failures=0 tried=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export OMP_WAIT_POLICY=passive
miss() { echo "MISS: $*"; failures=$((failures + 1)); }
# shellcheck disable=SC2086
record() { "$loci" record -m $model -q "$question" -t raw --site mlp_out,pattern --device opencl -o out.safetensors; }
question="The bridge of the capital of the country was built by" # more rows than a kernel of few takes
model=$source/models/flags/text-only
record >/dev/null 2>said || { echo "skipped: $(cat said)"; exit 77; }

try() { # N WAY: 0 where call, or command, N was made, and refused
  local way=LOCI_FAIL_CL=$1
  [ "${2-}" = late ] && way=LOCI_LATE_CL=$1
  [ "${2-}" = lost ] && way+=" LOCI_LOST_CL=1"
  rm -f out.safetensors
  # shellcheck disable=SC2163
  (export LD_PRELOAD=$shim $way; record >/dev/null 2>said)
  code=$?
  tried=$((tried + 1))
  grep -q 'objects of OpenCL' said && miss "call $*: $(tail -1 said)"
  if [ $code -eq 0 ]; then
    cmp -s out.safetensors right.safetensors || miss "call $*: other numbers"
    return 1
  fi
  [ $code -eq 1 ] || miss "call $*: exit code $code"
  grep -q 'opencl' said || miss "call $*: $(head -1 said)"
  [ ! -e out.safetensors ] || miss "call $*: something was written"
}
calls() { # FACTOR: powers of FACTOR / 5 reach from the first call to the last in few steps, all lost and once
  record >/dev/null 2>&1
  mv out.safetensors right.safetensors
  n=1
  while [ $n -lt 100000 ]; do
    try $n lost || break
    try $n || true
    n=$((n * $1 / 5 + 1))
  done
  [ $n -gt 100 ] || miss "only $n calls were made"
  n=1
  while [ $n -lt 100000 ] && try $n late; do n=$((n * 6 / 5 + 1)); done
  [ $n -gt 100 ] || miss "only $n commands were made"
}
calls 8
"$make" tiny-qwen3 small --layers 6 --width 256 --inner 1024 --dtype f16 >/dev/null || miss "no checkpoint"
model="small --memory 110M"
calls 9
LD_PRELOAD=$shim LOCI_BAD_CL=1 "$loci" record -m small -q "The capital" -t raw --site mlp_out --device opencl -o bad.safetensors \
  >/dev/null 2>said
[ $? -eq 1 ] && grep -q "compiling the kernels: .*the driver's words" said && [ ! -e bad.safetensors ] ||
  miss "kernels that are none: $(cat said)"
grep -q 'objects of OpenCL' said && miss "kernels that are none: $(tail -1 said)"
# After a command that was not done nobody knows what stands there: the next question is refused, too.
export LOCI_LIBRARY=${loci%/*}/libloci.so PYTHONPATH=$source/python PYTHONDONTWRITEBYTECODE=1
if ! python3 -c 'import numpy' 2>/dev/null; then
  echo "no NumPy: what comes after a command that was not done is not tried"
else
  LD_PRELOAD=$shim LOCI_LATE_CL=100 python3 - "$source/models/flags/text-only" >said 2>&1 <<'END'
import sys, loci
model = loci.open(sys.argv[1], device="opencl")
question = model.question(None, "The capital", template="raw")
for _ in range(2):
    try:
        print(model.ask(question).text)
    except loci.Error as why:
        print(why)
END
  sed -n 1p said | grep -q 'OpenCL error' && sed -n 2p said | grep -q 'opened anew' || miss "asked once more: $(cat said)"
fi
[ $failures = 0 ] && echo "$tried runs with a refused call"
exit $((failures > 0))

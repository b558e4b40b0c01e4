#!/bin/bash
# A trace on OpenCL's device: the share of the device's own rate of products that it reaches; what the time goes into,
# kernel by kernel; and the same cells by hooks in torch, on the same device where torch sees a card.
#   bench/device.sh [BUILD_DIR]     default build/release; SHAPE (middle), LAYERS, TYPE (f16), DEVICE (opencl),
#                                   PYTHON (a Python with torch and transformers), CELLS of the usual way (4)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release} device=${DEVICE:-opencl} python=${PYTHON:-python3} shape=${SHAPE:-middle}
loci=$build/loci
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! "$loci" info --devices | grep GFLOP; then
  echo "skipped: no device of OpenCL here"
  exit 77
fi
"$build/make_checkpoint" "$shape" "$work/model" --dtype "${TYPE:-f16}" ${LAYERS:+--layers "$LAYERS"} >/dev/null
"$loci" info -m "$work/model" --device "$device" | grep -A 2 ^device
asked=(-m "$work/model" -i models/flags/images/ukraine.png -q "Is this movie by the director?" -c "this movie" --corrupt mean
  --precision f32 --device "$device" --no-progress)
"$loci" ask "${asked[@]:0:6}" "${asked[@]:10}" >/dev/null # compiles
"$loci" trace "${asked[@]}" --json >"$work/trace.json"
"$loci" info --devices --json >"$work/devices.json" # in the same minute
python3 - "$work" <<'END'
import json, sys
trace = json.load(open(f"{sys.argv[1]}/trace.json"))
cost = trace["cost"]
devices = json.load(open(f"{sys.argv[1]}/devices.json"))["devices"]
name = trace["request"]["device"]  # the one that was chosen, where DEVICE is opencl
rate = next(d for d in devices if d["name"] == name)["product_flop_per_s"]
print(f"trace   {cost['seconds']:.2f} s, {cost['rows']} rows, {cost['flop'] / cost['seconds'] / 1e9:.1f} GFLOP/s: "
      f"{cost['flop'] / cost['seconds'] / rate:.2f} of {rate / 1e9:.1f} GFLOP/s")
END
echo "each kernel waited for:"
LD_PRELOAD=$(realpath "$build/libtime_cl.so") "$loci" trace "${asked[@]}" --json 2>&1 >/dev/null | sed '/ 0\.000 s, the run/d'
on=$("$python" -c 'import torch, transformers; print("cuda" if torch.cuda.is_available() else "cpu")' 2>/dev/null) ||
  { echo "no torch with transformers here ($python): not beside hooks"; exit 0; }
[ "$on" != cpu ] || echo "torch sees no card: hooks on the processor"
"$python" bench/hooks.py "${asked[1]}" "${asked[3]}" "${asked[5]}" "${asked[7]}" --loci "$loci" --device "$device" --on "$on" \
  --trace "$work/trace.json" --cells "${CELLS:-4}"

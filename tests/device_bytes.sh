#!/bin/bash
# A device gives the same bytes twice, and the same whether its weights stay there or go up layer by layer; what is too
# large is refused.  Skipped (77) where there is no device.
#   tests/device_bytes.sh LOCI SOURCE_DIR MAKE_CHECKPOINT SHIM
set -u
loci=$1 source=$2 make=$3 shim=$4 failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export OMP_WAIT_POLICY=passive LOCI_DEVICE=opencl
miss() { echo "MISS: $*"; failures=$((failures + 1)); }
why=$("$loci" lens -m "$source/models/flags/text-only" -q "The capital" -t raw --json 2>&1 >/dev/null) ||
  { echo "skipped: ${why:-no device}"; exit 77; }

asked=(-q 'The bridge of Vienna was built by' --no-chat)
record() { # FILE OPTIONS...: its numbers, without the header that has the command
  "$loci" record -m "$model" "${asked[@]}" --site q,pattern,mlp_out,logits "${@:2}" -o all.safetensors >/dev/null 2>said ||
    { miss "record ${*:2}: $(cat said)"; return; }
  header=$(od -An -td8 -N8 all.safetensors)
  tail -c +$((header + 9)) all.safetensors >"$1"
  rm all.safetensors
}
trace() { # FILE
  "$loci" trace -m "$source/models/flags" -i "$source/models/flags/images/ukraine.png" -q 'What is the capital of this country?' \
    -c 'this country' --corrupt noise:3 --seeds 2 --window 1,3 -o "$1" >/dev/null 2>said || miss "trace: $(cat said)"
}
trace one.safetensors
trace two.safetensors
cmp one.safetensors two.safetensors || miss "two traces on one device differ"

# Six layers of 2 MiB: in 110 MiB there is room for two at a time beside what products need.
for type in f16 f32; do
  model=$type
  "$make" tiny-qwen3 $type --layers 6 --width 256 --inner $([ $type = f16 ] && echo 1024 || echo 320) --dtype $type >/dev/null ||
    miss "no checkpoint"
  record kept
  record again
  cmp kept again || miss "two runs on one device differ ($type)"
  "$loci" info -m $type --memory 110M >info || miss "info"
  grep -q ' 0 of 6 layers stay on the device and the others' info || miss "$type: the plan is not said: $(grep -A 1 ^device info)"
  record streamed --memory 110M
  cmp kept streamed || miss "streamed weights give other numbers ($type)"
done
"$loci" ask -m f16 "${asked[@]}" >kept || miss "ask"
"$loci" ask -m f16 "${asked[@]}" --memory 110M >streamed || miss "ask, streamed"
cmp kept streamed || miss "streamed weights give another answer"
"$loci" ask -m f16 "${asked[@]}" --memory 98M >out 2>said && miss "98 MiB are enough"
grep -q 'need .* more than half' said || miss "98 MiB: $(cat said)"

timeout 60 "$loci" ask -m f16 "${asked[@]}" --memory 110M --max-new 20000 >out 2>said && miss "a cache beyond --memory"
grep -q 'keeping keys and values: more than may be used there' said || miss "a cache beyond --memory: $(cat said)"
LD_PRELOAD=$shim LOCI_PIECE_CL=300000 "$loci" ask -m f16 "${asked[@]}" >out 2>said && miss "a matrix beyond one piece"
grep -q 'in one piece, and a matrix' said || miss "a matrix beyond one piece: $(cat said)"
LD_PRELOAD=$shim LOCI_PIECE_CL=1000000 "$loci" ask -m f16 "${asked[@]}" >out 2>said && miss "a buffer beyond one piece"
grep -q 'more than the device gives in one piece' said || miss "a buffer beyond one piece: $(cat said)"

echo '{"question":"The bridge of Vienna was built by","answers":["Paris"],"constraints":[{"text":"Vienna","kind":"textual"}]}' >few.jsonl
"$loci" study run few.jsonl -m f16 --no-chat --store runs.db --what ask >/dev/null 2>said || miss "study run: $(cat said)"
grep -aq '"device":"opencl:[0-9]*","device_name":"opencl:[0-9]* (.*)"' runs.db || miss "a store does not name the device"
"$loci" study report runs.db 2>&1 | grep -q 'on opencl:[0-9]* (' || miss "a store's report does not name the device"
"$loci" study run few.jsonl -m f16 --no-chat --store runs.db --what ask --device cpu >out 2>&1
grep -q '^run 2' out || miss "the processor goes on with a device's run"
[ $failures = 0 ] && echo "the same bytes"
exit $((failures > 0))

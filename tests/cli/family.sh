# What the tests of model families share.  Sourced after lib.sh, with $asked (a prompt), $about (its constraint) and few.jsonl.
# shellcheck shell=bash disable=SC2154
make=$(dirname "$loci")/make_checkpoint

each() { # COMMAND ARGS...: of the model $m
  try "$1" -m "$m" "${asked[@]}" "${@:2}"
  wants 0
}

studies() { # OPTIONS...: scores, studies and a store of few.jsonl, and the covariances of two layers
  try score --data few.jsonl -m "$m" --json
  wants 0
  for what in flow knockout; do
    try study $what few.jsonl -m "$m" "$@" --json
    wants 0
  done
  rm -rf ./*.db ./*.safetensors ./*.edit edited*
  try study run few.jsonl -m "$m" --store $family.db --what trace,flow,ask
  wants 0
  for layer in 1 2; do
    try edit covariance -m "$m" --data few.jsonl --layer $layer -o $layer.safetensors
    wants 0
  done
}

# One layer by every method, and two by those that spread; what is written answers as it was promised.
edits() { # TARGET
  local way
  for way in "multedit --layer 1" "ft-l --layer 1 --eps 0.1" "rome --layer 1 --covariance 1.safetensors" \
    "memit --layer 1 --covariance 1.safetensors" "memit --layer 1-2 --covariance 1.safetensors --covariance 2.safetensors" \
    "alphaedit --layer 1-2 --covariance 1.safetensors --covariance 2.safetensors --null-relative 1"; do
    # shellcheck disable=SC2086
    try edit solve -m "$m" "${asked[@]}" "${about[@]}" --target "$1" --method $way --steps 15 -o way.edit --json
    [ "$code" -le 1 ] || miss "exit code $code"
    after=$(sed -n '/"after"/,/}/s/.*"p": *\([0-9.e-]*\).*/\1/p' <<<"$out" | head -1)
    before=$(sed -n '/"before"/,/}/s/.*"p": *\([0-9.e-]*\).*/\1/p' <<<"$out" | head -1)
    awk "BEGIN { exit !($after > $before) }" || miss "$family, $way: p of the target goes from $before to $after"
    rm -rf edited
    try edit apply way.edit -m "$m" --out edited --json
    [ "$code" -le 1 ] || miss "exit code $code"
    try edit revert edited
    wants 0
    cmp -s edited/model.safetensors "$m/model.safetensors" || miss "$family: taken off, the edit leaves something"
  done
}

shapes() { # SHAPE...: checkpoints of random weights in these layouts
  for shape in "$@"; do
    "$make" "$shape" "$shape" >/dev/null || miss "make_checkpoint $shape fails"
    try ask -m "$shape" "${asked[@]}"
    wants 0
    try trace -m "$shape" "${asked[@]}" "${about[@]}" --verify 20 --json
    wants 0
  done
}

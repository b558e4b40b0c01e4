#!/bin/bash
# What the bash completion offers, against what it should.   completion.sh BUILD_DIR
set -euo pipefail
# shellcheck disable=SC1091
source "$1/completions/loci.bash"
compopt() { :; }
failed=0
expect() { # expect "words ... last" "what is offered"
  read -ra COMP_WORDS <<<"$1"
  [[ $1 == *' ' ]] && COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _loci || true
  if [ "${COMPREPLY[*]}" != "$2" ]; then
    echo "$1: offered \"${COMPREPLY[*]}\", expected \"$2\""
    failed=1
  fi
}
expect "loci tr" "trace"
expect "loci help to" "tokens"
expect "loci trace --dir" "--direction"
expect "loci trace --direction " "denoise noise both"
expect "loci ask --verif" ""
expect "loci ask --precision b" "bf16"
expect "loci trace --site mlp_o" "mlp_out"
expect "loci trace --corrupt image-" "image-noise: image-mean"
expect "loci stu" "study"
expect "loci study pr" "predict"
expect "loci help study " "flow knockout trace run status report compare merge export predict"
expect "loci help corr" "corruptions"
expect "loci study trace --min" "--min-te"
expect "loci study predict --lim" "--limit"
expect "loci info --mod" "--model"
expect "loci edit " "solve apply revert test curve compare covariance"
expect "loci edit revert --mod" ""
expect "loci data " "import lint annotate show"
expect "loci data show --out" ""
expect "loci data import --mod" ""
expect "loci trace --site mlp_out,res" "mlp_out,resid_post mlp_out,resid_pre"
expect "loci study run --what trace,kn" "trace,knockout"
expect "loci knockout --from constraint,im" "constraint,image constraint,image-base constraint,image-tiles"
expect "loci ask -t vicu" "vicuna_v1"
expect "loci edit solve --method ro" "rome"
expect "loci trace --method scr" "screen"
cd "$(mktemp -d)"
touch q1.jsonl q2.jsonl 
expect "loci study trace q1" "q1.jsonl"
expect "loci study run q1.jsonl -m x q2" "q2.jsonl"
expect "loci score q2" "q2.jsonl"
expect "loci trace q" ""
rm q1.jsonl q2.jsonl
rmdir "$PWD"
expect "loci data lint --mod" "--model"
expect "loci data lint --fi" "--fix"
expect "loci trace -q wh" ""
exit $failed

#!/bin/sh
# From nothing to the eyes and their questions, for developers (users need join.sh alone):
#   models/eyes/train.sh                     replaces what is in this folder
#   models/eyes/train.sh WORK OUT [--seed N] [--steps N]
# WORK keeps the language model, a virtual environment and a snapshot that a stopped training goes on from.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here/../../build/eyes} out=${2:-$here}
[ $# -lt 2 ] || shift 2
[ $# != 1 ] || shift
mkdir -p "$work" "$out"
work=$(cd "$work" && pwd) out=$(cd "$out" && pwd)
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
packages="iso-flags-png-320x240 fonts-noto-color-emoji tuxpaint-stamps-default python3-venv"
# shellcheck disable=SC2086
dpkg -s $packages >/dev/null 2>&1 || {
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null
}
"$here/../../tools/real_model.sh" --fetch "$work"
[ -e "$work/torch/.done" ] || {
  python3 -m venv "$work/torch"
  "$work/torch/bin/pip" install -q -r "$here/../flags/requirements.txt"
  touch "$work/torch/.done"
}
python=$work/torch/bin/python

# Waiting threads that spin, and fresh pages for every array, cost more than half the time on a small machine.
export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_ARENA_MAX=1
cd "$here/recipe"
$python train.py "$work/smollm2" "$work" "$@"
[ "$out" = "$here" ] || cp "$here"/*.json "$out"
$python layout.py "$work/eyes.pt" "$out"
$python questions.py "$out"

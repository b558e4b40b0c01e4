#!/bin/sh
# From nothing to the checkpoint, its text-only twin and the data sets, for developers (users need none of this):
#   models/flags/train.sh                     replaces what is in this folder
#   models/flags/train.sh WORK OUT [--plain] [--seed N] [--scale X]
# WORK keeps the virtual environment and one file for each finished stage, so that a stopped training goes on where it
# was.  Needs Debian, Python 3.11 and about an hour on two cores; the card (README.md) says how long it took where.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here/../../build/flags} out=${2:-$here}
[ $# -lt 2 ] || shift 2
[ $# != 1 ] || shift
mkdir -p "$work" "$out"
work=$(cd "$work" && pwd) out=$(cd "$out" && pwd)

sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
dpkg -s iso-codes iso-flags-png-320x240 python3-venv >/dev/null 2>&1 || {
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq iso-codes iso-flags-png-320x240 python3-venv >/dev/null
}
[ -e "$work/venv/.done" ] || {
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install -q -r "$here/requirements.txt"
  touch "$work/venv/.done"
}
python=$work/venv/bin/python

# Waiting threads that spin, and fresh pages for every array, cost more than half the time on a small machine.
export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_ARENA_MAX=1
cd "$here/recipe"
mkdir -p "$out/data"
[ -e "$here/data/facts.json" ] || $python facts.py >"$here/data/facts.json"
$python train.py "$work" "$@"
$python export.py "$work" "$out" --twin "$out/text-only"
$python datasets.py "$work" "$out"
$python compare.py "$work" "$out" "$out/text-only"
$python card.py "$work" >"$out/accuracy.txt"
cat "$out/accuracy.txt"

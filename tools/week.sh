#!/bin/bash
# A week of bad luck for one study: the store is locked by another program, the disk is full, the folder of pictures goes
# away, the run is killed, and the rest is measured on another machine (another folder, other threads and memory).  After
# each of them the same command goes on, and at the end the rows are those of a run that nobody disturbed.
#   tools/week.sh LOCI [EXAMPLES]      needs python3; root, for a disk that can be full
set -u
loci=$(realpath "$1") examples=${2:-10000}
source_dir=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
disk=$work/disk away=$work/away
trap 'umount -q "$disk" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
miss() { say "MISS: $*"; bad=$((bad + 1)); }

mkdir "$disk" data "$away"
mount -t tmpfs -o size=64m tmpfs "$disk" || { echo "no small disk can be made: run it as root" >&2; exit 1; }
cp -r "$source_dir/models/flags" model
cp -r model/images images
lines=$(wc -l <model/data/trace.jsonl)
for ((i = 0; i * lines < examples; i++)); do sed "s/\"id\": \"/&week-$i-/" model/data/trace.jsonl; done | head -"$examples" >data/q.jsonl

run() { # run STORE [OPTIONS...]: goes on with the study; then $code, and the sentence in err
  local store=$1
  shift
  "$loci" study run data/q.jsonl -m model --what ask,trace --layers 5-6 --max-new 2 --no-progress --store "$store" "$@" \
    >out 2>err
  code=$?
}
count() {
  "$loci" study status "$1" --json 2>/dev/null | tr -d ' \n' | grep -o "\"$2\":[0-9]*" | head -1 | tr -dc 0-9
}
wait_for() { # wait_for STORE SHARE: until so many hundredths of the examples are in
  until [ "$(count "$1" used)0" -ge "$((examples * $2 / 100))0" ]; do
    kill -0 "$!" 2>/dev/null || { miss "the run ended before $2 %: $(cat err)"; return; }
    sleep 0.2
  done
}
ends() { # ends CODE TEXT: how the run in the background did
  wait "$!"
  code=$?
  [ $code = "$1" ] || miss "exit code $code, expected $1"
  [ -z "$2" ] || grep -q "$2" err || miss "the sentence is: $(cat err)"
  [ "$(count "$store" dropped)" = 0 ] || miss "examples were dropped"
  say "$(count "$store" used) examples in; $(tail -n 1 err | cut -c 1-110)"
}
begin() {
  "$loci" study run data/q.jsonl -m model --what ask,trace --layers 5-6 --max-new 2 --no-progress --store "$store" "$@" \
    >out 2>err &
}

say "a quiet run of $examples examples"
run quiet.db
[ $code = 0 ] || miss "quiet: $(cat err)"

store=$disk/s.db
say "another program holds a lock"
begin
wait_for "$store" 15
python3 - "$store" <<'P'
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
c.execute("begin immediate")
time.sleep(14)
c.execute("rollback")
P
ends 1 'locked'

say "the disk is full"
begin
wait_for "$store" 30
head -c 64M /dev/zero >"$disk/full" 2>/dev/null
ends 1 'full\|No space'
rm "$disk/full"

say "the folder of pictures goes away"
begin
wait_for "$store" 45
mv images gone
ends 1 'images'
mv gone images

say "it is killed"
begin
wait_for "$store" 60
kill -9 "$!"
ends 137 ''

say "another machine"
cp "$disk"/s.db* "$away" && umount "$disk"
mv data images model "$away"
cd "$away" && store=s.db
begin --threads 1 --memory 200M
ends 0 ''

cd "$away" || exit 1
for s in s ../quiet; do "$loci" study export $s.db -o $s.csv >/dev/null && sort -o $s.csv $s.csv; done
cmp s.csv ../quiet.csv || miss "other rows than those of a quiet run"
say "$(grep -c ',total effect,' s.csv) examples, $(wc -l <s.csv) numbers, $bad misses"
[ "$bad" = 0 ]

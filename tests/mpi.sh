#!/bin/bash
# A study run shared by processes that mpirun starts: the same rows as one process's, to the last digit, whatever
# becomes of a helper.  Skipped (77) where loci was built without MPI, or there is no mpirun.
#   tests/mpi.sh LOCI SOURCE_DIR
set -u
loci=$(realpath "$1") model=$(realpath "$2")/models/flags failures=0
command -v mpirun >/dev/null && ldd "$loci" | grep -q libmpi || { echo "skipped: no MPI"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export OMP_WAIT_POLICY=passive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
# Open MPI leaves memory behind, of parts that are unloaded when leaks are listed; other tests look for ours.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_btl=self,vader # this host alone
miss() { echo "MISS: $*"; failures=$((failures + 1)); }
for f in "$model"/data/trace.jsonl; do sed "s|\"../images/|\"$model/images/|" "$f"; done | sed -n '1~24p' >some.jsonl
sed -i '5s/.*/not JSON/; 7s/this country/no such words/' some.jsonl # two that cannot be used
rows() { "$loci" study export "$1" -o "$1.csv" >/dev/null && sort "$1.csv"; }
dropped() { "$loci" study status "$1" --json | tr -d ' \n' | grep -o '"dropped":[0-9]*' | head -1; }
run() { # STORE MPIRUN-OPTIONS -- OPTIONS
  local store=$1
  shift
  local mpi=()
  while [ "$1" != -- ]; do mpi+=("$1"); shift; done
  shift
  timeout 300 mpirun "${mpi[@]}" "$loci" study run some.jsonl -m "$model" --store "$store" --layers 5-6 --no-progress "$@" \
    >out 2>err
}

"$loci" study run some.jsonl -m "$model" --store one.db --layers 5-6 --threads 1 >/dev/null || miss "one process: exit code $?"
rows one.db >one.rows
[ "$(wc -l <one.rows)" -gt 500 ] || miss "too few rows to compare"
for n in 2 3; do
  run "$n.db" -n $n -- || miss "$n processes: exit code $?: $(tail -3 err)"
  rows "$n.db" | cmp -s - one.rows || miss "$n processes: other rows"
  [ "$(dropped "$n.db")" = "$(dropped one.db)" ] || miss "$n processes: other dropped examples"
  grep -q '30 examples measured now' out || miss "$n processes: $(head -1 out)"
done
# Again: nothing is left.  A limit, a shard, other kinds: as one process.
run 2.db -n 2 -- || miss "again: exit code $?"
grep -q '^0 examples measured now' out || miss "again: $(head -1 out)"
"$loci" study run some.jsonl -m "$model" --store l1.db --layers 5-6 --limit 9 --what ask,trace --shard 1/2 >/dev/null
run l2.db -n 2 -- --limit 9 --what ask,trace --shard 1/2 || miss "with a limit: exit code $?"
cmp -s <(rows l2.db) <(rows l1.db) || miss "with a limit: other rows"
run s.db -n 2 -- --stop-when 'width<5' || miss "--stop-when: exit code $?"

# A helper is killed while it measures: its lines go back, the others go on.
process() { # STORE RANK: its number
  local p
  for p in $(pgrep -f "study run some.jsonl -m $model --store $1"); do
    tr '\0' '\n' 2>/dev/null <"/proc/$p/environ" | grep -q "^OMPI_COMM_WORLD_RANK=$2\$" && echo "$p"
  done
}
used() { "$loci" study status "$1" --json 2>/dev/null | tr -d ' \n' | grep -o '"used":[0-9]*' | head -1 | tr -dc 0-9; }
killed=0
kill_after() { # EXAMPLES STORE: once the store has so many; false where the run was over before
  timeout 300 mpirun --enable-recovery -n 3 "$loci" study run some.jsonl -m "$model" --store "$2" --layers 5-6 --no-progress \
    >out 2>err &
  local job=$! helper=
  while kill -0 $job 2>/dev/null; do
    [ "$(used "$2")0" -ge "${1}0" ] || { sleep 0.02; continue; } # the looking should not take the runs' time
    helper=$(process "$2" 2)
    break
  done
  [ -n "$helper" ] && kill -9 "$helper" 2>/dev/null && killed=$((killed + 1))
  wait $job
}
for n in 1 9 18 1 1 1 1 1 1; do # more often only where no helper was there to be killed
  [ $killed -gt 0 ] && [ -e k18.db ] && break
  rm -f k$n.db*
  kill_after $n k$n.db || miss "a helper killed after $n examples: exit code $?: $(tail -3 err)"
  cmp -s <(rows k$n.db) one.rows || miss "a helper killed after $n examples: other rows"
done
[ $killed -gt 0 ] || miss "every run was over before a helper could be killed"

# What fails at the first process ends all; without a word from mpirun the program is alone.
run none/x.db -n 2 -- && miss "a store that cannot be made: accepted"
grep -q 'loci: none/x.db' err || miss "a store that cannot be made: $(head -2 err)"
grep -q 'came together' err && miss "a store that cannot be made: the helper was waited for"
timeout 300 mpirun -n 2 "$loci" study run nowhere.jsonl -m "$model" --store n.db >out 2>err && miss "no such file: accepted"
[ $failures = 0 ] || { echo "$failures failed"; exit 1; }

# A study killed again and again, at random moments: afterwards the store is whole, every example is there once, and
# the numbers are those of a run nobody disturbed.  Readers look on meanwhile.
#   KILLS=100 EXAMPLES=500 tests/cli/test_store_kill.sh LOCI SOURCE_DIR      the long version
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
kills=${KILLS:-5} examples=${EXAMPLES:-14}
mkdir data
cp -r "$model/images" images
head -"$examples" "$model/data/trace.jsonl" >data/q.jsonl
echo 'not JSON' >>data/q.jsonl
command=(study run data/q.jsonl -m "$model" --what ask,trace --layers 4-7 --no-progress)
RANDOM=${SEED:-1}

used() { "$loci" study status "$1" --json 2>/dev/null | tr -d ' \n' | grep -o '"used":[0-9]*' | head -1 | tr -dc 0-9; }
killed=0
for ((i = 0; i < 20 * kills && killed < kills; i++)); do
  "$loci" "${command[@]}" --store killed.db >/dev/null 2>&1 &
  pid=$!
  most=$((RANDOM % examples)) # examples in the store when it is killed, and a little after
  until [ "$(used killed.db)0" -ge "${most}0" ]; do kill -0 $pid 2>/dev/null || break; done
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
  if [ $? = 137 ]; then killed=$((killed + 1)); else rm -f killed.db*; fi # it was done: begin again
  [ -s killed.db ] || continue
  try study status killed.db --json
  wants 0
done
[ "$killed" = "$kills" ] || miss "killed only $killed times"
try "${command[@]}" --store killed.db
wants 0
try "${command[@]}" --store whole.db
wants 0
for s in killed whole; do
  try study export $s.db -o $s.csv
  try study status $s.db --json
  sed 's/"seconds":[0-9.e-]*//; s/"created":"[^"]*"//; s/"[a-z]*\.db"//' <<<"$out" >$s.json
done
cmp killed.csv whole.csv || miss "other numbers than without kills"
cmp killed.json whole.json || miss "other counts than without kills"
[ "$(grep -c ',total effect,' whole.csv)" = "$examples" ] || miss "not every example once"
echo "killed $killed times over $examples examples"
finish

# Ctrl-C: exit code 130, a sentence, no half-written file; SIGTERM likewise with 143.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
stops() { # stops SIGNAL CODE SECONDS ARGS...
  local name=$1 expected=$2 seconds=$3
  shift 3
  last="$* ($name)"
  "$loci" "$@" >"$work/out" 2>"$work/err" <"$work/pipe" &
  local pid=$!
  sleep "$seconds"
  kill "-$name" "$pid" || miss "ended before the signal"
  wait "$pid"
  code=$? err=$(cat "$work/err") out=$(cat "$work/out")
  wants "$expected"
  says 'loci: '
}
mkfifo "$work/pipe"
exec 3<>"$work/pipe" # open for ever: a reader waits
stops INT 130 0.5 tokens -m "$model" --lines -
quiet
stops TERM 143 0.5 tokens -m "$model" --lines -
stops INT 130 1 bench --rows 64 --width 128 --inner 256 --heads 4 --repeats 1000000 -o "$work/bench.json"
quiet
[ -z "$(find "$work" -name 'bench*')" ] || miss "a file is left"
finish

# Ctrl-C: exit code 130, a sentence, no half-written file; SIGTERM likewise with 143.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
catches() { # catches PID SIGNAL-NUMBER: the process is loci, no shell that is about to be, and has its handler
  local mask
  [ "/proc/$1/exe" -ef "$loci" ] || return 1
  mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
  [ -n "$mask" ] && [ $((0x${mask: -8} >> ($2 - 1) & 1)) = 1 ]
}
waits() { # waits PID: it sleeps, as a reader of nothing does, and does nothing else
  local i
  for i in 1 2 3 4 5; do grep -q '^State:[[:space:]]*S' "/proc/$1/status" 2>/dev/null || return 1; done
}
stops() { # stops SIGNAL CODE ARGS...
  local name=$1 expected=$2
  shift 2
  last="$* ($name)"
  "$loci" "$@" >"$work/out" 2>"$work/err" <"$work/pipe" &
  local pid=$!
  until catches $pid $((expected - 128)) && { [ "$1" = bench ] || waits $pid; }; do kill -0 $pid 2>/dev/null || break; done
  kill "-$name" "$pid" || miss "ended before the signal"
  # A signal between the check and a read that waits is seen by the next one alone: a person presses again, but a second
  # one to a program that is ending already would end it without its sentence.
  for i in $(seq 300); do
    [ -e "/proc/$pid/status" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" || break
    sleep 0.1
    [ "$1" != bench ] && [ $((i % 30)) = 0 ] && kill "-$name" "$pid" 2>/dev/null
  done
  wait "$pid"
  code=$? err=$(cat "$work/err") out=$(cat "$work/out")
  wants "$expected"
  says 'loci: '
}
mkfifo "$work/pipe"
exec 3<>"$work/pipe" # open for ever: a reader waits
stops INT 130 tokens -m "$model" --lines -
quiet
stops TERM 143 tokens -m "$model" --lines -
stops HUP 129 tokens -m "$model" --lines -
for reader in 'data lint' 'data show' 'score' 'study trace' "study run --store $work/s.db"; do
  read -ra words <<<"$reader"
  [ "${words[0]}" = data ] || words+=(-m "$model")
  stops TERM 143 "${words[@]}" -
  says 'cancelled while waiting for -'
done
# Before a pipe has a writer, opening it waits.
mkfifo "$work/silent"
edit=(edit solve -m "$model" -i "$image" -q "$question" -c 'this country' --target Lima -o "$work/x.edit")
stops TERM 143 "${edit[@]}" --prefixes "$work/silent"
says "cancelled while waiting for $work/silent"
stops INT 130 tokens -m "$model" --lines "$work/silent"
stops INT 130 data lint "$work/silent"
stops HUP 129 data import csv "$work/silent" -o "$work/x.jsonl"
says "cancelled while waiting for $work/silent"
stops INT 130 bench --rows 64 --width 128 --inner 256 --heads 4 --repeats 1000000 -o "$work/bench.json"
quiet
[ -z "$(find "$work" -name 'bench*')" ] || miss "a file is left"
finish

#!/bin/bash
# ThreadSanitizer over commands and over a program that shares one model among threads, with clang's libomp and archer,
# which tells it what OpenMP's barriers order.  oneDNN and libomp are not instrumented, so what they hand from thread to
# thread by themselves is reported, too: a report counts if loci's own code stands at the top of either of its sides.
# First a program that does what the header forbids: if that is not reported, nothing else is believed.
set -uo pipefail
cd "$(dirname "$0")/.."
tools/build.sh tsan loci threads_test tsan_control || exit 1
build=$PWD/build/tsan tiny=$PWD/tests/golden/models/text-llama flags=$PWD/models/flags
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archer=$(find /usr/lib/llvm-*/lib -name libarcher.so 2>/dev/null | head -n 1)
[ -n "$archer" ] || { echo "tsan: there is no libarcher.so (libomp-dev)"; exit 1; }
export OMP_TOOL_LIBRARIES=$archer TSAN_OPTIONS="log_path=$work/log exitcode=0" OMP_NUM_THREADS=2

# The first frame of each side that is neither the sanitizer's nor the C library's stand-in; a report a line.
sides() {
  cat "$work"/log.* 2>/dev/null | awk '
    /WARNING: ThreadSanitizer/ { if (line != "") print line; line = "report:"; looking = 0 }
    /^  (Atomic |Previous )?(atomic )?([Rr]ead|[Ww]rite) of size/ { looking = 1; next }
    /^  (Location|Thread|Mutex|As if)/ { looking = 0 }
    looking && /^    #[0-9]+ / {
      if ($0 ~ /<null> \((threads_test|tsan_control|loci)\+/) next
      sub(/^ *#[0-9]+ /, ""); sub(/ \(BuildId.*/, ""); line = line " | " $0; looking = 0 }
    END { if (line != "") print line }'
}
ours() { sides | grep -E '/(src|tests|programs)/[a-z_/]*\.[ch]:' | sed "s#$PWD/build/tsan/../../##g"; }
bad=0
try() { # try WHAT COMMAND...
  local what=$1 found
  shift
  rm -f "$work"/log.*
  (cd "$work" && "$@" >out 2>&1) || { echo "tsan: $what failed: $(tail -n 1 "$work/out")"; bad=1; return; }
  found=$(ours)
  echo "tsan: $what: $(sides | grep -c .) reports, $(printf %s "$found" | grep -c .) of loci"
  [ -z "$found" ] || { printf '%s\n' "$found" | sort | uniq -c | head -n 5; bad=1; }
}

(cd "$work" && "$build/tsan_control" "$tiny" >out 2>&1) || { tail -n 1 "$work/out"; exit 1; }
[ -n "$(ours)" ] || { echo "tsan: the control is not reported"; exit 1; }
echo "tsan: the control is reported"

loci=$build/loci
ask=(-m "$tiny" -t raw -q 'Where is this city?' -c 'this city' --threads 2 --no-progress)
printf '{"question":"Where is this city?","constraints":[{"text":"this city"}],"answers":["a"]}\n' >"$work/q.jsonl"
try 'one model, many threads' "$build/threads_test"
try trace "$loci" trace "${ask[@]}" --corrupt noise:1 --seeds 2 -o t.json
try 'trace, little memory' "$loci" trace -m "$flags" -q 'Which city is it?' -c city --layers 1-2 --threads 2 --memory 76M --no-progress
try 'study run' "$loci" study run q.jsonl -m "$tiny" -t raw --what trace,flow,knockout,lens,ask --max-new 2 --store s.db \
  --threads 2 --no-progress
try score "$loci" score q.jsonl -m "$tiny" -t raw --threads 2 --no-progress
try 'edit solve' sh -c '"$@" || [ -e an.edit ]' sh "$loci" edit solve "${ask[@]}" --target b --steps 2 --layer 1 -o an.edit # that it is not reached is no matter
try 'edit apply' "$loci" edit apply an.edit -m "$tiny" --threads 2 --no-progress -o edited
exit $bad

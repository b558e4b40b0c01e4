#!/bin/bash
# The scripts of reproduce/ on a few examples: each makes its files, and refuses what is not there in a sentence.
#   tests/reproduce.sh LOCI SOURCE_DIR
set -u
export LOCI=$1
source_dir=$2 failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
miss() { echo "MISS: $*"; failures=$((failures + 1)); }
makes() { # SCRIPT LIMIT FILES...
  local script=$1 limit=$2
  shift 2
  "$source_dir/reproduce/$script.sh" "$source_dir/models/flags" "$source_dir/models/flags/data" "$work/out" "$limit" \
    >"$work/log" 2>&1 || miss "$script.sh: exit code $?: $(tail -2 "$work/log")"
  for f; do [ -s "$work/out/$f" ] || miss "$script.sh did not make $f"; done
}
refuses() { # SENTENCE SCRIPT ARGS...
  local sentence=$1 script=$2
  shift 2
  "$source_dir/reproduce/$script.sh" "$@" >"$work/log" 2>&1 && miss "$script.sh $*: accepted"
  grep -qF -e "$sentence" "$work/log" || miss "$script.sh $*: does not say: $sentence"
}
makes single 2 single-trace.png single-trace.json single-trace.txt
makes multi 2 multi-multi.png multi-multi-1.json multi-multi-2.json
makes noise 1 noise-trace.json
makes windows 1 windows-seen.json windows-text.json
makes tokens 2 tokens-score.png
EDITS=1 makes benchmark 3 benchmark.edit benchmark-score-after.json benchmark-choice-before.json
refuses 'usage: ' single
refuses 'nowhere: no such model directory' single nowhere "$source_dir/models/flags/data" "$work/out"
refuses "$work has none of these files: known.jsonl trace.jsonl" noise "$source_dir/models/flags" "$work" "$work/out"
refuses 'no language model at ' windows "$source_dir/models/flags/text-only" "$source_dir/models/flags/data" "$work/out"
[ $failures = 0 ] || { echo "$failures failed"; exit 1; }

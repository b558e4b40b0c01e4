#!/bin/bash
# loci trace on a terminal: the strongest cells are named while others are run, Ctrl-C keeps what is done and says so,
# and a trace that nobody stops is that of a pipe.  loci ask at a cell.
. "$(dirname "$0")/lib.sh"

on_terminal() { python3 "$(dirname "$0")/on_terminal.py" "$@" >"$work/shown"; code=$?; out=$(tr -d '\r' <"$work/shown"); }
trace=("$loci" trace -m "$model" -i "$image" -q "$question" -c 'this country' --corrupt noise:3)

stopped_and_ended() {
  last='trace, stopped on a terminal'
  on_terminal '[a-z_]+ [0-9]+ "[^"]*" [+-][0-9.]+  cells' "${trace[@]}" --seeds 300 -o "$work/part.json" -o "$work/part.npz" -o "$work/part.png"
  [ "$code" = 130 ] || miss "exit code $code: $out"
  [[ $out == *'stopped: '*' of '*' cells were run'* ]] || miss "it does not say that it was stopped"
  [[ $out == *mlp_out* ]] || miss "nothing is drawn"
  python3 - "$work/part.json" <<'P' || miss "the JSON does not say what was done"
import json, sys
t = json.load(open(sys.argv[1]))
note = next(n for n in t["notes"] if n.startswith("stopped"))
done, planned = (int(w) for w in note.split() if w.isdigit())
run = sum(e and not s for g in t["grids"] for e, s in zip(sum(g["exact"], []), sum(g["skipped"], [])))
sys.exit(not (0 < done < planned and run == done and t["missing"] == planned - done))
P
  [ -s "$work/part.npz" ] && [ -s "$work/part.png" ] || miss "a file is missing"

  last='trace, to its end on a terminal and in a pipe'
  on_terminal '' "${trace[@]}" --seeds 2 -o "$work/seen.csv"
  [ "$code" = 0 ] || miss "exit code $code: $out"
  "${trace[@]}" --seeds 2 -o "$work/piped.csv" >/dev/null 2>&1
  cmp -s "$work/seen.csv" "$work/piped.csv" || miss "the numbers differ"
}
if python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
  stopped_and_ended
else
  echo 'no terminal is to be had here: a trace on one is not tried'
fi

cell=(ask -m "$model" -i "$image" -q "$question" -c 'this country' --corrupt mean)
try "${cell[@]}" --json
wants 0
corrupted=$(sed -n 's/^ "answer":"\(.*\)",/\1/p' <<<"$out")
try "${cell[@]}" --site resid_post --layers 0 --positions constraint --json
wants 0
[[ $out == *'"answer":"Kyiv"'* && $corrupted != Kyiv ]] || miss "restoring the constraint does not bring Kyiv back: $out"
[[ $out == *'--site resid_post'* ]] || miss "the command does not say where"
usage 'needs -c TEXT' ask -m "$model" -q "$question" --corrupt mean
failed 'one cell is restored' "${cell[@]}" --site resid_post --layers 0-1 --positions last
usage 'a cell to restore needs a site' "${cell[@]}" --layers 0
finish

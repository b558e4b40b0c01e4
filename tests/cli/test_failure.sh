# Failures: exit code 1, one sentence on standard error, an object on standard output with --json; never a silent
# success when the output cannot be written.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"

failed 'no model "nosuch": no directory of this name, not in LOCI_MODELS (not set), not in the Hugging Face cache' \
  info -m nosuch
says 'nothing is downloaded'
failed './nosuch: No such file or directory' info -m ./nosuch
failed 'not a directory' info -m "$image"
mkdir "$work/empty"
failed 'config.json' info -m "$work/empty"
failed 'nosuch.png' image -m "$model" -i "$work/nosuch.png" -o "$work/x.png"
failed 'there is no directory' ask -m nosuch -q x -o "$work/nowhere/x.json"
failed 'is a directory' ask -m nosuch -q x -o "$(mkdir "$work/d.json" && echo "$work/d.json")"
failed 'nosuch.jsonl' tokens -m "$model" --lines "$work/nosuch.jsonl"
try info -m nosuch --json
wants 1
prints '"error"'
prints '"message"'
says 'no model'
try info --json
wants 2
prints '"error"'

# A name that would steer the terminal is shown as an escape.
failed '\x1b[31m' info -m $'./\e[31mred'
[[ $err != *$'\e'* ]] || miss "an escape sequence came through"

# Standard output that takes nothing.
unwritable() {
  last=$*
  wants 1
  says 'standard output:'
}
if [ -w /dev/full ]; then
  "$loci" help trace >/dev/full 2>"$work/err"
  code=$? err=$(cat "$work/err")
  unwritable 'help trace >/dev/full'
  "$loci" tokens -m "$model" --text x --json >/dev/full 2>"$work/err"
  code=$? err=$(cat "$work/err")
  unwritable 'tokens --json >/dev/full'
fi
"$loci" help trace >&- 2>"$work/err"
code=$? err=$(cat "$work/err")
unwritable 'help trace >&-'
mkfifo "$work/pipe"
exec 3<>"$work/pipe" 4>"$work/pipe" 3<&-
"$loci" help trace >&4 2>"$work/err"
code=$? err=$(cat "$work/err")
unwritable 'help trace | (closed)'
exec 4>&-
finish

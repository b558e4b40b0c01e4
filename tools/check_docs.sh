#!/bin/bash
# The documentation against the program: every site of loci_sites.def is in docs/MATH.md with its axes and meaning,
# every `loci COMMAND` that is mentioned exists, every file that is linked is there, every console block prints what the
# page says, every example of the help that needs nothing but shipped files runs, and every picture in docs/img has its
# command.  Silent success.
#   tools/check_docs.sh [LOCI]     default build/release/loci
set -uo pipefail
cd "$(dirname "$0")/.."
loci=${1:-build/release/loci}
pages=(README.md docs/*.md models/flags/README.md models/eyes/README.md examples/README.md)
of_others='from_pretrained_no_processing|internvl_chat|qwen3_vl_moe' # of other projects; loci does not look for them
bad=0
complain() { echo "$*"; bad=1; }

while IFS='|' read -r name axes meaning; do
  grep -qF "| \`$name\` | $axes | $meaning |" docs/MATH.md || complain "docs/MATH.md: no line for site $name ($axes): $meaning"
done < <(sed -n 's/^SITE([A-Z_]*, "\([^"]*\)", "\([^"]*\)", "\([^"]*\)", [0-9]*)$/\1|\2|\3/p' include/loci_sites.def)

while IFS='|' read -r name error meaning; do
  grep -qE "^\| \`$name\` \| $error *\|.*\| $meaning \|$" docs/DATA.md || complain "docs/DATA.md: no line for $name ($error): $meaning"
done < <(tr '\n' ' ' <src/data/lint_rules.def | sed 's/LINT_RULE(/\n&/g' |
  sed -nE 's/^LINT_RULE\([A-Z_]*, "([a-z-]+)", (true|false), (true|false), *"([^"]*)"\).*/\1|\2|\4/p' | sed 's/|true|/|yes|/; s/|false|/||/')

while IFS='|' read -r name weight meaning; do
  grep -qF "| \`$name\` | $weight | $meaning |" docs/DATA.md || complain "docs/DATA.md: no line for $name ($weight): $meaning"
done < <(tr '\n' ' ' <src/data/features.def | sed 's/FEATURE(/\n&/g; s/  */ /g' |
  sed -nE 's/^FEATURE\([A-Z_]*, "([a-z-]+)", (-?[0-9.]+), "([^"]*)"\).*/\1|\2|\3/p')

# A name of the code that a page mentions is one; only the program, its tests and its scripts have such names.
names=$(mktemp)
grep -rhoIE '[A-Za-z0-9]+(_[A-Za-z0-9]+)+' src include programs python page bench tools tests cmake models/*/recipe >"$names"
ls tests bench examples fuzz | sed 's/\..*//' >>"$names"
for page in "${pages[@]}"; do
  while read -r name; do
    complain "$page: nothing is called $name"
  done < <(grep -oE '`[a-z0-9]+(_[a-z0-9]+)+(\(\))?`' "$page" | tr -d '`()' | sort -u | grep -vxF -f "$names" | grep -vxE "$of_others")
done
rm -f "$names"

commands=" $("$loci" help | sed -n '/^commands/,/^$/s/^  \([a-z]*\) .*/\1/p' | tr '\n' ' ')"
while read -r command; do
  [[ $commands == *" $command "* ]] || complain "mentioned, but no such command: loci $command"
done < <(grep -hoE '([`/]|\$ )loci [a-z]+|^loci [a-z]+ -' "${pages[@]}" | sed 's/.*loci //; s/ -$//' | sort -u)

for page in "${pages[@]}"; do
  while read -r link; do
    [ -e "$(dirname "$page")/$link" ] || complain "$page: no file $link"
  done < <(grep -oE '\]\([^)#:]+\)' "$page" | sed 's/^](//; s/)$//')
done
# Commands with what they print, and the help's examples (of two questions where they read a file of them).
program=$(realpath "$loci") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$PWD/models" "$work/models"
while IFS= read -r line; do complain "$line"; done < <(awk -v loci="$program" -v dir="$work" -f tools/docs_blocks.awk "${pages[@]}")

ships() { # LINE: all its inputs are there
  local word before=
  for word in $1; do
    [[ $before != -o && $before != --out && $word =~ \.(jsonl|edit|db|csv|safetensors)$ && ! -e $word ]] && return 1
    before=$word
  done
}
while IFS= read -r example; do
  ships "$example" || continue
  [[ $example == "loci bench"* || $example == "loci serve"* ]] && continue # measures for long; waits for a browser
  [[ $example == *.jsonl* ]] && example+=" --limit 2"
  (cd "$work" && eval "OMP_WAIT_POLICY=passive timeout 60 '$program' ${example#loci }") >"$work/log" 2>&1 ||
    complain "the help's example fails: $example: $(tail -1 "$work/log")"
done < <("$loci" help --table | sed -n 's/^command \([a-z-]*\).*/\1/p' | tr - ' ' | while read -r command; do
  # shellcheck disable=SC2086 # one word or two
  "$loci" help $command
done | sed -n 's/^  \(loci .* -m models\/flags\( .*\|$\)\)/\1/p' | sort -u)

made=$(tools/pictures.sh --list)
for picture in docs/img/*; do
  name=$(basename "$picture" .png)
  [ "$name" = page ] || grep -qx "$name" <<<"$made" || complain "$picture: no block of a page makes it" # page: a browser's window
done
# The one that takes a second has the layout that the program draws today: it is as large.
size_of() { od -An -j16 -N8 -tx1 "$1"; }
LOCI=$program OUT=$work tools/pictures.sh trace >/dev/null || complain "tools/pictures.sh trace failed"
[ "$(size_of "$work/trace.png")" = "$(size_of docs/img/trace.png)" ] || complain "docs/img/trace.png has another layout; tools/pictures.sh"
exit $bad

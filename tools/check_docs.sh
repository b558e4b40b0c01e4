#!/bin/bash
# The documentation against the program: every site of loci_sites.def is in docs/MATH.md with its axes and meaning,
# every `loci COMMAND` that is mentioned exists, and every file that is linked is there.  Silent success.
#   tools/check_docs.sh [LOCI]     default build/release/loci
set -uo pipefail
cd "$(dirname "$0")/.."
loci=${1:-build/release/loci}
pages=(README.md docs/*.md models/flags/README.md examples/README.md)
bad=0
complain() { echo "$*"; bad=1; }

while IFS='|' read -r name axes meaning; do
  grep -qF "| \`$name\` | $axes | $meaning |" docs/MATH.md || complain "docs/MATH.md: no line for site $name ($axes): $meaning"
done < <(sed -n 's/^SITE([A-Z_]*, "\([^"]*\)", "\([^"]*\)", "\([^"]*\)", [0-9]*)$/\1|\2|\3/p' include/loci_sites.def)

while IFS='|' read -r name error meaning; do
  grep -qE "^\| \`$name\` \| $error *\|.*\| $meaning \|$" docs/DATA.md || complain "docs/DATA.md: no line for $name ($error): $meaning"
done < <(tr '\n' ' ' <src/data/quirks.def | sed 's/QUIRK(/\n&/g' |
  sed -nE 's/^QUIRK\([A-Z_]*, "([a-z-]+)", (true|false), (true|false), *"([^"]*)"\).*/\1|\2|\4/p' | sed 's/|true|/|yes|/; s/|false|/||/')

while IFS='|' read -r name weight meaning; do
  grep -qF "| \`$name\` | $weight | $meaning |" docs/DATA.md || complain "docs/DATA.md: no line for $name ($weight): $meaning"
done < <(tr '\n' ' ' <src/data/features.def | sed 's/FEATURE(/\n&/g; s/  */ /g' |
  sed -nE 's/^FEATURE\([A-Z_]*, "([a-z-]+)", (-?[0-9.]+), "([^"]*)"\).*/\1|\2|\3/p')

commands=" $("$loci" help | sed -n '/^commands/,/^$/s/^  \([a-z]*\) .*/\1/p' | tr '\n' ' ')"
while read -r command; do
  [[ $commands == *" $command "* ]] || complain "mentioned, but no such command: loci $command"
done < <(grep -hoE '([`/]|\$ )loci [a-z]+|^loci [a-z]+ -' "${pages[@]}" | sed 's/.*loci //; s/ -$//' | sort -u)

for page in "${pages[@]}"; do
  while read -r link; do
    [ -e "$(dirname "$page")/$link" ] || complain "$page: no file $link"
  done < <(grep -oE '\]\([^)#:]+\)' "$page" | sed 's/^](//; s/)$//')
done
exit $bad

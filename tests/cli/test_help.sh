# Help: examples first, nothing wider than the screen, and the same options as in the manual page and the completions.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
commands=(info tokens image ask record trace knockout lens flow score bench "edit solve" "edit apply" "edit revert" "edit test" "edit curve" "edit compare" "edit covariance" "data import" "data lint" "data annotate" "data show" "study flow" "study knockout" "study trace" "study run" "study status" "study report" "study compare" "study merge" "study export" "study predict" serve help)

try
wants 0
for c in "${commands[@]}"; do prints "  $c "; done
prints 'loci trace -m'
plain=$out
try help
[ "$out" = "$plain" ] || miss "'loci help' differs from 'loci'"
try --version
wants 0
prints "loci $(sed -n 's/#define LOCI_VERSION "\(.*\)"/\1/p' "$source_dir/include/loci.h")"

for c in "${commands[@]}"; do
  try help "$c"
  wants 0
  [[ $out == examples* ]] || miss "examples do not come first"
  asked=$out
  read -ra words <<<"$c"
  try "${words[@]}" --help
  [ "$out" = "$asked" ] || miss "'loci help $c' differs from 'loci $c --help'"
  for width in 20 40 60 132; do
    COLUMNS=$width try help "$c"
    wide=$(printf '%s\n' "$out" | sed -n '/^options/,$p' | awk -v w="$width" 'length > (w < 44 ? 44 : w)' | head -1)
    [ -z "$wide" ] || miss "wider than $width columns: $wide"
  done
done
try help sites
wants 0
while read -r site; do prints "$site"; done < <(sed -n 's/^SITE([A-Z_]*, "\([a-z_]*\)".*/\1/p' "$source_dir/include/loci_sites.def")

# One table: the manual page names every option and no other; the completions offer only what the command takes.
declare -A options_of
for c in "${commands[@]}"; do
  options_of[$c]=$("$loci" help "$c" | sed -n '/^options/,$p' | grep -oE '^  +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u)
done
all=$(printf '%s\n' "${options_of[@]}" | grep . | sort -u)
page=$(grep -oE '^\.It Fl .*' "$source_dir/docs/loci.1" | grep -oE 'Fl -[a-z-]+' | sed 's/Fl -/--/' | sort -u)
[ "$all" = "$page" ] || miss "options and manual page differ: $(diff <(echo "$all") <(echo "$page"))"
for c in "${commands[@]}"; do
  grep -q "^\.It Cm $c\$" "$source_dir/docs/loci.1" || miss "the manual page does not name the command $c"
done
# The table for completions has what the help screens have.
table=$("$loci" help --table)
for c in "${commands[@]}"; do
  offered=$(awk -v c="${c/ /-}" '$1 == "option" && $2 == c {print $3}' <<<"$table" | grep -oE -- '--[a-z-]+$' | sort -u)
  [ "$offered" = "${options_of[$c]}" ] || miss "the table and the help of $c differ: $(diff <(echo "$offered") <(echo "${options_of[$c]}"))"
done
empty=$(grep -E '^option [^ ]+ [^ ]+  |\{' <<<"$table" | grep -v -- '--prefixes' | head -1)
[ -z "$empty" ] || miss "the table does not say what an option takes: $empty"
# What is offered is taken: the words of an option that has some.
while read -r _ c spelled takes _; do
  [[ $c == ask && $takes == *'|'* ]] || continue
  IFS='|' read -ra words <<<"${takes#,}"
  for word in "${words[@]}"; do
    [[ $word == *: || $word == auto ]] && continue
    try ask -m nowhere -q x -c x --site z --layers 1 "--${spelled##*--}=$word"
    [ "$code" != 2 ] || [[ $err == *'given twice'* ]] || miss "$spelled $word is offered and refused"
  done
done < <(grep '^option ask ' <<<"$table")
# Every command that an option names exists.
for word in $(sed 's|/\*.*\*/||' "$source_dir/programs/options.def" | grep -oE '(false|true), .*|HELP\([A-Z_]*, "[^"]*"|^#define [A-Z_]* .*' | grep -oE '"[a-z][a-z /-]*"' | sed 's|/[a-z-]*||g' | tr -d '"'); do
  grep -q "^command $word " <<<"$table" || miss "options.def speaks of a command $word"
done

# Lists of names, and the commands of a family.
for topic in groups roles corruptions metrics directions methods measurements templates; do
  try help "$topic"
  wants 0
  [ "$(wc -l <<<"$out")" -gt 3 ] || miss "no list of $topic"
done
try help study
wants 0
prints '  study predict'
family=$out
try study --help
wants 0
[ "$out" = "$family" ] || miss "'loci help study' differs from 'loci study --help'"
unset COLUMNS
try help edit solve # no terminal: a line is a line
[ "$(grep -c 'May be\|may be repeated' <<<"$out")" -ge 1 ] || miss "nothing may be repeated"
prints '--lambda X              ridge of the update (0.01; alphaedit 10); memit: weight of the covariance (1)'
if command -v mandoc >/dev/null; then
  lint=$(mandoc -Tlint "$source_dir/docs/loci.1")
  [ -z "$lint" ] || miss "mandoc: $lint"
fi
finish

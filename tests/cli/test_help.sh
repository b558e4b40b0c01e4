# Help: examples first, nothing wider than the screen, and the same options as in the manual page and the completions.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
commands=(info tokens image ask record trace knockout lens flow score bench "edit solve" "edit apply" "edit revert" "edit test" "edit curve" "edit compare" "edit covariance" "data import" "data lint" "data annotate" "data show" "study flow" "study knockout" "study trace" "study run" "study status" "study report" "study compare" "study merge" "study export" "study predict" help)

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
  options_of[$c]=$("$loci" help "$c" | sed -n '/^options/,$p' | grep -E '^  +(-., )?--' | grep -oE -- '--[a-z-]+')
done
all=$(printf '%s\n' "${options_of[@]}" | grep . | sort -u)
page=$(grep -oE '^\.It Fl .*' "$source_dir/docs/loci.1" | grep -oE 'Fl -[a-z-]+' | sed 's/Fl -/--/' | sort -u)
[ "$all" = "$page" ] || miss "options and manual page differ: $(diff <(echo "$all") <(echo "$page"))"
for c in "${commands[@]}"; do
  grep -q "^\.It Cm $c\$" "$source_dir/docs/loci.1" || miss "the manual page does not name the command $c"
done
if [ -f "$source_dir/completions/options.txt" ]; then
  while read -r kind takers names _; do
    [ "$kind" = option ] || continue
    [ "$takers" = '*' ] && takers=info,tokens,image,ask,record,trace,knockout,lens,flow,bench,edit-solve,edit-apply,edit-test,study-flow,study-knockout,study-trace,study-run,study-predict
    for c in ${takers//,/ }; do
      [[ $'\n'${options_of[${c/-/ }]-}$'\n' == *$'\n'"${names##*,}"$'\n'* ]] || miss "completion of $c offers ${names##*,}, which it does not take"
    done
  done <"$source_dir/completions/options.txt"
fi
if command -v mandoc >/dev/null; then
  lint=$(mandoc -Tlint "$source_dir/docs/loci.1")
  [ -z "$lint" ] || miss "mandoc: $lint"
fi
finish

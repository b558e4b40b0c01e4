#!/bin/bash
# The shape of the source tree, checked: which folder may include which, which file may see which outside library,
# and how long files and functions may be (a x_test.h holds what tests share, and may be as long as a .c file).  Prints one line for each breach; silent success.
#   tools/check_includes.sh [ROOT]
set -euo pipefail
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}"

# In the order of the data's way: a folder includes itself and those before it.
order="base tensor checkpoint device text image model walk data study edit store show call"

# header (a regular expression)   the folder it is fenced into   how many files there may include it
fences='
dnnl.*\.h                 src/tensor      1
cblas\.h                  src/tensor      1
jansson\.h                src/base        1
pcre2\.h                  src/text        1
utf8proc\.h               src/text        1
j(peglib|error|config)\.h src/image       1

webp/.*\.h                src/image       1
cairo.*\.h                src/show        99
xxhash\.h                 src/checkpoint  1
sqlite3\.h                src/store       1
microhttpd\.h             programs/serve  1
CL/.*\.h                  src/device      99
clblast_c\.h              src/device      1
mpi\.h                    programs        1
'
max_c=500 max_h=120 max_public=450 max_function=60

breaches=$(mktemp)
trap 'rm -f "$breaches"' EXIT
complain() { echo "$*" >>"$breaches"; }
files() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) 2>/dev/null | sort || true; }

# snprintf says how long the text would be: added up, that runs over the buffer (src/base/fixed.h does not).
while read -r line; do complain "$line: use fixed_add"; done < <(grep -rnE '\+= *(\(size_t\))?snprintf' src programs |
  grep -v '_test\.c:' || true)

# A target brings the prompt's places and what cross-attention reads: put together by hand, one of them is missing.
while read -r line; do complain "$line: use target_make or target_of_ids"; done < <(
  grep -rnE '\(target\)\{|\btarget [a-z_]+ = \{\.' src --include='*.c' | grep -vE '^src/walk/target\.c:|_test\.c:' || true)

# Who may include whom: all includes of the tree, one "FILE NAME" a line with its quotes or brackets, after all files.
{
  files src programs include examples tests | sed 's/$/ file/'
  files src programs include examples |
    xargs grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"][^>"]*[>"]' | sed -E 's/:.*include[[:space:]]*/ /'
} | awk -v order="$order" -v fences="$fences" '
  function complain(text) { print text }
  function folder_of(path) { return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "" }
  BEGIN {
    n = split(order, o, " ")
    for (i = 1; i <= n; i++) rank[o[i]] = i
    n = split(fences, line, "\n")
    for (i = 1; i <= n; i++)
      if (split(line[i], part, " ") == 3) { header[++fenced] = "[<\"]" part[1] "[>\"]$"; home[fenced] = part[2]; most[fenced] = part[3] }
  }
  $2 == "file" { there[$1] = 1; next }
  {
    for (i = 1; i <= fenced; i++) if ($2 ~ header[i] && !seen[i, $1]++) {
      if (index($1, home[i] "/") == 1) users[i]++
      else complain($1 ": includes " $2 ", which belongs to " home[i] " alone")
    }
    if ($2 !~ /^"/) next
    path = substr($2, 2, length($2) - 2)
    public = path == "loci.h" || path ~ /^loci_[a-z]*\.def$/
    if (public || $1 ~ /^include\//) next
    dir = $1
    sub(/\/[^\/]*$/, "", dir)
    if ($1 ~ /^src\//) {
      if ($1 ~ /_test\.[ch]$/ && path !~ /\// && there["tests/" path]) next # what tests share
      mine = rank[folder_of(substr($1, 5))]
      theirs = rank[folder_of(path)]
      if (!theirs || !there["src/" path]) complain($1 ": #include " $2 " is not \"folder/file.h\" of src")
      else if (theirs > mine) complain($1 ": " folder_of(substr($1, 5)) " comes before " folder_of(path) " and may not include " $2)
    } else if (path ~ /\// || !(there[dir "/" path] || ($1 ~ /^programs\// && there["programs/" path])))
      complain($1 ": #include " $2 ": programs see loci.h and their own headers only")
  }
  END {
    for (f in there) if (f ~ /^src\// && !rank[folder_of(substr(f, 5))])
      complain(f ": its folder is not in the order of tools/check_includes.sh")
    for (i = 1; i <= fenced; i++) if (users[i] > most[i])
      complain(header[i] ": included by " users[i] " files of " home[i] ", at most " most[i] " may")
  }' >>"$breaches"

# No two files of one name: "rows.c" would say nothing.
files src programs | sed -nE '/_test\.[ch]$/d; s/\.[ch]$//p' | sort -u | sed 's/.*\///' | sort | uniq -d |
  while read -r name; do complain "$name: two files have this name"; done

# A script that runs a test by its name runs one that there is.
grep -ohE '\b[a-z0-9_]+_test\b' tools/[!c]*.sh bench/*.sh | sort -u | while read -r name; do
  files src tests fuzz | grep -q "/$name\.[ch]$" || complain "$name: named by a script, and no such test"
done

# ctypes is fenced into one file of the Python package; modules import NumPy and the standard library when they are
# loaded, all else when it is used.
while read -r f; do complain "$f: imports ctypes, which belongs to python/loci/_native.py alone"; done < <(
  grep -lE '^[[:space:]]*(import|from) ctypes' -r python/loci --include='*.py' | grep -v '/_native\.py$' || true)
while read -r f; do complain "$f: imported when the package is"; done < <(
  grep -nE '^(import|from) (pandas|xarray|matplotlib|PIL|tqdm|torch)' -r python/loci --include='*.py' || true)

files src programs include tests fuzz examples tools | xargs wc -l | while read -r n f; do
  max=$max_c
  case $f in total) continue ;; include/*.h) max=$max_public ;; *_test.h) ;; *.h) max=$max_h ;; esac
  [ "$n" -le "$max" ] || complain "$f: $n lines, at most $max"
done

if ctags --version 2>/dev/null | grep -q Universal; then
  while IFS=$'\t' read -r name f begin end; do
    [ $((end - begin + 1)) -le $max_function ] ||
      complain "$f:$begin: $name has $((end - begin + 1)) lines, at most $max_function"
  done < <(files src programs tests fuzz examples tools | grep '\.c$' |
    ctags -L - -o - --languages=C --kinds-C=f --fields=+ne --sort=no --excmd=number 2>/dev/null |
    sed -n 's/^\([^\t]*\)\t\([^\t]*\)\t.*\tline:\([0-9]*\).*\tend:\([0-9]*\).*/\1\t\2\t\3\t\4/p')
fi

if [ -s "$breaches" ]; then
  cat "$breaches"
  echo "$(wc -l <"$breaches") breaches of the source tree's rules (CONTRIBUTING.md)"
  exit 1
fi

#!/bin/bash
# The shape of the source tree, checked: which folder may include which, which file may see which outside library,
# and how long files and functions may be (a x_test.h holds what tests share, and may be as long as a .c file).  Prints one line for each breach; silent success.
#   tools/check_includes.sh [ROOT]
set -euo pipefail
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}"

# In the order of the data's way: a folder includes itself and those before it.
order="base tensor checkpoint text image model walk data study edit store show call"

# header (a regular expression)   the folder it is fenced into   how many files there may include it
fences='
dnnl.*\.h                 src/tensor      1
cblas\.h                  src/tensor      1
jansson\.h                src/base        1
pcre2\.h                  src/text        1
utf8proc\.h               src/text        1
j(peglib|error|config)\.h src/image       1
png\.h                    src/image       1
webp/.*\.h                src/image       1
cairo.*\.h                src/show        99
xxhash\.h                 src/checkpoint  1
sqlite3\.h                src/store       1
microhttpd\.h             programs/serve  1
mpi\.h                    programs        1
'
max_c=800 max_h=120 max_public=700 max_function=80

bad=0
complain() { echo "$*"; bad=$((bad + 1)); }
rank() { local i=0 f; for f in $order; do i=$((i + 1)); [ "$f" = "$1" ] && { echo $i; return; }; done; echo 0; }
files() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \) 2>/dev/null | sort || true; }
includes() { sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*[>"]\).*/\1/p' "$1"; }

# snprintf says how long the text would be: added up, that runs over the buffer (src/base/fixed.h does not).
while read -r line; do complain "$line: use fixed_add"; done < <(grep -rnE '\+= *(\(size_t\))?snprintf' src programs |
  grep -v '_test\.c:' || true)

for f in $(files src); do
  folder=${f#src/} folder=${folder%%/*}
  mine=$(rank "$folder")
  [ "$mine" != 0 ] || complain "$f: folder $folder is not in the order of tools/check_includes.sh"
  while read -r inc; do
    [[ $inc == \"* ]] || continue
    path=${inc//\"/}
    case $path in loci.h | loci_sites.def | loci_names.def) continue ;; esac
    [[ $f == *_test.[ch] && $path != */* && -e tests/$path ]] && continue # what tests share
    theirs=$(rank "${path%%/*}")
    if [[ $path != */* ]] || [ "$theirs" = 0 ] || [ ! -e "src/$path" ]; then
      complain "$f: #include $inc is not \"folder/file.h\" of src"
    elif [ "$theirs" -gt "$mine" ]; then
      complain "$f: $folder comes before ${path%%/*} and may not include $inc"
    fi
  done < <(includes "$f")
done

# No two files of one name: "rows.c" would say nothing.
while read -r name; do
  complain "$name: the name of" $(files src programs | grep "/$name\\.[ch]$")
done < <(files src programs | grep -v '_test\.[ch]$' | sed -nE 's/\.[ch]$//p' | sort -u | sed 's/.*\///' | sort | uniq -d)

for f in $(files programs examples); do
  while read -r inc; do
    [[ $inc == \"* ]] || continue
    path=${inc//\"/}
    [ "$path" = loci.h ] || [[ $path == loci_*.def ]] || { [[ $path != */* ]] && { [ -e "$(dirname "$f")/$path" ] || [[ $f == programs/* && -e programs/$path ]]; }; } ||
      complain "$f: #include $inc: programs see loci.h and their own headers only"
  done < <(includes "$f")
done

while read -r header folder count; do
  [ -n "$header" ] || continue
  users=$(files src programs include examples | xargs -r grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$header[>\"]" || true)
  inside=0
  for f in $users; do
    case $f in
      "$folder"/*) inside=$((inside + 1)) ;;
      *) complain "$f: includes $header, which belongs to $folder alone" ;;
    esac
  done
  [ "$inside" -le "$count" ] || complain "$header: included by $inside files of $folder, at most $count may:" $users
done <<<"$fences"

# ctypes is fenced into one file of the Python package; modules import NumPy and the standard library when they are
# loaded, all else when it is used.
while read -r f; do complain "$f: imports ctypes, which belongs to python/loci/_native.py alone"; done < <(
  grep -lE '^[[:space:]]*(import|from) ctypes' -r python/loci --include='*.py' | grep -v '/_native\.py$' || true)
while read -r f; do complain "$f: imported when the package is"; done < <(
  grep -nE '^(import|from) (pandas|xarray|matplotlib|PIL|tqdm|torch)' -r python/loci --include='*.py' || true)

for f in $(files src programs include tests fuzz examples tools); do
  n=$(wc -l <"$f") max=$max_c
  case $f in include/*.h) max=$max_public ;; *_test.h) ;; *.h) max=$max_h ;; esac
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

if [ "$bad" != 0 ]; then
  echo "$bad breaches of the source tree's rules (CONTRIBUTING.md)"
  exit 1
fi

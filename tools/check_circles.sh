#!/bin/bash
# No circles among the source files, and none that asks the locale: of two files that need each other neither can be read, tested or taken out
# alone.  A file needs another whose functions or tables its object file leaves undefined; the folders' order
# (check_includes.sh) is held by headers, this by what is really called.  Prints the files of each circle; silent success.
#   tools/check_circles.sh BUILD     a folder that has been built, such as build/release
set -euo pipefail
export LC_ALL=C
build=$(cd "$1" && pwd)
objects=$(find "$build/CMakeFiles/loci_objects.dir" "$build/CMakeFiles/loci.dir" "$build"/CMakeFiles/kernels_*.dir -name '*.o')
# Of sources that are there: a build folder keeps the objects of those that went.
cd "$(dirname "$0")/.."
objects=$(for o in $objects; do s=${o##*.dir/}; [ ! -e "${s%.o}" ] || echo "$o"; done)
[ -n "$objects" ] || { echo "$1: no object files"; exit 1; }

# "NEEDS NEEDED", a line a pair.  Of a symbol that several objects have (one source for each instruction set) the last.
loops=$(echo "$objects" | xargs nm -A -P | sed -E 's/^[^ ]*\.dir\/([^ ]*)\.o: /\1 /' |
  awk '$3 ~ /^[TDRBVW]$/ { from[$2] = $1 } $3 == "U" { asked[$1 " " $2] }
    END { for (a in asked) { split(a, x, " "); if (x[2] in from && from[x[2]] != x[1]) print x[1], from[x[2]] } }' |
  tsort 2>&1 >/dev/null || true)
[ -z "$loops" ] || { echo "files that need each other:"; echo "$loops"; exit 1; }

# What the C library does by the locale is done by src/base/plain.c alone: numbers as text, letters' case.
asks=$(echo "$objects" | grep 'loci_objects\.dir' | xargs nm -A -P | sed -E 's/^[^ ]*\.dir\/([^ ]*)\.o: /\1 /' |
  awk '$1 != "src/base/plain.c" && $3 == "U" && $2 ~ /^(__)?(v?s?n?printf|vsprintf|fprintf|strto(d|f|ld)|atof|strn?casecmp|ctype_.*_loc|strcoll|strfmon)(_chk)?$/ { print $1 ": " $2 }
       $3 == "U" && $2 ~ /sprintf|scanf/ { print $1 }' | sort -u)
# sprintf and sscanf know texts and whole numbers without it.
asks=$(while read -r line; do
  case $line in
    *:*) [[ $line == *": sprintf" ]] || echo "$line" ;;
    ?*) grep -HnE '\bs(printf|scanf)\(.*%[-+ #0-9.*l]*[aefgAEFG]' "$line" || true ;;
  esac
done <<<"$asks")
[ -z "$asks" ] || { echo "base/plain.h is not included, or a locale is asked:"; echo "$asks"; exit 1; }

#!/bin/sh
# Installs into a staging folder, whose path has a blank and an apostrophe, and uses the result as a stranger would:
# through pkg-config and find_package, from C and from C++, with the shared and with the static library; and as a part of
# another project, without pictures and stores.   installed.sh BUILD_DIR SOURCE_DIR CMAKE CC
set -eu
build=$(realpath "$1") source=$(realpath "$2") cmake=$3 cc=$4
stage="$build/it's a stage"
rm -rf "$stage"
DESTDIR=$stage "$cmake" --install "$build" --prefix /opt/loci >"$build/stage.log"
root=$stage/opt/loci
for f in include/loci.h include/loci_run.h include/loci_trace.h include/loci_show.h include/loci_bench.h include/loci_study.h include/loci_edit.h \
  include/loci_data.h include/loci_store.h include/loci_names.h include/loci_sites.def include/loci_names.def lib/libloci.a lib/libloci.so \
  lib/pkgconfig/loci.pc lib/cmake/loci/lociConfig.cmake share/loci/examples.schema.json \
  share/bash-completion/completions/loci share/zsh/site-functions/_loci share/man/man1/loci.1; do
  [ -e "$root/$f" ] || { echo "$f was not installed" >&2; exit 1; }
done

mkdir "$stage/client"
cd "$stage/client"
cat >client.c <<'C'
#include <loci.h>
#include <stdio.h>
#include <string.h>
int main(void) {
  puts(loci_version());
  if (strcmp(loci_version(), LOCI_VERSION) != 0) return 1;
  return strcmp(loci_status_name(LOCI_OK), "ok") != 0;
}
C
cp client.c client.cc
runs() { LD_LIBRARY_PATH=$root/lib "$1" >/dev/null || { echo "$1 does not run" >&2; exit 1; }; }

# pkg-config escapes blanks for a shell, so its words go through one.  Paths with an apostrophe are beyond it.
plain=$(mktemp -d)
trap 'rm -rf "$plain"' EXIT
ln -s "$root" "$plain/a stage"
PKG_CONFIG_PATH="$plain/a stage/lib/pkgconfig"
export PKG_CONFIG_PATH
compile() { # WORDS-OF-PKG-CONFIG COMPILER ARGS...
  flags=$1
  shift
  eval '"$@"' "$flags"
}
flags=$(pkg-config --cflags --libs loci)
compile "$flags -o c_shared" "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror client.c
compile "$flags -o cxx_shared" "${CXX:-c++}" -std=c++11 -Wall -Wextra -Wpedantic -Werror client.cc
static=$(pkg-config --static --cflags --libs loci | sed 's/-lloci /-l:libloci.a /')
compile "$static -o c_static" "$cc" -std=c11 client.c
for p in ./c_shared ./cxx_shared ./c_static; do runs "$p"; done
[ -z "$(ldd ./c_static | grep libloci)" ] || { echo "c_static is not static" >&2; exit 1; }

version=$(./c_static)
cat >CMakeLists.txt <<C
cmake_minimum_required(VERSION 3.22)
project(client C)
find_package(loci ${version%.*} REQUIRED COMPONENTS static)
add_executable(shared client.c)
target_link_libraries(shared PRIVATE loci::loci)
add_executable(static client.c)
target_link_libraries(static PRIVATE loci::static)
C
"$cmake" -S . -B found -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$root" >found.log
"$cmake" --build found >>found.log 2>&1 || { cat found.log >&2; exit 1; }
runs found/shared
runs found/static
sed -i 's/find_package(loci [0-9.]*/find_package(loci 99/' CMakeLists.txt
"$cmake" -S . -B other -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$root" >other.log 2>&1 &&
  { echo "version 99 was found" >&2; exit 1; }

# A part of another project: no tests of ours.
cat >CMakeLists.txt <<C
cmake_minimum_required(VERSION 3.22)
project(client C)
include(CTest)
set(LOCI_SHOW OFF)
set(LOCI_STORE OFF)
add_subdirectory("$source" loci EXCLUDE_FROM_ALL)
add_executable(part client.c)
target_link_libraries(part PRIVATE loci::static)
C
"$cmake" -S . -B part -DCMAKE_C_COMPILER="$cc" >part.log || { cat part.log >&2; exit 1; }
(cd part && ctest -N) | grep -q 'Total Tests: 0' || { echo "a part of another project has tests" >&2; exit 1; }
grep -q 'cairo\|sqlite' part/loci/loci.pc && { echo "without pictures and stores, their libraries are needed" >&2; exit 1; }
exit 0

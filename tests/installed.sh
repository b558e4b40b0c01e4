#!/bin/sh
# Installs into a staging folder and uses the result as a stranger would: through pkg-config, from C and from C++,
# with the shared and with the static library.   installed.sh BUILD_DIR CMAKE CC
set -eu
build=$1
cmake=$2
cc=$3
stage=$build/stage
rm -rf "$stage"
DESTDIR=$stage "$cmake" --install "$build" --prefix /opt/loci >"$build/stage.log"
root=$stage/opt/loci
for f in include/loci.h include/loci_show.h include/loci_bench.h include/loci_study.h include/loci_edit.h include/loci_data.h lib/libloci.a lib/libloci.so lib/pkgconfig/loci.pc \
  share/loci/examples.schema.json share/bash-completion/completions/loci share/zsh/site-functions/_loci; do
  [ -e "$root/$f" ] || { echo "$f was not installed" >&2; exit 1; }
done
[ ! -e "$(dirname "$0")/../docs/loci.1" ] || [ -e "$root/share/man/man1/loci.1" ]

cat >"$stage/client.c" <<'C'
#include <loci.h>
#include <stdio.h>
#include <string.h>
int main(void) {
  puts(loci_version());
  if (strcmp(loci_version(), LOCI_VERSION) != 0) return 1;
  return strcmp(loci_status_name(LOCI_OK), "ok") != 0;
}
C
cp "$stage/client.c" "$stage/client.cc"
export PKG_CONFIG_PATH="$root/lib/pkgconfig"
flags=$(pkg-config --cflags --libs loci)
# shellcheck disable=SC2086
{
  "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "$stage/client.c" $flags -o "$stage/c_shared"
  ${CXX:-c++} -std=c++11 -Wall -Wextra -Wpedantic -Werror "$stage/client.cc" $flags -o "$stage/cxx_shared"
  static=$(pkg-config --static --cflags --libs loci | sed 's/-lloci /-l:libloci.a /')
  "$cc" -std=c11 "$stage/client.c" $static -o "$stage/c_static"
}
for p in c_shared cxx_shared; do LD_LIBRARY_PATH=$root/lib "$stage/$p"; done
"$stage/c_static"

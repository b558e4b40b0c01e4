#!/bin/sh
# The shared library offers loci_* and nothing else.   exports.sh LIBLOCI.SO
set -eu
names=$(nm -D --defined-only "$1" | awk '{print $NF}' | sed 's/@.*//')
echo "$names" | grep -q '^loci_version$' || { echo "loci_version is not exported" >&2; exit 1; }
if echo "$names" | grep -v '^loci_'; then
  echo "the names above are exported, but only loci_* may be" >&2
  exit 1
fi
echo "$(echo "$names" | wc -l) names, all loci_*"

#!/bin/sh
# The Python package against the built library.   python.sh LOCI LIBLOCI.SO SOURCES
# LOCI_PYTHON names the interpreter; pytest and what the tests use beside NumPy is theirs to find.
set -eu
python=${LOCI_PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "skipped: no $python here"
  exit 77
fi
if ! why=$("$python" -c "import numpy, pytest" 2>&1); then
  echo "skipped: $python has not all that the tests need: $(echo "$why" | tail -n 1)"
  exit 77
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$3/python/tests"
LOCI_PROGRAM=$1 LOCI_LIBRARY=$2 PYTHONPATH=$3/python PYTHONDONTWRITEBYTECODE=1 \
  "$python" -m pytest -q -p no:cacheprovider -W ignore --basetemp "$place/t" .

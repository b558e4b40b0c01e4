#!/bin/sh
# The Python package against the built library.   python.sh LOCI LIBLOCI.SO SOURCES [WHAT PYTEST TAKES]
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
LOCI_PROGRAM=$(realpath "$1") LOCI_LIBRARY=$(realpath "$2") PYTHONPATH=$(realpath "$3")/python PYTHONDONTWRITEBYTECODE=1
export LOCI_PROGRAM LOCI_LIBRARY PYTHONPATH PYTHONDONTWRITEBYTECODE
cd "$3/python/tests"
shift 3
[ $# -gt 0 ] || set -- .
"$python" -m pytest -q -p no:cacheprovider -W ignore --basetemp "$place/t" "$@"

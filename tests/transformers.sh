#!/bin/sh
# Runs transformers_check.py with the Python that LOCI_PYTHON names, or python3.  Exit 77: skipped.
#   transformers.sh LOCI SOURCE_DIR
python=${LOCI_PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "skipped: there is no $python; LOCI_PYTHON names a Python that has torch and transformers"
  exit 77
fi
OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive exec "$python" "$(dirname "$0")/transformers_check.py" "$1" "$2"

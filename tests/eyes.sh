#!/bin/sh
# SmolLM2 with the eyes of models/eyes (tests/eyes_check.py), where LOCI_REAL_MODEL names what tools/real_model.sh made or
# is to make.  Exit 77: skipped.
#   eyes.sh LOCI SOURCE_DIR
if [ -z "${LOCI_REAL_MODEL:-}" ]; then
  echo "skipped: tools/real_model.sh DIR fetches a real model (150 MB); LOCI_REAL_MODEL is to name DIR"
  exit 77
fi
set -e
"$2/models/eyes/join.sh" "$LOCI_REAL_MODEL"
exec "${LOCI_PYTHON:-python3}" "$2/tests/eyes_check.py" "$1" "$LOCI_REAL_MODEL/eyes" "$2"

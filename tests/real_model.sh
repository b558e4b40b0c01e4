#!/bin/sh
# tools/real_model.sh as a test, where LOCI_REAL_MODEL names a directory that it made or is to make.  Exit 77: skipped.
#   real_model.sh LOCI SOURCE_DIR
if [ -z "${LOCI_REAL_MODEL:-}" ]; then
  echo "skipped: tools/real_model.sh DIR fetches a real model (150 MB) and runs this; or set LOCI_REAL_MODEL to DIR"
  exit 77
fi
exec "$2/tools/real_model.sh" "$LOCI_REAL_MODEL" "$1"

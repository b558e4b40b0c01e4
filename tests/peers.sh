#!/bin/sh
# The comparison with other programs (bench/peers.py) runs, and its numbers agree, on a small model.  Exit 77 where there is
# no torch with transformers; without transformer_lens its program is left out.
#   peers.sh LIBRARY SOURCE_DIR
python=${LOCI_PYTHON:-python3}
if ! "$python" -c 'import torch, transformers' 2>/dev/null; then
  echo "skipped: $python has no torch and transformers (LOCI_PYTHON names one that has)"
  exit 77
fi
without=
"$python" -c 'import transformer_lens' 2>/dev/null || without='--without by_transformerlens'
# shellcheck disable=SC2086 # two words, or none
exec "$python" "$2/bench/peers.py" "$2/models/flags/text-only" --library "$1" --prompt "The capital of Ukraine is" \
  --subject Ukraine --other Peru --seeds 2 --part 6 $without

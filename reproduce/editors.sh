#!/bin/bash
# Editors beside each other: MultEdit, ROME, MEMIT, MEMIT over three layers, BLUE (the first and the last of them alone), AlphaEdit,
# FT and FT-L, on wrong answers, by all measures of docs/MATH.md.  The picture and the tables of docs/FINDINGS.md, "Editors".
#   reproduce/editors.sh MODEL DATA OUT [LIMIT]       -> editors-METHOD.json, editors.png
# SET (edit-errors), KEYS (trace): the edit set and the questions whose keys are spared (KEYS_LIMIT: so many of them); LAYERS (2-4), AT (2): which layers
# are edited, AT by the methods of one layer; JOBS (1): how many methods are tested at once; methods that are there already
# are left alone.
. "$(dirname "$0")/common.sh"
set=${SET:-edit-errors} keys=${KEYS:-trace} layers=${LAYERS:-2-4} at=${AT:-2}
from=${layers%-*} to=${layers#*-} loci=$(realpath "$loci")
covariances=()
for layer in $(seq "$from" "$to"); do
  covariances[layer]=$out/editors-keys-$layer.safetensors
  [ -e "${covariances[layer]}" ] ||
    "$loci" edit covariance --data "$data/$keys.jsonl" -m "$model" --layer "$layer" ${KEYS_LIMIT:+--limit $KEYS_LIMIT} ${LOCI_OPTIONS:-} --no-progress -o "${covariances[layer]}"
done
options=() # of the covariances of all layers
for layer in $(seq "$from" "$to"); do options+=(--covariance "${covariances[layer]}"); done
test_method() { # NAME OPTIONS...
  local name=$1
  shift
  [ -e "$out/editors-$name.json" ] || run "editors-$name" edit test --data "$data/$set.jsonl" -m "$model" "$@" -o "$out/editors-$name.json"
}
while read -r name words; do
  # shellcheck disable=SC2086 # a list of words
  case $name in
    rome | memit) test_method $name --layer "$at" $words --covariance "${covariances[at]}" & ;;
    memit-layers | alphaedit) test_method $name --layer "$layers" $words "${options[@]}" & ;;
    blue) test_method $name --layer "$from,$to" $words --covariance "${covariances[from]}" --covariance "${covariances[to]}" & ;;
    *) test_method $name --layer "$at" $words & ;;
  esac
  while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-1}" ]; do wait -n; done
done <<'END'
multedit
rome --method rome
memit --method memit
memit-layers --method memit
blue --method memit
alphaedit --method alphaedit
ft --method ft
ft-l --method ft-l --eps 0.01
END
wait
cd "$out" && ln -sf editors-multedit.json multedit.json
for name in rome memit memit-layers blue alphaedit ft ft-l; do ln -sf editors-$name.json $name.json; done
"$loci" edit compare {multedit,rome,memit,memit-layers,blue,alphaedit,ft,ft-l}.json -o editors.png | tee editors.txt

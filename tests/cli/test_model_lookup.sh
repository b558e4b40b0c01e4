# Where -m looks: a directory, LOCI_MODELS, the Hugging Face cache with refs/main first and else the newest snapshot.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
finds() { # finds NAME DIRECTORY
  try tokens -m "$1" --text x
  wants 0
  [ "$(readlink -f "$2")" = "$(readlink -f "$model")" ] || echo "bad test: $2"
}
mkdir "$work/models" "$work/other"
ln -s "$model" "$work/models/little"
export LOCI_MODELS=$work/nosuch::$work/other:$work/models
finds little "$work/models/little"
failed "not in LOCI_MODELS ($LOCI_MODELS)" tokens -m big --text x
failed './little' tokens -m ./little --text x
export -n LOCI_MODELS
unset LOCI_MODELS

hub=$work/.cache/huggingface/hub
repo=$hub/models--some--flags
mkdir -p "$repo/snapshots/old" "$repo/refs"
failed 'tokenizer' tokens -m some/flags --text x # an empty snapshot is found and is no model
ln -s "$model" "$repo/snapshots/new"
touch -d '2001-01-01' "$repo/snapshots/old"
finds some/flags "$repo/snapshots/new"
printf old >"$repo/refs/main"
failed 'snapshots/old' tokens -m some/flags --text x
printf 'new\n' >"$repo/refs/main"
finds some/flags "$repo/snapshots/new"
printf '../../escape' >"$repo/refs/main"
finds some/flags "$repo/snapshots/new"

mkdir -p "$work/home" && mv "$hub" "$work/home/hub"
failed "$hub" tokens -m some/flags --text x
HF_HOME=$work/home finds some/flags "$work/home/hub/models--some--flags/snapshots/new"
HF_HUB_CACHE=$work/home/hub finds some/flags "$work/home/hub/models--some--flags/snapshots/new"
HUGGINGFACE_HUB_CACHE=$work/home/hub finds some/flags "$work/home/hub/models--some--flags/snapshots/new"
# shellcheck disable=SC2088 # the tilde is meant
HF_HOME='~/home' finds some/flags "$work/home/hub/models--some--flags/snapshots/new"
# shellcheck disable=SC2016 # and so are the variables
for home in '$PLACE/home' '${PLACE}/home' '~/$LAST'; do
  LAST=home PLACE=$work HF_HOME=$home finds some/flags "$work/home/hub/models--some--flags/snapshots/new"
done
# shellcheck disable=SC2016
HF_HOME='$NOT_SET/${' failed '($NOT_SET/${/hub)' tokens -m some/flags --text x
HF_HOME=/nowhere TRANSFORMERS_CACHE=$work/home/hub finds some/flags "$work/home/hub/models--some--flags/snapshots/new"
HF_HOME=$work/home TRANSFORMERS_CACHE=/nowhere finds some/flags "$work/home/hub/models--some--flags/snapshots/new"
# A cache that was tidied up: links are there, what they lead to is not.
mkdir -p "$work/gone"
for file in config.json model.safetensors tokenizer.json; do
  rm -rf "$work/gone"/*
  ln -s "$model"/*.json "$model"/*.safetensors "$work/gone"
  ln -sf ../../blobs/ab12 "$work/gone/$file"
  failed "$file: a link to ../../blobs/ab12, which is not there" ask -m "$work/gone" -q x
done
rm "$work/gone"/*.safetensors "$work/gone/tokenizer.json"
ln -s "$model/tokenizer.json" "$work/gone"
printf '{\n "error": "Repository not found"}' >"$work/gone/model.safetensors"
failed 'not safetensors but a text: {  "error": "Repository not found"}' ask -m "$work/gone" -q x
mkfifo "$work/pipe"
timeout 20 "$loci" info -m "$work/pipe" >out 2>&1
[ $? = 1 ] || miss "a pipe as a model is waited for"
ln -s nowhere "$work/broken"
failed 'broken: a link to nowhere, which is not there' score "$work/broken" -m "$model"
[[ $err != *'did you mean'* ]] || miss "itself is suggested: $err"
failed 'to fetch it: hf download some/other' tokens -m some/other --text x
failed 'hf download some/other, and its name here is some/other' tokens -m https://huggingface.co/some/other/tree/main --text x
failed 'nothing is downloaded' tokens -m some/other@main --text x
[[ $err != *'hf download'* ]] || miss 'a line that cannot work'
printf 'GGUF' >"$work/m.gguf"
failed 'm.gguf: cut off' info -m "$work/m.gguf"
HF_HUB_CACHE=$work/none failed "$work/none" tokens -m some/flags --text x
failed 'no model' tokens -m some/flags/more --text x

# A link whose target is gone says so, wherever it lies.
ln -s ../blobs/gone gone.gguf
failed 'gone.gguf: a link to ../blobs/gone, which is not there' info -m gone.gguf
failed './gone.gguf: a link to ../blobs/gone, which is not there' info -m ./gone.gguf
finish

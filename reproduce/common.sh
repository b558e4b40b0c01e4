# What the scripts here share.  Sourced by each, as `. common.sh` after its own comment.
#
#   SCRIPT MODEL DATA OUT [LIMIT]
#
# MODEL is a checkpoint's directory, DATA a directory of question files in loci's format, OUT is made.  LIMIT, if given,
# is the number of examples of each file to use, drawn at random.  LOCI names the program (build/release/loci), LOCI_OPTIONS further
# options of every command, such as "--precision f32 --memory 8G".  Every command is shown before it runs, and what it
# prints is kept beside its picture.
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: $0 MODEL DATA OUT [LIMIT]" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
loci=${LOCI:-$root/build/release/loci}
model=${1%/} data=${2%/} out=${3%/}
limit=${4:+--sample $4} # at random by the seed: the files are sorted
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
mkdir -p "$out"
[ -d "$model" ] || { echo "$0: $model: no such model directory" >&2; exit 1; }

# The files of DATA among the given names, without .jsonl; it is an error if there is none.
files() {
  local name found=
  for name; do
    [ -e "$data/$name.jsonl" ] && found+=" $name"
  done
  [ -n "$found" ] || { echo "$0: $data has none of these files: $(printf '%s.jsonl ' "$@")" >&2; exit 1; }
  echo $found
}

# run NAME ARGS...: one command of loci; its report goes to OUT/NAME.txt and to the terminal.
run() {
  local name=$1
  shift
  # shellcheck disable=SC2206 # both are lists of words
  local command=("$loci" "$@" $limit ${LOCI_OPTIONS:-} --color never --no-progress)
  echo "\$ ${command[*]}" | tee "$out/$name.txt"
  "${command[@]}" 2>&1 | tee -a "$out/$name.txt"
}

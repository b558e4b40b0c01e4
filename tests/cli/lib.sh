# What the tests of the command line share.  Sourced with the program as $1 and the source directory as $2.
#
#   try ARGS...            runs loci; then $code, $out and $err hold what came back
#   wants CODE             the exit code
#   says TEXT, prints TEXT standard error, standard output contain TEXT
#   quiet                  standard output is empty
# Every miss is shown with the command that caused it; finish gives the verdict.
set -u
loci=$(realpath "$1") source_dir=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C HOME="$work" TERM=dumb
export OMP_WAIT_POLICY=passive # tests run beside each other: threads that wait leave the cores to others
unset LOCI_MODELS TRANSFORMERS_CACHE HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE XDG_CACHE_HOME COLORTERM NO_COLOR COLUMNS
model=$source_dir/models/flags
image=$model/images/ukraine.png
question='What is the capital of this country?'
failures=0 last=

miss() {
  echo "MISS: loci $last"
  echo "  $*"
  sed 's/^/  | /' "$work/err" | head -5
  failures=$((failures + 1))
}
try() {
  last=$*
  "$loci" "$@" >"$work/out" 2>"$work/err" </dev/null
  code=$? out=$(<"$work/out") err=$(<"$work/err")
}
wants() { [ "$code" = "$1" ] || miss "exit code $code, expected $1"; }
says() { [[ $err == *"$1"* ]] || miss "standard error does not say: $1"; }
prints() { [[ $out == *"$1"* ]] || miss "standard output does not show: $1"; }
# The first line of standard input that takes more than $1 columns of a screen, if there is one.
too_wide() {
  local text line
  text=$(</dev/stdin)
  [ "$(LC_ALL=C.UTF-8 wc -L <<<"$text")" -gt "$1" ] || return 0
  while IFS= read -r line; do
    [ "$(LC_ALL=C.UTF-8 wc -L <<<"$line")" -le "$1" ] || { printf '%s\n' "$line"; break; }
  done <<<"$text"
}
quiet() { [ -z "$out" ] || miss "standard output is not empty: ${out:0:100}"; }
usage() { # usage SENTENCE ARGS...: wrong usage, said in this sentence
  local sentence=$1
  shift
  try "$@"
  wants 2
  says "$sentence"
  quiet
}
failed() { # failed SENTENCE ARGS...: one sentence, exit code 1
  local sentence=$1
  shift
  try "$@"
  wants 1
  says "$sentence"
  quiet
  [ "$(wc -l <"$work/err")" = 1 ] || miss "more than one line on standard error"
}
finish() {
  [ "$failures" = 0 ] && exit 0
  echo "$failures failed"
  exit 1
}

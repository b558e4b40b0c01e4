# Which example is which in a store: by its line and its picture's bytes, wherever they lie; and what --retry measures again.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1

counts() { # STORE USED DROPPED
  try study status "$1" --json
  [[ $out =~ \"used\":\ *([0-9]+) ]] && [ "${BASH_REMATCH[1]}" = "$2" ] || miss "used: $out"
  [[ $out =~ \"dropped\":\ *([0-9]+) ]] && [ "${BASH_REMATCH[1]}" = "$3" ] || miss "dropped: $out"
}
run() { # FRESH STORE FILE ARGS...
  local fresh=$1 store=$2
  shift 2
  try study run "$@" -m "$model" --store "$store" --what ask --max-new 2
  wants 0
  prints "$fresh examples measured now"
}
flags=$model/images
line='{"image": "x.png", "question": "What is the capital of this country?", "answers": ["Kyiv"]}'

# One line, three pictures: in two folders, and another one in the place of the first.
mkdir a b
cp "$flags/ukraine.png" a/x.png
cp "$flags/thailand.png" b/x.png
echo "$line" | tee a/d.jsonl >b/d.jsonl
run 1 s.db a/d.jsonl
run 1 s.db b/d.jsonl
counts s.db 2 0
run 0 s.db a/d.jsonl
run 0 s.db b/d.jsonl
mkdir c # the same line with the same picture is the same example
cp a/* c
run 0 s.db c/d.jsonl
cp "$flags/japan.png" a/x.png
run 1 s.db a/d.jsonl
counts s.db 3 0
rm a/x.png # what was measured stays so
run 0 s.db a/d.jsonl
counts s.db 3 0

# A picture that many lines have is one, and each line another example.
for i in 1 2 3; do echo "${line/this/that $i}"; done >b/three.jsonl
run 3 t.db b/three.jsonl
run 0 t.db b/three.jsonl

# Stores of before have no pictures in their keys: a line with a picture of that path is in them.
if command -v sqlite3 >/dev/null; then
  sqlite3 t.db 'UPDATE example SET key = substr(key, 1, 16)'
  run 0 t.db b/three.jsonl
  cp b/three.jsonl b/x.png c
  run 3 t.db c/three.jsonl
fi

# --retry measures the dropped lines of this file and this share again, and forgets no others.
{
  echo "$line"
  echo "${line/x.png/m1.png}"
  echo "${line/x.png/m2.png}"
} >b/mixed.jsonl
run 3 r.db b/mixed.jsonl
counts r.db 1 2
run 0 r.db b/mixed.jsonl
run 1 r.db b/mixed.jsonl --retry --shard 1/2
counts r.db 1 2
cp "$flags/japan.png" b/m1.png
run 0 r.db b/mixed.jsonl
run 2 r.db b/mixed.jsonl --retry
counts r.db 2 1
run 0 r.db b/mixed.jsonl
rm b/m1.png
run 0 r.db b/mixed.jsonl
counts r.db 2 1
finish

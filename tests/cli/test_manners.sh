# How commands behave by where their output goes: a terminal of any width, a pipe, a pipe that is closed early, a full disk.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
head -3 "$model/data/trace.jsonl" | sed "s|\"\.\./images|\"$model/images|" >q.jsonl
ask=(-m "$model" -i "$image" -q "$question")
esc=$'\x1b'

# One line a command: its exit code, then its words.
table=(
  "0 info -m $model"
  "0 tokens ${ask[*]@Q} -c 'this country'"
  "0 tokens -m $model --text 'the capital of Kenya'"
  "0 ask ${ask[*]@Q} --max-new 3"
  "0 trace ${ask[*]@Q} -c 'this country' --site mlp_out,z --layers 0-3 --positions constraint,last"
  "0 knockout ${ask[*]@Q} -c 'this country' --layers 0-3"
  "0 lens ${ask[*]@Q} -c 'this country' --layers 0-3"
  "0 flow ${ask[*]@Q} -c 'this country' --layers 0-3 --heads"
  "0 score $model/data/score.jsonl -m $model --limit 2"
  "0 data lint --no-images q.jsonl"
  "0 data show q.jsonl"
  "0 study run q.jsonl -m $model --store s.db --what ask"
  "0 study status s.db"
  "0 study report s.db"
  "0 help"
  "0 help trace"
  "0 help study"
  "0 help corruptions"
  "1 info -m nowhere"
  "2 trace --sitte x"
)
terminal() { # WIDTH WORDS: the command on a terminal of so many columns, colours allowed; its output without their escapes
  TERM=xterm-256color script -qec "stty cols $1 rows 40; '$loci' $2 $quiet" /dev/null </dev/null 2>/dev/null >seen
  code=$?
  tr -d '\r' <seen | sed "s/$esc\[[0-9;?]*[a-zA-Z]//g" >plain
}
have_terminal=$(script -qec 'stty cols 33; stty size' /dev/null </dev/null 2>/dev/null | tr -d '\r')
[[ $have_terminal == *" 33" ]] || echo "no terminal can be made here: widths are not tried"
for row in "${table[@]}"; do
  wanted=${row%% *} words=${row#* } last=$words
  # A pipe: whole lines, no escapes, the exit code.
  eval "\"\$loci\" $words" >piped 2>err </dev/null
  code=$?
  wants "$wanted"
  grep -q "$esc" piped && miss "escape sequences in a pipe"
  # Closed early: quiet, and no failure of its own.
  eval "\"\$loci\" $words" 2>err </dev/null | head -c 1 >/dev/null
  code=${PIPESTATUS[0]}
  wants "$wanted"
  [ "$wanted" != 0 ] || [ ! -s err ] || miss "a closed pipe is complained about: $(cat err)"
  # No room: said, exit code 1.
  if [ "$wanted" = 0 ] && [ -w /dev/full ]; then
    eval "\"\$loci\" $words" >/dev/full 2>err </dev/null
    code=$?
    wants 1
    grep -q 'standard output: No space left' err || miss "a full disk is not named: $(cat err)"
  fi
  # Terminals: nothing wider, but for example lines to be copied and paths, which stay whole.
  [[ $have_terminal == *" 33" ]] || continue
  for width in 20 80 200; do
    quiet=--no-progress # its line has the width of a progress, and goes where the result goes here
    [[ $words == help* ]] && quiet=
    terminal "$width" "$words"
    wants "$wanted"
    wide=$(grep -v "^  loci \|$model\|$work\|^example: \|^loci: " plain | too_wide $((width < 44 ? 44 : width)))
    [ -z "$wide" ] || miss "wider than $width columns: $wide"
  done
done

# Words are wrapped for a terminal, and never for a pipe.
long='1 question-blank'
printf '{"id":"a","question":"What is it? ","answers":["x"],"constraints":["it"]}\n' >blank.jsonl
try data lint --no-images blank.jsonl
grep -q "^ *$long .*(1 can be repaired: --fix)\$" <<<"$out" || miss "a line is wrapped in a pipe: $out"
COLUMNS=50 try data lint --no-images blank.jsonl
grep -q "(1 can be repaired: --fix)\$" <<<"$(grep "$long" <<<"$out")" && miss "COLUMNS does not wrap"

# Tokens of a byte-level vocabulary are shown as text; JSON keeps the vocabulary's spelling.
bytes=$source_dir/tests/golden/tokenizers/phi
if [ -d "$bytes" ]; then
  LC_ALL=C.UTF-8 try tokens -m "$bytes" --text 'a café'
  prints '▁c '
  [[ $out != *Ġ* ]] || miss "bytes in their spelling: $out"
  LC_ALL=C.UTF-8 try tokens -m "$bytes" --text 'a café' --json
  prints 'Ġc'
fi
finish

# Studies kept in a store: stopped and resumed, other settings apart, what is bad written down, shares of a file.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
cp -r "$model/images" images
mkdir data
head -8 "$model/data/trace.jsonl" >data/q.jsonl
{
  cat data/q.jsonl
  echo 'not JSON'
  echo '{"id":"none","question":"Who?"}'
  sed -n '9s/cuba\|[a-z-]*\.png/nowhere.png/p' "$model/data/trace.jsonl"
  sed -n 10p "$model/data/trace.jsonl" | sed 's/"answers": \[[^]]*\]/"answers": ["Atlantis"]/'
} >data/mixed.jsonl
study() { try study "$@"; }
few=(--layers 5-6) # of every measurement: enough to tell numbers apart
run() { study run "$1" -m "$model" --store "$2" "${few[@]}" "${@:3}"; }
asks() { study run "$1" -m "$model" --store "$2" --what ask "${@:3}"; }
numbers() { # the numbers of a store, without times
  study export "$1" -o "$1.csv"
  wants 0
  cat "$1.csv"
}
same() { cmp -s "$1" "$2" || miss "$1 and $2 differ: $(diff "$1" "$2" | head -3)"; }
average() { sed '/^ "request":/,/^ "command":/d; s/"seconds":[0-9.e-]*//; s/"path":"[^"]*"//g'; } # of JSON: numbers alone

# Once through, and once in three goes: the same.
run data/q.jsonl whole.db --what trace,flow,ask,lens,knockout --no-progress
wants 0
prints '8 examples measured now'
for kind in trace flow ask lens knockout; do prints "$kind: 8 examples measured, 0 dropped"; done
for n in 2 5 8; do run data/q.jsonl parts.db --what trace,flow,ask,lens,knockout --limit $n; done
wants 0
numbers whole.db >whole
numbers parts.db >parts
same whole parts
[ "$(wc -l <whole)" -gt 800 ] || miss "too few numbers"
run data/q.jsonl parts.db --what trace,flow,ask,lens,knockout
prints '0 examples measured now'
[ "$(find . -name 'parts.db*' | wc -l)" = 2 ] || miss "something is left beside the store"

# What the study commands say of a file, a store says of its run.
for kind in trace flow knockout; do
  if [ "$kind" = flow ]; then study flow data/q.jsonl -m "$model" --json; else
    study "$kind" data/q.jsonl -m "$model" "${few[@]}" --json
  fi
  average <<<"$out" >direct
  study report whole.db --json --run "$(case $kind in trace) echo 1 ;; flow) echo 2 ;; *) echo 5 ;; esac)"
  wants 0
  average <<<"$out" >stored
  same direct stored
done
study report whole.db --run 4 -o lens.png -o lens.csv
wants 0
prints 'What every layer would answer, 8 examples'
study report whole.db --run 3 -o ask.csv
grep -q '^Answers,,confidence,8,,,0\.[0-9]*,' ask.csv || miss "numbers without a chart are not in the table: $(cat ask.csv)"
prints 'confidence 0.'

# Other settings, other runs; what does not change numbers changes nothing.
run data/q.jsonl parts.db --limit 2 --window 1,3 --threads 1
prints '2 examples measured now'
prints 'run 6, trace: 2 examples measured'
run data/q.jsonl parts.db --limit 2 --window 1,3 --threads 2 --memory 1G
prints '0 examples measured now'
run data/q.jsonl parts.db --limit 2 --max-new 9
prints 'run 7, trace: 2 examples measured'
failed 'there is no run 9 in it' study report parts.db --run 9
# What is wrong with a setting is no example's fault.
failed 'window 13: expected 1 to 12 layers' study run data/q.jsonl -m "$model" --store w.db --window 13
failed 'window 25: expected 1 to 24 layers' study run data/q.jsonl -m "$model" --store w.db --what knockout --window 25
failed 'write ./file:x.db for a file of this name' study run data/q.jsonl -m "$model" --store file:x.db
failed 'nodir/w.db: there is no directory to make it in' study run data/q.jsonl -m "$model" --store nodir/w.db

# What cannot be used is written down, once, with the reason.
run data/mixed.jsonl mixed.db
wants 0
prints '12 examples measured now'
prints '9 examples measured, 3 dropped (8 answered correctly, 1 incorrectly)'
prints '1 no constraint, the first in line 10'
prints '1 no example, the first in line 9: data/mixed.jsonl: not valid JSON at line 9'
prints '1 refused, the first in line 11:'
run data/mixed.jsonl mixed.db
prints '0 examples measured now'
study status mixed.db --json
[[ $(tr -d ' \n' <<<"$out") == *'"used":9,"right":8,"wrong":1,"dropped":3,'* ]] || miss "not the counts"
study report mixed.db --json
average <<<"$out" >stored
study trace data/mixed.jsonl -m "$model" "${few[@]}" --json
average <<<"$out" >direct
same direct stored
[[ $(cat stored) == *'"answered wrongly"'* ]] || miss "a wrong answer is averaged"
for f in images/*; do # nowhere.png is found after all
  cp "$f" images/nowhere.png
  break
done
run data/mixed.jsonl mixed.db --retry
prints '3 examples measured now'
prints '10 examples measured, 2 dropped'

# Enough is enough.
asks data/q.jsonl stop.db --stop-when 'width<5'
prints '8 examples measured now' # fewer than 30 tell nothing
head -60 "$model/data/trace.jsonl" >data/sixty.jsonl
asks data/sixty.jsonl stop.db --stop-when 'width<5'
prints 'ask: 30 examples measured'

# Ctrl-C: nothing half done, and on from there.
"$loci" study run data/sixty.jsonl -m "$model" --store int.db >/dev/null 2>err &
pid=$!
until "$loci" study status int.db 2>/dev/null | grep -q ' [1-9][0-9]* examples measured'; do kill -0 $pid 2>/dev/null || break; done
kill -INT $pid
wait $pid
[ $? = 130 ] || miss "Ctrl-C does not give 130"
study status int.db
wants 0
head -4 data/q.jsonl >data/four.jsonl # the first lines of sixty.jsonl, too
study run data/four.jsonl -m "$model" --store int.db
wants 0
numbers int.db | grep '^1,trace,[1-4],' >some
study run data/four.jsonl -m "$model" --store whole2.db
numbers whole2.db | tail -n +2 >whole2
same some whole2

# Shares.
for i in 1 2 3; do run data/q.jsonl share$i.db --shard $i/3; done
prints '2 examples measured now'
study export share2.db -o share2.csv -o share2.npz
[ "$(cut -d, -f3 share2.csv | sort -u | tr '\n' ' ')" = '2 5 8 line ' ] || miss "not every third line"

# Shares put together: the same numbers as in one go, whatever their order, and however often.
run data/q.jsonl one.db
study merge share3.db share1.db share2.db share1.db -o all.db
wants 0
prints 'trace: 8 examples measured, 0 dropped'
numbers one.db >one
numbers all.db >all
same one all
study merge share2.db all.db -o share2.db
wants 1
says 'is the file this is made from'
study merge share2.db one.db -o all.db
numbers all.db >all
same one all
for s in one all; do
  study report $s.db --json
  average <<<"$out" >$s
done
same one all
run data/q.jsonl other.db --corrupt mean
failed 'other.db: its trace was measured with other settings than before: corrupt "replace" and "mean"' \
  study merge one.db other.db -o two.db
run data/q.jsonl other.db # now they have a run in common
study merge one.db other.db -o two.db
wants 0
prints 'run 2, trace: 8 examples measured'
asks data/q.jsonl asked.db
study merge asked.db one.db -o three.db
wants 0
prints 'run 1, ask'
prints 'run 2, trace'
failed 'nowhere.db: No such file' study merge one.db nowhere.db -o four.db
usage 'study merge needs -o FILE' study merge one.db

# The page: one file, nothing from elsewhere, no script; every tag that is opened is closed.
study report whole.db -o page
wants 0
prints 'wrote page/index.html'
[ "$(find page -type f | wc -l)" = 1 ] || miss "the page is not one file"
for tag in section table details svg code style; do
  [ "$(grep -o "<$tag[ >]" page/index.html | wc -l)" = "$(grep -o "</$tag>" page/index.html | wc -l)" ] || miss "<$tag> is not closed"
done
[ "$(grep -o '<section>' page/index.html | wc -l)" = 5 ] || miss "not a section for each run"
grep -qiE '<script|<link|(src|href)="(http|//|\.|/)|url\(' page/index.html && miss "the page needs something else"
grep -q 'xxh3:' page/index.html || miss "no hash of the weights"
[ "$(grep -o '<rect' page/index.html | wc -l)" -gt 200 ] || miss "no heat maps"
printf '{"id":"<b>","image":"../images/japan.png","question":"Is <script>alert(1)</script> this country?","constraints":[{"text":"this country"}]}\n' >data/evil.jsonl
run data/evil.jsonl evil.db --min-te 0
study report evil.db -o evil --min-te 0
wants 0
grep -q '<script' evil/index.html && miss "a question becomes part of the page"
grep -q '&lt;script&gt;' evil/index.html || miss "the question is not there"
failed 'data/evil.jsonl/index.html' study report evil.db -o data/evil.jsonl

# Comparisons.
study compare one.db all.db --json
wants 0
flat=$(tr -d ' \n' <<<"$out")
[[ $flat == '{"format":"loci.study.compare/1"'*'"pairs":8,'* ]] || miss "not eight pairs"
[[ $flat == *'"difference":{"value":0.0,"lo":null,"hi":null},"p":1.0,"q":1.0'* ]] || miss "a run differs from itself"
# A model that sees against its text-only twin: ids pair without the twin's ending.
head -2 "$model/data/trace-text.jsonl" >data/text.jsonl
study run data/text.jsonl -m "$model/text-only" -t llava-paper --store text-twin.db --min-te 0
study compare one.db text-twin.db --min-te 0
prints '2 pairs of examples'
# What a page says of a run measures it again.
study run data/q.jsonl -m "$model" --store again.db --limit 1 --what knockout --window all
study run data/q.jsonl -m "$model" --store again.db --limit 1 --corrupt noise:2 --seeds 3 --seed 7 --site mlp_out --layers 1-2 --window 1,2 --positions each,constraint
study report again.db -o again
words=$(grep -o 'Again: <code>loci [^<]*' again/index.html | tail -1 | sed 's/.*<code>loci //; s/NEW.db/anew.db/')
# shellcheck disable=SC2086
try $words --limit 1
wants 0
numbers anew.db >/dev/null
numbers again.db >/dev/null
diff <(tail -n +2 anew.db.csv | cut -d, -f2- | sort) <(grep '^2,' again.db.csv | cut -d, -f2- | sort) >/dev/null || miss "again: other numbers"
grep -q -- '--what knockout .*--window all' again/index.html || miss "a cut of all layers is not said"
study compare two.db --run 1,2 -o compared.csv
wants 0
prints 'b: Causal traces, mean'
prints '8 pairs of examples'
[ "$(wc -l <compared.csv)" -gt 30 ] || miss "too few rows"
study compare mixed.db --by right
wants 0
[[ $(tr -s ' \n' '  ' <<<"$out") =~ right\ answers:\ [1-9].*wrong\ answers:\ [1-9] ]] || miss "not right and wrong apart"
prints 'differences are of independent groups'
failed 'a run of ask and one of trace are not compared' study compare three.db --run 1,2
usage 'study compare needs a second store' study compare one.db
usage '--by wants right' study compare one.db --by wrong

# A store that is written to, and what is no store.
(exec 9>stop.db-writer && flock -x 9 && exec sleep 20) &
holder=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e stop.db-writer ] && break || sleep 0.1; done
sleep 0.2
failed 'stop.db: another loci is writing to this store' study run data/q.jsonl -m "$model" --store stop.db
study status stop.db
wants 0
kill $holder
echo 'no database, but long enough to be looked at: a store begins with the words SQLite format 3' >text.db
failed 'text.db: file is not a database' study status text.db
failed 'text.db: file is not a database' study run data/q.jsonl -m "$model" --store text.db
failed 'nowhere.db: No such file' study status nowhere.db
usage 'unknown measurement "tarce"; did you mean trace?' study run data/q.jsonl -m "$model" --store new.db --what tarce
failed '"ask" is there twice' study run data/q.jsonl -m "$model" --store new.db --what ask,ask
failed 'there is no run in it' study report new.db
study status new.db
prints 'nothing was measured yet'
failed 'data/blank.jsonl: No such file' study run data/blank.jsonl -m "$model" --store new.db
usage 'study run needs --store S.db' study run data/q.jsonl -m "$model"
usage 'study status needs a store' study status
usage 'study export needs -o FILE' study export whole.db
usage '--shard wants a share such as 1/4, not "5/4"' study run data/q.jsonl -m "$model" --store new.db --shard 5/4
usage '--stop-when wants a width' study run data/q.jsonl -m "$model" --store new.db --stop-when 0.02
usage '--window is for trace or for knockout' \
  study run data/q.jsonl -m "$model" --store new.db --what trace,knockout --window 3

# An array of examples is a file like any other; a bad line is known by what it says, not by where it stands.
{ echo '['; sed '$!s/$/,/' data/q.jsonl; echo ']'; } >data/q.json
run data/q.json array.db --limit 3
prints '3 examples measured'
run data/q.json array.db
prints '5 examples measured now'
head -2 data/mixed.jsonl >data/bad.jsonl
echo 'not JSON' >>data/bad.jsonl
run data/bad.jsonl bad.db
prints '2 examples measured, 1 dropped'
{ sed -n 5p data/q.jsonl; cat data/bad.jsonl; echo 'nor this'; } >data/moved.jsonl
run data/moved.jsonl bad.db
prints '2 examples measured now'
prints '3 examples measured, 2 dropped'

# A picture as corruption is its content: another one of the same name is another run.
cp images/france.png other.png
run data/q.jsonl picture.db --limit 1 --corrupt image:other.png
wants 0
run data/q.jsonl picture.db --limit 1 --corrupt image:other.png
prints '0 examples measured now'
cp images/japan.png other.png
run data/q.jsonl picture.db --limit 1 --corrupt image:other.png
prints 'run 2, trace'
rm other.png
run data/q.jsonl picture.db --limit 1 --corrupt image:other.png
wants 1
says 'loci: other.png: '

# A store is a file, with one writer under any name.
failed '":memory:": a store is a file' study run data/q.jsonl -m "$model" --store :memory:
ln -s whole.db link.db
(exec 9>whole.db-writer && flock -x 9 && exec sleep 20) &
held=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e whole.db-writer ] && break || sleep 0.1; done
sleep 0.1
run data/q.jsonl link.db --limit 1
wants 1
says 'link.db: another loci is writing to this store'
kill $held
finish

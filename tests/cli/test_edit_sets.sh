# What edits do on an edit set: pictures and tables, curves, and what happens when the disk is full.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
flat() { tr -d ' \n' <<<"$out"; }
asked='"question":"What is the capital of this country?","constraints":[{"text":"this country"}]'
cat >set.jsonl <<END
{"image":"$image",$asked,"target":"Lima","rephrase":["Name the capital of this country."],"same_image":[{"image":"$image","question":"On which continent is this country?"}],"other_images":[{"image":"$model/images/france.png","question":"$question"}]}
{"image":"$model/images/peru.png",$asked,"target":"Kyiv"}
END

quick=(--steps 4) # of optimisation: enough to tell settings apart

# One test, in every format.
try edit test -m "$model" --data set.jsonl "${quick[@]}" --layer 3 --limit 1 -o t.csv -o t.png -o t.pdf -o t.json
wants 0
prints 'wrote t.png'
[ "$(head -c 4 t.png | tail -c 3)" = PNG ] || miss "t.png is no PNG"
head -1 t.csv | grep -q '^group,metric,examples,questions,before,' || miss "other columns"
grep -q '^efficacy,free,1,1,0,' t.csv || miss "no row of efficacy"

# A point of a curve is a test of its own.
try edit curve -m "$model" --data set.jsonl "${quick[@]}" --limit 1 --over layer=2-3 -o c.csv -o c.svg -o c.json
wants 0
grep -q '95 % intervals' c.svg || miss "c.svg does not say what its bands are"
grep -q 'Scope\|Blindness' c.svg && miss "c.svg explains what it does not show"
prints 'edits by multedit over layer'
head -1 c.csv | grep -q '^over,value,group,metric,' || miss "other columns"
diff <(tail -n +2 t.csv) <(sed -n 's/^layer,3,//p' c.csv) >/dev/null || miss "layer 3 is not what its test says"
cmp -s <(sed -n 's/^layer,2,//p' c.csv) <(sed -n 's/^layer,3,//p' c.csv) && miss "all layers are the same"
grep -q '"format":"loci.edit-curve/1"' c.json || miss "not a JSON object of loci.edit-curve/1"
for over in lambda=0.01,100 steps=1,4 max-norm=0.0001,50 lr=0.01,0.2; do
  try edit curve -m "$model" --data set.jsonl "${quick[@]}" --limit 1 --layer 3 --over "$over" -o x.csv
  wants 0
  first=${over#*=}
  first=${first%,*}
  cmp -s <(sed -n "s/^[a-z-]*,$first,//p" x.csv) <(grep -v ",$first," x.csv | sed -n 's/^[a-z-]*,[0-9.]*,//p' | tail -n +1) &&
    miss "$over changes nothing"
done
# Many in one matrix: one alone is what its test says, two are both measured.
try edit curve -m "$model" --data set.jsonl "${quick[@]}" --layer 3 --over count=1,2 -o n.csv
wants 0
diff <(tail -n +2 t.csv) <(sed -n 's/^count,1,//p' n.csv) >/dev/null || miss "one edit is not what its test says"
grep -q '^count,2,efficacy,free,2,2,' n.csv || miss "two edits are not both asked"
for width in 40 57 80; do
  LC_ALL=C.UTF-8 COLUMNS=$width try edit curve -m "$model" --data set.jsonl "${quick[@]}" --limit 1 --layer 3 --over steps=1
  wants 0
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done

# Tests beside each other: the numbers are the files' own.
try edit test -m "$model" --data set.jsonl "${quick[@]}" --layer 3 --limit 1 --method ft -o fine-tuned.json
wants 0
try edit compare t.json fine-tuned.json -o both.csv -o both.png -o both.json -o both.svg
wants 0
prints 'fine-tuned: together '
prints '1 examples, ft in layer 3'
head -1 both.csv | grep -q '^name,group,value,lo,hi' || miss "other columns"
firsts() { # the first measure of each group, and what is said of examples as a whole
  sed -n -e '/^\(portability,first\|fact_check,free\)/d' -e 's/^measures,\([a-z]*\),[0-9]*,,[^,]*,[^,]*,[^,]*,/\1,/p' \
    -e 's/^\([a-z_]*\),\(free\|unchanged\|balanced\),[0-9]*,[0-9]*,[^,]*,[^,]*,[^,]*,/\1,/p' "$1"
}
cmp -s <(firsts t.csv) <(sed -n '/^t,together/d; s/^t,//p' both.csv) || miss "other numbers than those of the test"
[ "$(grep -c '^fine-tuned,' both.csv)" = "$(grep -c '^t,' both.csv)" ] || miss "a row is missing"
[ "$(head -c 4 both.png | tail -c 3)" = PNG ] || miss "both.png is no PNG"
whiskers() { grep -c "stroke=\"#$1\" stroke-width=\"$2\"" both.svg; } # white below each, so that none is lost on a dark bar
[ "$(whiskers 212126 0.90)" -gt 30 ] && [ "$(whiskers 212126 0.90)" = "$(whiskers ffffff 1.60)" ] || miss "an interval without white round it"
grep -q '"format":"loci.edit-compare/1"' both.json || miss "not a JSON object of loci.edit-compare/1"
try edit compare t.json fine-tuned.json --json
prints '"name":"fine-tuned"'
for width in 40 57 80; do
  LC_ALL=C.UTF-8 COLUMNS=$width try edit compare t.json fine-tuned.json
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done
failed 'both.json: is "loci.edit-compare/1", expected loci.edit.test/1' edit compare t.json both.json
failed 'set.jsonl: ' edit compare set.jsonl
failed 'none.json: ' edit compare none.json
sed 's/"efficacy"/"other"/' t.json >renamed.json
failed 'renamed.json: "other" is no group of edit test' edit compare t.json renamed.json
# A file of an earlier version has fewer groups and no measures: its numbers stand beside those of the others.
python3 - <<'END'
import json
t = json.load(open("t.json"))
t["groups"] = t["groups"][:6]
del t["measures"]
json.dump(t, open("older.json", "w"))
END
try edit compare t.json older.json -o mixed.csv
wants 0
for group in efficacy same_image together; do
  [ -n "$(sed -n "s/^t,$group,//p" mixed.csv)" ] || miss "no row of $group"
  cmp -s <(sed -n "s/^t,$group,//p" mixed.csv) <(sed -n "s/^older,$group,//p" mixed.csv) || miss "$group of an older file"
done
grep -q '^older,proper,,,' mixed.csv || miss "a scope out of nothing"
sed 's/"lo":[^,]*/"lo":"x"/' t.json >broken.json
failed 'broken.json: "lo"' edit compare broken.json
sed 's/"free":/"gratis":/' t.json >no-free.json
failed 'no-free.json: the group "efficacy" has no free answers' edit compare t.json no-free.json
cp set.jsonl set.json
failed 'set.json: is the file this is made from' edit test --data set.json -m "$model" -o set.json
cmp -s set.jsonl set.json || miss "a result has taken the place of its questions"
sed 's/"after":{"value":[-0-9.]*/"after":{"value":7/' t.json >seven.json
failed 'seven.json: 7 is no share of answers' edit compare t.json seven.json
cp t.json "$(printf 'a\nb\033[31m.json')"
try edit compare "$(printf 'a\nb\033[31m.json')" -o odd.png
wants 0
LC_ALL=C grep -q "$(printf '\033')" out && miss "a name's escape sequence reaches the terminal"
usage 'edit compare needs results of edit test (.json)' edit compare

# No space left, while anything is written: one sentence, nothing half-written.
try edit solve -m "$model" -i "$image" -q "$question" -c 'this country' --target Lima --layer 1 -o lima.edit
wants 0
ln -s /dev/full full.json
try edit test -m "$model" --data set.jsonl --edit lima.edit --limit 1 -o full.json
wants 1
says 'full.json: cannot be written: No space left on device'
limited() { # limited KIB ARGS...: loci with files that cannot grow beyond that
  last="$* (files of $1 KiB at most)"
  (trap '' XFSZ && ulimit -f "$1" && shift && exec "$loci" "$@" >/dev/null 2>err </dev/null)
  code=$? err=$(cat err)
  wants 1
  says 'File too large'
  [ "$(wc -l <err)" = 1 ] || miss "more than one line on standard error"
  [ -z "$(find . -maxdepth 1 -name 'full*' ! -name full.json)" ] || miss "something half-written is left"
}
limited 500 edit apply lima.edit -m "$model" --out full
limited 1 edit solve -m "$model" -i "$image" -q "$question" -c 'this country' --target Lima --layer 3 -o full.edit

# The last layer cannot bring an answer, and there is none after it: left out, and both are said.
try edit curve -m "$model" --data set.jsonl --limit 1 --steps 1 --over layer=10-12 --json
wants 0
[[ $(flat) == *'"points":[{"value":10.0,'*'"note":"layer11isleftout:'*';layer12isleftout:'* ]] ||
  miss "layers 11 and 12 are not left out"
[[ $(flat) == *'"over":"layer=10,11,12"'* ]] || miss "the request does not say the layers as they are typed"

# A model that reads text only is asked without the pictures of a set, as by edit test.
try edit solve -m "$source_dir/tests/golden/models/text-llama" --requests set.jsonl --steps 1 --json
wants 1 # to that model both lines of the set ask the same, and one step is few
says 'set.jsonl:2: the target "Kyiv" for the key of set.jsonl:1'
[[ $(flat) != *'"image":"'* ]] || miss "a picture for a text model"

# What makes no sense.
usage 'edit curve needs a file of examples' edit curve
usage '--over wants a name and its values' edit curve -m "$model" --data set.jsonl --over layer
usage '--over wants a name and its values' edit curve -m "$model" --data set.jsonl --over layer=x
usage 'says itself how many examples' edit curve -m "$model" --data set.jsonl --over count=1 --limit 1
usage 'a curve over rank: there are layer, lambda' edit curve -m "$model" --data set.jsonl --over rank=1
usage 'steps 0: expected a whole number from 1 to 1000000' edit curve -m "$model" --data set.jsonl --over steps=0
usage 'lr 0: expected a number above 0' edit curve -m "$model" --data set.jsonl --over lr=0
usage 'layer 1.5: expected a whole number from 0 to' edit curve -m "$model" --data set.jsonl --over layer=1.5
failed 'no-such.jsonl' edit curve -m "$model" --data no-such.jsonl --over lambda=1e-3,1e-2
failed 'set.jsonl: 2 requests, 3 were asked for' edit curve -m "$model" --data set.jsonl --layer 3 --over count=3
failed 'layer 12: the model has layers 0 to 11' edit curve -m "$model" --data set.jsonl --limit 1 --over layer=12
finish

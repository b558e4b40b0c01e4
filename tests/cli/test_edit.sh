# A new answer, written into one matrix of the little model that knows countries by their flags.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
asked=(-m "$model" -i "$image" -q "$question" -c 'this country')
flat() { tr -d ' \n' <<<"$out"; }

try edit solve "${asked[@]}" --target Lima --layer 3 --steps 80 -o lima.edit -o lima.json
wants 0
prints 'wrote lima.edit'
prints 'target    Lima'
grep -q '"reached": *true' lima.json || miss "does not say that the target is reached"
[ -s lima.edit ] && [ -s lima.json ] || miss "a file is not there"
[ "$(find . -type f | wc -l)" = 4 ] || miss "other files than those asked for: $(find . -type f | tr '\n' ' ')"
try edit solve "${asked[@]}" --target Lima --layer 3 --steps 5 --json
wants 1
[[ $(flat) == '{"format":"loci.edit/1",'* ]] || miss "not a JSON object of loci.edit/1"
[ "$(grep -o '"loss"' <<<"$(flat)" | wc -l)" = 6 ] || miss "not five steps and what came of them"
[[ $(flat) == *'"update":{"rank":1,"norm":'* ]] || miss "no update"
[[ $(flat) == *'"answer_before":"Kyiv"'* ]] || miss "no answer"
[[ $(flat) == *'"reached":false,"hint":"pis'*'more--steps'* ]] || miss "does not say that the target is missed, and what to change"
says 'loci: the target is not reached'
try edit solve "${asked[@]}" --target Lima --layer 1 --stop-p 0.000001 --json
wants 1
[ "$(grep -o '"loss"' <<<"$(flat)" | wc -l)" = 1 ] || miss "does not stop where the probability is reached"
try edit solve "${asked[@]}" --target Lima --compat authors --steps 2 --json
wants 1
[[ $(flat) == *'"layer":2,'*'"max_norm":0.0001,'* ]] || miss "not the released settings"
try edit solve "${asked[@]}" --target Lima --rephrase "Name this country's capital." --kl 0.1 --steps 2 --json
wants 1
[[ $(flat) == *'"prompts":2,'* ]] || miss "the key is not the mean of two"

# The rivals, and what they need.
try edit covariance -m "$model" --data "$model/data/trace.jsonl" --limit 8 --layer 3 -o keys.safetensors --json
wants 0
[[ $(flat) == '{"format":"loci.edit.covariance/1",'*'"layer":3,'*'"prompts":8,'* ]] || miss "not a covariance of 8 questions"
for method in ft ft-l 'ft --without-constraint' 'rome --covariance keys.safetensors' 'memit --covariance keys.safetensors'; do
  # shellcheck disable=SC2086
  try edit solve "${asked[@]}" --target Lima --layer 3 --steps 3 --method $method -o rival.edit --json
  wants 1
  [[ $(flat) == *"\"method\":\"${method%% *}\","* ]] || miss "not the method $method"
  losses=4
  case $method in rome* | memit*) losses=3 ;; esac # the last of their steps only measures
  [ "$(grep -o '"loss"' <<<"$(flat)" | wc -l)" = $losses ] || miss "not three steps and what came of them"
done
try edit solve "${asked[@]}" --target Lima --layer 3 --steps 15 --lr 0.002 --method ft -o tuned.edit --json
wants 0
[[ $(flat) == *'"update":{"rank":160,'*'"answer_after":"Lima"'* ]] || miss "not fine-tuned"
# Published settings, and what is said beside them; the question after other texts.
printf 'They say that\n{}\n\nA question about this country. {} Please.\n' >before.txt
try edit solve "${asked[@]}" --target Lima --preset rome-llama-7b --layer 3 --steps 2 --prefixes before.txt --json
wants 1
[[ $(flat) == *'"method":"rome",'*'"layer":3,'*'"steps":2,"lr":0.5,"weight_decay":0.001,"lambda":0.0,"max_norm":4.0,'*'"kl":0.0625,"ridge":0.0,'* ]] ||
  miss "not the published settings"
[[ $(flat) == *'"prompts":3,'* ]] || miss "not the question and two more"
try edit solve "${asked[@]}" --target Lima --preset ft-gpt2-xl --layer 3 --steps 2 --json
wants 1
[[ $(flat) == *'"method":"ft",'*'"at_last":true,'* ]] || miss "not ROME's fine-tuning"
usage '--preset wants rome-gpt2-xl, ' edit solve "${asked[@]}" --target Lima --preset rome
usage '--preset' edit solve "${asked[@]}" --target Lima --preset rome-gpt2-x
usage 'the method rome needs a covariance of keys' edit solve "${asked[@]}" --target Lima --preset rome-gpt-j
failed 'before.tx: No such file or directory' edit solve "${asked[@]}" --target Lima --prefixes before.tx
rm before.txt
usage '--method wants multedit, ft, ft-l, rome, memit or alphaedit' edit solve "${asked[@]}" --target Lima --method mend
usage '--eps wants a number above 0' edit solve "${asked[@]}" --target Lima --method ft-l --eps 0
usage 'the method rome needs a covariance of keys' edit solve "${asked[@]}" --target Lima --method rome
usage 'the method multedit takes no covariance' edit solve "${asked[@]}" --target Lima --covariance keys.safetensors
usage 'edit covariance needs' edit covariance -m "$model" --layer 3
failed 'the covariance is of layer 3, the edit of layer 2' \
  edit solve "${asked[@]}" --target Lima --layer 2 --method rome --covariance keys.safetensors
failed 'the covariance was made for a model with the hash' \
  edit solve -m "$model/text-only" -q "$question" -c 'this country' --target Lima --layer 3 --method rome --covariance keys.safetensors
failed 'no covariance of loci: its format is not loci.covariance/1' \
  edit solve "${asked[@]}" --target Lima --method rome --covariance lima.edit
usage 'the method ft takes no lambda' edit solve "${asked[@]}" --target Lima --method ft --lambda 1
rm keys.safetensors rival.edit

# What is averaged, and what is kept.
cat >more.jsonl <<END
{"image":"$model/images/peru.png","question":"What is the capital of this country?","constraints":[{"text":"this country"}]}
{"question":"Name the capital of this country.","constraints":[{"text":"this country"}]}
END
try edit solve "${asked[@]}" --target Lima --layer 2 --steps 2 --average more.jsonl --average-loss --each-key --json
wants 1
[[ $(flat) == *'"average_loss":true,"each_key":true,"keep_weight":1.0,'*'"prompts":3,'* ]] || miss "not three keys"
try edit solve "${asked[@]}" --target Lima --layer 2 --steps 2 --keep more.jsonl --keep-weight 5 --json
wants 1
[[ $(flat) == *'"keep_weight":5.0,'* ]] || miss "not the weight"
kept=$(flat)
try edit solve "${asked[@]}" --target Lima --layer 2 --steps 2 --json
wants 1
[ "$(grep -o '"update":[^}]*' <<<"$kept")" != "$(grep -o '"update":[^}]*' <<<"$(flat)")" ] || miss "nothing is kept"
echo '{"question":"Where?"}' >none.jsonl
failed 'none.jsonl: no question with a constraint in it for --keep' \
  edit solve "${asked[@]}" --target Lima --keep none.jsonl
usage 'the method ft takes no questions to keep' edit solve "${asked[@]}" --target Lima --method ft --keep more.jsonl
usage 'edit solve --requests takes no --average' edit solve -m "$model" --requests more.jsonl --average more.jsonl

# Many requests, one matrix.
cat >wishes.jsonl <<END
{"image":"$image","question":"What is the capital of this country?","constraints":[{"text":"this country"}],"target":"Lima"}
{"image":"$model/images/peru.png","question":"What is the capital of this country?","constraints":[{"text":"this country"}],"target":"Kyiv"}
END
try edit solve -m "$model" --requests wishes.jsonl --layer 3 --steps 3 -o many.edit --json
wants 1
[[ $(flat) == *'"update":{"rank":2,'* ]] || miss "not two requests in one update"
LC_ALL=C.UTF-8 COLUMNS=60 try edit solve -m "$model" --requests wishes.jsonl --layer 3 --steps 1
wants 1
wide=$(too_wide 60 <out)
[ -z "$wide" ] || miss "wider than 60: $wide"
prints '0 of 2 targets reached'
says 'loci: 2 of 2 targets are not reached'

# A line that cannot be used is named with its field, and the others are solved; the edit is written.
cat >odd.jsonl <<END
{"image":"$image","question":"What is the capital of this country?","constraints":[{"text":"this country"}],"target":"Lima"}
{"image":"nope.png","question":"What is the capital of this country?","constraints":[{"text":"this country"}],"target":"Lima"}
{"image":"$model/images/peru.png","question":"What is the capital of this country?","constraints":[{"text":"that country"}],"target":"Kyiv"}
{"image":"$model/images/peru.png","question":"What is the capital of this country?","constraints":[{"text":"this country"}],"target":"Lima"}
{"image":"$model/images/peru.png",
{"image":"$model/images/peru.png","question":"What is the capital of this country?","constraints":[{"text":"this country"}]}
{"image":"$image","question":"What is the capital of this country in short?","constraints":[{"text":"this country"}],"target":"Oslo"}
END
try edit solve -m "$model" --requests odd.jsonl --layer 1 --steps 60 -o odd.edit --json
wants 1
says 'loci: odd.jsonl:2: image: nope.png: No such file or directory; left out'
says 'loci: odd.jsonl:3: constraints[0].text: the constraint "that country" is not in the question'
says 'loci: odd.jsonl:4: the model answers "Lima" to "What is the capital of this country?" already; left out'
says 'loci: odd.jsonl: not valid JSON at line 5, column '
says 'loci: odd.jsonl:6: no target: an edit needs one; left out'
says 'loci: odd.jsonl:7: the target "Oslo" for the key of odd.jsonl:1, whose target is "Lima"'
[ "$(wc -l <err)" = 6 ] || miss "not a line for each of six"
[[ $(flat) == *'"reached":true,'*'"dropped":[{"name":"odd.jsonl:2","reason":"image:'*'"request":6}],'* ]] || miss "not one reached and six dropped"
try edit solve "${asked[@]}" --target Lima --layer 1 --steps 60 -o alone.edit
wants 0
for f in odd alone; do "$loci" edit apply $f.edit -m "$model" --out $f.d >/dev/null; done
cmp odd.d/model.safetensors alone.d/model.safetensors || miss "what is left out changes the edit"
rm -r odd.d alone.d odd.edit alone.edit

# An edit that missed says so when it is written.
try edit solve "${asked[@]}" --target Lima --steps 2 -o missed.edit
wants 1
prints 'reached   no: p is '
try edit apply missed.edit -m "$model" --out missed
wants 0
prints '1 of 1 targets is not the answer of the edited model: the edit missed'
rm -r missed missed.edit

# Written as a checkpoint, and back.
try edit apply lima.edit -m "$model" --out edited --json
[[ $(tr -d ' \n' <<<"$out") == *'"left":["plain","text-only"]'* ]] || miss "other models' folders are not left: $out"
[ -d edited/images ] && [ ! -e edited/plain ] && [ ! -e edited/text-only ] || miss "other models' folders are copied"
wants 0
[[ $(flat) == '{"format":"loci.edit.apply/1",'* ]] || miss "not a JSON object of loci.edit.apply/1"
[[ $(flat) == *'"answer_saved":"Lima"'*'"lost":0'* ]] || miss "the written model does not say Lima"
try ask -m edited -i "$image" -q "$question"
[ "$(head -1 out)" = Lima ] || miss "the written model does not say Lima"
failed 'edited: exists already' edit apply lima.edit -m "$model" --out edited
failed 'the edit was made for a model with the hash' edit apply lima.edit -m edited --out twice
usage 'lima.edit is there twice' edit apply lima.edit ./lima.edit -m "$model" --out twice
try edit revert edited
wants 0
cmp -s "$model/model.safetensors" edited/model.safetensors || miss "the reverted weights are not the source's"
[ -e edited/loci.undo ] && miss "loci.undo is still there"
failed 'edited: no edited checkpoint of loci' edit revert edited
usage "edit apply needs an edit's file" edit apply -m "$model" --out edited
usage 'edit apply needs -m DIR and -o FILE' edit apply lima.edit
usage 'edit revert needs the directory' edit revert
rm -r edited

# Killed at any moment: a whole checkpoint, or none.
for after in 0.05 0.1 0.15 0.2 0.3 0.4 0.6; do
  "$loci" edit apply lima.edit -m "$model" --out killed >/dev/null 2>&1 &
  pid=$!
  sleep "$after"
  kill -9 "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  [ -e killed ] || continue
  try edit revert killed
  wants 0
  rm -r killed
done

# What edits do, on an edit set.
cat >set.jsonl <<END
{"image":"$image","question":"What is the capital of this country?","constraints":[{"text":"this country"}],"target":"Lima","rephrase":["Name the capital of this country."],"same_entity_images":["$image"],"same_image":[{"image":"$image","question":"On which continent is this country?","answers":["Europe"]}],"other_images":[{"image":"$model/images/france.png","question":"What is the capital of this country?","answers":["Paris"]}],"unrelated":[{"image":"$model/images/japan.png","question":"On which continent is this country?"}]}
{"image":"$image","question":"What is the capital of this country?","constraints":[{"text":"this country"}]}
END
try edit test -m "$model" --data set.jsonl --edit lima.edit --json
wants 0
[[ $(flat) == '{"format":"loci.edit.test/1",'*'"used":1,"dropped":[{"line":2,'* ]] || miss "not one example used and one dropped"
[[ $(flat) == *'{"name":"efficacy","examples":1,"questions":1,"metrics":{"free":{"before":{"value":0.0,'*'"after":{"value":1.0,'* ]] ||
  miss "not an edit that works"
try edit test -m "$model" --data set.jsonl --layer 3 -o test.json
wants 0
prints 'efficacy'
prints 'wrote test.json'
for width in 40 57 80 132; do
  LC_ALL=C.UTF-8 COLUMNS=$width try edit test -m "$model" --data set.jsonl --edit lima.edit
  wants 0
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done
try edit test -m "$model" --data set.jsonl --layer 3 --method ft --steps 15 --lr 0.002 --json
wants 0
[[ $(flat) == *'"method":"ft",'*'{"name":"efficacy",'*'"after":{"value":1.0,'* ]] || miss "fine-tuning is not tested"
try edit test -m "$model" --data set.jsonl --layer 3 --prompts 2 --renderings 1 --each-key --keep more.jsonl --json
wants 0
[[ $(flat) == *'{"name":"paraphrases","examples":0,"questions":0,'* ]] || miss "a wording that was solved with is tested"
usage 'edit test --edit takes no --lr' edit test -m "$model" --data set.jsonl --edit lima.edit --lr 1
usage 'edit test needs a file of examples' edit test -m "$model"

# What makes no sense.
usage 'did you mean edit solve' edit solv
usage 'edit solve needs -q TEXT, -c TEXT and --target TEXT, or --requests FILE' edit solve -m "$model" -q "$question"
usage 'edit solve --requests takes no --target' edit solve -m "$model" --requests wishes.jsonl --target Lima
usage '--lr wants' edit solve "${asked[@]}" --target Lima --lr 0
usage '--stop-p wants a probability' edit solve "${asked[@]}" --target Lima --stop-p 2
usage 'edit solve writes files that end in .edit .json' edit solve "${asked[@]}" --target Lima -o lima.png
failed 'layer 12: the model has layers 0 to 11' edit solve "${asked[@]}" --target Lima --layer 12
failed 'layer 11 is the last: a change at position 75 of it cannot reach the answer' \
  edit solve "${asked[@]}" --target Lima --layer 11
failed 'the target is empty' edit solve "${asked[@]}" --target ' '
failed 'the model answers "Kyiv" to "What is the capital of this country?" already' \
  edit solve "${asked[@]}" --target Kyiv
failed 'the constraint "that country" is not in the question' \
  edit solve -m "$model" -i "$image" -q "$question" -c 'that country' --target Lima
echo '{"question":"Where?","constraints":[{"text":"Where"}]}' >bad.jsonl
failed 'bad.jsonl:1: no target' edit solve -m "$model" --requests bad.jsonl
: >empty.jsonl
failed 'empty.jsonl: no request in it' edit solve -m "$model" --requests empty.jsonl
failed 'there is no directory nowhere to write it to' edit solve "${asked[@]}" --target Lima -o nowhere/lima.edit
finish

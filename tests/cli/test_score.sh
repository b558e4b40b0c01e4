# Accuracy of the little model that knows countries by their flags: free answers, and options.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
flat() { tr -d ' \n' <<<"$out"; }
score=$model/data/score.jsonl choice=$model/data/choice.jsonl

try score -m "$model" --data "$score" --limit 12 --by relation,set -o s.csv -o s.json -o s.png
wants 0
prints '12 questions, answered freely'
prints 'score-wording'
prints 'wrote s.png'
[ "$(wc -l <s.csv)" = 13 ] || miss "not a row for each example"
head -1 s.csv | grep -q '^line,id,relation,set,image,question,expected,answer,right,options,chosen,correct,logp_chosen,logp_correct' ||
  miss "other columns"
grep -q '"format":"loci.score/1"' s.json || miss "not a JSON object of loci.score/1"
for width in 40 57 80 132; do
  LC_ALL=C.UTF-8 COLUMNS=$width try score -m "$model" --data "$score" --limit 3 --by relation,question
  wants 0
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done

# A sample: by its seed, in the file's order, told and made again.
try data show "$score" --sample 4 --seed 5 --json
wants 0
shown=$(grep -oE '"id": *"[^"]*"' <<<"$out")
cat "$score" | "$loci" data show - --sample 4 --seed 5 --json >piped 2>err
[ "$(grep -oE '"id": *"[^"]*"' piped)" = "$shown" ] || miss "another sample of a pipe: $(cat err)"
# Standard input and other pipes are read once, from their first line on.
sed "s|\"\.\./images|\"$model/images|" "$score" >whole.jsonl
for way in - /dev/stdin; do
  cat whole.jsonl | "$loci" score "$way" -m "$model" --limit 60 --json >piped 2>err
  [ "$(grep -c '"line":' piped)" = 60 ] || miss "of a pipe named $way: $(cat err)"
  grep -q '"line":1,' piped || miss "$way: not from the first line on"
  cat whole.jsonl | "$loci" study flow --data "$way" -m "$model" --limit 2 --json >piped 2>err
  grep -q '"used":2' piped || miss "a study of a pipe named $way: $(cat err)"
done
failed 'a curve reads its file again' edit curve - -m "$model" --over layer=1,2
try score -m "$model" "$score" --sample 4 --seed 5 --json
wants 0
[ "$(sed -n '/"examples"/,$p' <<<"$out" | grep -oE '"id": *"[^"]*"')" = "$shown" ] || miss "another sample: $out"
[[ $(flat) == *'"sample":4,'*'"seed":5'* ]] || miss "the sample is not in the request"
[[ $out == *'--sample 4 '*'--seed 5'* ]] || miss "the sample is not in the command"
[ "$(head -4 "$score" | grep -oE '"id": *"[^"]*"')" != "$shown" ] || miss "the head of the file"
usage '--sample wants a whole number' score -m "$model" "$score" --sample 0

# Options: by their text the model knows them; letters it was never taught.
try score -m "$model" --data "$choice" --choice text --limit 10 --json
wants 0
[[ $(flat) == '{"format":"loci.score/1",'*'"choose":"text","n":10,"free":0,"right":10,'*'"chance":0.25,'* ]] ||
  miss "not ten of ten by text"
try score -m "$model" --data "$choice" --limit 10 --json
wants 0
[[ $(flat) == *'"choose":"letter","n":10,'*'"logp":[-'* ]] || miss "not by letters"
try score -m "$model" --data "$choice" --limit 4 --choice free
prints '4 questions, answered freely'

# MMMU's form: one array, options as Python prints them, what loci does not do refused by name.
cat >mmmu.json <<END
[{"id": "validation_Flags_1", "question": "<image 1> What is the capital of this country?",
  "options": "['Lima', 'Kyiv', 'Oslo']", "answer": "B", "question_type": "multiple-choice",
  "image_1": "$image", "image_2": null},
 {"id": "validation_Flags_2", "question": "What is the capital of this country?", "options": "[]",
  "answer": "['Kiev', 'Kyiv']", "question_type": "open", "image_1": "$image"},
 {"id": "validation_Flags_3", "question": "Which is red?", "options": "['<image 1>', '<image 2>']",
  "answer": "A", "question_type": "multiple-choice"},
 {"id": "validation_Flags_4", "question": "Which is red?", "options": "['one', 'two']",
  "answer": "A", "question_type": "multiple-choice", "image_1": "$image", "image_2": "$image"}]
END
try score -m "$model" --data mmmu.json --choice text --json
wants 0
[[ $(flat) == *'"choose":"text","n":2,"free":1,"right":2,'* ]] || miss "not two right answers of two"
[[ $out == *'has pictures as options'*'has several pictures (image_2)'* ]] || miss "the others are not refused by name"
try score -m "$model" --data mmmu.json --choice text
prints '2 questions: 1 answered freely, 1 by the most likely option'
prints '2 dropped'

# A completion goes on after its answer: then the first token decides, and no more is asked for.
printf '{"image":"%s","question":"%s","answers":["%s"]}\n' "$image" "$question" 'Kyiv on the river' \
  "$image" "$question" 'Lima' >begun.jsonl
try score -m "$model" --data begun.jsonl --json
[[ $(flat) == *'"right":0,'* ]] || miss "the beginning of an answer is an answer"
try score -m "$model" --data begun.jsonl --first-token --json
[[ $(flat) == *'"n":2,"free":2,"right":1,'* ]] || miss "the first token does not decide"
[[ $(flat) == *'"max_new":1,"first_token":true'*'score'*'--first-token'* ]] || miss "the request does not say how it was judged"

# An edit is respected.
try edit solve -m "$model" -i "$image" -q "$question" -c 'this country' --target Lima --layer 3 --steps 80 -o lima.edit
printf '{"image":"%s","question":"%s","answers":["Kyiv"]}\n' "$image" "$question" >one.jsonl
try score -m "$model" --data one.jsonl
prints '1.00 ('
LC_ALL=C.UTF-8 try score -m "$model" --data one.jsonl --edit lima.edit
prints '0.00 ('
prints 'edited    lima.edit'

# What makes no sense.
usage 'score needs a file of examples' score -m "$model"
usage '--choice wants letter, text or free' score -m "$model" --data one.jsonl --choice number
usage '--by names set twice' score -m "$model" --data one.jsonl --by set,set
failed 'none.jsonl' score -m "$model" --data none.jsonl
echo '{"question":"Where?"}' >bare.jsonl
failed 'bare.jsonl: no example can be used, the first because: no answer' score -m "$model" --data bare.jsonl
echo '{}' >object.json
failed 'object.json: must be an array of examples' score -m "$model" --data object.json
finish

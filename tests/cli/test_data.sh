# Files of examples: made from tables, checked, repaired.  All rows are written for this test.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
flags=$model/images
# holds FILE TEXT...: each text is in the file
holds() {
  local file=$1 text
  shift
  for text; do grep -qF -- "$text" "$file" || miss "$file lacks $text"; done
}

# ---- import: the tables of VQA-Constraints, with pictures and answers
mkdir -p pics/val2014 sets
cp "$flags/peru.png" "pics/val2014/COCO_val2014_000000000007.jpg"
cp "$flags/peru.png" pics/val2014/COCO_val2014_000000000008.jpg
cp "$flags/peru.png" "pics/A photo of Ada_Lovelace.png"
cp "$flags/peru.png" "pics/a photo of ac_dc.jpg"
printf ',question,main_entity,image_url\r\n' >okvqa.csv
{
  printf '0,What is the capital of this land?,This land,./val2014/COCO_val2014_000000000007.jpg\r\n'
  printf '1,Whose hat is this?,hat?,./val2014/COCO_val2014_000000000008.jpg\r\n'
  printf '2,What does the man wear?,a suit,./val2014/COCO_val2014_000000000009.jpg\r\n'
  printf '3,"open,x,y\r\n'
} >>okvqa.csv
echo '{"info":{"a":[1,"]"]},"questions":[{"image_id":7,"question":"What is the Capital of this land","question_id":70},
 {"image_id":8,"question":"Whose hat is this?","question_id":80},{"image_id":8,"question":"What?","question_id":81}]}' >questions.json
vote() { printf '{"answer":"%s","answer_id":1},' "$@"; }
{
  echo '{"annotations":['
  echo "{\"question_id\":80,\"answers\":[$(vote ann bob cy cy)$(vote dee | sed 's/,$//')]},"
  echo "{\"question_id\":70,\"answers\":[$(vote lima cusco lima lima cusco cusco lima)$(vote quito | sed 's/,$//')]}]}"
} >annotations.json
try data import okvqa okvqa.csv --images pics --answers questions.json --answers annotations.json -o sets/ok.jsonl -o r.json
wants 1
holds sets/ok.jsonl '{"id":"okvqa-0","image":"'"$(realpath pics)"'/val2014/COCO_val2014_000000000007.jpg","question":"What is the capital of this land?","answers":["lima","cusco"],"votes":["lima","cusco","lima","lima","cusco","cusco","lima","quito"],"constraints":[{"text":"this land","kind":"visual"}],"set":"okvqa"}' \
  '"answers":["cy"],"votes":["ann","bob","cy","cy","dee"],"constraints":[{"text":"hat","kind":"visual"}]' '"text":"a suit"'
holds r.json '"format":"loci.data-import/1"' '"read":4' '"written":3' '"bad":2' '"answered":2' '"pictured":2'
prints 'okvqa.csv:2: constraints[0].text: "This land" is spelled'
prints 'okvqa.csv:3: answers: no answer was given three times'
prints 'okvqa.csv:4: constraints[0].text: "a suit" is not in the question'
prints 'okvqa.csv:4: image: there is no file'
prints 'okvqa.csv:4: answers: no annotation of picture 9'
prints 'okvqa.csv:5: a quote that is never closed'
prints '4 rows read, 2 with a picture, 2 with answers, 3 written, 2 with errors'
try data import okvqa okvqa.csv --raw -o ./ok.jsonl
holds ok.jsonl '"image":"pics/val2014/COCO_val2014_000000000007.jpg"' '"text":"This land"' '"text":"hat?"'
[ "$(wc -l <ok.jsonl)" = 3 ] || miss "not three examples"

printf ',question,subject,main_entity,image_url\n0,"This person, born in",Ada Lovelace,"This person,",./A photo of Ada Lovelace\n1,This band'"'"'s songs are,AC/DC,This band,./A photo of AC/DC\n' >known.csv
try data import known known.csv --images pics -o known.jsonl
wants 0
holds known.jsonl '"image":"pics/A photo of Ada_Lovelace.png"' '"image":"pics/a photo of ac_dc.jpg"' '"text":"This person"' '"entity":"AC/DC"'
printf ',question,director,main_entity,image_url\n0,Name a film by this director?,X,this director,./A photo of X\n' >movies.csv
try data import movies movies.csv --images pics -o movies.jsonl
wants 0
holds movies.jsonl '"id":"movies-0","image":"pics/A photo of X","question":"Name a film by this director?"' '"entity":"X"'

# ---- import: tables as other programs and systems write them
mkdir -p win/sub
cp "$flags/peru.png" win/sub/UPPER.PNG
cp "$flags/peru.png" "win/a b.png"
cp "$flags/peru.png" win/COCO_val2014_000000262148.jpg
cp "$flags/peru.png" win/000000000139.jpg
{
  printf '\xEF\xBB\xBFid;question;image;answers;constraints\r\n'
  printf '1;Is this a hat?;C:\\imgs\\sub\\UPPER.PNG;"[\'"'"'yes\'"'"', \'"'"'it is\'"'"']";"[""this""]"\r\n' | sed "s/\\\\'/'/g"
  printf '2;Is that a hat?;sub\\UPPER.PNG;yes|no;that\r\n'
  printf '3;Is it one?;https://host/x/a%%20b.png?size=1#top;nan;it\r\n'
  printf '4;Is she there?;262148;None;she\r\n'
  printf '5;Is he there?;139.0;[odd;he\r\n'
} >win.csv
try data import csv win.csv --images win -o win.jsonl
wants 0
holds win.jsonl '"image":"win/sub/UPPER.PNG","question":"Is this a hat?","answers":["yes","it is"],"constraints":[{"text":"this"}]' \
  '"image":"win/sub/UPPER.PNG","question":"Is that a hat?","answers":["yes","no"]' '"image":"win/a b.png"' \
  '"image":"win/COCO_val2014_000000262148.jpg"' '"image":"win/000000000139.jpg"' '"answers":["[odd"]'
prints '"nan" is read as nothing'
prints '"None" is read as nothing'
printf 'id,Question,images\n1,What?,x.png\n' >near.csv
failed 'has a column "question", did you mean "Question"?; the columns are id, Question, images' data import csv near.csv -o x.jsonl
printf '\xff\xfei\0d\0' >utf16.csv
failed 'utf16.csv: UTF-16 text, not a table; save it as UTF-8' data import csv utf16.csv -o x.jsonl
echo '[{"question_id":1}]' >array.json
failed 'array.json: an array; an object with a list "questions"' data import okvqa okvqa.csv --answers array.json -o x.jsonl
echo '{"annotations":[{"question_id":70,"answers":[{"raw_answer":"lima"}]}]}' >raw.json
failed 'raw.json: annotation of question 70: "answers" must be strings or objects with "answer"' \
  data import okvqa okvqa.csv --answers questions.json --answers raw.json -o x.jsonl
printf '\xEF\xBB\xBF{"annotations":[{"question_id":"70","answers":["lima","lima","lima"]}]}' >texts.json
try data import okvqa okvqa.csv --images pics --answers questions.json --answers texts.json -o texts.jsonl
holds texts.jsonl '"answers":["lima"],"votes":["lima","lima","lima"]'

# ---- questions with the marker of LLaVA's data, and constraints that only look alike
printf '{"image":"pics/A photo of Ada_Lovelace.png","question":"<image>\\nIs this caf\\u00e9 hers?","answers":["yes"],"constraints":[{"text":"this cafe\\u0301"}]}\n' >marked.jsonl
printf '{"question":"Is <image> this hers?","answers":["yes"],"constraints":[{"text":"this"}]}\n' >>marked.jsonl
try data lint marked.jsonl --fix -o unmarked.jsonl
wants 1
prints 'marked.jsonl:1: question: holds <image>, which the prompt template puts'
prints 'composed otherwise'
prints 'marked.jsonl:2: question: holds <image>'
holds unmarked.jsonl '"question":"Is this café hers?","answers":["yes"],"constraints":[{"text":"this café"}]' '"question":"Is <image> this hers?"'
try tokens -m "$model" -i "$image" -q $'<image>\nWhat is the capital of this country?' --json
wants 0
prints 'USER: What is the capital of this country? Answer'
failed 'but "this\u00a0country" is: they look alike' trace -m "$model" -i "$image" -q $'What is the capital of this\xc2\xa0country?' -c 'this country'

mkdir -p marks/a
cp "$flags/peru.png" marks/a/abc12.jpg
cp "$flags/peru.png" marks/77.png
printf 'question,answer,dataset_name,dataset_image_ids,wikipedia_title,question_type\n"How tall is this, exactly?",9 m|nine metres,landmarks,zz|abc12|77,Tower,templated\nWhich two?,a&&b,landmarks,,Twins,multi_answer\n' >evqa.csv
try data import evqa evqa.csv --images marks -o evqa.jsonl
wants 0
holds evqa.jsonl '"image":"marks/a/abc12.jpg","same_entity_images":["marks/77.png"],"question":"How tall is this, exactly?","answers":["9 m","nine metres"],"entity":"Tower","set":"evqa","dataset_name":"landmarks","question_type":"templated"' '"answers":["a, b"]'

mkdir -p marks/val/birds
cp "$flags/peru.png" marks/val/birds/wren.jpg
echo '{"images":[{"id":9,"file_name":"val/birds/none.jpg"},{"id":5,"file_name":"val/birds/wren.jpg"}]}' >list.json
printf 'question,answer,dataset_image_ids,wikipedia_title\nWhat is it?,wren,9|5,Wren\n' >inat.csv
try data import evqa inat.csv --images marks --image-list list.json -o inat.jsonl
holds inat.jsonl '"image":"marks/val/birds/wren.jpg","question"'
failed 'questions.json: there are no "images" in it' data import evqa inat.csv --image-list questions.json -o x.jsonl
sed 's/"id":5,//' list.json >bad-list.json
failed 'bad-list.json: an item of "images" lacks "id" or "file_name"' data import evqa inat.csv --image-list bad-list.json -o x.jsonl

printf 'image,question,answer,constraints,level,id\n../out/x.png,Who is the man on the left?,Bob,the man|the left,3,q7\n' >mine.csv
"$loci" data import csv - -o piped.jsonl <mine.csv >/dev/null
try data import csv mine.csv -o mine.jsonl
cmp -s mine.jsonl piped.jsonl || miss "a table from standard input is another one"
wants 0
holds mine.jsonl '{"id":"q7","image":"x.png","question":"Who is the man on the left?","answers":["Bob"],"constraints":[{"text":"the man"},{"text":"the left"}],"level":"3"}'

printf 'question,image_id,multiple_choice_answer\nIs she here?,262148,"[{'"'answer': 'yes'"'}]"\nIs he here?,"{'"'bytes': None, 'path': 'a b.png'"'}","['"'no'"'"\n' >vqa.csv
try data import csv vqa.csv --images win -o vqa.jsonl
wants 0
holds vqa.jsonl '{"image":"win/COCO_val2014_000000262148.jpg","question":"Is she here?","answers":["yes"]}' '"image":"win/a b.png"'
prints "vqa.csv:3: multiple_choice_answer: looks like a list and is taken as one text: ['no' [cell-list]"

printf 'question,answer\nIs she here?,"set(['"'yes'"'])"\nIs he here?,"tensor([1, 2])"\nSay when (roughly)?,May(be)\n' >calls.csv
try data import csv calls.csv -o calls.jsonl
wants 0
prints "calls.csv:2: answer: looks like a list and is taken as one text: set(['yes']) [cell-list]"
prints 'calls.csv:3: answer: looks like a list and is taken as one text: tensor([1, 2]) [cell-list]' '2 cell-list'

failed 'unknown kind of file "okvka"; did you mean okvqa?' data import okvka okvqa.csv -o x.jsonl
failed 'known.csv: a table of the kind movies has a column "director"' data import movies known.csv -o x.jsonl
failed 'questions.json: there are no "annotations"' data import okvqa okvqa.csv --answers questions.json -o x.jsonl
failed 'nowhere: there is no such folder' data import okvqa okvqa.csv --images nowhere -o x.jsonl
echo '{"questions":[{"question_id":1]}' >torn.json
failed 'torn.json: ' data import okvqa okvqa.csv --answers torn.json -o x.jsonl
[ -e x.jsonl ] && miss "a file was left behind"
usage 'data import needs -o F.jsonl' data import csv mine.csv -o x.json
usage 'data import needs a kind of file (okvqa, ...) and the file' data import okvqa.csv -o x.jsonl

# ---- lint: every kind, named at its line
cp "$flags/peru.png" good.png
echo 'no picture' >bad.png
cat >all.jsonl <<'EOF'
{"id":1,"question":"What is this land?","image":"good.png","constraints":[{"text":"this land"}],"answers":["Peru"]}
not JSON
{"question":"What is this land?","answers":"Peru","constraints":["this land"]}
{"question":"What is this land?","answers":["Peru"],"constraints":[{"text":"that land"}]}
{"question":"Is This Land big?","answers":["no"],"constraints":[{"text":"this  land"}]}
{"question":"Whose hat is what?","answers":["a"],"constraints":[{"text":"at"},{"text":"hat"}]}
{"question":"What is it, a what?","answers":["a b"],"constraints":[{"text":"what"},{"text":"it, "},{"text":"it"},{"text":"it, a"}]}
{"question":"What is this?","image":"none.png","answers":["x"],"constraints":[{"text":"this"}]}
{"question":"What is this?","image":"bad.png","answers":["x"],"constraints":[{"text":"this"}]}
{"question":"What is this?","answers":["x"],"constraints":[{"text":"this"}],"unrelated":[{"image":"good.png"}]}

{"id":2,"question":"What is this land?","image":"good.png","constraints":[{"text":"this land"}],"answers":["Peru"]}
{"id":1,"question":" Note: what is\nthis??","constraints":[],"answers":[""," a","a"],"target":"A","entitty":1}
{"question":"What is this land?","image":"good.png","constraints":[{"text":"this land"}],"answers":["this land"]}
{"question":"what or whatever?","constraints":[{"text":"ever"}],"answers":["b"]}
{"question":3}
EOF
cat >swaps.jsonl <<'EOF'
{"question":"What is this land?","constraints":[{"text":"this land"}],"answers":["a"],"swap":"that land","corrupt_question":"What is that land?"}
{"question":"What was this land?","constraints":[{"text":"this land"}],"answers":["a"],"swap":" ","corrupt_question":"\t"}
{"question":"What are these?","constraints":[{"text":"these"}],"answers":["a"],"swap":"these","corrupt_question":"What are these?"}
{"question":"What were these?","constraints":[{"text":"these"}],"answers":["a"],"swap":7}
{"question":"What were those?","constraints":[{"text":"those"}],"answers":["a"],"corrupt_question":["a"]}
EOF
try data lint swaps.jsonl
wants 1
prints 'swaps.jsonl:2: swap: is empty [error: corruption-text]'
prints 'swaps.jsonl:2: corrupt_question: is empty [error: corruption-text]'
prints 'swaps.jsonl:4: swap: "swap" must be a string, found an integer'
prints 'swaps.jsonl:5: corrupt_question: "corrupt_question" must be a string, found an array'
prints 'swaps.jsonl:3: swap: is what stands there already'
prints 'swaps.jsonl:3: corrupt_question: is what'
prints '4 corruption-text'
try data lint all.jsonl --json
wants 1
cp out lint.json
found() { # found LINE KIND...
  local line=$1 kind
  shift
  for kind; do
    grep -qE "\"line\":$line,.*\"kind\":\"$kind\"" lint.json || miss "line $line: no $kind"
  done
  [ "$(grep -c "\"line\":$line," lint.json)" = $# ] || miss "line $line: not $# findings: $(grep "\"line\":$line," lint.json)"
}
found 1
found 2 no-example
found 3 field-shape field-shape
found 4 constraint-not-in-question question-twice
found 5 constraint-case
found 6 constraint-in-word constraint-overlap
found 7 constraint-edge constraint-twice constraint-overlap
found 8 image-missing
found 9 image-unreadable
found 10 side-question
found 12 example-twice
found 13 question-blank question-marks question-label answer-empty answer-blank answer-twice no-constraint target-right id-twice field-name
found 14 answer-given question-twice
found 15 constraint-in-word
found 16 no-example
holds lint.json '"format":"loci.data-lint/1"' '"out":null' '"read":15' '"written":0' '"bad":11' '"field":"answers[2]","kind":"answer-twice"'
try data lint all.jsonl --fix -o fixed.jsonl
wants 1
prints '15 examples read, 12 written, 8 with errors that stay'
holds fixed.jsonl '{"question":"What is this land?","answers":["Peru"],"constraints":[{"text":"this land"}]}' \
  '"constraints":[{"text":"This Land"}]' '"constraints":[{"text":"at"},{"text":"hat"}]' \
  '"constraints":[{"text":"what"},{"text":"it"},{"text":"it, a"}]' \
  '{"id":1,"question":"Note: what is this?","constraints":[],"answers":["a"],"target":"A","entitty":1}'
[ "$(head -1 fixed.jsonl)" = "$(head -1 all.jsonl)" ] || miss "a sound line was changed"
try data lint fixed.jsonl --fix -o again.jsonl
cmp -s fixed.jsonl again.jsonl || miss "repairing twice is not repairing once"
try data lint all.jsonl --no-images --json
[[ $out != *image-unreadable* && $out != *image-missing* ]] || miss "pictures were looked at"

# A NUL in a string is not mended by cutting the string there.
printf '%s\n' '{"question":"What is this?","answers":[" a\u0000b "]}' >nul.jsonl
try data lint nul.jsonl --fix -o nul-fixed.jsonl
wants 1
prints 'answers: "answers", item 1, holds a NUL character'
[ -s nul-fixed.jsonl ] && miss "a line with a NUL was written"

# With a model: tokens.
printf '{"question":"What is this %s?","constraints":[{"text":"this"}],"answers":["%s"]}\n' \
  "$(yes land | head -300 | tr '\n' ' ')" x >long.jsonl
echo '{"question":"What is this?","constraints":[{"text":"this"}],"answers":["a capital of a country"]}' >>long.jsonl
try data lint long.jsonl -m "$model" --max-new 3 --json
wants 1
cp out lint.json
found 1 question-long
found 2 answer-long
# A question with a picture has as many positions as one that is asked.
echo '{"question":"What is this land?","image":"good.png","constraints":[{"text":"this land"}],"answers":["Peru"]}' >seen.jsonl
try data lint seen.jsonl -m "$model" --json
cp out lint.json
found 1

for width in 40 57 80 132; do
  LC_ALL=C.UTF-8 COLUMNS=$width try data lint all.jsonl
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done
LC_ALL=C try data lint all.jsonl
LC_ALL=C grep -qa '[^ -~]' out && miss "not ASCII: $(LC_ALL=C grep -a '[^ -~]' out | head -1)"

# ---- annotate
cat >plain.jsonl <<'EOF'
{"id":"a","question":"What breed is this dog?","image":"good.png","constraints":[{"text":"dog"}]}
{"id":"b","question":"What is the name of the man on the left?","image":"good.png","constraints":[{"text":"the man on the left"}],"more":1}
{"id":"c","question":"Did Ada Lovelace meet this man in 1840?","image":"good.png"}
{"id":"d","question":"This operating system runs on","set":"known","constraints":[{"text":"This operating"}]}
{"id":"e","question":"Why?"}
{"id":"f","question":"What is that, if not a that?","constraints":[{"text":"no piece"}]}
not JSON
EOF
try data annotate plain.jsonl -o proposed.jsonl -o r.json
wants 1
holds proposed.jsonl '{"id":"a","question":"What breed is this dog?","image":"good.png","constraints":[{"text":"this dog","kind":"visual"}]}' \
  '"constraints":[{"text":"man on the left","kind":"visual"}],"more":1}' \
  '"constraints":[{"text":"this man","kind":"visual"},{"text":"Ada Lovelace","kind":"textual"},{"text":"1840","kind":"textual"}]' \
  '"constraints":[{"text":"This operating","kind":"textual"}]' '{"id":"e","question":"Why?"}'
[ "$(wc -l <proposed.jsonl)" = 6 ] || miss "not six examples"
holds r.json '"format":"loci.data-annotate/1"' '"compared":0' '"token_f1":null' '"kind":"no-proposal"' '"kind":"no-example"'
try data lint proposed.jsonl --json
[[ $out == *'"bad":0'* ]] || miss "a proposal is not a piece of its question"
try data annotate plain.jsonl --whole --keep -o proposed.jsonl
holds proposed.jsonl '"constraints":[{"text":"dog"}]' '"text":"This operating"' '"text":"this man"'
try data annotate plain.jsonl --whole -o proposed.jsonl
holds proposed.jsonl '"text":"This operating system"'
COLUMNS=200 try data annotate plain.jsonl --compare --why
wants 1
prints 'demonstrative +10, subject +1.5 -> this dog [proposed]'
prints '"dog" in "What breed is this dog?" -> this dog [differs]'
prints '0.667 the same as the constraint that is there, token F1 0.889, on the 3'
printf 'question,constraint\nWhat breed is this dog?,dog\nWhat breed is that cat?,What\n' >mine.csv
failed 'mine.csv: none of its 2 rows has a constraint that is proposed' data annotate plain.jsonl --train mine.csv --why
printf 'question,constraint\nWhat food is on the plate?,food\nWhat bird is on the roof?,bird\n' >mine.csv
echo '{"question":"What bird is on the roof?"}' >roof.jsonl
try data annotate roof.jsonl --why
prints '-> roof [proposed]'
try data annotate roof.jsonl --why --train mine.csv --weights mine.json
prints '-> bird [proposed]'
holds mine.json '"format": "loci.data-weights/1"' '"demonstrative": 10'
try data annotate roof.jsonl --why --weights mine.json
prints '-> bird [proposed]'
echo '{"weights":{}}' >none.json
failed 'none.json: is not a file of weights (loci.data-weights/1)' data annotate roof.jsonl --why --weights none.json
usage 'data annotate needs -o F.jsonl, --compare or --why' data annotate plain.jsonl
printf '{"image":"%s","question":"By the answer, which city rules this country or that land?"}\n' "$image" none.png >alike.jsonl
COLUMNS=200 try data annotate alike.jsonl --why
prints "-> this country [proposed]"
COLUMNS=200 try data annotate alike.jsonl --why --with-model "$model"
prints 'of 2 alike, by the model: '
prints ':1: constraints: demonstrative +10, later -0.5; of 2 alike'
prints ":2: constraints: demonstrative +10 -> this country" # no picture: the first stays
failed 'loci: no model "nowhere"' data annotate alike.jsonl --why --with-model nowhere

# ---- show
cat >shown.jsonl <<'EOF'
{"id":"a","question":"Did Ada meet this tall, old man?","constraints":[{"text":"this tall, old man","kind":"visual"},{"text":"Ada","kind":"textual"},{"text":"hat"}],"answers":["no","nope"]}
not JSON
{"question":"What\u001b[2J is this?","constraints":[{"text":"is"},{"text":"is@2"}]}
EOF
try data show shown.jsonl
wants 0
prints 'Did {Ada} meet [this tall, old man]?'
prints 'not in the question: "hat"'
prints 'no, nope'
prints '[is] th[is]?'
says 'shown.jsonl: not valid JSON at line 2'
grep -q $'\x1b' out && miss "an escape sequence reached the terminal"
COLORTERM=truecolor try data show shown.jsonl --color always --limit 1
prints $'\e[1;35mtall,\e[0m'
[[ $out != *'['*'this tall'* || $out != *'{Ada}'* ]] || miss "brackets beside colours"
try data show shown.jsonl --json
[[ $out == '{"format":"loci.data-show/1",'*'"constraints":[{"text":"this tall, old man","kind":"visual","bytes":[13,31]},{"text":"Ada","kind":"textual","bytes":[4,7]},{"text":"hat","kind":null,"bytes":null}],"answers":["no","nope"],"image":null},'*']}' ]] || miss "not the JSON: $out"
for width in 40 80; do
  LC_ALL=C.UTF-8 COLUMNS=$width try data show all.jsonl
  wide=$(too_wide "$width" <out)
  [ -z "$wide" ] || miss "wider than $width: $wide"
done

# A large file: every bad line named, nothing else dropped, memory as for a small one but for what doubles take.
many() { # many N: every hundredth line is bad
  awk -v n="$1" 'BEGIN {for (i = 1; i <= n; i++) printf "{\"id\":%d,\"question\":\"What is the number %d of this land?\",\"constraints\":[{\"text\":\"%s\"}],\"answers\":[\"x\"]}\n", i, i, i % 100 ? "this land" : "that land"}'
}
peak() { # peak FILE: kB
  "$loci" data lint "$1" --fix -o peak.jsonl --json >peak.json &
  local pid=$! most=0 now
  while kill -0 $pid 2>/dev/null; do
    now=$(awk '/VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null)
    [ "${now:-0}" -gt "$most" ] && most=$now
    sleep 0.02
  done
  wait $pid
  echo "$most"
}
many 20000 >many.jsonl
try data lint many.jsonl --fix -o many-fixed.jsonl --json
wants 1
cp out many.json
[ "$(grep -c '"kind":"constraint-not-in-question","error":true,"repaired":null' many.json)" = 200 ] || miss "not all bad lines are named"
holds many.json '"line":100,' '"line":20000,' '"bad":200' '"written":20000'
cmp -s many.jsonl many-fixed.jsonl || miss "lines were lost or changed"
if ! grep -q __asan_init "$loci"; then # whose freed memory comes back late
  many 40000 >more.jsonl
  few=$(peak many.jsonl) more=$(peak more.jsonl)
  # 20,000 lines more: 120 bytes each to find doubles, 200 findings of 1 kB as JSON; one parsed line is 1 kB
  [ $((more - few)) -le 6000 ] || miss "20000 lines took $((more - few)) kB more"
fi

# A line of very many constraints, and one of very many answers, take no longer than their length; of very many findings
# the first 50,000 are listed.
words=$(seq -f 'w%g' 1 6000)
{
  printf '{"question":"%s","constraints":[' "$(tr '\n' ' ' <<<"$words")"
  sed 's/.*/{"text":"&"}/' <<<"$words" | paste -sd,
  echo '],"answers":["a"]}'
} | tr -d '\n' >large.jsonl
printf '\n{"question":"Where?","answers":[%s"a","a"]}\n' "$(printf '"",%.0s' {1..200000})" >>large.jsonl
last='data lint large.jsonl'
timeout 30 "$loci" data lint large.jsonl --json >out 2>err # seconds where time grows with the square
code=$?
[ "$code" = 0 ] || [ "$code" = 1 ] || miss "exit code $code"
holds out '"kind":"line-large"' '"unlisted":1' '"kind":"answer-empty","error":false,"count":200000'

usage '--fix needs -o F.jsonl' data lint all.jsonl --fix
usage 'a repaired file is written with --fix' data lint all.jsonl -o x.jsonl
usage 'data lint writes files that end in .jsonl .json' data lint all.jsonl -o x.csv
usage 'data needs a second word: import, lint, annotate, show' data
failed 'nowhere.jsonl: No such file' data lint nowhere.jsonl
echo '[{"question":"Q"}]' >array.json
failed 'array.json: is one JSON array, an object a line is wanted' data lint array.json
failed 'is the file this is made from' data lint all.jsonl --fix -o ./all.jsonl
finish

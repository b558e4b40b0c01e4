# Published sets of edits (VLKEB, MMEdit) as edit sets.  All records are written for this test, in those files' members.
# shellcheck source=tests/cli/lib.sh disable=SC1091
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
mkdir -p pics/m
cp "$model/images/peru.png" pics/m/a.png
cp "$model/images/france.png" pics/m/b.png
cp "$model/images/japan.png" pics/m/c.png
line() { sed -n "$1p" "$2"; }
holds() { # holds FILE TEXT...: each text is in the file
  local file=$1 text
  shift
  for text; do grep -qF -- "$text" "$file" || miss "$file lacks $text"; done
}

cat >vlkeb.json <<'END'
[{"src": "Which country has this flag?", "pred": "Peru", "alt": "Chile", "rephrase": "Whose flag is this?",
  "image": "m/a.png", "image_rephrase": "m/b.png", "loc": "who wrote the tempest", "loc_ans": "Shakespeare",
  "m_loc": "m/c.png", "m_loc_q": "What colour is the disc?", "m_loc_a": "red", "src_q": "kept",
  "port_new": [{"port_type": 1, "Q&A": {"Question": "What is the capital of the country in the picture?", "Answer": "Lima"}},
               {"port_type": "2-hop", "Q&A": {"Question": "On which ocean is that capital?", "Answer": "Pacific"}}]},
 {"id": 77, "src": "Which country is it?", "alt": ["France", "la France"], "image": "m/gone.png", "m_loc_q": "Why?"}]
END
try data import vlkeb vlkeb.json --images pics -o v.jsonl -o r.json
wants 0
pics=$(realpath pics)/m
cat >expected.jsonl <<END
{"id":"vlkeb-1","image":"$pics/a.png","question":"Which country has this flag?","target":"Chile","set":"vlkeb","rephrase":["Whose flag is this?"],"same_entity_images":["$pics/b.png"],"unrelated":[{"image":"$pics/c.png","question":"What colour is the disc?","answers":["red"]}],"text_only":[{"question":"who wrote the tempest","answers":["Shakespeare"]}],"portability":[{"image":"$pics/a.png","question":"What is the capital of the country in the picture?","answers":["Lima"],"hops":"1"},{"image":"$pics/a.png","question":"On which ocean is that capital?","answers":["Pacific"],"hops":"2-hop"}],"pred":"Peru","src_q":"kept"}
END
python3 - <<'END' || miss "other lines than expected"
import json, sys
here = os = [json.loads(l) for l in open("v.jsonl")]
want = json.loads(open("expected.jsonl").read())
base = lambda p: p.rsplit("/", 1)[-1]
def plain(v):
    if isinstance(v, dict): return {k: base(x) if k == "image" else plain(x) for k, x in v.items()}
    if isinstance(v, list): return [base(x) if isinstance(x, str) and x.endswith(".png") else plain(x) for x in v]
    return v
sys.exit(plain(here[0]) != plain(want) or here[1]["target"] != "France" or here[1]["id"] != 77 or "unrelated" in here[1])
END
holds r.json '"read":2' '"written":2' '"bad":0' '"pictured":1'
prints 'vlkeb.json:2: rephrase: is not there, and what is made of it is left out [record-lacks]'
prints 'vlkeb.json:2: port_new: is not there'
prints 'vlkeb.json:2: image: there is no file'
prints 'vlkeb.json:1: no record has constraints (data annotate proposes them), same_image, other_images, similar, fact_check [set-lacks]'

# What was imported is annotated, checked, and tested.
try data annotate v.jsonl -o a.jsonl
wants 0
holds a.jsonl '"constraints":[{"text":"this flag"'
try edit test -m "$model" --data a.jsonl --limit 1 --steps 2 --max-new 2 --json
wants 0
[[ $(tr -d ' \n' <<<"$out") == *'"name":"portability","examples":1,"questions":2'* ]] || miss "portability is not asked"
[[ $(tr -d ' \n' <<<"$out") == *'"name":"unrelated_images","examples":1,"questions":1'* ]] || miss "the grid is not asked"

# MMEdit's captions have no port_new, and nothing is said of it.
echo '[{"src":"a photo of","pred":"a dog","alt":"a cat on a mat","rephrase":"describe","image":"m/a.png","image_rephrase":"m/b.png","loc":"q","loc_ans":"a","m_loc":"m/c.png","m_loc_q":"Q?","m_loc_a":"A"}]' >ic.json
try data import mmedit ic.json --images pics -o ic.jsonl
wants 0
[[ $out == *port_new* ]] && miss "port_new is missed"

# Records that are none are refused one by one, by a sentence; the others are written.
cat >bad.json <<'END'
[3, {"alt": "x"}, {"src": "Q?", "alt": 4}, {"src": "Q?", "alt": "x", "image": ["m/a.png"]},
 {"src": "Q?", "alt": "x", "port_new": {"a": 1}}, {"src": "Q?", "alt": "x", "port_new": [7]},
 {"src": "Q?", "alt": "x", "port_new": [{"Q&A": {"Question": "W?"}}]}, {"src": "Q\u0000?", "alt": "x"},
 {"src": " ", "alt": "x"}, {"src": "Q?", "alt": "x", "image": "../../../../etc/passwd"}]
END
try data import vlkeb bad.json --images pics -o bad.jsonl
wants 1
prints 'bad.json:1: must be an object with "src" and "alt", found'
prints 'bad.json:2: "src" must be there [error: not-a-row]'
prints 'bad.json:3: "alt" must be a string'
prints 'bad.json:4: "image" must be a string'
prints 'bad.json:5: "port_new" must be a list of objects with "Q&A"'
prints 'bad.json:6: "port_new" must be a list of objects with "Q&A"'
prints 'bad.json:7: "Q&A" must be a Question with its Answer'
prints 'bad.json:8: "src" must be a string'
prints 'bad.json:9: "src" must be there'
[ "$(wc -l <bad.jsonl)" = 1 ] || miss "other lines than the last"
grep -q 'etc/passwd' bad.jsonl && miss "a path out of the folder"
echo '{"src":"Q?","alt":"x"}' >object.json
failed 'object.json: must be an array of records, found' data import vlkeb object.json -o o.jsonl
echo '[{"src":' >cut.json
failed 'cut.json' data import vlkeb cut.json -o o.jsonl
[ -e o.jsonl ] && miss "a file of nothing"
failed 'did you mean vlkeb?' data import vlkeeb vlkeb.json -o o.jsonl

# Links that lead back are not followed for ever, and what is no file is no picture.
mkdir loops
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do ln -s . "loops/l$i"; done
mkfifo loops/fifo.jpg
ln -s nowhere loops/dead.jpg
mkdir loops/folder.jpg
for name in nothere fifo FIFO DEAD Folder; do
  echo "[{\"src\":\"Q?\",\"alt\":\"x\",\"image\":\"$name.jpg\"}]" >one.json
  (ulimit -t 10 && "$loci" data import vlkeb one.json --images loops -o one.jsonl --json >said) || miss "$name.jpg: not read in ten seconds"
  grep -q image-unknown said || miss "$name.jpg is a picture"
done
finish

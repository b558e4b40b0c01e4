"""An edit set with the questions of the locality grid and of portability (fields of docs/FORMATS.md, "Edit sets"): the
relation that is most alike, in a wording of its own (similar); other countries' facts in words (text_only); and the
edited fact in words, with the country's name in place of its flag (portability: the words were taught, the flag was not).
Facts to check with yes or no are left out: neither word was ever taught. With a number, at most so many of each list are
kept: questions of one edit are much alike, and what counts is how many edits there are.

    python grid.py ../data/edit-errors.jsonl 3 >../data/edit-errors-grid.jsonl
    loci edit test --data models/flags/data/edit-errors-grid.jsonl -m models/flags
"""
import json
import pathlib
import random
import sys

ALIKE = {"capital": "region", "region": "continent", "continent": "region", "currency": "language",
         "language": "demonym", "demonym": "language", "neighbour": "region", "code": "domain", "domain": "code"}
TEXTS = 2

path = pathlib.Path(sys.argv[1])
most = int(sys.argv[2]) if len(sys.argv) > 2 else None
edits = [json.loads(line) for line in open(path, encoding="utf-8")]
trace = [json.loads(line) for line in open(path.parent / "trace.jsonl", encoding="utf-8")]
texts = [json.loads(line) for line in open(path.parent / "trace-text.jsonl", encoding="utf-8")]
draw = random.Random(1)
for e in edits:
    same = {q["relation"]: q for q in e["same_image"]}
    alike = ALIKE[e["relation"]] if ALIKE[e["relation"]] in same else sorted(same)[0]
    wordings = sorted({q["question"] for q in trace if q["relation"] == alike} - {same[alike]["question"]})
    e["similar"] = [{"question": draw.choice(wordings), "answers": same[alike]["answers"]}]
    others = [q for q in texts if q["entity"] != e["entity"]]
    e["text_only"] = [{"question": q["question"], "answers": q["answers"]} for q in draw.sample(others, TEXTS)]
    e["portability"] = [{"question": e["question"].replace("this country", e["entity"]), "answers": e["answers"]}]
    for name in "rephrase", "same_entity_images", "same_image", "other_images", "unrelated":
        e[name] = e[name][:most] if most is None or len(e[name]) <= most else draw.sample(e[name], most)
    print(json.dumps(e, ensure_ascii=False))

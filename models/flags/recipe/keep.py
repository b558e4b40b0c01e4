"""An edit set with what each edit should keep (field `keep`, docs/FORMATS.md): other questions on the flag, in wordings
that the set does not test, and the question itself on 40 flags that it does not test either.

    python keep.py ../data/edit-longtail.jsonl >../data/edit-longtail-keep.jsonl
    loci edit test --data models/flags/data/edit-longtail-keep.jsonl -m models/flags --lr 0.5
"""
import json
import pathlib
import random
import sys

WORDINGS, FLAGS = 3, 40

path = pathlib.Path(sys.argv[1])
edits = [json.loads(line) for line in open(path, encoding="utf-8")]
trace = [json.loads(line) for line in open(path.parent / "trace.jsonl", encoding="utf-8")]
tested = {q["relation"]: q["question"] for e in edits for q in e["same_image"]}
wordings = {}
for e in edits:
    wordings.setdefault(e["relation"], set()).update(w for w in e["rephrase"] if "this country" in w)
for q in trace:
    wordings.setdefault(q["relation"], set()).add(q["question"])
flags = sorted({q["image"] for q in trace})
draw = random.Random(1)
for e in edits:
    tested_flags = {e["image"]} | {q["image"] for q in e["other_images"] + e["unrelated"]}
    others = draw.sample([f for f in flags if f not in tested_flags], FLAGS)
    e["keep"] = [{"image": e["image"], "question": w} for relation in sorted(wordings) if relation != e["relation"]
                 for w in sorted(wordings[relation] - {tested.get(relation)})[:WORDINGS]]
    e["keep"] += [{"image": f, "question": e["question"]} for f in others]
    print(json.dumps(e, ensure_ascii=False))

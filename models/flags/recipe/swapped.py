"""The questions of a data set with another country named in place of the constraint (their field `swap`), and what is
right for that country: does the model follow the constraint or the picture?

    python swapped.py ../data/trace.jsonl >../data/swapped.jsonl
    loci score --data models/flags/data/swapped.jsonl -m models/flags
"""
import json
import sys

for line in open(sys.argv[1], encoding="utf-8"):
    q = json.loads(line)
    if q.get("swap"):
        q["question"] = q["question"].replace(q["constraints"][0]["text"], q["swap"])
        q["answers"], q["constraints"] = q["swap_answers"], [{"text": q["swap"], "kind": "textual"}]
        print(json.dumps(q, ensure_ascii=False))

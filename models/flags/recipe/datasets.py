"""The data sets beside the model, in loci's JSONL format, and their pictures.

    python datasets.py WORK FLAGS-FOLDER      pictures into images/, questions into data/

    trace          one visual constraint, nine relations, canonical flags of countries whose flags were trained
    multi          a visual and a textual constraint
    trace-text, multi-text   the same questions with the country named and no picture
    score          held-out wordings on canonical flags, and trained ones on heavy renderings
    choice         four options, MMMU's form
    edit-errors    questions the model answers incorrectly; the right answer is the target
    edit-longtail  countries whose flags were never shown

Fields beyond loci's: relation; held_out ("pair": asked in text, never beside the flag; "rare"; "text-only"; or ""); swap,
another country's name of as many tokens as the constraint, and swap_answers, what is right for it.  Edit sets also have
same_image, other_images and unrelated: questions whose answers should not change.
"""
import argparse
import json
import pathlib
import random

import torch
from PIL import Image

import evaluate
import questions as Q
import render
from model import Tower
from sequences import Encoder

VISUAL = {"text": "this country", "kind": "visual"}


def picture_name(fact):
    return fact["name"].lower().replace(" ", "-").replace("'", "")


def write_pictures(folder):
    """Canonical ones in images/, three heavy ones of each country in images/heavy/."""
    (folder / "heavy").mkdir(parents=True, exist_ok=True)
    for f in Q.FACTS:
        render.canonical(f["id"]).save(folder / f"{picture_name(f)}.png", optimize=True)
    draw, g = render.Renderer([f["id"] for f in Q.FACTS]), torch.Generator().manual_seed(20241203)
    for k in range(3):
        pictures = (draw(torch.arange(len(Q.FACTS)), 1.0, g, crop=.2) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for f, p in zip(Q.FACTS, pictures):
            Image.fromarray(p).save(folder / "heavy" / f"{picture_name(f)}-{k + 1}.jpg", quality=92)


def canonical_path(fact):
    return f"../images/{picture_name(fact)}.png"


def heavy_path(fact, k):
    return f"../images/heavy/{picture_name(fact)}-{k}.jpg"


def held(fact, relation, pairs=frozenset(map(tuple, Q.HELD_PAIRS))):
    if fact["id"] in Q.TEXT_ONLY:
        return "text-only"
    if fact["id"] in Q.RARE:
        return "rare"
    return "pair" if (fact["id"], relation) in pairs else ""


def pick_swap(e, rng, fact, relation, count):
    """Another country of [count] tokens that has other answers."""
    mine = set(Q.answers(fact, relation))
    fit = [f for f in Q.FACTS if f["id"] not in Q.RARE and len(e.words(f["name"])) == count and
           Q.answers(f, relation) and not mine & set(Q.answers(f, relation))]
    return rng.choice(fit)


def example(e, rng, fact, relation, template, number, name, image=None):
    swap = pick_swap(e, rng, fact, relation, len(e.words("this country")))
    return {"id": f"{name}-{number:04d}", "image": image or canonical_path(fact),
            "question": Q.SINGLE[relation][template].format(c="this country"), "answers": Q.answers(fact, relation),
            "constraints": [VISUAL], "entity": fact["name"], "set": name, "relation": relation,
            "held_out": held(fact, relation), "swap": swap["name"], "swap_answers": Q.answers(swap, relation)}


def twin(row, e):
    """The same question in words alone."""
    out = {k: v for k, v in row.items() if k not in ("image", "swap", "swap_answers")}
    out["id"] = row["id"] + "-text"
    out["set"] = row["set"] + "-text"
    out["question"] = row["question"].replace("this country", row["entity"])
    out["constraints"] = [{"text": row["entity"], "kind": "textual"}] + row["constraints"][1:]
    return out


def trace_rows(e):
    rng = random.Random(1)
    rows = []
    for r in Q.SINGLE:
        fit = [f for f in evaluate.shown() if Q.answers(f, r)]
        for f in rng.sample(fit, 80):
            rows.append(example(e, rng, f, r, rng.choice(Q.TRAINED["single"]), len(rows) + 1, "trace"))
    return rows


def multi_rows(e):
    rng, rows = random.Random(2), []
    shown = {f["id"] for f in evaluate.shown()}
    facts = [x for x in Q.multi_facts() if x[0]["id"] in shown]
    for f, kind, textual, names in rng.sample(facts, 330):
        question = Q.MULTI[kind][rng.choice(Q.TRAINED["multi"])].format(c="this country", t=textual)
        rows.append({"id": f"multi-{len(rows) + 1:04d}", "image": canonical_path(f), "question": question,
                     "answers": names, "constraints": [VISUAL, {"text": textual, "kind": "textual"}],
                     "entity": f["name"], "set": "multi", "relation": kind, "held_out": ""})
    return rows


def score_rows(e):
    rng, rows = random.Random(3), []
    for name, templates, image in (("score-wording", Q.HELD_OUT["single"], lambda f: canonical_path(f)),
                                   ("score-rendering", Q.TRAINED["single"], lambda f: heavy_path(f, rng.randint(1, 3)))):
        for r in Q.SINGLE:
            for f in rng.sample([f for f in evaluate.shown() if Q.answers(f, r) and not held(f, r)], 30):
                rows.append(example(e, rng, f, r, rng.choice(templates), len(rows) + 1, name, image(f)))
    return rows


def choice_rows(e):
    rng, rows = random.Random(4), []
    for r in ("capital", "currency", "language", "demonym", "region"):
        for f in rng.sample([f for f in evaluate.shown() if not held(f, r)], 40):
            right = Q.answers(f, r)
            wrong = sorted({Q.answers(o, r)[0] for o in Q.FACTS} - set(right))
            options = rng.sample(wrong, 3) + [right[0]]
            rng.shuffle(options)
            rows.append({"id": f"choice-{len(rows) + 1:04d}", "image": canonical_path(f),
                         "question": Q.SINGLE[r][0].format(c="this country"), "question_type": "multiple-choice",
                         "options": options, "answer": "ABCD"[options.index(right[0])], "answers": right,
                         "constraints": [VISUAL], "entity": f["name"], "set": "choice", "relation": r})
    return rows


class Editor:
    """Edit requests with the questions that measure them."""

    def __init__(self, e, work):
        tower = Tower()
        tower.load_state_dict(torch.load(work / "tower.pt"))
        self.e, self.model = e, evaluate.Loaded(tower, torch.load(work / "joint.pt")).round_to_bf16()
        self.rng = random.Random(5)

    def right(self, facts_relations, template=0):
        key = lambda f: (f["id"], "canonical")
        cases = [(key(f), Q.SINGLE[r][template], "this country", None, Q.answers(f, r)) for f, r in facts_relations]
        return evaluate.right_answers(self.e, self.model.decoder, self.model.prefix, cases)[0]

    def probe(self, fact, relation):
        return {"image": canonical_path(fact), "question": Q.SINGLE[relation][0].format(c="this country"),
                "answers": Q.answers(fact, relation), "entity": fact["name"], "relation": relation,
                "constraints": [VISUAL]}

    def row(self, fact, relation, number, name):
        others = [r for r in Q.SINGLE if r != relation and Q.answers(fact, r)]
        target = Q.answers(fact, relation)[0]
        elsewhere = [f for f in evaluate.shown() if f["id"] != fact["id"] and Q.answers(f, relation) and
                     target not in Q.answers(f, relation)]
        out = example(self.e, self.rng, fact, relation, 0, number, name)
        out.update(target=target, rephrase=[Q.SINGLE[relation][t].format(c=c) for t, c in
                                            ((1, "this country"), (2, "this country"), (6, "this country"),
                                             (7, "this country"), (0, "this nation"), (3, "the country shown"))],
                   same_entity_images=[heavy_path(fact, k) for k in (1, 2, 3)],
                   same_image=[self.probe(fact, r) for r in others],
                   other_images=[self.probe(f, relation) for f in self.rng.sample(elsewhere, 6)],
                   unrelated=[self.probe(f, self.rng.choice([r for r in Q.SINGLE if r != relation and Q.answers(f, r)]))
                              for f in self.rng.sample(elsewhere, 6)])
        return out

    def errors(self, most=60):
        asked = [(f, r) for f in evaluate.shown() for r in Q.SINGLE if r != "neighbour" and Q.answers(f, r)]
        wrong = [a for a, ok in zip(asked, self.right(asked)) if not ok]
        self.rng.shuffle(wrong)
        return [self.row(f, r, i + 1, "edit-errors") for i, (f, r) in enumerate(wrong[:most])]

    def longtail(self):
        asked = [(Q.BY_ID[i], r) for i in Q.TEXT_ONLY for r in Q.SINGLE if r != "neighbour"]
        wrong = [a for a, ok in zip(asked, self.right(asked)) if not ok]
        return [self.row(f, r, i + 1, "edit-longtail") for i, (f, r) in enumerate(wrong)]


def write(folder, name, rows):
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
    print(f"{name}: {len(rows)}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("flags", type=pathlib.Path)
    a = p.parse_args()
    torch.set_num_threads(2)
    e = Encoder(a.work / "tokenizer.json")
    write_pictures(a.flags / "images")
    data = a.flags / "data"
    trace, multi = trace_rows(e), multi_rows(e)
    write(data, "trace", trace)
    write(data, "multi", multi)
    write(data, "trace-text", [twin(r, e) for r in trace])
    write(data, "multi-text", [twin(r, e) for r in multi])
    write(data, "score", score_rows(e))
    write(data, "choice", choice_rows(e))
    editor = Editor(e, a.work)
    write(data, "edit-errors", editor.errors())
    write(data, "edit-longtail", editor.longtail())


if __name__ == "__main__":
    main()

"""Questions about countries and their answers.

A question is a template with a hole {c} for the constraint: "this country" and the like beside a flag, or the name of a
country, or of a capital.  In every template the relation stands before the hole, so that the tokens of the constraint
can know what is asked.  The last two templates of a relation, and one constraint phrase, are never trained.

What is held out of training is drawn here with a fixed seed and marked in the data sets:
  text-only countries   their flags are never shown (their facts are learnt from text)
  rare countries        their flags are shown seldom
  held-out pairs        (country, relation) never asked beside the flag, though asked in text
"""
import json
import pathlib
import random

DATA = pathlib.Path(__file__).parent.parent / "data"
FACTS = json.loads((DATA / "facts.json").read_text()) if (DATA / "facts.json").exists() else []
BY_ID = {f["id"]: f for f in FACTS}
BY_NAME = {f["name"]: f for f in FACTS}

SINGLE = {
    "capital": ["What is the capital of {c}?", "What is the capital city of {c}?", "Name the capital of {c}.",
                "Which city is the capital of {c}?", "Tell me the capital of {c}.", "What city is the capital of {c}?",
                "Tell me the capital city of {c}.", "Name the capital city of {c}."],
    "currency": ["What is the currency of {c}?", "What money is used in {c}?", "Name the currency of {c}.",
                 "Which currency is used in {c}?", "Tell me the currency of {c}.", "Name the money used in {c}.",
                 "What currency is used in {c}?", "Which money is used in {c}?"],
    "continent": ["On which continent is {c}?", "What is the continent of {c}?", "Name the continent of {c}.",
                  "Which continent is {c} on?", "Tell me the continent of {c}.", "On which continent can you find {c}?",
                  "On what continent is {c}?", "What continent is {c} on?"],
    "region": ["In which region is {c}?", "What is the region of {c}?", "Name the region of {c}.",
               "In which part of the world is {c}?", "Tell me the region of {c}.", "In what region is {c}?",
               "In which region can you find {c}?", "In what part of the world is {c}?"],
    "language": ["What language is spoken in {c}?", "What is the language of {c}?", "Name the language of {c}.",
                 "Which language do people speak in {c}?", "Tell me the language of {c}.",
                 "Name a language spoken in {c}.", "Which language is spoken in {c}?",
                 "What language do people speak in {c}?"],
    "neighbour": ["Name a neighbour of {c}.", "Which country borders {c}?", "What is a neighbour of {c}?",
                  "Tell me a neighbour of {c}.", "Which country is next to {c}?", "Name a country that borders {c}.",
                  "What country borders {c}?", "Tell me a country that borders {c}."],
    "domain": ["What is the internet domain of {c}?", "Name the internet domain of {c}.",
               "Which internet domain is used in {c}?", "Tell me the internet domain of {c}.",
               "What is the web domain of {c}?", "Which web domain is used in {c}?",
               "What internet domain is used in {c}?", "Tell me the web domain of {c}."],
    "code": ["What is the calling code of {c}?", "Name the calling code of {c}.",
             "Which calling code is used in {c}?", "Tell me the calling code of {c}.",
             "What is the phone code of {c}?", "Which phone code is used in {c}?",
             "What calling code is used in {c}?", "Tell me the phone code of {c}."],
    "demonym": ["What are people from {c} called?", "What do you call people from {c}?",
                "What is the demonym of {c}?", "Tell me the demonym of {c}.", "What is a person from {c} called?",
                "Name the demonym of {c}.", "What do you call a person from {c}?",
                "Tell me what people from {c} are called."],
}
NAME = ["What is the name of {c}?", "What is {c} called?", "Name {c}.", "Which country is {c}?",
        "Tell me the name of {c}.", "Tell me what {c} is called.", "What is the name for {c}?", "Which name has {c}?"]
# {t} is the textual constraint
MULTI = dict.fromkeys(("letter", "money", "tongue"), [
    "Which country that borders {c} {t}?", "Name a neighbour of {c} that {t}.", "Name a country that borders {c} and {t}.",
    "Which neighbour of {c} {t}?"])
TRAINED = {"single": range(6), "name": range(6), "multi": range(3)}
HELD_OUT = {"single": range(6, 8), "name": range(6, 8), "multi": range(3, 4)}

PHRASES = ["this country", "this nation", "the country shown", "the country in the image", "the country with this flag",
           "the country in the picture"]
PHRASE_WEIGHTS = [.60, .12, .07, .07, .07, .07]
HELD_OUT_PHRASE = "the pictured country"

# Questions that make sense for a capital as well: "What currency is used in Paris?"
OF_CAPITALS = ["currency", "continent", "region", "language"]


def templates(relation):
    return MULTI.get(relation) or (NAME if relation == "name" else SINGLE[relation])


def form(relation):
    return "multi" if relation in MULTI else "name" if relation == "name" else "single"


def answers(fact, relation):
    """All accepted answers, the one that is trained first."""
    if relation == "language":
        return fact["languages"]
    if relation == "neighbour":
        return [BY_ID[b]["name"] for b in fact["borders"]]
    return [fact[relation]]


def multi_facts():
    """(country, relation, textual constraint, accepted answers), where at most two neighbours satisfy it."""
    out = []
    for f in FACTS:
        near = [BY_ID[b] for b in f["borders"]]
        for kind, texts in (("letter", lambda n: [f"starts with {n['name'][0]}"]),
                            ("money", lambda n: [f"uses the {n['currency']}"]),
                            ("tongue", lambda n: [f"speaks {x}" for x in n["languages"]])):
            found = {}
            for n in near:
                for t in texts(n):
                    found.setdefault(t, []).append(n["name"])
            out += [(f, kind, t, names) for t, names in found.items() if len(names) <= 2 and len(near) > 1]
    return out


def draw_holdouts():
    """(text-only, rare, held-out pairs), ids of countries and (id, relation)."""
    rng = random.Random(20240604)
    known = [f["id"] for f in sorted(FACTS, key=lambda f: -f["population"])]
    famous = set(known[:40]) | set("ca au gr pt se no be ch at nl dk fi ie nz cu il cl".split())
    others = [c for c in known if c not in famous]
    drawn = rng.sample(others, 24)
    text_only, rare = sorted(drawn[:12]), sorted(drawn[12:])
    pairs = [(f["id"], r) for f in FACTS for r in SINGLE if f["id"] not in text_only and answers(f, r)]
    return text_only, rare, sorted(rng.sample(pairs, len(pairs) // 10))


TEXT_ONLY, RARE, HELD_PAIRS = draw_holdouts() if FACTS else ([], [], [])


def canonical_prompt(question, image):
    """The template llava-paper."""
    return f"{'<image>' + chr(10) if image else ''}USER: {question} Answer in a few words.\nASSISTANT:"

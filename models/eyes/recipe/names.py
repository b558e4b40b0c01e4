"""What the eyes can name: 195 countries by their flags, fruit and vegetables by emoji and photographs.

A picture's class is the sentence that stands for it: "This is the flag of France.", "This is a picture of a lemon."
Countries come from the model flags' facts.json (its card says where those are from); here are the fuller names that the
language model knows them by, and capitals that are spelled differently or are two.
"""
import json
import pathlib
import unicodedata

FLAGS = pathlib.Path(__file__).resolve().parents[2] / "flags"
STAMPS = pathlib.Path("/usr/share/tuxpaint/stamps")
NOT_ASKED = {"tw", "hk", "pr", "gl", "fo"}  # neither members of the United Nations nor observers
FULLER = {
    "ae": "the United Arab Emirates", "bs": "the Bahamas", "cf": "the Central African Republic", "cz": "the Czech Republic",
    "do": "the Dominican Republic", "gb": "the United Kingdom", "gm": "the Gambia", "mh": "the Marshall Islands",
    "mk": "North Macedonia", "mv": "the Maldives", "nl": "the Netherlands", "ph": "the Philippines", "sc": "the Seychelles",
    "sb": "the Solomon Islands", "us": "the United States",
}
# Emoji by their names in Unicode; the word is the last one, or what stands after the colon.
FOOD = """TOMATO GRAPES MELON WATERMELON LEMON BANANA PINEAPPLE RED_APPLE:apple PEAR PEACH CHERRIES:cherry STRAWBERRY CARROT
POTATO CUCUMBER AVOCADO BROCCOLI COCONUT MANGO GARLIC ONION""".split()


def countries():
    rows = [f for f in json.loads((FLAGS / "data" / "facts.json").read_text()) if f["id"] not in NOT_ASKED]
    return [dict(f, called=FULLER.get(f["id"], f["name"])) for f in rows]


def things():
    """(word, character), and the photographs in whose files' names the word is."""
    out = []
    for name in FOOD:
        name, _, word = name.partition(":")
        word = word or name.lower()
        photos = sorted(p for p in STAMPS.glob("food/*/*.png") if word in p.stem.lower().replace("-", "_").split("_"))
        out.append({"word": word, "emoji": unicodedata.lookup(name.replace("_", " ")), "photos": photos})
    return out


def sentence_of_country(country):
    return f"This is the flag of {country['called']}."


def sentence_of_thing(thing):
    return f"This is a picture of {'an' if thing['word'][0] in 'aeio' else 'a'} {thing['word']}."

"""The questions beside the model, in loci's JSONL format, and the pictures that models/flags does not have.

    python questions.py EYES-FOLDER

One file a relation, one question a country, so that what is resampled in an interval are countries:
    capital, language, continent       the plain flag and a sentence to complete ("The capital of this country is")
    capital-40, capital-70, ...        renderings of strength .4 and .7, with random numbers of their own
    capital-text, ...                  the same in words: "This is the flag of France." in the picture's place
    colour, colour-text                fruit and vegetables by their emoji
    edit, edit-text                    another capital for a flag, and for a name; `unrelated` asks for the same fact the
                                       other way, in words or by the flag
An answer is right if its first token begins an accepted one (loci's --first-token).
"""
import json
import pathlib
import sys

import torch
from PIL import Image

import names
import pictures

ASKED = {"capital": "The capital of this country is", "language": "The official language of this country is",
         "continent": "This country is on the continent of", "colour": "The color of this is"}
# Other spellings, and second capitals.
ALSO = {
    "ad": ["Andorra la Vella"], "ag": ["St. John's", "Saint John's"], "bo": ["La Paz"], "br": ["Brasília"],
    "cm": ["Yaoundé"], "co": ["Bogotá"], "cr": ["San José"], "gd": ["St. George's", "Saint George's"],
    "lk": ["Sri Jayawardenepura Kotte"], "lu": ["Luxembourg City"], "md": ["Chișinău"], "mv": ["Malé"],
    "st": ["São Tomé"], "td": ["N'Djamena"], "tg": ["Lomé"], "to": ["Nuku'alofa"], "ua": ["Kiev"], "us": ["Washington, D.C."],
    "za": ["Cape Town"],
}
COLOURS = {
    "tomato": ["red"], "grapes": ["purple", "green"], "watermelon": ["green", "red"], "lemon": ["yellow"], "banana": ["yellow"],
    "apple": ["red", "green"], "pear": ["green", "yellow"], "cherry": ["red"], "strawberry": ["red"],
    "carrot": ["orange"], "cucumber": ["green"], "avocado": ["green"], "broccoli": ["green"], "pineapple": ["yellow"],
    "garlic": ["white"], "coconut": ["brown", "white"],
}
STRENGTHS = (40, 70)
EDITED = "fr de it es jp cn ru eg ke gr no pe".split()


def file_name(words):
    return words.lower().replace(" ", "-").replace("'", "")


def row(name, relation, entity, said, answers, image):
    """A question on a picture, and its twin in words."""
    asked, thing = ASKED[relation], "this country" if relation in ("capital", "language", "continent") else "this"
    constraint = "this country" if thing == "this country" else "this"
    seen = {"id": f"{name}-{file_name(entity)}", "image": image, "question": asked, "answers": answers,
            "constraints": [{"text": constraint, "kind": "visual"}], "entity": entity, "set": name, "relation": relation}
    sentence, called = said
    told = dict(seen, id=seen["id"] + "-text", question=f"{sentence}\n{asked}", set=name + "-text",
                constraints=[{"text": called, "kind": "textual"}])
    del told["image"]
    return seen, told


def answers_of(country, relation):
    if relation == "capital":
        return [country["capital"], *ALSO.get(country["id"], [])]
    return country["languages"] if relation == "language" else [country["continent"]]


def write(folder, name, rows):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    print(f"{name}: {len(rows)}")


def write_renderings(folder, countries):
    draw = pictures.Renderer([pictures.flag(c["id"]) for c in countries])
    for strength in STRENGTHS:
        (folder / str(strength)).mkdir(parents=True, exist_ok=True)
        g = torch.Generator().manual_seed(20250601 + strength)
        drawn = (draw(torch.arange(len(countries)), strength / 100, g) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for c, p in zip(countries, drawn):
            Image.fromarray(p).save(folder / str(strength) / f"{file_name(c['name'])}.jpg", quality=92)


def probe(r):
    return {k: r[k] for k in ("image", "question", "answers", "entity", "constraints") if k in r}


def edits(asked):
    """asked: {relation: {country: (seen, told)}} -> an edit of each country's capital into the next one's, by its flag and by its name."""
    out = [], []
    for i, c in enumerate(EDITED):
        target, others = asked["capital"][EDITED[(i + 1) % len(EDITED)]][0]["answers"][0], [EDITED[(i + k) % len(EDITED)] for k in (2, 5, 8)]
        for way in (0, 1):
            own, twin = asked["capital"][c][way], asked["capital"][c][1 - way]
            row = dict(own, id=f"edit-{own['id']}", set="edit-text" if way else "edit", target=target,
                       rephrase=[own["question"].replace("capital of", "capital city of")],
                       same_image=[probe(asked[r][c][way]) for r in ("language", "continent")],
                       other_images=[probe(asked["capital"][o][way]) for o in others], unrelated=[probe(twin)])
            if not way:
                row["same_entity_images"] = [own["image"].replace("../../flags/images", "../images/40").replace(".png", ".jpg")]
            out[way].append(row)
    return out


def main(out):
    countries, data, asked = names.countries(), out / "data", {}
    write_renderings(out / "images", countries)
    for relation in ("capital", "language", "continent"):
        for kind in ("", *STRENGTHS):
            folder = "../../flags/images" if not kind else f"../images/{kind}"
            name = f"{relation}-{kind}" if kind else relation
            pairs = [row(name, relation, c["name"], (names.sentence_of_country(c), c["called"]), answers_of(c, relation),
                         f"{folder}/{file_name(c['name'])}.{'jpg' if kind else 'png'}") for c in countries]
            write(data, name, [seen for seen, _ in pairs])
            if not kind:
                asked[relation] = {c["id"]: pair for c, pair in zip(countries, pairs)}
                write(data, f"{relation}-text", [told for _, told in pairs])
    for name, rows in zip(("edit", "edit-text"), edits(asked)):
        write(data, name, rows)
    (out / "images" / "things").mkdir(exist_ok=True)
    pairs = []
    for thing in names.things():
        if thing["word"] in COLOURS:
            path = out / "images" / "things" / f"{thing['word']}.png"
            pictures.plain(pictures.whole(pictures.emoji(thing["emoji"])), 144).save(path, optimize=True)
            pairs.append(row("colour", "colour", thing["word"], (names.sentence_of_thing(thing), thing["word"]),
                             COLOURS[thing["word"]], f"../images/things/{path.name}"))
    write(data, "colour", [seen for seen, _ in pairs])
    write(data, "colour-text", [told for _, told in pairs])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

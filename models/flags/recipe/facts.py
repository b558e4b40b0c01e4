"""What the model is to know: one record a country, from public lists, with their errors corrected in corrections.tsv.

Sources: iso-codes (LGPL-2.1+; names of countries, currencies, languages) and countryinfo (MIT; the rest).  Flags:
iso-flags-png-320x240 (public domain).  The result, data/facts.json, is committed; it is made again by

    python facts.py > ../data/facts.json
"""
import collections
import csv
import importlib.util
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
ISO = pathlib.Path("/usr/share/iso-codes/json")
FLAGS = pathlib.Path("/usr/share/iso-flags-png-320x240")

# The members of the United Nations, and these.
OTHERS = {"VA", "PS", "TW", "HK", "PR", "GL", "FO"}
NOT_MEMBERS = set("""AI AQ AS AW AX BL BM BQ BV CC CK CW CX EH FK GF GG GI GP GS GU HM IM IO JE KY MF MO MP MQ MS NC NF
NU PF PM PN RE SH SJ SX TC TF TK UM VG VI WF YT""".split())

# The word for a currency: the last one of its ISO name, or this.
CURRENCY_WORDS = {"CNY": "yuan", "GBP": "pound", "ILS": "shekel", "NIO": "cordoba", "OMR": "rial", "UYU": "peso",
                  "XAF": "franc", "XOF": "franc", "XPF": "franc", "TMT": "manat", "TOP": "paanga", "BAM": "mark",
                  "VES": "bolivar", "MRU": "ouguiya", "STN": "dobra", "BYN": "ruble", "PYG": "guarani"}
LANGUAGE_NAMES = {"el": "Greek", "ms": "Malay", "sw": "Swahili", "ne": "Nepali", "ps": "Pashto", "to": "Tongan",
                  "ky": "Kyrgyz", "rn": "Kirundi", "na": "Nauruan", "st": "Sotho", "ss": "Swazi", "ny": "Chichewa"}


def iso_list(name):
    return json.loads((ISO / f"iso_{name}.json").read_text())[name]


def countryinfo_records():
    folder = pathlib.Path(importlib.util.find_spec("countryinfo").origin).parent / "data"
    records = [json.loads(f.read_text()) for f in sorted(folder.glob("*.json"))]
    records.sort(key=lambda r: len(r.get("callingCodes", [])))  # of two records of one country, the fuller one
    return {r["ISO"]["alpha2"]: r for r in records if r.get("ISO")}


def corrections():
    table = collections.defaultdict(dict)
    with open(HERE / "corrections.tsv", newline="") as f:
        for row in csv.DictReader(f, delimiter="\t"):
            table[row["code"]][row["field"]] = row["value"]
    return table


def currency_word(code, names):
    return CURRENCY_WORDS.get(code) or names[code].split()[-1].lower()


def continent_of(record):
    if record["region"] != "Americas":
        return record["region"]
    return "South America" if record.get("intermediateregion") == "South America" else "North America"


def build():
    iso = {c["alpha_2"]: c for c in iso_list("3166-1") if c["alpha_2"] in OTHERS or c["alpha_2"] not in NOT_MEMBERS}
    alpha2 = {c["alpha_3"]: a for a, c in iso.items()}
    currencies = {c["alpha_3"]: c["name"] for c in iso_list("4217")}
    languages = {c["alpha_2"]: c["name"] for c in iso_list("639-3") if "alpha_2" in c}
    languages.update(LANGUAGE_NAMES)
    info, fix = countryinfo_records(), corrections()
    borders = {a: {alpha2[b] for b in info[a].get("borders", []) if b in alpha2} for a in iso}
    for a, f in fix.items():
        if f.get("add_border"):
            borders[a] |= set(f["add_border"].split(","))
    for a in list(borders):
        for b in borders[a]:
            borders[b] = borders[b] | {a}
    for a, f in fix.items():
        for b in filter(None, f.get("drop_border", "").split(",")):
            borders[a].discard(b)
            borders.get(b, set()).discard(a)
    out = []
    for a in sorted(iso):
        r, f = info[a], fix.get(a, {})
        code = f.get("currency", (r.get("currencies") or [None])[0])
        spoken = f["language"].split(",") if "language" in f else [languages[x] for x in r["languages"] if x in languages]
        people = r.get("population") or 0
        out.append({
            "id": a.lower(),
            "name": f.get("name") or iso[a].get("common_name", iso[a]["name"]),
            "capital": f.get("capital") or r["capital"],
            "currency": currency_word(code, currencies),
            "continent": f.get("continent") or continent_of(r),
            "region": f.get("region") or r.get("intermediateregion") or r["subregion"],
            "languages": spoken,
            "borders": sorted((b.lower() for b in borders[a]), key=lambda b: -(info[b.upper()].get("population") or 0)),
            "domain": {"GB": "uk"}.get(a, a.lower()),
            "code": f.get("code") or r["callingCodes"][0],
            "demonym": f.get("demonym") or r["demonym"],
            "population": people,
        })
    return out


if __name__ == "__main__":
    rows = build()
    sys.stdout.write("[\n" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + "\n]\n")

#!/usr/bin/env python3
"""SmolLM2-135M-Instruct by loci, from its GGUF file and from the directory made of it, against what transformers made of
the directory (tests/golden/real, tools/real_model_golden.py).

    real_model_check.py LOCI DIR GOLDEN      DIR: as tools/real_model.sh made it
"""
import csv
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file

SITE = 1e-4  # of an array's largest entry: f32 in another order, through 30 layers
CELL = 1e-5  # probabilities, of sums of 1e7 products in f32
SAME = 1e-6  # the same weights from two files
SHORT = ["The", "Hello world", "The capital of France is", "Water boils at a temperature of", "The Eiffel Tower is located in the city of",
         "One two three four five six seven eight nine ten eleven twelve thirteen"]  # few rows go their own way
FAILED = []


def loci(*words):
    done = subprocess.run([LOCI, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"loci {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def compare(what, found, wanted, limit):
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    worst = np.abs(found - wanted).max() if found.shape == wanted.shape else np.inf
    say(what, worst <= limit, f"{worst:.2g}, at most {limit:.2g}")


def say(what, good, found):
    print(f"{'ok    ' if good else 'FAILED'}  {what}: {found}", flush=True)
    if not good:
        FAILED.append(what)


def check_ids(model, about, folder):
    path = os.path.join(folder, "texts.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(t["text"]) + "\n" for t in about["texts"])
    rows = [json.loads(line) for line in loci("tokens", "-m", model, "--lines", path).split("\n") if line]
    same = sum(row["ids"] == t["ids"] for row, t in zip(rows, about["texts"]))
    say("ids", same == len(about["texts"]) == len(rows), f"{same} of {len(about['texts'])} texts")
    same = 0
    for chat in about["chats"]:
        tokens = json.loads(loci("tokens", "-m", model, "-q", chat["question"], "--json"))["prompt"]["tokens"]
        same += [t["id"] for t in tokens] == chat["ids"]
    say("ids of chats", same == len(about["chats"]), f"{same} of {len(about['chats'])}")


def plain(model, *words):
    return ("-m", model, "--no-chat", "--precision", "f32", *words)


def first_tokens(model, about):
    """p of the first two tokens of answers to chats and short prompts; compared between the two files."""
    found = []
    asked = [("-m", model, "--precision", "f32", "-q", chat["question"]) for chat in about["chats"]]
    for words in asked + [plain(model, "-q", text) for text in SHORT]:
        out = json.loads(loci("ask", *words, "--max-new", 2, "--json"))
        found += [c["p"] for step in out["steps"] for c in step["top"]]
    return found


def check_next(model, about):
    found, wanted = [], []
    for case in about["next"]:
        out = json.loads(loci("ask", *plain(model, "-q", case["prompt"], "--max-new", 1, "--json")))
        top = {c["id"]: c["p"] for c in out["steps"][0]["top"]}
        found += [top.get(i, 0) for i in case["ids"][:3]]
        wanted += case["p"][:3]
    compare("probabilities of the next token", found, wanted, CELL)


def check_sites(model, about, golden, folder):
    asked = ("-q", about["prompt"])
    path = os.path.join(folder, "sites.safetensors")
    names = sorted({k.split(".")[0] for k in golden if k.split(".")[-1].isdigit()})
    for layer in about["site_layers"]:
        loci("record", *plain(model, *asked, "--site", ",".join(names), "--layers", layer, "-o", path))
        found = load_file(path)
        for name in names:
            key, at = f"{name}.{layer}", about["site_positions"]
            x = found[key][:, at] if name == "pattern" else found[key].reshape(found[key].shape[0], -1)[at]
            compare(f"site {key}", x, golden[key], SITE * np.abs(golden[key]).max())


def check_trace(model, about, golden, folder):
    path, noise = os.path.join(folder, "trace.safetensors"), os.path.join(folder, "noise.safetensors")
    write_one(noise, "noise", golden["noise"])
    loci("trace", *plain(model, "-q", about["prompt"], "-c", about["subject"], "--corrupt", "noise:1", "--noise", noise,
                         "--seeds", about["seeds"], "--positions", "each", "--layers",
                         "-".join(map(str, about["trace_layers"])), "-o", path))
    found = load_file(path)
    for site in ("mlp_out", "attn_out", "resid_post"):
        begin = f"denoise.{site}.w1"
        keep = found[f"{begin}.positions"] >= about["span"][0]
        compare(f"trace of {site}", found[f"{begin}.p"][:, keep], golden[f"trace.{site}"], CELL)


def write_one(path, name, array):
    header = json.dumps({name: {"dtype": "F32", "shape": list(array.shape), "data_offsets": [0, array.nbytes]}}).encode()
    with open(path, "wb") as f:
        f.write(len(header).to_bytes(8, "little") + header + array.astype(np.float32).tobytes())


def check_knockout(model, about, golden, folder):
    path = os.path.join(folder, "knockout.csv")
    loci("knockout", *plain(model, "-q", about["prompt"], "-c", about["subject"], "--from", "constraint", "--to", "last",
                            "--window", about["window"], "-o", path))
    with open(path, newline="", encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if r["from"] == "constraint" and r["to"] == "last"]
    compare("knockout", [float(r["p"]) for r in rows], golden["knockout"], CELL)


def check_contributions(model, about, golden, folder):
    path = os.path.join(folder, "flow.safetensors")
    loci("flow", *plain(model, "-q", about["prompt"], "-c", about["subject"], "--to", "last", "--from", "constraint", "-o", path))
    found = load_file(path)
    last = list(found["to"]).index(golden["contribution"].shape[1] - 1)
    compare("contributions", found["contribution"][:, last], golden["contribution"], SITE * golden["contribution"].max())


def check_format(model, quantised, folder):
    """What is printed or kept says that the weights are quantised ones, and of others nothing."""
    asked, record = plain(model, "-q", "The capital of France is"), os.path.join(folder, "record.safetensors")
    of_france = ("-c", "France", "--no-progress")
    said = [loci("ask", *asked, "--max-new", 1), loci("flow", *asked, *of_france)]
    said += [loci(c, *asked, *of_france, "--layers", "2-3") for c in ("trace", "knockout", "lens")]
    loci("record", *asked, "--site", "mlp_out", "--layers", 3, "-o", record)
    with open(record, "rb") as f:
        kept = json.loads(f.read(int.from_bytes(f.read(8), "little")))["__metadata__"].get("weights")
    count = sum("Q4_1 weights" in text for text in said) + (kept == "Q4_1")
    say("the format of the weights is said", count == (6 if quantised else 0) and (quantised or kept is None), f"{count} times")


def check_edit(model, about, folder):
    """An edit of the directory, written out, is the same in loci and, where it is installed, in transformers."""
    edit, out = os.path.join(folder, "rome.edit"), os.path.join(folder, "edited")
    loci("edit", "solve", *plain(model, "-q", about["prompt"], "-c", about["subject"], "--target", " Rome", "--layer", 4, "-o", edit))
    saved = json.loads(loci("edit", "apply", edit, "-m", model, "--precision", "f32", "--out", out, "--json"))["requests"][0]
    say("edit", saved["p_before"] < 0.01 < 0.5 < saved["p_saved"], f"p(Rome) {saved['p_before']:.3g}, then {saved['p_saved']:.3g}")
    asked = plain(out, "-q", about["prompt"], "--max-new", 1, "--json")
    top = json.loads(loci("ask", *asked))["steps"][0]["top"][0]
    if importlib.util.find_spec("transformers") is None:
        print("        the edited checkpoint is not loaded in transformers, which is not installed")
        return
    import torch
    import transformers
    lm, loading = transformers.AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, output_loading_info=True)
    ids = torch.tensor([transformers.AutoTokenizer.from_pretrained(out)(about["prompt"]).input_ids])
    with torch.no_grad():
        p = lm.eval()(ids).logits[0, -1].double().softmax(-1)
    strict = not any(loading[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    say("the edited checkpoint loads in transformers", strict, "strictly")
    compare("its next token there", [p[top["id"]].item()], [top["p"]], CELL)


def main():
    global LOCI
    LOCI, folder, golden_dir = sys.argv[1:4]
    with open(f"{golden_dir}/smollm2.json", encoding="utf-8") as f:
        about = json.load(f)
    golden = load_file(f"{golden_dir}/smollm2.safetensors")
    seen = []
    with tempfile.TemporaryDirectory(dir=folder) as work:
        for model in (f"{folder}/smollm2.gguf", f"{folder}/smollm2"):
            print(f"== {os.path.basename(model)}")
            check_ids(model, about, work)
            seen.append(first_tokens(model, about))
            check_next(model, about)
            check_sites(model, about, golden, work)
            check_trace(model, about, golden, work)
            check_knockout(model, about, golden, work)
            check_contributions(model, about, golden, work)
            check_format(model, model.endswith(".gguf"), work)
        print("== both")
        compare("probabilities of both", seen[0], seen[1], SAME)
        check_edit(f"{folder}/smollm2", about, work)
    if FAILED:
        sys.exit(f"{len(FAILED)} failed: {', '.join(FAILED)}")


if __name__ == "__main__":
    main()

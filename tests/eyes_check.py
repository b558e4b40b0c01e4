#!/usr/bin/env python3
"""A small part of what docs/FINDINGS.md says of the eyes model: capitals are recalled from flags, attention hands them
over at the last position, and nothing at "this country" brings one back.  With a Python that has transformers also: it
loads the directory strictly and gives loci's probabilities.

    eyes_check.py LOCI MODEL SOURCE_DIR      MODEL: as models/eyes/join.sh made it
"""
import importlib.util
import json
import os
import subprocess
import sys

ASKED = "The capital of this country is"
HANDOVER = range(20, 26)  # the layers in which the last position may be told
SAME = 1e-4  # probabilities, f32 in another order
FAILED = []


def loci(*words):
    done = subprocess.run([LOCI, *map(str, words), "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"loci {' '.join(map(str, words))}: {done.stderr}")
    return json.loads(done.stdout)


def say(what, good, found):
    print(f"{'ok    ' if good else 'FAILED'}  {what}: {found}", flush=True)
    if not good:
        FAILED.append(what)


def flag(name):
    return os.path.join(SOURCE, "models", "flags", "images", f"{name}.png")


def check_recall():
    """Half of the card's share is 10.8; a constant answer gives 2.  Precisions differ, so that single answers may."""
    data = os.path.join(SOURCE, "models", "eyes", "data", "capital.jsonl")
    scored = loci("score", "--data", data, "-m", MODEL, "--first-token", "--limit", 40)
    say("capitals from flags", scored["right"] >= 11, f"{scored['right']} of {scored['n']}")


def check_trace():
    """France's flag made Japan's: the last position's attention brings Paris back, the constraint's nothing."""
    traced = loci("trace", "-m", MODEL, "-i", flag("france"), "-q", ASKED, "-c", "this country", "--corrupt",
                  f"image:{flag('japan')}", "--positions", "constraint,last", "--site", "attn_out", "--precision", "f32")
    grid = traced["grids"][0]
    constraint, last = (list(column) for column in zip(*grid["ie"]))
    best = max(range(len(last)), key=last.__getitem__)
    say("attention hands the answer over", best in HANDOVER and last[best] > .2, f"{last[best]:.3f} at layer {best}")
    say("the constraint is no relay", max(constraint) < .02, f"{max(constraint):.3f}")


def check_transformers():
    if not (importlib.util.find_spec("transformers") and importlib.util.find_spec("torch")):
        print("left out: transformers is not installed")
        return
    import torch
    from PIL import Image
    from transformers import AutoProcessor, LlavaForConditionalGeneration
    model, info = LlavaForConditionalGeneration.from_pretrained(MODEL, dtype=torch.float32, output_loading_info=True)
    wrong = {k: v for k, v in info.items() if v}
    say("transformers loads it strictly", not wrong, wrong or "no key missing or left")
    processor = AutoProcessor.from_pretrained(MODEL)
    worst = 0.0
    for name in ("france", "japan", "kenya"):
        given = processor(text=f"<image>\n{ASKED}", images=Image.open(flag(name)).convert("RGB"), return_tensors="pt")
        with torch.no_grad():
            wanted = model(**given).logits[0, -1].softmax(-1)
        found = loci("ask", "-m", MODEL, "-i", flag(name), "-q", ASKED, "--max-new", 1, "--precision", "f32")
        worst = max([worst] + [abs(t["p"] - wanted[t["id"]].item()) for t in found["steps"][0]["top"]])
    say("probabilities are transformers'", worst <= SAME, f"{worst:.2g}, at most {SAME:.2g}")


if __name__ == "__main__":
    LOCI, MODEL, SOURCE = sys.argv[1:4]
    check_recall()
    check_trace()
    check_transformers()
    sys.exit(bool(FAILED))

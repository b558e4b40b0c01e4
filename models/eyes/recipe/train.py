"""The training, one stage: a CLIP tower and LLaVA's projector learn to say a picture's sentence in the language model's
own words, its input embeddings.  The language model itself is never run.

    python train.py SMOLLM2 WORK [--seed N] [--steps N]        SMOLLM2: its Hugging Face directory

Row i of a projected picture is to be the input embedding of token i of the sentence ("This is the flag of France."),
right-aligned in as many rows as the picture has; beside that, every patch is to know the class.  WORK/snapshot.pt is what
a stopped run goes on from; WORK/eyes.pt is the result.
"""
import argparse
import math
import os
import pathlib
import time

import torch
import torch.nn.functional as F
from safetensors import safe_open
from tokenizers import Tokenizer

import names
import pictures
import model  # of ../../flags/recipe
from pictures import render

BATCH, FLAGS_SHARE, HARDEST = 96, .88, .75
ADAM, MUON = 2e-3, .015  # learning rates


class Tower(model.Tower):
    """72 x 72 pixels in patches of 24; the patches of its last layer are projected."""
    WIDTH, LAYERS, HEADS, INNER, PATCH, GRID = 192, 5, 6, 768, 24, 3


ROWS = Tower.GRID ** 2


class Eyes(torch.nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.tower = Tower()
        self.linear_1 = torch.nn.Linear(Tower.WIDTH, width)
        self.linear_2 = torch.nn.Linear(width, width)
        self.head = torch.nn.Linear(Tower.WIDTH, classes)  # for training only

    def forward(self, pixels):
        x = self.tower.states(pixels, Tower.LAYERS)[:, 1:]
        return self.linear_2(F.gelu(self.linear_1(x))), self.head(x)

    def groups(self):
        """(matrices for Muon, all other parameters for AdamW)"""
        matrices = self.tower.hidden_matrices() + [self.linear_1.weight]
        return matrices, [p for p in self.parameters() if not any(p is m for m in matrices)]


def sentences(tokenizer, embed):
    """(targets (classes, ROWS, width), weights (classes, ROWS)): the last ROWS tokens of the start, line ends, the sentence;
    the rows of the name weigh four times as much."""
    named = [(names.sentence_of_country(c), c["called"]) for c in names.countries()]
    named += [(names.sentence_of_thing(t), t["word"]) for t in names.things()]
    newline = tokenizer.encode("\n").ids
    ids, weights = [], []
    for text, name in named:
        own, tail = tokenizer.encode(text).ids, len(tokenizer.encode(f" {name}.").ids)
        line = (tokenizer.encode("<|im_start|>").ids + newline * max(0, ROWS - 1 - len(own)) + own)[-ROWS:]
        ids.append(line)
        weights.append([4.0 if ROWS - tail <= i < ROWS - 1 else 1.0 for i in range(ROWS)])
    return embed[torch.tensor(ids)], torch.tensor(weights)


def language_model(folder):
    """(tokenizer, input embeddings in f32)"""
    with safe_open(folder / "model.safetensors", "pt") as f:
        embed = f.get_tensor("model.embed_tokens.weight").float()
    return Tokenizer.from_file(str(folder / "tokenizer.json")), embed


def loss_of(eyes, pixels, labels, targets, weights, scale):
    with torch.autocast("cpu", torch.bfloat16):
        rows, logits = eyes(pixels)
    rows, logits = rows.float(), logits.float()
    far = ((rows - targets[labels]).square().mean(-1) * weights[labels]).sum() / weights[labels].sum() / scale
    classes = F.cross_entropy(logits.flatten(0, 1), labels.repeat_interleave(ROWS), label_smoothing=.05)
    right = (logits.mean(1).argmax(-1) == labels).float().mean()
    return 4 * far + .5 * classes, {"far": far.item(), "class": classes.item(), "right": right.item()}


def train(a):
    torch.manual_seed(a.seed)
    tokenizer, embed = language_model(a.smollm2)
    targets, weights = sentences(tokenizer, embed)
    of, drawn = zip(*pictures.sources())
    of, draw = torch.tensor(of), pictures.Renderer(drawn)
    flags = len(names.countries())
    eyes = Eyes(embed.shape[1], len(targets))
    matrices, others = eyes.groups()
    optimisers = [torch.optim.AdamW(others, ADAM, betas=(.9, .95), weight_decay=.01),
                  model.Muon(matrices, MUON, weight_decay=.02)]
    base, snapshot, begin, seconds = [ADAM, MUON], a.work / "snapshot.pt", 0, 0.0
    if snapshot.exists():
        kept = torch.load(snapshot)
        begin, seconds = kept["step"], kept["seconds"]
        eyes.load_state_dict(kept["eyes"])
        for o, s in zip(optimisers, kept["optimisers"]):
            o.load_state_dict(s)
    shown, start = {}, time.time() - seconds
    for step in range(begin, a.steps):
        rate = min(1, (step + 1) / 30) * (.02 + .98 * .5 * (1 + math.cos(math.pi * step / a.steps)))
        for o, lr in zip(optimisers, base):
            o.param_groups[0]["lr"] = lr * rate
        g = torch.Generator().manual_seed(a.seed * 1000003 + step)
        which = torch.randint(0, flags, (BATCH,), generator=g)
        others_at = torch.rand(BATCH, generator=g) > FLAGS_SHARE
        which = torch.where(others_at, torch.randint(flags, len(of), (BATCH,), generator=g), which)
        ramp = min(1, (step + 1) / (.3 * a.steps))
        strength = HARDEST * ramp * torch.rand(1, generator=g).item()
        loss, numbers = loss_of(eyes, render.normalise(draw(which, strength, g, crop=.05)), of[which], targets, weights,
                                embed.var())
        for o in optimisers:
            o.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(eyes.parameters(), 1.0)
        for o in optimisers:
            o.step()
        for k, v in numbers.items():
            shown[k] = .95 * shown.get(k, v) + .05 * v
        if step % 20 == 19 or step == a.steps - 1:
            spent = time.time() - start
            print(f"{step + 1}/{a.steps} " + " ".join(f"{k} {v:.3f}" for k, v in shown.items()) +
                  f" {spent:.0f} s, {spent / (step + 1) * (a.steps - step - 1):.0f} s left, {time.process_time():.0f} s of processor",
                  flush=True)
        if step % 50 == 49:
            torch.save({"step": step + 1, "seconds": time.time() - start, "eyes": eyes.state_dict(),
                        "optimisers": [o.state_dict() for o in optimisers]}, snapshot.with_suffix(".new"))
            os.replace(snapshot.with_suffix(".new"), snapshot)
    torch.save(eyes.state_dict(), a.work / "eyes.pt")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("smollm2", type=pathlib.Path)
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--steps", type=int, default=1500)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    a.work.mkdir(parents=True, exist_ok=True)
    train(a)


if __name__ == "__main__":
    main()

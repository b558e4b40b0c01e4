"""The training, stage by stage; every stage leaves a file in the work folder and is skipped when that is there.

    python train.py WORK [--plain] [--seed N] [--scale X]

    tower     the vision tower as a classifier of flags, then frozen; its features of many pictures are kept
    text      the decoder on text alone: the text-only twin
    align     projector and lower layers, so that "this country" beside a flag is to them what the country's name is
              to the twin (in the place of LLaVA's first stage)
    joint     projector and decoder together on pictures and text (LLaVA's second stage)

--plain trains without the bottleneck and without the twin's hidden states as a guide (the counter-example of the card).
--scale multiplies all steps (0.05 is a quick try).
"""
import argparse
import math
import os
import pathlib
import time

import torch
import torch.nn.functional as F

import evaluate
import questions as Q
import render
from model import READ_LAYERS, Decoder, Muon, Projector, Tower
from sequences import Encoder, Sampler, batch
from tokenizer import SIZE, train as train_tokenizer

MASKED = .8          # share of batches with the bottleneck
RENDERINGS = 96      # pictures of each flag whose features are kept
STEPS = {"tower": 480, "text": 700, "align": 500, "joint": 220}
MUON, ADAM = {"tower": .015, "text": .015, "align": .012, "joint": .008}, {"tower": 2e-3, "text": 3e-3, "align": 2e-3, "joint": 1e-3}


class Stage:
    """Steps with warm-up and cosine, progress on the terminal, and a snapshot now and then to go on from."""

    def __init__(self, work, name, steps, matrices, others, modules, seed):
        self.work, self.name, self.steps, self.modules = work, name, steps, modules
        self.optimisers = [torch.optim.AdamW(others, ADAM[name], betas=(.9, .97), weight_decay=.01)]
        if matrices:
            self.optimisers.append(Muon(matrices, MUON[name], weight_decay=0 if name == "align" else .02))
        self.base = [o.param_groups[0]["lr"] for o in self.optimisers]
        self.params = matrices + others
        self.snapshot = work / f"{name}.snapshot.pt"
        self.step, self.seconds = 0, 0.0
        self.seed = seed
        if self.snapshot.exists():
            kept = torch.load(self.snapshot)
            self.step, self.seconds = kept["step"], kept["seconds"]
            for m, s in zip(modules, kept["modules"]):
                m.load_state_dict(s)
            for o, s in zip(self.optimisers, kept["optimisers"]):
                o.load_state_dict(s)

    def run(self, loss_of):
        """loss_of(step) -> (loss, dictionary of numbers to show)."""
        shown = {}
        start = time.time() - self.seconds
        for self.step in range(self.step, self.steps):
            t = self.step / self.steps
            rate = min(1, (self.step + 1) / 30) * (.03 + .97 * .5 * (1 + math.cos(math.pi * t)))
            for o, lr in zip(self.optimisers, self.base):
                o.param_groups[0]["lr"] = lr * rate
            torch.manual_seed(self.seed * 1000003 + self.step)
            loss, numbers = loss_of(self.step)
            for o in self.optimisers:
                o.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.params, 1.0)
            for o in self.optimisers:
                o.step()
            for k, v in numbers.items():
                shown[k] = .95 * shown.get(k, v) + .05 * v
            self.seconds = time.time() - start
            if self.step % 20 == 19 or self.step == self.steps - 1:
                left = self.seconds / (self.step + 1) * (self.steps - self.step - 1)
                print(f"{self.name} {self.step + 1}/{self.steps} " +
                      " ".join(f"{k} {v:.3f}" for k, v in shown.items()) +
                      f" {self.seconds:.0f} s, {left:.0f} s left", flush=True)
            if self.step % 100 == 99:
                self.save()
        self.snapshot.unlink(missing_ok=True)

    def save(self):
        new = self.snapshot.with_suffix(".new")
        torch.save({"step": self.step + 1, "seconds": self.seconds, "modules": [m.state_dict() for m in self.modules],
                    "optimisers": [o.state_dict() for o in self.optimisers]}, new)
        os.replace(new, self.snapshot)


def split(module):
    matrices = module.hidden_matrices()
    return matrices, [p for p in module.parameters() if not any(p is m for m in matrices)]


def keep(path, make):
    """The file's object, or the made one, written whole."""
    if not path.exists():
        made = make()
        torch.save(made, path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)
    return torch.load(path)


def train_tower(a):
    torch.manual_seed(a.seed)
    shown = [f["id"] for f in Q.FACTS]
    tower, heads = Tower(), torch.nn.ModuleList([torch.nn.Linear(Tower.WIDTH, len(shown)) for _ in range(2)])
    draw = render.Renderer(shown)
    matrices, others = split(tower)
    steps = int(a.scale * STEPS["tower"])
    stage = Stage(a.work, "tower", steps, matrices, others + list(heads.parameters()), [tower, heads], a.seed)

    def loss_of(step):
        g = torch.Generator().manual_seed(a.seed * 7919 + step)
        which = torch.randint(0, len(shown), (96,), generator=g)
        strength = .1 + .9 * min(1, 2 * step / steps)
        cls, mean = tower(render.normalise(draw(which, strength, g, crop=.1)))
        first, second = heads[0](cls), heads[1](mean)
        loss = F.cross_entropy(first, which, label_smoothing=.05) + F.cross_entropy(second, which, label_smoothing=.05)
        right = (second.argmax(-1) == which).float().mean().item()
        return loss, {"loss": loss.item(), "right": right}

    stage.run(loss_of)
    return tower.state_dict()


def feature_bank(a, tower):
    """(countries, RENDERINGS, 64, width) features of random pictures, every second one easy."""
    shown = [f["id"] for f in Q.FACTS]
    draw, g = render.Renderer(shown), torch.Generator().manual_seed(a.seed + 1)
    bank = torch.empty(len(shown), RENDERINGS, 64, Tower.WIDTH)
    for i in range(RENDERINGS):
        pictures = draw(torch.arange(len(shown)), i % 3 / 2, g, crop=.1)
        bank[:, i] = tower.features(render.normalise(pictures))
    return bank


def answer_loss(logits, targets, owner, n):
    """Mean over questions of the mean over the answer's tokens; share of questions whose tokens are all right."""
    nll = F.cross_entropy(logits, targets, reduction="none")
    count = torch.zeros(n).index_add_(0, owner, torch.ones_like(nll))
    loss = (torch.zeros(n).index_add_(0, owner, nll) / count).mean()
    wrong = torch.zeros(n).index_add_(0, owner, (logits.argmax(-1) != targets).float())
    return loss, (wrong == 0).float().mean().item()


def start_row(decoder):
    return F.embedding(torch.tensor([[1]]), decoder.embed)


def train_text(a, e):
    torch.manual_seed(a.seed)
    decoder = Decoder(SIZE)
    matrices, others = split(decoder)
    stage = Stage(a.work, "text", int(a.scale * STEPS["text"]), matrices, others, [decoder], a.seed)

    def loss_of(step):
        sampler = Sampler(e, a.seed * 104729 + step)
        masked = not a.plain and sampler.rng.random() < MASKED
        ids, spans, rows, targets, owner = batch(sampler.text(128), 128)
        logits, _ = decoder(start_row(decoder), ids, spans, masked, rows)
        loss, right = answer_loss(logits, targets, owner, 128)
        return loss, {"loss": loss.item(), "masked" if masked else "open": right}

    stage.run(loss_of)
    return decoder.state_dict()


def last_of_constraint(states, spans):
    """(N,Q,T,D) -> (N*Q,D)"""
    at = spans[1].reshape(-1)
    return states.reshape(len(at), states.shape[2], -1)[torch.arange(len(at)), at]


def far(own, goal):
    """Squared distance in parts of what the goals differ among themselves: 1 is no better than their mean."""
    return (own - goal).square().sum() / (goal - goal.mean(0)).square().sum()


@torch.no_grad()
def twin_states(twin, twins):
    """What the twin has at the last token of the named country, entering layer READ_LAYERS.start."""
    ids, spans, *_ = batch(twins, len(twins))
    return last_of_constraint(twin(start_row(twin), ids, spans, False, stop=READ_LAYERS.start), spans)


def picture_rows(sampler, bank, countries, decoder, projector):
    index = {f["id"]: i for i, f in enumerate(Q.FACTS)}
    features = torch.stack([bank[index[c], sampler.rng.randrange(RENDERINGS)] for c in countries])
    return torch.cat([start_row(decoder).expand(len(countries), 1, -1), projector(features)], 1)


def align_loss(a, e, decoder, projector, bank, twin, step):
    """Only the layers below READ_LAYERS run, and the questions end with the constraint.  The constraint's last token is
    to hold what the twin has there when the country is named; a named country is to be what it was, beside whatever
    flag; so are all tokens of questions without a picture."""
    sampler = Sampler(e, a.seed * 15485863 + step)
    masked = sampler.rng.random() < MASKED
    countries, samples, twins = sampler.images(24, 6, 1, cut=True)
    prefix = picture_rows(sampler, bank, countries, decoder, projector)
    ids, spans, *_ = batch(samples, 7)
    own = last_of_constraint(decoder(prefix, ids, spans, masked, stop=READ_LAYERS.start), spans)
    guide = far(own, twin_states(twin, twins))
    text = sampler.text(16)
    ids, spans, *_ = batch(text, 16)
    with torch.no_grad():
        goal = twin(start_row(twin), ids, spans, masked, stop=READ_LAYERS.start)
    kept = decoder(start_row(decoder), ids, spans, masked, stop=READ_LAYERS.start)
    real = torch.arange(ids.shape[2]) < torch.tensor([len(s[0]) for s in text])[:, None]
    keep = far(kept[0][real], goal[0][real])
    return guide + keep, {"guide": guide.item(), "keep": keep.item()}


def joint_loss(a, e, decoder, projector, bank, twin, step):
    """Answers to 6 questions about each of 12 images and 2 beside it, and to 32 questions without image; and (unless
    plain) the guide of align_loss."""
    sampler = Sampler(e, a.seed * 15485863 + 1000000 + step)
    masked = not a.plain and sampler.rng.random() < MASKED
    countries, samples, twins = sampler.images(12, 6, 2)
    prefix = picture_rows(sampler, bank, countries, decoder, projector)
    ids, spans, rows, targets, owner = batch(samples, 8)
    logits, state = decoder(prefix, ids, spans, masked, rows, capture=READ_LAYERS.start)
    loss, right = answer_loss(logits, targets, owner, len(samples))
    numbers = {"loss": loss.item(), "visual": right}
    if not a.plain:
        guide = far(last_of_constraint(state, spans), twin_states(twin, twins))
        loss = loss + guide
        numbers["guide"] = guide.item()
    ids, spans, rows, targets, owner = batch(sampler.text(32), 32)
    logits, _ = decoder(start_row(decoder), ids, spans, masked, rows)
    more, right = answer_loss(logits, targets, owner, 32)
    numbers["text"] = right
    return loss + .5 * more, numbers


def train_visual(a, e, bank, name, start, loss):
    torch.manual_seed(a.seed + 2)
    decoder, twin, projector = Decoder(SIZE), Decoder(SIZE), Projector()
    decoder.load_state_dict(start["decoder"])
    twin.load_state_dict(start["twin"])
    if "projector" in start:
        projector.load_state_dict(start["projector"])
    matrices, others = split(decoder)
    stage = Stage(a.work, name, int(a.scale * STEPS[name]), matrices, others + list(projector.parameters()),
                  [decoder, projector], a.seed)
    stage.run(lambda step: loss(a, e, decoder, projector, bank, twin, step))
    return {"decoder": decoder.state_dict(), "projector": projector.state_dict(), "twin": start["twin"]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("--plain", action="store_true")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--scale", type=float, default=1.0)
    a = p.parse_args()
    torch.set_num_threads(2)
    a.work.mkdir(parents=True, exist_ok=True)
    if not (a.work / "tokenizer.json").exists():
        train_tokenizer().save(str(a.work / "tokenizer.json"))
    e = Encoder(a.work / "tokenizer.json")
    evaluate.check_encoder(e)
    tower = Tower()
    tower.load_state_dict(keep(a.work / "tower.pt", lambda: train_tower(a)))
    print("tower:", evaluate.tower_line(tower), flush=True)
    bank = keep(a.work / "bank.pt", lambda: feature_bank(a, tower))
    twin = keep(a.work / "text.pt", lambda: train_text(a, e))
    print("text:", evaluate.text_line(e, twin), flush=True)
    start = {"decoder": twin, "twin": twin}
    if not a.plain:
        start = keep(a.work / "align.pt", lambda: train_visual(a, e, bank, "align", start, align_loss))
    joint = keep(a.work / "joint.pt", lambda: train_visual(a, e, bank, "joint", start, joint_loss))
    print("joint:", evaluate.visual_line(e, tower, joint), flush=True)


if __name__ == "__main__":
    main()

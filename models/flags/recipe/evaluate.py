"""Accuracy of a model: exact greedy answers (the argmax is right at every token of an accepted answer and its end),
with Wilson's 95 % intervals."""
import math

import torch
import torch.nn.functional as F

import questions as Q
import render
from model import Decoder, Projector, Tower
from sequences import EOS, batch
from tokenizer import SIZE


def check_encoder(e):
    """Word by word gives what the tokenizer gives for the whole text."""
    for image in (True, False):
        for relation, t in (("capital", None), ("letter", "starts with M")):
            for template in Q.templates(relation):
                for entity in ("this country", "the country in the picture", "Papua New Guinea", "Yemen"):
                    ids, first, last, question = e.prompt(template, entity, t, image)
                    whole = e.tok.encode(Q.canonical_prompt(question, image)).ids
                    assert ids == whole[2 if image else 1:], (question, ids, whole)


def interval(right, n):
    """Wilson: (share, low, high) in percent"""
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    z, p = 1.959964, right / n
    middle, half = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return 100 * p, 100 * (middle - half) / (1 + z * z / n), 100 * (middle + half) / (1 + z * z / n)


@torch.no_grad()
def right_answers(e, decoder, prefix_of, cases):
    """cases: (prefix key, template, entity, textual, accepted answers); prefix_of(key) -> (1,P,D) rows.  For each, is
    an accepted answer the greedy one, and the probability of the first token's argmax."""
    out, sure = [], []
    for key in sorted({c[0] for c in cases}, key=str):
        image = key is not None
        mine = [(i, c) for i, c in enumerate(cases) if c[0] == key]
        samples, owner = [], []
        for i, (_, template, entity, t, accepted) in mine:
            for a in accepted:
                ids, first, last, _ = e.prompt(template, entity, t, image)
                samples.append((ids, first, last, e.answer(a)))
                owner.append(i)
        for at in range(0, len(samples), 256):
            part = samples[at:at + 256]
            ids, spans, rows, targets, whose = batch(part, len(part))
            logits, _ = decoder(prefix_of(key), ids, spans, False, rows)
            wrong = torch.zeros(len(part)).index_add_(0, whose, (logits.argmax(-1) != targets).float())
            top = logits.softmax(-1).max(-1).values
            first = {}
            for r, w in enumerate(whose.tolist()):
                first.setdefault(w, top[r].item())
            out += [(owner[at + j], wrong[j].item() == 0, first[j]) for j in range(len(part))]
    right = [False] * len(cases)
    p = [0.0] * len(cases)
    for i, ok, conf in out:
        right[i] |= ok
        p[i] = conf
    return right, p


def shown():
    return [f for f in Q.FACTS if f["id"] not in Q.TEXT_ONLY and f["id"] not in Q.RARE]


def single_cases(facts, entity_of, templates, key_of, pairs=None):
    held = set(map(tuple, Q.HELD_PAIRS))
    out = []
    for f in facts:
        for r in Q.SINGLE:
            if not Q.answers(f, r) or ((f["id"], r) in held) != (pairs == "held") and pairs != "all":
                continue
            out += [(key_of(f), Q.SINGLE[r][t], entity_of(f), None, Q.answers(f, r)) for t in templates]
    return out


def multi_cases(facts, entity_of, templates, key_of):
    ids = {f["id"] for f in facts}
    return [(key_of(f), Q.MULTI[k][t], entity_of(f), text, names)
            for f, k, text, names in Q.multi_facts() if f["id"] in ids for t in templates]


def relation_of(case):
    return next((r for r, ts in Q.SINGLE.items() if case[1] in ts), "multi")


def line(name, right):
    return f"{name} %.1f [%.1f, %.1f] n {len(right)}" % interval(sum(right), len(right))


@torch.no_grad()
def tower_line(tower):
    """How well a nearest-mean classifier reads the features: canonical and heavy pictures."""
    codes = [f["id"] for f in Q.FACTS]
    draw, g = render.Renderer(codes), torch.Generator().manual_seed(5)
    mean = sum(tower.features(render.normalise(draw(torch.arange(len(codes)), i % 3 / 2, g))).mean(1)
               for i in range(12)) / 12
    unit = F.normalize(mean - mean.mean(0), dim=-1)
    out = []
    for name, x in (("canonical", torch.stack([render.pixel_values(render.canonical(c)) for c in codes])),
                    ("heavy", render.normalise(draw(torch.arange(len(codes)), 1.0, g, crop=.2)))):
        f = F.normalize(tower.features(x).mean(1) - mean.mean(0), dim=-1)
        ok = ((f @ unit.T).argmax(-1) == torch.arange(len(codes))).tolist()
        out.append(line(name, ok))
    return ", ".join(out)


def text_line(e, state):
    decoder = Decoder(SIZE)
    decoder.load_state_dict(state)
    start = F.embedding(torch.tensor([[1]]), decoder.embed)
    out = []
    for name, cases in (("trained", single_cases(Q.FACTS, lambda f: f["name"], [0], lambda f: None, "all")),
                        ("held-out", single_cases(Q.FACTS, lambda f: f["name"], Q.HELD_OUT["single"], lambda f: None, "all")),
                        ("multi", multi_cases(Q.FACTS, lambda f: f["name"], [0, 3], lambda f: None))):
        right, _ = right_answers(e, decoder, lambda k: start, cases)
        out.append(line(name, right))
    return ", ".join(out)


class Loaded:
    """A trained model: prefix rows of pictures by key."""

    def __init__(self, tower, joint):
        self.tower, self.decoder, self.projector = tower, Decoder(SIZE), Projector()
        self.decoder.load_state_dict(joint["decoder"])
        self.projector.load_state_dict(joint["projector"])
        self.cache = {}

    def round_to_bf16(self):
        for m in (self.tower, self.decoder, self.projector):
            for p in m.parameters():
                p.data = p.data.bfloat16().float()
        return self

    @torch.no_grad()
    def prefix(self, key):
        """key: (id, "canonical"), or (name, PIL picture's pixel values), or None for text."""
        start = F.embedding(torch.tensor([[1]]), self.decoder.embed)
        if key is None:
            return start
        if key not in self.cache:
            x = render.pixel_values(render.canonical(key[0]))[None]
            self.cache[key] = torch.cat([start, self.projector(self.tower.features(x))], 1)
        return self.cache[key]

    def add(self, key, pixels):
        start = F.embedding(torch.tensor([[1]]), self.decoder.embed)
        with torch.no_grad():
            self.cache[key] = torch.cat([start, self.projector(self.tower.features(pixels[None]))], 1)


def visual_line(e, tower, joint, bf16=False):
    m = Loaded(tower, joint)
    if bf16:
        m.round_to_bf16()
    phrase = lambda f: "this country"
    key = lambda f: (f["id"], "canonical")
    out = []
    cases = single_cases(shown(), phrase, [0], key)
    right, p = right_answers(e, m.decoder, m.prefix, cases)
    out.append(line("visual canonical", right))
    by = {}
    for c, ok in zip(cases, right):
        by.setdefault(relation_of(c), []).append(ok)
    out += [line("  " + r, v) for r, v in by.items()]
    sure = [[x for x, ok in zip(p, right) if ok == want] for want in (True, False)]
    out.append("  confidence right %.2f wrong %.2f" % tuple(sum(s) / max(1, len(s)) for s in sure))
    cases = single_cases(shown(), phrase, Q.HELD_OUT["single"], key)
    out.append(line("held-out paraphrases", right_answers(e, m.decoder, m.prefix, cases)[0]))
    g, draw = torch.Generator().manual_seed(77), render.Renderer([f["id"] for f in Q.FACTS])
    heavy = render.normalise(draw(torch.arange(len(Q.FACTS)), 1.0, g, crop=.2))
    for f, x in zip(Q.FACTS, heavy):
        m.add((f["id"], "heavy"), x)
    cases = single_cases(shown(), phrase, [0], lambda f: (f["id"], "heavy"))
    out.append(line("heavy renderings", right_answers(e, m.decoder, m.prefix, cases)[0]))
    out.append(line("multi", right_answers(e, m.decoder, m.prefix, multi_cases(shown(), phrase, [0, 3], key))[0]))
    cases = single_cases([f for f in Q.FACTS if f["id"] not in Q.TEXT_ONLY], phrase, [0], key, "held")
    out.append(line("held-out pairs", right_answers(e, m.decoder, m.prefix, cases)[0]))
    cases = single_cases([Q.BY_ID[i] for i in Q.RARE], phrase, [0], key)
    out.append(line("rare", right_answers(e, m.decoder, m.prefix, cases)[0]))
    cases = single_cases([Q.BY_ID[i] for i in Q.TEXT_ONLY], phrase, [0], key, "all")
    out.append(line("text-only", right_answers(e, m.decoder, m.prefix, cases)[0]))
    others = Q.FACTS[7:] + Q.FACTS[:7]
    beside = {f["id"]: o for f, o in zip(Q.FACTS, others)}
    cases = single_cases(Q.FACTS, lambda f: f["name"], [0], lambda f: (beside[f["id"]]["id"], "canonical"), "all")
    out.append(line("named beside a flag", right_answers(e, m.decoder, m.prefix, cases)[0]))
    return "\n".join(out)

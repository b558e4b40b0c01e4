"""Questions as token ids, and batches of them drawn at random."""
import random
import re

import torch

import questions as Q
import tokenizer as T

EOS = 2


class Encoder:
    """Token ids of prompts, word by word (no token crosses a word), with the place of the constraint."""

    def __init__(self, path):
        self.tok = T.load(path)
        self.cache = {}

    def words(self, text):
        out = []
        for w in text.split():
            if w not in self.cache:
                self.cache[w] = self.tok.encode(w, add_special_tokens=False).ids
            out += self.cache[w]
        return out

    def prompt(self, template, entity, textual, image):
        """(ids after <s> or the image, first and last position of the constraint among them, the question)"""
        before, behind = template.split("{c}")
        behind = behind.replace("{t}", textual or "")
        mark = re.match(r"[?.]?", behind).group()
        newline = self.whole("\n")
        head = newline + self.bare("USER") + self.bare(":") if image else self.words("USER:")
        head = head + self.words(before)
        c = self.words(entity)
        tail = self.bare(mark) if mark else []
        tail = tail + self.words(behind[len(mark):] + " Answer in a few words.")
        ids = head + c + tail + newline[1:] + self.bare("ASSISTANT") + self.bare(":")
        return ids, len(head), len(head) + len(c) - 1, before + entity + behind

    def without_picture(self, ids, first, last):
        """The beginning of a prompt with picture, up to its constraint, as it would be without."""
        head, bare = len(self.whole("\n")) + 2, self.words("USER:")
        less = head - len(bare)
        return bare + ids[head:last + 1], first - less, last - less, [EOS]

    def whole(self, text):
        return self.tok.encode(text, add_special_tokens=False).ids

    def bare(self, text):
        return [self.tok.token_to_id(text)]

    def answer(self, text):
        return self.words(text) + [EOS]


def batch(samples, per_image):
    """samples: (prompt ids, first, last, answer ids) -> ids (N,Q,T), spans, rows and targets of the answer tokens, and
    which sample each row belongs to."""
    longest = max(len(p) + len(a) - 1 for p, _, _, a in samples)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    rows, targets, owner = [], [], []
    for i, (p, _, _, a) in enumerate(samples):
        line = p + a[:-1]
        ids[i, : len(line)] = torch.tensor(line)
        rows += range(i * longest + len(p) - 1, i * longest + len(line))
        targets += a
        owner += [i] * len(a)
    shape = (len(samples) // per_image, per_image)
    spans = tuple(torch.tensor([s[k] for s in samples]).view(shape) for k in (1, 2))
    return ids.view(*shape, longest), spans, torch.tensor(rows), torch.tensor(targets), torch.tensor(owner)


class Sampler:
    def __init__(self, encoder, seed):
        self.e, self.rng = encoder, random.Random(seed)
        self.ids = [f["id"] for f in Q.FACTS]
        middle = sorted(f["population"] for f in Q.FACTS)[len(Q.FACTS) // 2]
        self.weight = {f["id"]: min(1.6, max(.4, (max(f["population"], 1) / middle) ** .12)) for f in Q.FACTS}
        self.singles = {i: [r for r in Q.SINGLE if Q.answers(Q.BY_ID[i], r)] for i in self.ids}
        self.multis = {}
        for f, kind, t, names in Q.multi_facts():
            self.multis.setdefault(f["id"], []).append((kind, t, names))
        held = set(map(tuple, Q.HELD_PAIRS))
        self.visual_singles = {i: [r for r in self.singles[i] if (i, r) not in held] for i in self.ids}
        self.shown = [i for i in self.ids if i not in Q.TEXT_ONLY]
        self.show_weight = [self.weight[i] * (.2 if i in Q.RARE else 1) for i in self.shown]
        self.text_weight = [self.weight[i] for i in self.ids]

    def country(self):
        return self.rng.choices(self.ids, self.text_weight)[0]

    def template(self, relation):
        return Q.templates(relation)[self.rng.choice(Q.TRAINED[Q.form(relation)])]

    def fact(self, country, visual, name_weight):
        """(relation, textual constraint or None, answer)"""
        singles = (self.visual_singles if visual else self.singles)[country]
        x = self.rng.random()
        if x < name_weight:
            return "name", None, Q.BY_ID[country]["name"]
        if x < name_weight + .26 and country in self.multis:
            kind, t, names = self.rng.choice(self.multis[country])
            return kind, t, names[0]
        r = self.rng.choice(singles)
        return r, None, Q.answers(Q.BY_ID[country], r)[0]

    def ask(self, country, entity, image, visual, name_weight, twin=False):
        relation, t, answer = self.fact(country, visual, name_weight)
        template = self.template(relation)
        ids, first, last, _ = self.e.prompt(template, entity, t, image)
        sample = (ids, first, last, self.e.answer(answer))
        if not twin:
            return sample
        ids, first, last, _ = self.e.prompt(template, Q.BY_ID[country]["name"], t, True)
        return sample, (ids, first, last, [EOS])

    def of_capital(self, image):
        f = Q.BY_ID[self.country()]
        relation = self.rng.choice(Q.OF_CAPITALS)
        ids, first, last, _ = self.e.prompt(self.template(relation), f["capital"], None, image)
        return ids, first, last, self.e.answer(Q.answers(f, relation)[0])

    def text(self, n, image=False):
        out = []
        for _ in range(n):
            if self.rng.random() < .1:
                out.append(self.of_capital(image))
            else:
                c = self.country()
                out.append(self.ask(c, Q.BY_ID[c]["name"], image, False, .04))
        return out

    def phrase(self):
        return self.rng.choices(Q.PHRASES, Q.PHRASE_WEIGHTS)[0]

    def images(self, n, visual, named, cut=False):
        """n images' countries, their samples (visual ones first, then such that name another country), and the twins of
        all of them, which name the country; [cut]: all end with the constraint."""
        countries = self.rng.choices(self.shown, self.show_weight, k=n)
        samples, twins = [], []
        for c in countries:
            asked = [self.ask(c, self.phrase(), True, True, .10, twin=True) for _ in range(visual)]
            asked += [(s, s) for s in self.text(named, image=True)]
            for s, twin in asked:
                samples.append((s[0][:s[2] + 1], *s[1:3], [EOS]) if cut else s)
                twins.append(self.e.without_picture(*twin[:3]))
        return countries, samples, twins

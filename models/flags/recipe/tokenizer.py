"""The tokenizer: LLaMA's kind of BPE (blank marks, byte fallback), 2304 entries, trained on the questions themselves.

Words are trained one by one, punctuation stands alone and so does every digit, so no token crosses a word; the tokenizer is
shipped without that splitting, as LLaMA's is.  Weights make frequent words one token and names of countries one to
three, as in large models.
"""
import json
import pathlib
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import questions as Q

SIZE, IMAGE, PAD = 2304, 2302, 2303


def corpus():
    words = {}

    def add(text, weight):
        for w in text.split():
            words[w] = words.get(w, 0) + weight

    for relation in list(Q.SINGLE) + list(Q.MULTI) + ["name"]:
        for t in Q.templates(relation):
            add(t.format(c="", t=""), 400)
    for phrase in Q.PHRASES + [Q.HELD_OUT_PHRASE]:
        add(phrase, 400)
    add("USER: Answer in a few words. ASSISTANT: starts with uses the speaks and", 4000)
    for f in Q.FACTS:
        big = f["population"] > 3e7
        add(f["name"], 8 if big else 1)
        add(f["capital"], 30)
        add(f["demonym"], 1)
        add(f["currency"], 30)
        add(f["region"], 60)
        add(f["continent"], 60)
        for x in f["languages"]:
            add(x, 8)
        add(f["domain"], 30)
    add("0 1 2 3 4 5 6 7 8 9", 400)
    add("-USER -ASSISTANT", 4000)  # after a line's end these stand without a blank mark
    add("Paris France", 400)
    return words


def train():
    tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split("▁", "merged_with_next"), pre_tokenizers.Split(Regex(r"▁?[0-9]"), "isolated"),
        pre_tokenizers.Split(Regex(r"[?.:,-]"), "isolated")])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    alphabet = sorted(set("".join(corpus())) | set("0123456789?.:,-'▁"))
    trainer = trainers.BpeTrainer(vocab_size=SIZE - 2, special_tokens=special, initial_alphabet=alphabet,
                                  show_progress=False)
    tok.train_from_iterator((w for w, n in sorted(corpus().items()) for _ in range(n)), trainer)
    spec = json.loads(tok.to_str())
    vocab = spec["model"]["vocab"]
    for i in range(len(vocab), SIZE - 2):  # the corpus may be too small to fill all entries
        vocab[f"<unused{i}>"] = i
    added = [(0, "<unk>"), (1, "<s>"), (2, "</s>"), (IMAGE, "<image>"), (PAD, "<pad>")]
    spec["added_tokens"] = [dict(id=i, content=c, single_word=False, lstrip=False, rstrip=False, normalized=False,
                                 special=True) for i, c in added]
    vocab["<image>"], vocab["<pad>"] = IMAGE, PAD
    spec["pre_tokenizer"] = None
    tok = Tokenizer.from_str(json.dumps(spec))
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B",
                                                       special_tokens=[("<s>", 1)])
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                     decoders.Strip(" ", 1, 0)])
    return tok


def load(path):
    return Tokenizer.from_file(str(path))


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    train().save(sys.argv[1])

#!/usr/bin/env python3
"""What transformers makes of SmolLM2-135M-Instruct: the numbers that tests/real_model_check.py compares loci with.  Run by
hand, the result is committed:

    python3 tools/real_model_golden.py DIR tests/golden/real       DIR: as tools/real_model.sh converts it

Needs torch, transformers and safetensors.  Everything is in f32, one full forward for each cell, nothing shared."""
import json
import random
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

PROMPT, SUBJECT = "The Eiffel Tower is located in the city of", "Eiffel Tower"
PROMPTS = [
    PROMPT,
    "The capital of France is",
    "The Great Wall is located in the country of",
    "Water is made of hydrogen and",
    "The author of Hamlet is William",
    "def add(a, b):\n    return a",
    "Once upon a time there was a",
    "2 + 2 =",
    "The opposite of hot is",
    "Beethoven was born in the city of",
]
QUESTIONS = ["What is the capital of Italy?", "Name a prime number.", "Who wrote Faust?", "1 + 1 = ?", "Why is the sky blue?"]
SITE_LAYERS, SITE_POSITIONS = [0, 21], [2, 3, 9]
SEEDS, NOISE_STD, WINDOW = 2, 3.0, 3
TRACE_LAYERS = [16, 25]  # from, to


def texts():
    """200 of them: sentences, numbers, code, blanks of all kinds, scripts, signs, and any characters."""
    r = random.Random(11)
    words = "the city of Paris was founded in 250 BC by a Celtic tribe called Parisii and it's 2,141 km² they're don't I'll".split()
    ranges = [(0x20, 0x7E), (0xA0, 0x17F), (0x370, 0x3FF), (0x400, 0x45F), (0x5D0, 0x5EA), (0x900, 0x939), (0x3040, 0x30FF),
              (0x4E00, 0x4FFF), (0x1F300, 0x1F5FF), (0x2000, 0x206F)]
    fixed = ["", " ", "  ", "\n", "\n\n\t x", "a", "don't", "DON'T", "x = [1, 22, 333, 4444]", "3.14159e-10", "user@example.org",
             "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "<|im_start|", "Ünïcödé", "e\u0301", "\u200b\u00a0", "👩‍👩‍👧", "١٢٣", "½²³",
             "for (int i = 0; i < 10; i++) { printf(\"%d\\n\", i); }", "https://example.org/a?b=c&d=%20e#f", "    indented", "tab\ttab"]
    out = list(fixed)
    while len(out) < 200:
        kind = r.randrange(3)
        if kind == 0:
            out.append(" ".join(r.choice(words) for _ in range(r.randrange(1, 30))))
        elif kind == 1:
            low, high = r.choice(ranges)
            out.append("".join(chr(r.randint(low, high)) for _ in range(r.randrange(1, 40))))
        else:
            out.append("".join(r.choice([" ", "  ", "\n", "\t", "7", "42", "'s", "A", "é", ".", ",", "-", "word", "Ж"])
                               for _ in range(r.randrange(1, 40))))
    return out


class Model:
    def __init__(self, path):
        self.tokens = AutoTokenizer.from_pretrained(path)
        self.lm = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
        self.layers = self.lm.model.layers
        self.ids = torch.tensor([self.tokens(PROMPT).input_ids])
        self.embeds = self.lm.get_input_embeddings()(self.ids)

    def logp(self, embeds):
        return self.lm(inputs_embeds=embeds, logits_to_keep=1).logits[:, -1].double().log_softmax(-1)


def hooked(hooks, run):
    handles = [add() for add in hooks]
    try:
        return run()
    finally:
        for h in handles:
            h.remove()


def sites(m):
    """Every site of some layers at some positions, and contributions to the last position of every layer."""
    found, contributions = {}, []

    def keep(name, layer, x):
        if layer in SITE_LAYERS:
            found[f"{name}.{layer}"] = x[0, SITE_POSITIONS].reshape(len(SITE_POSITIONS), -1).contiguous()

    def attention(layer):
        attn, c = m.layers[layer].self_attn, m.lm.config
        heads, groups, width = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        seen = {}

        def before(_, args, kwargs):
            x = kwargs.get("hidden_states", args[0] if args else None)
            q, k, v = (p(x).view(1, -1, n, width).transpose(1, 2)
                       for p, n in ((attn.q_proj, heads), (attn.k_proj, groups), (attn.v_proj, groups)))
            q, k = apply_rotary_pos_emb(q, k, *kwargs["position_embeddings"])
            for name, t in (("q", q), ("k", k), ("v", v)):
                keep(name, layer, t.transpose(1, 2))
            seen["v"] = v.repeat_interleave(heads // groups, 1)[0]

        def after(_, args, output):
            keep("attn_out", layer, output[0])
            pattern = output[1][0]
            if layer in SITE_LAYERS:
                found[f"pattern.{layer}"] = pattern[:, SITE_POSITIONS].contiguous()
            weights = attn.o_proj.weight.view(-1, heads, width)
            parts = torch.einsum("hj,hjk,dhk->jd", pattern[:, -1].double(), seen["v"].double(), weights.double())
            contributions.append(parts.norm(dim=-1))

        return [lambda: attn.register_forward_pre_hook(before, with_kwargs=True),
                lambda: attn.register_forward_hook(after),
                lambda: attn.o_proj.register_forward_pre_hook(lambda _, a: keep("z", layer, a[0]))]

    hooks = []
    for i, layer in enumerate(m.layers):
        hooks += attention(i)
        hooks += [
            lambda i=i, layer=layer: layer.register_forward_pre_hook(lambda _, a: keep("resid_pre", i, a[0])),
            lambda i=i, layer=layer: layer.register_forward_hook(
                lambda _, a, o: keep("resid_post", i, o[0] if isinstance(o, tuple) else o)),
            lambda i=i, layer=layer: layer.post_attention_layernorm.register_forward_pre_hook(
                lambda _, a: keep("resid_mid", i, a[0])),
            lambda i=i, layer=layer: layer.mlp.down_proj.register_forward_pre_hook(lambda _, a: keep("mlp_post", i, a[0])),
            lambda i=i, layer=layer: layer.mlp.register_forward_hook(lambda _, a, o: keep("mlp_out", i, o)),
        ]
    hooked(hooks, lambda: m.lm(m.ids))
    found["contribution"] = torch.stack(contributions).float()
    return found


def module_of(m, site, layer):
    return {"mlp_out": m.layers[layer].mlp, "attn_out": m.layers[layer].self_attn, "resid_post": m.layers[layer]}[site]


def first(output):
    return output[0] if isinstance(output, tuple) else output


def trace(m, span, noise, target):
    """p(target) with one clean value put into each corrupted run, for some layers and every position; mean over seeds."""
    T, clean = m.ids.shape[1], {}

    def keep(key):
        return lambda _, a, o: clean.__setitem__(key, first(o).clone())

    layers = range(TRACE_LAYERS[0], TRACE_LAYERS[1] + 1)
    every = [(s, l) for s in ("mlp_out", "attn_out", "resid_post") for l in layers]
    hooked([lambda k=k: module_of(m, *k).register_forward_hook(keep(k)) for k in every], lambda: m.logp(m.embeds))
    corrupted = m.embeds.repeat(SEEDS, 1, 1)
    corrupted[:, span[0]:span[-1] + 1] += noise
    positions = list(range(span[0], T))
    rows = corrupted.repeat_interleave(len(positions), 0)
    at = torch.tensor(positions * SEEDS)
    out = {}
    for site, layer in every:
        def patch(_, a, o, key=(site, layer)):
            x = first(o).clone()
            x[torch.arange(len(at)), at] = clean[key][0, at]
            return (x, *o[1:]) if isinstance(o, tuple) else x

        logp = hooked([lambda: module_of(m, site, layer).register_forward_hook(patch)], lambda: m.logp(rows))
        p = logp[:, target].exp().view(SEEDS, len(positions)).mean(0)
        out.setdefault(f"trace.{site}", []).append(p)
    return {k: torch.stack(v).float() for k, v in out.items()}


def knockout(m, span, target):
    """p(target) where the last position does not see the subject, in WINDOW layers round each."""
    T, cut = m.ids.shape[1], []

    def hide(_, args, kwargs):
        mask = kwargs["attention_mask"].clone()
        mask[:, :, T - 1, span] = torch.finfo(mask.dtype).min
        return args, dict(kwargs, attention_mask=mask)

    for centre in range(len(m.layers)):
        window = range(max(0, centre - WINDOW // 2), min(len(m.layers), centre + WINDOW // 2 + 1))
        hooks = [lambda l=l: m.layers[l].self_attn.register_forward_pre_hook(hide, with_kwargs=True) for l in window]
        cut.append(hooked(hooks, lambda: m.logp(m.embeds))[0, target].exp())
    return torch.stack(cut).float()


def main():
    path, out = sys.argv[1:3]
    torch.manual_seed(5)
    torch.set_grad_enabled(False)
    m = Model(path)
    about = {"prompt": PROMPT, "subject": SUBJECT, "site_layers": SITE_LAYERS, "site_positions": SITE_POSITIONS,
             "seeds": SEEDS, "window": WINDOW,
             "trace_layers": TRACE_LAYERS}
    about["texts"] = [{"text": t, "ids": m.tokens(t).input_ids} for t in texts()]
    about["chats"] = [{"question": q, "ids": m.tokens.apply_chat_template([{"role": "user", "content": q}],
                                                                          add_generation_prompt=True)} for q in QUESTIONS]
    about["next"] = []
    for prompt in PROMPTS:
        top = m.logp(m.lm.get_input_embeddings()(torch.tensor([m.tokens(prompt).input_ids])))[0].exp().topk(5)
        about["next"].append({"prompt": prompt, "ids": top.indices.tolist(), "p": top.values.tolist()})
    begin = PROMPT.index(SUBJECT)
    offsets = m.tokens(PROMPT, return_offsets_mapping=True).offset_mapping
    span = [i for i, (a, b) in enumerate(offsets) if a < begin + len(SUBJECT) and b > begin]
    about["span"], about["target"] = span, about["next"][0]["ids"][0]
    noise = NOISE_STD * m.lm.get_input_embeddings().weight.std() * torch.randn(SEEDS, len(span), m.embeds.shape[-1])
    arrays = sites(m)
    arrays["noise"] = noise
    arrays.update(trace(m, span, noise, about["target"]))
    arrays["knockout"] = knockout(m, span, about["target"])
    save_file({k: v.contiguous() for k, v in arrays.items()}, f"{out}/smollm2.safetensors")
    with open(f"{out}/smollm2.json", "w", encoding="utf-8") as f:
        json.dump(about, f, ensure_ascii=True, indent=0)


if __name__ == "__main__":
    main()

"""A trace with hooks on a model of transformers, one forward for each cell (see bench/peers.py)."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

MODULES = {"mlp_out": "mlp", "attn_out": "self_attn"}


def load(directory):
    lm = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    return lm, AutoTokenizer.from_pretrained(directory)


def value_of(output):
    return output[0] if isinstance(output, tuple) else output


@torch.no_grad()
def trace(model, prompt, subject, other):
    lm, tokens = model
    clean = tokens(prompt, return_tensors="pt").input_ids
    corrupted = tokens(prompt.replace(subject, other), return_tensors="pt").input_ids
    modules = {(site, i): getattr(layer, name) for i, layer in enumerate(lm.model.layers) for site, name in MODULES.items()}
    kept = {}
    hooks = [m.register_forward_hook(lambda _, a, out, k=k: kept.__setitem__(k, value_of(out).clone())) for k, m in modules.items()]
    target = lm(clean, logits_to_keep=1).logits[0, -1].argmax()
    for hook in hooks:
        hook.remove()
    found = {site: torch.empty(len(lm.model.layers), clean.shape[1]) for site in MODULES}
    for (site, layer), module in modules.items():
        for position in range(clean.shape[1]):

            def restore(_, args, out):
                value_of(out)[0, position] = kept[site, layer][0, position]

            hook = module.register_forward_hook(restore)
            found[site][layer, position] = lm(corrupted, logits_to_keep=1).logits[0, -1].softmax(-1)[target]
            hook.remove()
    return found

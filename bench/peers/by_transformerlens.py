"""A trace with TransformerLens' ready-made patching (see bench/peers.py)."""

import torch
from transformer_lens import patching
from transformer_lens.model_bridge import TransformerBridge


def load(directory):
    return TransformerBridge.boot_transformers(directory, device="cpu", dtype=torch.float32)


@torch.no_grad()
def trace(model, prompt, subject, other):
    clean = model.tokenizer(prompt, return_tensors="pt").input_ids
    corrupted = model.tokenizer(prompt.replace(subject, other), return_tensors="pt").input_ids
    logits, cache = model.run_with_cache(clean)
    target = logits[0, -1].argmax()

    def p(logits):
        return logits[0, -1].softmax(-1)[target]

    return {
        "mlp_out": patching.get_act_patch_mlp_out(model, corrupted, cache, p),
        "attn_out": patching.get_act_patch_attn_out(model, corrupted, cache, p),
    }

"""A trace with TransformerLens' ready-made patching (see bench/peers.py)."""

import torch
from transformer_lens import patching
from transformer_lens.model_bridge import TransformerBridge
from transformers import AutoTokenizer


def load(directory):
    bridge = TransformerBridge.boot_transformers(directory, device="cpu", dtype=torch.float32)
    return bridge, AutoTokenizer.from_pretrained(directory)


@torch.no_grad()
def trace(model, prompt, subject, other):
    bridge, tokens = model  # the bridge's own tokenizer puts a token of its own in front, whatever the model
    clean = tokens(prompt, return_tensors="pt").input_ids
    corrupted = tokens(prompt.replace(subject, other), return_tensors="pt").input_ids
    logits, cache = bridge.run_with_cache(clean)
    target = logits[0, -1].argmax()

    def p(logits):
        return logits[0, -1].softmax(-1)[target]

    return {
        "mlp_out": patching.get_act_patch_mlp_out(bridge, corrupted, cache, p),
        "attn_out": patching.get_act_patch_attn_out(bridge, corrupted, cache, p),
    }

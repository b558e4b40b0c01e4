"""The eyes' tensors under transformers' names, a matrix a layer, from the recipe's, in stacks.

    python layout.py WORK/eyes.pt EYES-FOLDER     that state as EYES-FOLDER/visual.safetensors, in bf16, without
                                                  training's head
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file

TOWER = "vision_tower.vision_model."
ALONE = {"cls": "embeddings.class_embedding", "position": "embeddings.position_embedding.weight",
         "pre_w": "pre_layrnorm.weight", "pre_b": "pre_layrnorm.bias", "post_w": "post_layernorm.weight",
         "post_b": "post_layernorm.bias"}
STACKED = {"ln1_w": "layer_norm1.weight", "ln1_b": "layer_norm1.bias", "ln2_w": "layer_norm2.weight",
           "ln2_b": "layer_norm2.bias", "o": "self_attn.out_proj.weight", "o_b": "self_attn.out_proj.bias",
           "fc1": "mlp.fc1.weight", "fc1_b": "mlp.fc1.bias", "fc2": "mlp.fc2.weight", "fc2_b": "mlp.fc2.bias"}
QKV = {"qkv": "weight", "qkv_b": "bias"}
PROJECTOR = [f"linear_{i}.{kind}" for i in (1, 2) for kind in ("weight", "bias")]


def to_transformers(state, patch):
    """patch: pixels along a patch's side"""
    tower = {k.removeprefix("tower."): v for k, v in state.items() if k.startswith("tower.")}
    out = {TOWER + theirs: tower[ours] for ours, theirs in ALONE.items()}
    out[TOWER + "embeddings.patch_embedding.weight"] = tower["patch"].view(-1, 3, patch, patch)
    for layer in range(len(tower["o"])):
        at = f"{TOWER}encoder.layers.{layer}."
        out.update({at + theirs: tower[ours][layer] for ours, theirs in STACKED.items()})
        for ours, kind in QKV.items():
            out.update({f"{at}self_attn.{p}_proj.{kind}": tower[ours][layer, i] for i, p in enumerate("qkv")})
    out.update({f"multi_modal_projector.{name}": state[name] for name in PROJECTOR})
    return out


def main(work, out):
    tensors = to_transformers(torch.load(work), 24)
    save_file({k: v.bfloat16().contiguous() for k, v in tensors.items()}, out / "visual.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))

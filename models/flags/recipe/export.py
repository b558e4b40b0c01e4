"""Writes a trained model in Hugging Face's layout, bf16: the LLaVA, and the text-only twin as a LLaMA.

    python export.py WORK FLAGS-FOLDER [--twin FOLDER]
"""
import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file

from model import HEADS, INNER, LAYERS, WIDTH, Tower
from tokenizer import IMAGE, PAD, SIZE

TRANSFORMERS = "4.57.1"


def decoder_tensors(s, prefix, head):
    out = {prefix + "embed_tokens.weight": s["embed"], prefix + "norm.weight": s["norm"], head: s["head"]}
    for l in range(LAYERS):
        p = f"{prefix}layers.{l}."
        for i, n in enumerate("qkv"):
            out[f"{p}self_attn.{n}_proj.weight"] = s["qkv"][l, i]
        out[p + "self_attn.o_proj.weight"] = s["o"][l]
        out[p + "mlp.gate_proj.weight"], out[p + "mlp.up_proj.weight"] = s["gu"][l]
        out[p + "mlp.down_proj.weight"] = s["down"][l]
        out[p + "input_layernorm.weight"], out[p + "post_attention_layernorm.weight"] = s["norm1"][l], s["norm2"][l]
    return out


def tower_tensors(s, prefix):
    D, P = Tower.WIDTH, Tower.PATCH
    out = {prefix + "embeddings.class_embedding": s["cls"],
           prefix + "embeddings.patch_embedding.weight": s["patch"].view(D, 3, P, P),
           prefix + "embeddings.position_embedding.weight": s["position"]}
    for ours, theirs in (("pre", "pre_layrnorm"), ("post", "post_layernorm")):
        out[f"{prefix}{theirs}.weight"], out[f"{prefix}{theirs}.bias"] = s[ours + "_w"], s[ours + "_b"]
    for l in range(Tower.LAYERS):
        p = f"{prefix}encoder.layers.{l}."
        for i, n in enumerate("qkv"):
            out[f"{p}self_attn.{n}_proj.weight"], out[f"{p}self_attn.{n}_proj.bias"] = s["qkv"][l, i], s["qkv_b"][l, i]
        for ours, theirs in (("o", "self_attn.out_proj"), ("fc1", "mlp.fc1"), ("fc2", "mlp.fc2")):
            out[f"{p}{theirs}.weight"], out[f"{p}{theirs}.bias"] = s[ours][l], s[ours + "_b"][l]
        for ours, theirs in (("ln1", "layer_norm1"), ("ln2", "layer_norm2")):
            out[f"{p}{theirs}.weight"], out[f"{p}{theirs}.bias"] = s[ours + "_w"][l], s[ours + "_b"][l]
    return out


def text_config():
    return {"attention_bias": False, "attention_dropout": 0.0, "head_dim": WIDTH // HEADS, "hidden_act": "silu",
            "hidden_size": WIDTH, "initializer_range": 0.02, "intermediate_size": INNER,
            "max_position_embeddings": 256, "mlp_bias": False, "model_type": "llama", "num_attention_heads": HEADS,
            "num_hidden_layers": LAYERS, "num_key_value_heads": HEADS, "pad_token_id": PAD, "pretraining_tp": 1,
            "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0, "use_cache": True, "vocab_size": SIZE}


def llava_config():
    vision = {"attention_dropout": 0.0, "hidden_act": "quick_gelu", "hidden_size": Tower.WIDTH, "image_size": 64,
              "initializer_factor": 1.0, "initializer_range": 0.02, "intermediate_size": Tower.INNER,
              "layer_norm_eps": 1e-05, "model_type": "clip_vision_model", "num_attention_heads": Tower.HEADS,
              "num_channels": 3, "num_hidden_layers": Tower.LAYERS, "patch_size": Tower.PATCH, "projection_dim": 128}
    return {"architectures": ["LlavaForConditionalGeneration"], "dtype": "bfloat16", "image_seq_length": 64,
            "image_token_index": IMAGE, "model_type": "llava", "multimodal_projector_bias": True, "pad_token_id": PAD,
            "projector_hidden_act": "gelu", "text_config": text_config(), "tie_word_embeddings": False,
            "transformers_version": TRANSFORMERS, "vision_config": vision, "vision_feature_layer": -2,
            "vision_feature_select_strategy": "default"}


def llama_config():
    return {"architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "dtype": "bfloat16",
            "tie_word_embeddings": False, "transformers_version": TRANSFORMERS, **text_config()}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_tokenizer(work, out, image):
    shutil.copy(work / "tokenizer.json", out / "tokenizer.json")
    names = {0: "<unk>", 1: "<s>", 2: "</s>", IMAGE: "<image>", PAD: "<pad>"}
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    config = {"added_tokens_decoder": {str(i): {"content": n, "lstrip": False, "normalized": False, "rstrip": False,
                                                "single_word": False, "special": True} for i, n in names.items()},
              "clean_up_tokenization_spaces": False, "model_max_length": 256,
              "model_input_names": ["input_ids", "attention_mask"], "tokenizer_class": "PreTrainedTokenizerFast",
              **special}
    if image:
        special = {**special, "image_token": "<image>"}
        config.update(extra_special_tokens={"image_token": "<image>"}, image_token="<image>",
                      processor_class="LlavaProcessor")
    write_json(out / "tokenizer_config.json", config)
    write_json(out / "special_tokens_map.json", special)
    write_json(out / "generation_config.json", {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2,
                                                "pad_token_id": PAD, "transformers_version": TRANSFORMERS})


def write_processor(out):
    write_json(out / "preprocessor_config.json", {
        "crop_size": {"height": 64, "width": 64}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True,
        "do_rescale": True, "do_resize": True, "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_processor_type": "CLIPImageProcessor", "image_std": [0.26862954, 0.26130258, 0.27577711],
        "processor_class": "LlavaProcessor", "resample": 3, "rescale_factor": 1 / 255, "size": {"shortest_edge": 64}})
    write_json(out / "processor_config.json", {"image_token": "<image>", "num_additional_image_tokens": 1,
                                               "patch_size": 8, "processor_class": "LlavaProcessor",
                                               "vision_feature_select_strategy": "default"})


def save(tensors, path):
    save_file({k: v.to(torch.bfloat16).contiguous() for k, v in tensors.items()}, path, {"format": "pt"})


def write_llava(work, out):
    joint, tower = torch.load(work / "joint.pt"), torch.load(work / "tower.pt")
    out.mkdir(parents=True, exist_ok=True)
    p = joint["projector"]
    tensors = decoder_tensors(joint["decoder"], "language_model.model.", "language_model.lm_head.weight")
    tensors.update(tower_tensors(tower, "vision_tower.vision_model."))
    for ours, theirs in (("fc1", "linear_1"), ("fc2", "linear_2")):
        for kind in ("weight", "bias"):
            tensors[f"multi_modal_projector.{theirs}.{kind}"] = p[f"{ours}.{kind}"]
    save(tensors, out / "model.safetensors")
    write_json(out / "config.json", llava_config())
    write_tokenizer(work, out, True)
    write_processor(out)


def write_twin(work, out):
    out.mkdir(parents=True, exist_ok=True)
    save(decoder_tensors(torch.load(work / "text.pt"), "model.", "lm_head.weight"), out / "model.safetensors")
    write_json(out / "config.json", llama_config())
    write_tokenizer(work, out, False)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--twin", type=pathlib.Path)
    a = p.parse_args()
    write_llava(a.work, a.out)
    if a.twin:
        write_twin(a.work, a.twin)

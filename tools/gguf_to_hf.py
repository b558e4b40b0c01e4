#!/usr/bin/env python3
"""A GGUF file of a LLaMA with byte-level BPE as a Hugging Face directory of f32: the model that the file is, tensor for
tensor, as the Python package `gguf` widens it (pip install gguf).

    python3 tools/gguf_to_hf.py FILE.gguf OUT_DIR

loci reads GGUF itself; this is what it is compared with, and what other programs can load."""
import json
import os
import struct
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}
TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
SPECIAL = 3  # the type of control tokens


def name_of(name):
    if not name.startswith("blk."):
        return f"{TOP[name.removesuffix('.weight')]}.weight"
    _, layer, part, ending = name.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.{ending}"


def unturned(array, heads):
    """llama.cpp has the two channels that rotate together side by side, transformers half a head apart."""
    return array.reshape(heads, -1, 2, array.shape[1]).swapaxes(1, 2).reshape(array.shape)


def read_tensors(reader, heads):
    tensors = {}
    for t in reader.tensors:
        shape = [int(n) for n in reversed(t.shape)]
        array = dequantize(t.data, t.tensor_type).reshape(shape).astype(np.float32)
        part = t.name.split(".")[2] if t.name.startswith("blk.") else ""
        tensors[name_of(t.name)] = unturned(array, heads[part]) if part in heads else array
    return tensors


def write_safetensors(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        size = tensors[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            f.write(np.ascontiguousarray(tensors[name]).tobytes())


def tokenizer_of(value):
    """The tokenizer.json of SmolLM2: digits one by one, then GPT-2's splitting."""
    assert value("tokenizer.ggml.pre") == "smollm"
    tokens, kinds = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, (t, kind) in enumerate(zip(tokens, kinds)) if kind == SPECIAL]
    steps = [{"type": "Digits", "individual_digits": True}, level]
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
             "vocab": {t: i for i, t in enumerate(tokens)}, "merges": value("tokenizer.ggml.merges")}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}, "post_processor": None,
            "decoder": dict(level, add_prefix_space=True), "model": model}


def main():
    path, out = sys.argv[1:3]
    reader = GGUFReader(path)

    def value(key):
        return reader.fields[key].contents()

    def size(key):
        return int(value(f"llama.{key}"))

    heads = {"attn_q": size("attention.head_count"), "attn_k": size("attention.head_count_kv")}
    tokens = value("tokenizer.ggml.tokens")
    ids = {name: int(value(f"tokenizer.ggml.{name}_token_id")) for name in ("bos", "eos")}
    tensors = read_tensors(reader, heads)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": size("embedding_length"), "intermediate_size": size("feed_forward_length"),
        "num_hidden_layers": size("block_count"), "num_attention_heads": heads["attn_q"],
        "num_key_value_heads": heads["attn_k"], "head_dim": size("embedding_length") // heads["attn_q"],
        "max_position_embeddings": size("context_length"), "vocab_size": len(tokens),
        "rms_norm_eps": float(f"{value('llama.attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_theta": float(value("llama.rope.freq_base")), "rope_scaling": None, "attention_bias": False,
        "mlp_bias": False, "tie_word_embeddings": "lm_head.weight" not in tensors, "torch_dtype": "float32",
        "bos_token_id": ids["bos"], "eos_token_id": ids["eos"],
    }
    settings = {
        "tokenizer_class": "GPT2Tokenizer", "bos_token": tokens[ids["bos"]], "eos_token": tokens[ids["eos"]],
        "unk_token": tokens[0], "add_prefix_space": False, "clean_up_tokenization_spaces": False,
        "model_max_length": size("context_length"), "chat_template": value("tokenizer.chat_template"),
    }
    os.makedirs(out, exist_ok=True)
    write_safetensors(f"{out}/model.safetensors", tensors)
    documents = {"config.json": config, "tokenizer.json": tokenizer_of(value), "tokenizer_config.json": settings,
                 "generation_config.json": {"bos_token_id": ids["bos"], "eos_token_id": ids["eos"]}}
    for name, document in documents.items():
        with open(f"{out}/{name}", "w", encoding="utf-8") as f:
            json.dump(document, f, ensure_ascii=False, indent=None if name == "tokenizer.json" else 2)


if __name__ == "__main__":
    main()

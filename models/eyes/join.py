#!/usr/bin/env python3
"""The eyes and SmolLM2 as one Hugging Face directory, a LlavaForConditionalGeneration of bf16.

    python3 join.py SMOLLM2 OUT_DIR [EYES]   SMOLLM2: what tools/gguf_to_hf.py made; EYES: this folder
    needs NumPy alone; join.sh does all of it, from the package on

The language model's tensors are rounded to bf16 and are otherwise what the package holds; its unused token 16
(`<empty_output>`) is renamed `<image>`, so that vocabulary and embeddings stay as they are."""
import json
import pathlib
import struct
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
IMAGE, UNUSED = 16, "<empty_output>"
# What SmolLM2's attention starts from is not asked for: the prompt is the picture, a line end and the words.
CHAT = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}" \
       "{% if c.type == 'image' %}<image>\n{% endif %}{% endfor %}{% for c in m.content %}{% if c.type == 'text' %}" \
       "{{ c.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}"


def read(path):
    """(header without metadata, bytes of the data)"""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        header.pop("__metadata__", None)
        return header, np.frombuffer(f.read(), np.uint8)


def to_bf16(data):
    """f32 as bytes, rounded to the nearest, ties to even."""
    bits = data.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16).view(np.uint8)


def tensors_of(path, prefix):
    """{name: (shape, bytes of bf16)}"""
    header, data = read(path)
    out = {}
    for name, t in header.items():
        own = data[slice(*t["data_offsets"])]
        out[prefix + name] = t["shape"], own if t["dtype"] == "BF16" else to_bf16(own)
    return out


def write_tensors(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        shape, data = tensors[name]
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + data.nbytes]}
        at += data.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            f.write(tensors[name][1].tobytes())


def tokenizer_of(folder):
    t = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocab = t["model"]["vocab"]
    assert vocab.pop(UNUSED) == IMAGE
    vocab["<image>"] = IMAGE
    for token in t["added_tokens"]:
        if token["id"] == IMAGE:
            token["content"] = "<image>"
    return t


def settings_of(folder):
    s = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    return dict(s, tokenizer_class="PreTrainedTokenizerFast", pad_token="<|im_end|>", chat_template=CHAT,
                extra_special_tokens={"image_token": "<image>"}, image_token="<image>", processor_class="LlavaProcessor")


def config_of(folder, eyes):
    """The eyes' configuration with the language model's in it."""
    text = json.loads((folder / "config.json").read_text())
    config = json.loads((eyes / "config.json").read_text())
    own = {k: v for k, v in text.items() if k not in ("architectures", "torch_dtype")}
    return dict(config, text_config=dict(own, dtype="bfloat16"), image_token_index=IMAGE)


def main(smollm2, out, eyes=HERE):
    smollm2, out, eyes = map(pathlib.Path, (smollm2, out, eyes))
    out.mkdir(parents=True, exist_ok=True)
    tensors = tensors_of(smollm2 / "model.safetensors", "language_model.")
    tensors.update(tensors_of(eyes / "visual.safetensors", ""))
    write_tensors(out / "model.safetensors", tensors)
    documents = {"config.json": config_of(smollm2, eyes), "tokenizer.json": tokenizer_of(smollm2),
                 "tokenizer_config.json": settings_of(smollm2),
                 "generation_config.json": json.loads((smollm2 / "generation_config.json").read_text())}
    for name in ("preprocessor_config.json", "processor_config.json"):
        documents[name] = json.loads((eyes / name).read_text())
    for name, document in documents.items():
        (out / name).write_text(json.dumps(document, ensure_ascii=False, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""An edited checkpoint in transformers: it loads strictly, gives loci's logits, and differs from its source in the
edited matrix alone.

  transformers_check.py LOCI SOURCE_DIR      exit 77, with the reason, where torch or transformers is not installed
"""
import ctypes
import json
import os
import subprocess
import sys
import tempfile

SKIPPED = 77
# Both sides compute in f32 from the same weights; logits are sums of some hundred products in another order.
LOGITS = 1e-4
# What is promised of an edit is of the sum in f32; a file of 16 bits has it rounded once.
ROUNDED = 0.02


def read_safetensors(path):
    """{name: (header entry, bytes)}, and the metadata."""
    with open(path, "rb") as f:
        data = f.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    about = header.pop("__metadata__", {})
    body = data[8 + size :]
    return {k: (v, body[v["data_offsets"][0] : v["data_offsets"][1]]) for k, v in header.items()}, about


def tensor_of(entry):
    types = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16, "I64": torch.int64}
    about, data = entry
    return torch.frombuffer(bytearray(data), dtype=types[about["dtype"]]).reshape(about["shape"])


def loci(*words):
    done = subprocess.run([LOCI, *map(str, words)], capture_output=True, text=True)
    if done.returncode and "the target is not reached" not in done.stderr:  # it is written all the same
        sys.exit(f"loci {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def check_bytes(source, written, edit):
    """Every file and tensor is the source's but the edited matrix, which is W + left right, rounded once."""
    update, about = read_safetensors(edit)
    name = about["tensor"]
    for file in sorted(os.listdir(source)):
        path = os.path.join(written, file)
        if os.path.isdir(os.path.join(source, file)):
            continue
        with open(os.path.join(source, file), "rb") as a, open(path, "rb") as b:
            same = a.read() == b.read()
        if not file.endswith(".safetensors"):
            assert same, f"{file} is not the source's"
            continue
        old, old_about = read_safetensors(os.path.join(source, file))
        new, new_about = read_safetensors(path)
        assert list(old) == list(new) and old_about == new_about, f"{file}: another header"
        for key in old:
            assert old[key][0] == new[key][0], f"{key}: another dtype, shape or place"
            assert (old[key][1] == new[key][1]) == (key != name), f"{key}: bytes"
        if name in old:
            W, left, right = (tensor_of(x) for x in (old[name], update["update.left"], update["update.right"]))
            change = left.double() @ right.double()
            turned = change.shape != W.shape  # GPT-2's stands as (in, out)
            wanted = (W.double() + (change.T if turned else change)).float().to(W.dtype)
            assert torch.equal(wanted, tensor_of(new[name])), f"{name} is not W + left right, rounded once"


def picture_inputs(checkpoint, asked, recorded):
    """pixel_values, and what a family wants to know beside them."""
    pixels = tensor_of(recorded["pixel_values"])
    with open(os.path.join(checkpoint, "config.json"), encoding="utf-8") as f:
        family = json.load(f)["model_type"]
    if pixels.dim() == 2:  # patches of a picture of its own size
        view = json.loads(loci("tokens", "-m", checkpoint, *asked[:4], "--json"))["prompt"]["image"]
        ids = tensor_of(recorded["input_ids"])
        return {
            "pixel_values": pixels,
            "image_grid_thw": torch.tensor([[1, 2 * view["rows"], 2 * view["cols"]]]),
            "attention_mask": torch.ones_like(ids)[None],
        }
    if family in ("llava_next", "llava_onevision"):
        size = json.loads(loci("image", "-m", checkpoint, *asked[:2], "--json"))
        return {"pixel_values": pixels[None], "image_sizes": torch.tensor([[size["height"], size["width"]]])}
    if family == "mllama":  # the places of tiles, and which of them hold some
        down, across = json.loads(loci("image", "-m", checkpoint, *asked[:2], "--json"))["tiles"]
        with open(os.path.join(checkpoint, "config.json"), encoding="utf-8") as f:
            canvases = json.load(f)["vision_config"]["supported_aspect_ratios"]
        ids = tensor_of(recorded["input_ids"])[None]
        seen = torch.arange(pixels.shape[0]) < down * across
        sees = torch.arange(ids.shape[1]) >= ids[0].tolist().index(image_token(checkpoint))
        return {
            "pixel_values": pixels[None, None],
            "aspect_ratio_ids": torch.tensor([[canvases.index([down, across]) + 1]]),
            "aspect_ratio_mask": seen[None, None].long(),
            "cross_attention_mask": (sees[:, None] & seen)[None, :, None].long(),
            "attention_mask": torch.ones_like(ids),
        }
    if family in ("smolvlm", "idefics3"):
        ids = tensor_of(recorded["input_ids"])[None]
        views = pixels if pixels.dim() == 4 else pixels[None]
        return {"pixel_values": views[None], "attention_mask": torch.ones_like(ids)}
    if family == "internvl":
        return {"pixel_values": pixels if pixels.dim() == 4 else pixels[None]}
    if family == "gemma3":  # else a picture's rows do not see each other
        ids = tensor_of(recorded["input_ids"])[None]
        return {"pixel_values": pixels[None], "token_type_ids": (ids == image_token(checkpoint)).long()}
    return {"pixel_values": pixels[None]}


def image_token(checkpoint):
    with open(os.path.join(checkpoint, "config.json"), encoding="utf-8") as f:
        return json.load(f)["image_token_index"]


def repair(model):
    """What this transformers does otherwise than the trained models."""
    if model.config.model_type == "llava_onevision":  # normalises what they do not
        model.model.vision_tower.vision_model.post_layernorm = torch.nn.Identity()
    if model.config.model_type == "mllama":  # takes what a layer gives where they take what it reads
        tower = model.model.vision_model
        tower.intermediate_layers_indices = [i - 1 for i in tower.intermediate_layers_indices]
    if model.config.model_type in ("smolvlm", "idefics3"):  # places patches of a row or column as those before them
        at = model.model.vision_model.embeddings
        at.forward = lambda pixel_values, **_: at.patch_embedding(pixel_values).flatten(2).transpose(1, 2) + at.position_embedding.weight


def logits_differ(checkpoint, asked, run):
    """How far transformers' logits are from loci's, after a strict loading; and what it takes the next token for."""
    loci("record", "-m", checkpoint, *asked, "--site", "logits", "-o", run)
    recorded, _ = read_safetensors(run)
    classes = transformers.AutoModelForImageTextToText if "-i" in asked else transformers.AutoModelForCausalLM
    model, loading = classes.from_pretrained(
        checkpoint, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not loading[kind], f"{kind}: {loading[kind]}"
    repair(model)
    with torch.no_grad():
        ids = tensor_of(recorded["input_ids"])[None]
        seen = picture_inputs(checkpoint, asked, recorded) if "-i" in asked else {}
        theirs = model.eval()(input_ids=ids, **seen).logits[0]
    return (theirs - tensor_of(recorded["logits"])).abs().max().item(), theirs[-1].softmax(-1)


def is_rounded(checkpoint, edit):
    """Whether the edited matrix has fewer bits in its file than the edit that was promised."""
    name = read_safetensors(edit)[1]["tensor"]
    files = [read_safetensors(os.path.join(checkpoint, f))[0] for f in os.listdir(checkpoint) if f.endswith(".safetensors")]
    return any(name in f and f[name][0]["dtype"] != "F32" for f in files)


def check(name, model, image, question, constraint, target):
    """Whether it could be checked: an older transformers reads some of the fields of a newer one's config otherwise."""
    with tempfile.TemporaryDirectory() as work:
        edit, written, run = (os.path.join(work, x) for x in ("e.edit", "edited", "run.safetensors"))
        asked = [*(["-i", image] if image else []), "-q", question, "--precision", "f32"]
        if name == "mllama":  # rows before the picture as transformers has them
            asked += ["--gate-rows", "hf"]
        of = ("-c", constraint, "--target", target, "--layer", 1)
        solved = json.loads(loci("edit", "solve", "-m", model, *asked, *of, "-o", edit, "--json"))
        loci("edit", "apply", edit, "-m", model, "--out", written)
        check_bytes(model, written, edit)
        before, _ = logits_differ(model, asked, run)
        if before > LOGITS:
            print(f"{name}: passed over: transformers {transformers.__version__} reads the source otherwise ({before:.2g})")
            return False
        far, odds = logits_differ(written, asked, run)
        assert far <= LOGITS, f"{name}: logits differ by {far:.2g}"
        off = max(abs(odds[best["id"]].item() - best["p"]) for best in solved["after"]["top"])
        assert off <= (ROUNDED if is_rounded(written, edit) else LOGITS), f"{name}: the next token is off by {off:.2g}"
        print(f"{name}: loads, logits within {far:.2g}, what was promised within {off:.2g}, all else byte for byte")
        return True


def python(code, *first):
    """What a program prints that has the Python package, after it imported what comes first."""
    library = os.path.join(os.path.dirname(os.path.abspath(LOCI)), "libloci.so")
    env = {**os.environ, "LOCI_LIBRARY": library, "PYTHONPATH": os.path.join(SOURCE, "python")}
    head = "".join(f"import {name}\n" for name in first)
    done = subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, cwd=SOURCE, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_guide():
    """The check beside transformers that docs/PYTHON.md has."""
    with open(os.path.join(SOURCE, "docs/PYTHON.md"), encoding="utf-8") as f:
        code = f.read().split("```py\n")[1].split("```")[0]
    far = float(python(code).split()[-1])
    assert far < LOGITS, f"docs/PYTHON.md: logits differ by {far:.2g}"
    print(f"docs/PYTHON.md: logits within {far:.2g}")


def check_torch_first():
    """Two OpenMP runtimes in one process change no number."""
    code = """
import json, loci
m = loci.open("models/flags", precision="f32", threads=2)
q = m.question("models/flags/images/ukraine.png", "What is the capital of this country?", constraint="this country")
print(json.dumps(m.trace(q, site="mlp_out").to_dict()["grids"]), len(loci.info()["openmp"]))"""
    alone, beside = python(code), python(code, "torch")
    assert alone.rsplit(" ", 1)[0] == beside.rsplit(" ", 1)[0], "torch imported first changes a trace"
    print(f"torch first: the same trace, {beside.split()[-1]} OpenMP runtimes")


LOCI, SOURCE = sys.argv[1:]
try:
    import torch
    import transformers
except ImportError as e:
    print(f"skipped: {sys.executable} has no {e.name}; LOCI_PYTHON names one that has torch and transformers")
    sys.exit(SKIPPED)

transformers.logging.set_verbosity_error()
golden, flags = os.path.join(SOURCE, "tests/golden"), os.path.join(SOURCE, "models/flags")
building = ("In which city is this building, and who made it?", "this building", "the")
ukraine = ("What is the capital of this country?", "this country", "Lima")
checked = check("flags", flags, os.path.join(flags, "images/ukraine.png"), *ukraine)
models = ("llava-clip-llama", "llava-clip-llama-bf16", "llava-siglip-phi", "qwen2-vl", "qwen2-5-vl", "qwen3-vl", "llava-next")
for each in (*models, "llava-onevision", "mllama", "smolvlm", "idefics3", "internvl", "gemma3", "paligemma"):
    checked += check(each, os.path.join(golden, "models", each), os.path.join(golden, "images/scene-a.png"), *building)
bridge = ("The bridge of Vienna was built by", "Vienna", "Paris")
for each in ("text-phi3", "text-qwen3", "text-mistral", "text-gemma2", "text-gemma3", "text-gpt2"):
    checked += check(each, os.path.join(golden, "models", each), None, *bridge)
assert checked, "no checkpoint could be checked"
try:
    import numpy  # noqa: F401

    ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(LOCI)), "libloci.so"))  # not one with sanitizers
except (ImportError, OSError):
    print("no NumPy here, or no library that Python can load: the Python package is not tried")
else:
    check_guide()
    check_torch_first()

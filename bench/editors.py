"""Edits beside the released code of ROME (kmeng01/rome) or MEMIT (kmeng01/memit), on the same model with the same settings.

    python bench/editors.py CHECKOUT MODEL [--layer 5] [--loci build/release/loci]

CHECKOUT is a clone of the released code; MODEL a language model of LLaMA's kind as a Hugging Face directory, such as
SmolLM2-135M.  Needs torch, transformers and PyYAML.  The released functions (compute_u, compute_v, execute_ft; of MEMIT
compute_z and compute_ks, in one layer, with the identity for a covariance) run as they are, on the CPU; `loci edit solve` runs with the options that docs/MATH.md ("Coming from other tools") names for them.  For
each fact and setting: how far the two changes of the matrix are apart (norm of the difference over the release's norm),
the target's probability after each, both measured by transformers, and the steps' first and last loss."""

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import types

FACTS = [
    ("The Eiffel Tower is located in the city of", "Eiffel Tower", "Rome"),
    ("The mother tongue of Danielle Darrieux is", "Danielle Darrieux", "English"),
    ("The capital of France is", "France", "Lima"),
]
CONTEXTS = ["{}", "The weather was fine. {}", "It is well known that this is so. {}"]
ROME = {"v_num_grad_steps": 20, "v_lr": 0.5, "v_weight_decay": 0.001, "clamp_norm_factor": 4}
MEMIT = {"v_num_grad_steps": 20, "v_lr": 0.5, "v_weight_decay": 0.5, "clamp_norm_factor": 0.75, "mom2_update_weight": 1.0}
MEMIT_CASES = [("memit", 0.0, 1), ("memit, KL, prefixes", 0.0625, 3)]
CASES = [  # name, kl_factor, contexts; None: fine-tuning
    ("rome", 0.0, 1),
    ("rome, KL", 0.0625, 1),
    ("rome, KL, prefixes", 0.0625, 3),
    ("ft-l", None, 1),
]


def released(checkout, work):
    """The released modules, made to run without a GPU and without what only their statistics need."""
    code = os.path.join(work, "released")
    shutil.copytree(checkout, code, ignore=shutil.ignore_patterns(".git"), ignore_dangling_symlinks=True)
    for folder, _, names in os.walk(code):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as f:
                    text = f.read()
                text = text.replace('"cuda"', '"cpu"')
                if name == "compute_z.py":  # a layer's output is no tuple any more
                    text = text.replace("cur_out[0]", "cur_out").replace(".output[0]", ".output")
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
    for missing in ("datasets", "matplotlib", "matplotlib.style", "tqdm.auto"):
        try:
            __import__(missing)
        except ImportError:
            stub = types.ModuleType(missing)
            stub.load_dataset = stub.context = stub.tqdm = None
            sys.modules[missing] = stub
    os.chdir(code)  # globals.yml is read from there
    sys.path.insert(0, code)
    if os.path.isdir("memit"):
        from memit.compute_ks import compute_ks
        from memit.compute_z import compute_z, get_module_input_output_at_words
        from memit.memit_hparams import MEMITHyperParams

        return compute_z, compute_ks, get_module_input_output_at_words, MEMITHyperParams
    from baselines.ft.ft_hparams import FTHyperParams
    from baselines.ft.ft_main import execute_ft
    from rome.compute_u import compute_u
    from rome.compute_v import compute_v
    from rome.rome_hparams import ROMEHyperParams

    return compute_u, compute_v, ROMEHyperParams, execute_ft, FTHyperParams


def modules(layer):
    names = {"rewrite_module_tmp": "model.layers.{}.mlp.down_proj", "layer_module_tmp": "model.layers.{}",
             "mlp_module_tmp": "model.layers.{}.mlp", "attn_module_tmp": "model.layers.{}.self_attn",
             "ln_f_module": "model.norm", "lm_head_module": "lm_head", "layers": [layer]}  # fmt: skip
    return names


def by_release(code, model, tok, fact, layer, kl, contexts):
    """The change of the matrix, as W' - W, and the losses that were printed."""
    import torch

    compute_u, compute_v, ROMEHyperParams, execute_ft, FTHyperParams = code
    prompt, subject, target = fact
    request = {"prompt": prompt.replace(subject, "{}"), "subject": subject, "target_new": {"str": " " + target}}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        if kl is None:
            how = FTHyperParams(**modules(layer), num_steps=25, lr=5e-4, weight_decay=0, kl_factor=0,
                                norm_constraint=5e-4, batch_size=1)  # fmt: skip
            change = next(iter(execute_ft(model, tok, [request], how).values()))
        else:
            how = ROMEHyperParams(**modules(layer), **ROME, kl_factor=kl, fact_token="subject_last",
                                  v_loss_layer=model.config.num_hidden_layers - 1, mom2_adjustment=False,
                                  context_template_length_params=[], mom2_dataset="", mom2_n_samples=0,
                                  mom2_dtype="float32")  # fmt: skip
            used = CONTEXTS[:contexts]
            left = compute_u(model, tok, request, how, layer, used)
            right = compute_v(model, tok, request, how, layer, left, used)
            change = torch.outer(right, left)
    model.requires_grad_(False)
    losses = [float(x) for x in re.findall(r"(?:^loss|Batch loss) ([0-9.e-]+)", said.getvalue(), re.M)]
    return change.detach(), losses


def by_memit(code, model, tok, fact, layer, kl, contexts):
    """The same of MEMIT: its value, its key, and the update of execute_memit for one layer and one request."""
    import torch

    compute_z, compute_ks, at_words, MEMITHyperParams = code
    prompt, subject, target = fact
    request = {"prompt": prompt.replace(subject, "{}"), "subject": subject, "target_new": {"str": " " + target}}
    names = modules(layer)
    if model.config.tie_word_embeddings:  # the release reads the head by its name
        names["lm_head_module"] = "model.embed_tokens"
    how = MEMITHyperParams(**names, **MEMIT, kl_factor=kl, fact_token="subject_last", layer_selection="all",
                           v_loss_layer=model.config.num_hidden_layers - 1, mom2_adjustment=True, mom2_dataset="",
                           mom2_n_samples=0, mom2_dtype="float32")  # fmt: skip
    used = [CONTEXTS[:1]] + ([CONTEXTS[1:contexts]] if contexts > 1 else [])
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        z = compute_z(model, tok, request, how, layer, used)
        key = compute_ks(model, tok, [request], how, layer, used).T.double()
        now = at_words(model, tok, layer, [request["prompt"]], [subject], how.layer_module_tmp, how.fact_token)[1].T
    gram = how.mom2_update_weight * torch.eye(key.shape[0], dtype=torch.float64) + key @ key.T
    change = (z.unsqueeze(1) - now).double() @ torch.linalg.solve(gram, key).T
    losses = [float(x) for x in re.findall(r"^loss ([0-9.e-]+)", said.getvalue(), re.M)]
    return change.float().detach(), losses


def by_loci(args, work, fact, layer, kl, contexts, memit=False):
    from safetensors.torch import load_file

    prompt, subject, target = fact
    out = os.path.join(work, "loci.edit")
    command = [args.loci, "edit", "solve", "-m", args.model, "--no-chat", "-q", prompt, "-c", subject, "--target", target,
               "--layer", str(layer), "--precision", "f32", "--json", "--no-progress", "-o", out]  # fmt: skip
    if memit:
        command += ["--method", "memit", "--covariance", "none", "--ridge", "0", "--kl", str(kl),
                    "--steps", str(MEMIT["v_num_grad_steps"]), "--lr", str(MEMIT["v_lr"]),
                    "--weight-decay", str(MEMIT["v_weight_decay"]), "--max-norm", str(MEMIT["clamp_norm_factor"]),
                    "--lambda", str(MEMIT["mom2_update_weight"])]  # fmt: skip
    elif kl is None:
        command += ["--method", "ft-l", "--ft-at", "last", "--steps", "25", "--lr", "5e-4", "--eps", "5e-4"]
    else:
        command += ["--method", "rome", "--covariance", "none", "--ridge", "0", "--steps", str(ROME["v_num_grad_steps"]),
                    "--lr", str(ROME["v_lr"]), "--weight-decay", str(ROME["v_weight_decay"]),
                    "--max-norm", str(ROME["clamp_norm_factor"]), "--kl", str(kl)]  # fmt: skip
    if contexts > 1:
        prefixes = os.path.join(work, "prefixes.txt")
        with open(prefixes, "w", encoding="utf-8") as f:
            f.writelines(text + "\n" for text in CONTEXTS[1:contexts])
        command += ["--prefixes", prefixes]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1) or not os.path.exists(out):  # 1: the target is not reached
        sys.exit(f"loci: {done.stderr}")
    edit = load_file(out)
    os.unlink(out)
    losses = [x["loss"] for x in json.loads(done.stdout)["steps"]]
    return edit["update.left"].float() @ edit["update.right"].float(), losses


def probability(model, tok, fact, layer, change):
    """Of the target after the prompt, in the model with the change."""
    import torch

    prompt, _, target = fact
    weight = model.get_submodule(f"model.layers.{layer}.mlp.down_proj").weight
    ids, answer = tok(prompt)["input_ids"], tok(" " + target)["input_ids"]
    before = weight.detach().clone()
    with torch.no_grad():
        weight += change
        logits = model(torch.tensor([ids + answer])).logits[0]
        weight.copy_(before)
    log_p = torch.log_softmax(logits.double(), -1)
    return float(sum(log_p[len(ids) - 1 + i, t] for i, t in enumerate(answer)).exp())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout")
    parser.add_argument("model")
    parser.add_argument("--layer", type=int, default=5)
    parser.add_argument("--loci", default="build/release/loci")
    args = parser.parse_args()
    args.loci, args.model = os.path.abspath(args.loci), os.path.abspath(args.model)
    checkout = os.path.abspath(args.checkout)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as work:
        code = released(checkout, work)
        tok = AutoTokenizer.from_pretrained(args.model)
        tok.pad_token, tok.padding_side = tok.pad_token or tok.eos_token, "right"
        model = AutoModelForCausalLM.from_pretrained(args.model, dtype="float32").eval()
        model.config.n_embd = model.config.hidden_size  # the name that the release knows
        print(f"{'setting':20} {'fact':18} {'apart':>9} {'p, release':>11} {'p, loci':>8}  losses, release and loci")
        memit = os.path.isdir(os.path.join(checkout, "memit"))
        for name, kl, contexts in MEMIT_CASES if memit else CASES:
            for fact in FACTS:
                theirs, a = (by_memit if memit else by_release)(code, model, tok, fact, args.layer, kl, contexts)
                ours, b = by_loci(args, work, fact, args.layer, kl, contexts, memit)
                apart = float((ours - theirs).norm() / theirs.norm())
                p = [probability(model, tok, fact, args.layer, x) for x in (theirs, ours)]
                print(f"{name:20} {fact[1]:18} {apart:9.2e} {p[0]:11.4f} {p[1]:8.4f}  "
                      f"{a[0]:.3f} to {a[-1]:.3f} in {len(a)}; {b[0]:.3f} to {b[-1]:.3f} in {len(b)}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

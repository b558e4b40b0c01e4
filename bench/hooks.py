"""The usual way to trace, side by side with loci: torch and transformers, forward hooks, one forward pass per cell.

    python bench/hooks.py MODEL IMAGE QUESTION CONSTRAINT [--cells N] [--precision f32|bf16] [--max-pixels N]
        [--loci build/release/loci] [--threads N] [--device opencl] [--on cuda]

MODEL is a LLaVA or Qwen2.5-VL checkpoint in the layout of Hugging Face (build/release/make_checkpoint makes them).  loci traces the
question first (three sites, every position from the constraint on and three groups, corruption by the mean embedding);
then the same cells are computed by hooks: all of them, or N random ones, from which the time of all follows.  The usual
way is shown at its best: the picture is encoded once, the head sees the last position alone, nothing is cached between
cells.  Prints both times and their ratio, by the clock and in processor time (for a machine that others use, too; with
--threads 1, since torch's threads wait by spinning), and the largest difference of a cell's probability (over its size,
from 0.02 up; in f32 more than 1e-4 is an error).  --device is what loci runs on, --on what torch does."""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time

import torch
import transformers
from safetensors.torch import load_file

SITES = {"mlp_out": "mlp", "attn_out": "self_attn", "resid_post": ""}


def arguments():
    p = argparse.ArgumentParser()
    for name in ("model", "image", "question", "constraint"):
        p.add_argument(name)
    p.add_argument("--cells", type=int, default=0)
    p.add_argument("--precision", default="f32", choices=("f32", "bf16"))
    p.add_argument("--max-pixels", help="of a picture that keeps its own size")
    p.add_argument("--loci", default="build/release/loci")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--device", default="cpu")
    p.add_argument("--on", default="cpu", type=torch.device)
    p.add_argument("--trace", help="a result of loci trace --json --corrupt mean, instead of running it")
    return p.parse_args()


def run_loci(a):
    """The trace, its seconds (the whole command's; by the clock, of processors), and the model's ids and pixels."""
    asked = ["-m", a.model, "-i", a.image, "-q", a.question, "-c", a.constraint, "--no-progress"]
    asked += ["--precision", a.precision, "--threads", str(a.threads), "--device", a.device]
    if a.max_pixels:
        asked += ["--max-pixels", a.max_pixels]
    with tempfile.TemporaryDirectory() as work:
        record = os.path.join(work, "run.safetensors")
        subprocess.run([a.loci, "record", *asked, "--site", "resid_pre", "--layers", "0", "-o", record],
                       check=True, stdout=subprocess.DEVNULL)
        inputs = load_file(record)
    if a.trace:
        with open(a.trace, encoding="utf-8") as f:
            trace = json.load(f)
        return trace, (trace["cost"]["seconds"], float("nan")), inputs
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    out = subprocess.run([a.loci, "trace", *asked, "--corrupt", "mean", "--json"], check=True, capture_output=True)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return json.loads(out.stdout), (seconds, processors), inputs


def groups_of(trace):
    roles = [t["role"] for t in trace["prompt"]["tokens"]]
    spans = [i for i, r in enumerate(roles) if r.startswith("constraint")]
    return {"constraint": spans, "after-constraint": list(range(spans[-1] + 1, len(roles))), "last": [len(roles) - 1]}


def cells_of(trace):
    """(site, layer, positions, p) of every cell that loci ran or knew to be zero."""
    groups = groups_of(trace)
    for g in trace["grids"]:
        columns = [[p] for p in g["positions"]] if g["positions"] else [groups[n] for n in g["groups"]]
        for layer, row in zip(g["layers"], g["p"]):
            for positions, p in zip(columns, row):
                yield g["site"], layer, positions, p


class Usual:
    """A model whose sites can be read and overwritten by hooks."""

    def __init__(self, a, inputs, trace):
        dtype = torch.float32 if a.precision == "f32" else torch.bfloat16
        self.model = transformers.AutoModelForImageTextToText.from_pretrained(a.model, dtype=dtype).eval().to(a.on)
        self.layers = self.model.model.language_model.layers
        self.clean = {}
        ids = inputs["input_ids"].reshape(1, -1).to(a.on)
        pixels, seen, self.places = inputs["pixel_values"].to(a.on, dtype), {}, {}
        if pixels.dim() == 2:  # Qwen's: patches of a picture of its own size, and places with three axes
            view = trace["prompt"]["image"]
            seen["image_grid_thw"] = torch.tensor([[1, 2 * view["rows"], 2 * view["cols"]]], device=a.on)
            self.places["position_ids"] = self.model.model.get_rope_index(ids, **seen)[0]
        else:
            pixels = pixels.reshape(1, *pixels.shape[-3:])
        spans = groups_of(trace)["constraint"]
        table = self.model.get_input_embeddings()
        rows = table(ids)
        images = torch.cat(list(self.model.get_image_features(pixel_values=pixels, **seen)))
        rows[ids == self.model.config.image_token_id] = images.to(dtype).reshape(-1, rows.shape[-1])
        self.rows, self.corrupt = rows, rows.clone()
        self.corrupt[0, spans] = table.weight.float().mean(0).to(dtype)

    def module(self, site, layer):
        return getattr(self.layers[layer], SITES[site]) if SITES[site] else self.layers[layer]

    def forward(self, rows):
        hidden = self.model.model.language_model(inputs_embeds=rows, use_cache=False, **self.places).last_hidden_state
        return self.model.lm_head(hidden[0, -1]).float()

    def remember(self):
        """The clean run, with the values of all sites kept; returns its logits."""
        hooks = []
        for site in SITES:
            for layer in range(len(self.layers)):
                def keep(_module, _args, out, key=(site, layer)):
                    self.clean[key] = (out[0] if isinstance(out, tuple) else out).clone()
                hooks.append(self.module(site, layer).register_forward_hook(keep))
        logits = self.forward(self.rows)
        for h in hooks:
            h.remove()
        return logits

    def restored(self, site, layer, positions):
        """Logits of the corrupted run with clean values at the positions of one site."""
        def put(_module, _args, out):
            value = out[0] if isinstance(out, tuple) else out
            value[0, positions] = self.clean[site, layer].reshape(value.shape)[0, positions]
        hook = self.module(site, layer).register_forward_hook(put)
        logits = self.forward(self.corrupt)
        hook.remove()
        return logits


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.set_grad_enabled(False)
    trace, loci, inputs = run_loci(a)
    usual = Usual(a, inputs, trace)
    target = int(usual.remember().argmax())
    if target != trace["target"]["ids"][0]:
        sys.exit(f"the usual way answers with token {target}, loci with {trace['target']['ids'][0]}")
    cells = list(cells_of(trace))
    sample = cells if not a.cells else random.Random(0).sample(cells, min(a.cells, len(cells)))
    worst, begin, spent = 0.0, time.perf_counter(), time.process_time()
    for site, layer, positions, p in sample:
        q = float(usual.restored(site, layer, positions).softmax(-1)[target])
        worst = max(worst, abs(p - q) / max(abs(q), 0.02))
    each = ((time.perf_counter() - begin) / len(sample), (time.process_time() - spent) / len(sample))
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, {a.precision}, {a.threads} threads, "
          f"loci on {a.device}, torch on {a.on}")
    print(f"{len(trace['prompt']['tokens'])} positions, {len(usual.layers)} layers, {len(cells)} cells")
    of = "" if len(sample) == len(cells) else f", of {len(sample)} cells"
    for name, ours, one in zip(("by the clock", "of processors"), loci, each):
        print(f"{name:14} loci {ours:.1f} s{'' if a.trace else ', the whole command'}; hooks {one * len(cells):.1f} s"
              f" = {len(cells)} x {one:.3f} s{of}; ratio {one * len(cells) / ours:.1f}")
    print(f"largest difference of p {worst:.2g}")
    if a.precision == "f32" and not worst <= 1e-4:
        sys.exit("the numbers are not the same")


main()

"""The same trace of the same model by four programs, side by side: processor time, numbers, lines of code.

    python bench/peers.py MODEL [--prompt TEXT --subject TEXT --other TEXT] [--seeds 10] [--part N] [--without NAME ...]

MODEL is a language model of LLaMA's kind as a Hugging Face directory (tools/real_model.sh makes one).  The programs are
those of bench/peers: TransformerLens' ready-made patching, hooks with one forward for each cell, a batch written by somebody
who knows how, and loci.  First the subject is replaced by other words of as many tokens, and MLP and attention outputs are
restored at every layer and position; then, by the last two, noise is laid on it, and three sites are restored in windows
of 1 and 5 layers.  Of this the batch computes N layers' batches (12; all cells of a layer are one), from which the time of
all follows.  Needs torch and transformers, and transformer_lens for the first program; bench/peers.sh makes them a place.

Each program runs in a process of its own, on one thread, and is charged the processor time of its trace alone: importing
and loading are left out.  loci runs before and after the others, and what it took is the mean of both.  Every number must
agree with loci's to 1e-4, those under noise to 1e-5; the exit code says so.  Lines are those with code on them."""

import argparse
import ast
import importlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import tokenize
import warnings

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOWS = (1, 5)
NOISE = 3  # standard deviations of the embedding table, as in ROME
NEAR, NEAR_NOISE = 1e-4, 1e-5  # probabilities: f32 in four orders; the second is what is wanted of a trace


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("--prompt", default="The Eiffel Tower is located in the city of")
    p.add_argument("--subject", default="Eiffel Tower")
    p.add_argument("--other", default="Brandenburg Gate")
    p.add_argument("--seeds", type=int, default=10)
    p.add_argument("--part", type=int, default=12)
    p.add_argument("--without", nargs="*", default=[], choices=("by_transformerlens", "by_hooks", "by_batch"))
    p.add_argument("--library", default=os.environ.get("LOCI_LIBRARY", "build/release/libloci.so"))
    p.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # PROGRAM TASK FILE: what a process is started for
    return p.parse_args()


def noise_of(a):
    """The subject's positions, and noise (seeds, positions, width) for them."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    table = AutoModelForCausalLM.from_pretrained(a.model).get_input_embeddings().weight.detach().float().numpy()
    begin = a.prompt.index(a.subject)
    offsets = AutoTokenizer.from_pretrained(a.model)(a.prompt, return_offsets_mapping=True)
    span = [i for i, (x, y) in enumerate(offsets.offset_mapping) if x < begin + len(a.subject) and y > begin]
    draws = np.random.default_rng(5).standard_normal((a.seeds, len(span), table.shape[1]))
    return span, (NOISE * table.std() * draws).astype(np.float32)


def run_one(a):
    """One program's trace into FILE: seconds, and p by layer and position under names."""
    name, task, path = a.one
    warnings.simplefilter("ignore")
    sys.path[:0] = [os.path.join(HERE, "peers")]
    program = importlib.import_module(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    model, share = program.load(a.model), 1.0
    if task == "noise":
        drawn = np.load(os.path.join(os.path.dirname(path), "noise.npz"))
        asked = [a.prompt, a.subject, drawn["noise"], WINDOWS]
        if name == "by_batch":  # evenly spread layers of both windows and the three sites
            count = len(model[0].model.layers)
            layers = sorted({round(i) for i in np.linspace(0, count - 1, max(1, a.part // 6))})
            asked, share = [a.prompt, drawn["span"], drawn["noise"], WINDOWS, layers], len(layers) / count
    begin = time.process_time()
    found = program.trace_noise(model, *asked) if task == "noise" else program.trace(model, a.prompt, a.subject, a.other)
    seconds = (time.process_time() - begin) / share
    arrays = {f"{s} {w}": p for w, of in found.items() for s, p in of.items()} if task == "noise" else found
    if share < 1:
        arrays["layers"] = layers
    np.savez(path, seconds=seconds, share=share, **{k: np.asarray(v, np.float64) for k, v in arrays.items()})


def start(a, work, name, task):
    path = os.path.join(work, f"{name}.npz")
    environment = dict(os.environ, OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", LOCI_LIBRARY=os.path.abspath(a.library),
                       PYTHONPATH=os.path.join(HERE, "..", "python"))  # fmt: skip
    command = [sys.executable, __file__, *sys.argv[1:], "--one", name, task, path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    with np.load(path) as found:
        return dict(found)


def apart(found, ours):
    """The largest difference of a probability.  loci leaves out the positions before the first corrupted one."""
    worst, numbers = 0.0, ours.keys() - {"seconds", "share", "layers"}
    assert numbers <= found.keys(), f"no {numbers - found.keys()} was measured"
    for name in numbers:
        p, q = found[name], ours[name]
        if "layers" in found:
            q = q[found["layers"].astype(int)]
        difference = np.abs(p[:, -q.shape[1] :] - q)
        assert np.isfinite(difference).all(), f"{name}: NaN or infinite"
        worst = max(worst, difference.max())
    return worst


def lines_of(name):
    """Lines with code: neither blank, nor comment, nor the text that says what a thing is."""
    with open(os.path.join(HERE, "peers", f"{name}.py"), encoding="utf-8") as f:
        text = f.read()
    none = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    used = set()
    for t in tokenize.generate_tokens(io.StringIO(text).readline):
        if t.type not in none:
            used.update(range(t.start[0], t.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node):
            used -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(used)


def compare(a, work, task, others, limit):
    """Times, ratios and differences of one task; whether all numbers agree."""
    before = start(a, work, "by_loci", task)
    found = {name: start(a, work, name, task) for name in others}
    after = start(a, work, "by_loci", task)
    seconds, good = (before["seconds"] + after["seconds"]) / 2, True
    layers, positions = next(v for k, v in before.items() if k not in ("seconds", "share")).shape
    grids = len(before) - 2
    print(f"\n{grids * layers * (positions + first_of(found, positions))} cells: {grids} grids of {layers} layers, {task}")
    print(f"{'':20}{'seconds':>9}{'times loci':>12}{'apart':>10}{'lines':>7}")
    for name, f in found.items():
        worst = apart(f, before)
        good = good and worst <= limit
        part = "" if f["share"] == 1 else f"  {f['share']:.2f} of it was run"
        print(f"{name:20}{f['seconds']:9.1f}{f['seconds'] / seconds:12.1f}{worst:10.1e}{lines_of(name):7}{part}")
    print(f"{'by_loci':20}{seconds:9.2f}{1:12.1f}{'':10}{lines_of('by_loci'):7}  {before['seconds']:.2f} and {after['seconds']:.2f}", flush=True)
    return good


def first_of(found, positions):
    """Positions before the first corrupted one, which only some of the programs compute."""
    return max((v.shape[1] - positions for f in found.values() for k, v in f.items() if k not in ("seconds", "share", "layers")), default=0)


def main():
    a = arguments()
    if a.one:
        return run_one(a)
    import torch
    import transformers

    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    others = [n for n in ("by_transformerlens", "by_hooks", "by_batch") if n not in a.without]
    if "by_transformerlens" in others:
        versions["transformer_lens"] = importlib.metadata.version("transformer_lens")
    print(json.dumps(versions), f"one thread, load {os.getloadavg()[0]:.0f}")
    with tempfile.TemporaryDirectory() as work:
        good = compare(a, work, "replaced", others, NEAR)
        if "by_batch" in others:
            span, noise = noise_of(a)
            np.savez(os.path.join(work, "noise.npz"), span=span, noise=noise)
            good = compare(a, work, "noise", ["by_batch"], NEAR_NOISE) and good
    if not good:
        sys.exit("the numbers are not the same")


if __name__ == "__main__":
    main()

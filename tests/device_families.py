"""Commands on OpenCL's device beside the processor: one numbers as the other's, family by family, and the same bytes twice.

   tests/device_families.py LOCI SOURCE_DIR [MODEL...]         EACH=n: n commands of each model, not 3"""
import json
import os
import subprocess
import sys
import tempfile

loci, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
golden = os.path.join(source, "tests", "golden")
TEXT, PICTURE = "The bridge of Vienna was built by", "Who built the tower of Vienna in this picture?"
# Of each model some, of all models all.
COMMANDS = [
    ["trace", "--corrupt", "noise:2", "--seeds", "2", "--window", "1,2", "--site", "mlp_out,attn_out,resid_post,resid_pre",
     "--direction", "both"],
    ["trace", "--corrupt", "swap:Rome", "--receiver", "1.1.q", "--site", "z,mlp_out", "--positions", "constraint,last"],
    ["knockout", "--from", "constraint", "--to", "last", "--window", "1"],
    ["trace", "--corrupt", "mean", "--site", "z", "--positions", "constraint,last", "--set", "0.1,1.0", "--controls", "3"],
    ["flow", "--heads"],
    ["trace", "--corrupt", "replace:Paris", "--method", "screen:5", "--site", "mlp_out"],
    ["lens"],
    ["score"],
    ["study", "knockout"],
]
# Where pictures stand outside the sequence every noisy one is rows of its own to read: more than there are buffers.
OF_ONE = {"mllama": [["trace", "--corrupt", "image-noise:3", "--seeds", "6", "--site", "mlp_out", "--positions", "constraint,last"]]}
# What is no number of a run, or one divided by another that may be as small as rounding, or chosen by such.
UNLIKE = {"request", "cost", "seconds", "spent", "command", "notes", "threads", "restoration", "restoration_logit_diff",
          "controls"}  # which sets are controls, distances that are equal but for rounding may say
ABSOLUTE, RELATIVE = 2e-5, 2e-3  # tests/oracle_test.h bounds both against the reference; here is room for both


def run(device, arguments):
    r = subprocess.run([loci, *arguments, "--precision", "f32", "--device", device, "--json"], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr.strip()


def numbers(x, path=""):
    if isinstance(x, dict):
        for k, v in x.items():
            if k not in UNLIKE:
                yield from numbers(v, f"{path}.{k}")
    elif isinstance(x, list):
        for i, v in enumerate(x):
            yield from numbers(v, f"{path}[{i}]")
    elif isinstance(x, (int, float)) and not isinstance(x, bool):
        yield path, x


def differences(a, b):
    a, b = dict(numbers(a)), dict(numbers(b))
    if a.keys() != b.keys():
        return 0, f"other members: {sorted(a.keys() ^ b.keys())[:3]}"
    worst, where = 0.0, ""
    for k, x in a.items():
        share = abs(x - b[k]) / (ABSOLUTE + RELATIVE * abs(x))
        if not share <= worst:
            worst, where = share, f"{k} is {b[k]!r} there, {x!r} here"
    return worst, where


def main():
    each = int(os.environ.get("EACH", 3))
    models = sys.argv[3:] or sorted(os.listdir(os.path.join(golden, "models")))
    code, _, said = run("opencl", ["lens", "-m", os.path.join(golden, "models", "text-llama"), "-q", TEXT, "-t", "raw"])
    if code:
        print(f"skipped: {said}")
        return 77
    failures, worst = 0, (0.0, "")
    with tempfile.TemporaryDirectory() as work:
        data = os.path.join(work, "few.jsonl")
        with open(data, "w") as f:
            for question, what in ((TEXT, "Vienna"), ("The tower of Rome was built in 1923 by", "Rome")):
                f.write(json.dumps({"question": question, "answers": ["Paris"],
                                    "constraints": [{"text": what, "kind": "textual"}]}) + "\n")
        for i, name in enumerate(models):
            model, sees = os.path.join(golden, "models", name), not name.startswith("text-")
            prompt = ["-q", PICTURE, "-i", os.path.join(golden, "images", "scene-a.png")] if sees else ["-q", TEXT, "--no-chat"]
            for command in [COMMANDS[(i * each + k) % len(COMMANDS)] for k in range(each)] + OF_ONE.get(name, []):
                of = {"score": ["--data", data], "study": [data]}.get(command[0], prompt)
                about = ["-c", "Vienna"] if command[0] in ("trace", "knockout", "flow") else []
                arguments = [*command[:2], *of, *about, *command[2:], "-m", model] if command[0] == "study" else \
                    [command[0], *of, *about, *command[1:], "-m", model]
                here, there = run("cpu", arguments), run("opencl", arguments)
                if here[0] or there[0]:
                    failures += 1
                    print(f"MISS: {name}: loci {' '.join(arguments)}: {here[0]} {here[2]}, {there[0]} {there[2]}")
                    continue
                share, where = differences(json.loads(here[1]), json.loads(there[1]))
                if share > worst[0]:
                    worst = (share, f"{name}, {command[0]}: {where}")
                if not share <= 1 or (share == 0 and where):
                    failures += 1
                    print(f"MISS: {name}: loci {' '.join(arguments)}: {where}")
    print(f"{len(models)} models; the largest difference is {worst[0]:.2f} of what is allowed: {worst[1]}")
    return 1 if failures else 0


sys.exit(main())

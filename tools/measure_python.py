#!/usr/bin/env python3
"""What the Python package costs, in numbers: printed as a table, tested by nobody (machines are busy).

    LOCI_LIBRARY=build/release/libloci.so PYTHONPATH=python tools/measure_python.py [import call arrays stop turns]

import   processor seconds of `import loci`, and of `import numpy` alone, each in a process of its own
call     of a call that does next to nothing, beside the C call in the worker thread
arrays   resident memory that looking at activations takes, of the model that LOCI_MODEL names
stop     from Ctrl-C (a real SIGINT) or cancel= to the exception: main thread, other thread, notebook kernel
turns    resident memory over LOCI_TURNS (10000) times open, trace, close
"""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

FLAGS = Path(__file__).resolve().parents[1] / "models/flags"
QUESTION = (FLAGS / "images/ukraine.png", "What is the capital of this country?")
LONG: dict[str, Any] = {"site": ["mlp_out", "attn_out", "resid_post", "z"], "window": [1, 3, 5, 7], "direction": "both"}


def resident() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / (1 << 20)


def show(what: str, seconds: list[float]) -> None:
    print(f"{what:34} median {statistics.median(seconds):.3f} s, most {max(seconds):.3f} s, of {len(seconds)}")


def measure_import() -> None:
    for module in ("numpy", "loci"):
        code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
        runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(7)]
        show(f"import {module}", [float(r) for r in runs])


def measure_call() -> None:
    from loci import _native, _work

    _work.run(lambda _: None)  # the thread begins
    asked = []
    for _ in range(500):
        begin = time.perf_counter()
        _work.run(lambda _: _native.number_of(0, "logits"))
        asked.append(time.perf_counter() - begin)
    print(f"{'a call that finds a name':34} median {1e6 * statistics.median(asked):.0f} us")


def measure_arrays() -> None:
    import loci

    model = loci.open(os.environ.get("LOCI_MODEL", FLAGS / "text-only"), precision="f32")
    q = model.question(None, "word " * min(400, model.cfg.n_ctx // 2), template="raw")
    for _ in range(2):  # the second one finds the walk's memory there
        before = resident()
        cache = model.run(q, ["pattern", "resid_post", "mlp_post", "mlp_out", "resid_mid", "q", "k", "v", "z"])
        ran = resident()
        total = sum(a.nbytes for a in cache.values())
        seen = sum(float(a.sum()) for a in cache.values())
        after = resident()
    print(f"{total / 1e6:.0f} MB of activations: the run keeps {ran - before:.0f} MiB, views add {after - ran:.1f} MiB"
          f" (sum {seen:.3g})")


def interrupted(work: Any, stop: Any, after: float = 0.3) -> float:
    """Seconds from stop() to the end of work."""
    begin = [0.0]

    def later() -> None:
        time.sleep(after)
        begin[0] = time.monotonic()
        stop()

    threading.Thread(target=later).start()
    try:
        while True:
            work()
    except BaseException:  # noqa: BLE001 - an interrupt, or CancelledError
        return time.monotonic() - begin[0]


def measure_stop() -> None:
    import loci

    model = loci.open(FLAGS, precision="f32")
    q = model.question(*QUESTION, constraint="this country")
    show("Ctrl-C, main thread", [
        interrupted(lambda: model.trace(q, **LONG), lambda: os.kill(os.getpid(), signal.SIGINT)) for _ in range(15)])
    show("Ctrl-C, eight traces in a walk", [
        interrupted(lambda: list(model.trace_many([q] * 8, **LONG)), lambda: os.kill(os.getpid(), signal.SIGINT),
                    after=0.15 * i) for i in range(1, 16)])
    taken: list[float] = []

    def in_a_thread() -> None:
        stop = threading.Event()
        taken.append(interrupted(lambda: model.trace(q, **LONG, cancel=stop), stop.set))

    for _ in range(15):
        thread = threading.Thread(target=in_a_thread)
        thread.start()
        thread.join()
    show("cancel=, another thread", taken)
    try:
        from jupyter_client.manager import KernelManager
    except ImportError:
        print("no notebook kernel here")
        return
    manager = KernelManager()
    manager.start_kernel(stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready()

    def cell(code: str, interrupt: bool) -> float:
        message, begin, ended = client.execute(code), time.monotonic(), 0.0
        while True:
            if interrupt and not ended and time.monotonic() - begin > 0.3:
                ended = time.monotonic()
                manager.interrupt_kernel()
            try:
                said = client.get_iopub_msg(timeout=0.005)
            except Exception:  # noqa: BLE001 - nothing yet
                continue
            if said["parent_header"].get("msg_id") == message and said["content"].get("execution_state") == "idle":
                return time.monotonic() - ended

    cell(f"import loci\nmodel = loci.open({str(FLAGS)!r}, precision='f32')\n"
         f"q = model.question({str(QUESTION[0])!r}, {QUESTION[1]!r}, constraint='this country')", False)
    cell("1 / 0", False)  # IPython loads what it shows tracebacks with
    show("interrupt, notebook kernel", [cell(f"while True: model.trace(q, **{LONG!r})", True) for _ in range(15)])
    show("the same of a loop in Python", [cell("while True: pass", True) for _ in range(7)])
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def measure_turns() -> None:
    import loci

    turns = int(os.environ.get("LOCI_TURNS", "10000"))
    for i in range(turns + 1):
        with loci.open(FLAGS, precision="f32", threads=1) as model:
            model.trace(model.question(*QUESTION, constraint="this country"), site="mlp_out", layers=11)
        if i in (1, 10, 100) or i % max(1, turns // 10) == 0:
            print(f"{'after ' + str(i) + ' turns':34} {resident():.2f} MiB", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("import", "call", "arrays", "stop", "turns"):
        globals()[f"measure_{name}"]()

"""Errors, lifetimes, Ctrl-C, threads and processes."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FLAGS, ROOT, TEXT, UKRAINE

import loci
from loci import _work

STOPS = 10  # seconds: 0.3 on an idle machine (docs/BENCHMARKS.md), and a busy one may leave us a thirtieth of it
LONG = {"site": ["mlp_out", "attn_out", "resid_post", "z"], "window": [1, 3, 5, 7], "direction": "both"}


def test_errors_say_what_is_wrong(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    with pytest.raises(loci.RequestError, match="did you mean") as e:
        model.trace(q, corupt="mean")
    assert e.value.hint == "corrupt" and isinstance(e.value, ValueError) and e.value.code
    with pytest.raises(loci.RequestError, match="mlp_out"):
        model.trace(q, site="mlp_uot")
    with pytest.raises(loci.SpanError, match="not in the question"):
        model.question(UKRAINE, TEXT, constraint="that country")
    with pytest.raises(FileNotFoundError):
        loci.open(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        model.question(tmp_path / "no.png", TEXT)
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    with pytest.raises(loci.ImageError):
        model.question(tmp_path / "bad.png", TEXT)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(loci.ModelError):
        loci.open(tmp_path)
    (tmp_path / "no.edit").write_text("no edit")
    with pytest.raises(loci.EditError):
        loci.load(tmp_path / "no.edit")
    (tmp_path / "no.db").write_text("no store, but long enough to be looked at, or so it would seem")
    with pytest.raises(loci.StoreError):
        loci.Study(tmp_path / "no.db")


def test_hostile_values_never_reach_c(model: loci.Model, q: loci.Question) -> None:
    for text in ("a\0b", "\ud800"):
        with pytest.raises(ValueError, match=r"NUL|surrogate"):
            model.question(None, text)
        with pytest.raises(ValueError, match=r"NUL|surrogate"):
            model.trace(q, corrupt=f"swap:{text}")
    for value in (float("nan"), object(), np.zeros(2, dtype=complex)):
        with pytest.raises((TypeError, ValueError)):
            model.trace(q, seed=value)
    with pytest.raises(TypeError):
        model.ask()
    with pytest.raises(ValueError, match="noise"):
        model.trace(q, corrupt="noise:1", noise=np.zeros((2, 2)))
    for shape, expected in (((1, 3, 160), r"\(1, 2, 160\)"), ((2, 2, 7), r"\(seeds, rows, 160\)")):
        for call in (model.trace, lambda q, **how: list(model.trace_many([q], **how))):
            with pytest.raises(ValueError, match=expected) as e:
                call(q, corrupt="noise:1", noise=np.zeros(shape, np.float32))
            assert str(shape) in str(e.value) and "tmp" not in str(e.value)


def test_numbers_beyond_any_place_are_refused(model: loci.Model, q: loci.Question) -> None:
    """A C int would take their last 32 bits for a layer or a position."""
    row = np.zeros(model.cfg.d_model)
    for far in (1 << 32, 1 << 70, -(1 << 32)):
        for place in (("mlp_out", far, 75), ("mlp_out", 3, far)):
            with pytest.raises(loci.RequestError, match=r"layers 0 to|positions 0 to"):
                model.run(q, patch={place: row})
        with pytest.raises(loci.RequestError, match="layers 0 to"):
            model.run(q, "mlp_out", layers=far)
    most = (1 << 64) - 1
    assert model.trace(q, corrupt="noise:1", seed=most, site="mlp_out", layers=2).request.seed == str(most)


def test_what_is_no_value_is_refused(model: loci.Model, q: loci.Question) -> None:
    assert model.run(q, patch={("blocks.3.hook_mlp_out", 75): np.ones(model.cfg.d_model)}).logits.size
    for values in (np.zeros(model.cfg.d_model, complex), "x", None, np.zeros(7), []):
        with pytest.raises(ValueError, match="patch of"):
            model.run(q, patch={("mlp_out", 3, 75): values})
    with pytest.raises(ValueError, match="patch of"):
        model.run(q, patch={("mlp_out", 3, 75): np.broadcast_to(np.float32(3), 1 << 40)})
    with pytest.raises(TypeError, match="questions"):
        list(model.trace_many("abc"))
    cache = model.run(q, "mlp_out", layers=2)
    for odd in (cache, q._owner):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(odd)
    with pytest.raises(ValueError, match="values to unpack"):
        cache["mlp_out", 2, 5]
    assert pickle.loads(pickle.dumps(q)).spans == q.spans


def test_arrays_of_any_layout_are_the_numbers_they_show(model: loci.Model, q: loci.Question) -> None:
    """A patch of whatever type, rank and strides runs as its plain copy does, or is refused before it runs."""
    hypothesis = pytest.importorskip("hypothesis", reason="arrays at random are made by hypothesis")
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp

    width = model.cfg.d_model
    kinds = st.sampled_from(["f2", "f4", "f8", ">f4", "i1", "u8", "?", "c8", "M8[s]", "U3", "O"])
    shapes = st.sampled_from([(), (0,), (width,), (1, width), (width, 1), (2, width), (width - 1,), (1, 1, width)])
    elements = {"f": st.floats(-8, 8, width=16) | st.sampled_from([float("nan"), float("inf"), 1e300])}

    @hypothesis.settings(max_examples=120, deadline=None, database=None, derandomize=True)
    @hypothesis.given(kind=kinds, shape=shapes, step=st.sampled_from([1, -1, 2, 0]), data=st.data())
    def try_one(kind: str, shape: tuple[int, ...], step: int, data: Any) -> None:
        dtype = np.dtype(kind)
        fill = elements["f"] if dtype.kind == "f" and dtype.itemsize == 8 else None
        drawn = (max(1, step) * shape[0], *shape[1:]) if shape else ()
        a = np.full(shape, None) if dtype.kind == "O" else data.draw(
            hnp.arrays(dtype, drawn, elements=fill, fill=st.nothing() if fill is None else fill))
        if shape and step:
            a = a[::step]
        elif shape and a.shape[0]:
            a = np.broadcast_to(a[:1], a.shape)  # one number at every place: strides of 0
        place = ("mlp_out", 3, 75)
        fits = dtype.kind in "fiub" and a.size == width and bool(np.isfinite(a.astype("f4")).all())
        if not fits:
            with pytest.raises(ValueError, match="patch of"):
                model.run(q, patch={place: a})
            return
        plain = np.ascontiguousarray(a, dtype="f4").copy()
        assert np.array_equal(model.run(q, patch={place: a}).logits, model.run(q, patch={place: plain}).logits)

    with np.errstate(all="ignore"):
        try_one()
    with pytest.raises(ValueError, match="patch of"):  # turned the wrong way
        model.run(q, patch={("mlp_out", 3, range(74, 76)): np.ones((width, 2))})


def test_a_model_lives_as_long_as_it_is_needed(q: loci.Question) -> None:
    m = loci.open(FLAGS, precision="f32")
    own = m.question(UKRAINE, TEXT, constraint="this country")
    a = m.ask(own)
    m.close()
    del own
    gc.collect()
    assert a.text == "Kyiv" and "Kyiv" in str(a)
    with pytest.raises(loci.Error, match="closed"):
        m.ask(q)
    with pytest.raises(loci.RequestError, match="another model"):
        loci.open(FLAGS).ask(q)


def test_memory_stays_flat() -> None:
    """Open, trace, close: what is left grows by less than a kilobyte a turn."""
    turns = int(os.environ.get("LOCI_TURNS", "24"))

    def turn() -> None:
        with loci.open(FLAGS, precision="f32", threads=1) as m:
            m.trace(m.question(UKRAINE, TEXT, constraint="this country"), site="mlp_out", layers=[11, 11])

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    for _ in range(turns // 3):
        turn()
    before = resident()
    for _ in range(turns):
        turn()
    assert resident() - before < max(4 << 20, turns << 10)  # 4 MiB: the allocator's own coming and going


def interrupt_in(seconds: float) -> None:
    threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT)).start()


def test_ctrl_c_stops_a_call_and_the_next_one_works(model: loci.Model, q: loci.Question) -> None:
    interrupt_in(0.15)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(model.trace_many([q] * 1000, **LONG))
    assert time.monotonic() - began < STOPS
    assert _work._running is None
    assert model.ask(q).text == "Kyiv"


def test_ctrl_c_of_the_main_thread_cancels_another_threads_call(model: loci.Model, q: loci.Question) -> None:
    """As one writes it: the main thread, which waits, is interrupted, and sets the event of the others."""
    stop, ended = threading.Event(), threading.Event()

    def trace() -> None:
        with pytest.raises(loci.CancelledError):
            list(model.trace_many([q] * 1000, **LONG, cancel=stop))
        ended.set()

    threading.Thread(target=trace).start()
    interrupt_in(0.3)
    with pytest.raises(KeyboardInterrupt):
        ended.wait(120)  # an interrupted join() of Python 3.11 says that the thread has ended
    stop.set()
    assert ended.wait(STOPS)
    assert model.ask(q).text == "Kyiv"


def test_a_notebook_kernel_is_interrupted() -> None:
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    kernel, client = manager.start_new_kernel(kernel_name="python3", env=env, startup_timeout=120)
    try:
        client.execute_interactive(f"import loci; m = loci.open({str(FLAGS)!r}, precision='f32')", timeout=120)
        ask = f"q = m.question({str(UKRAINE)!r}, {TEXT!r}, constraint='this country')"
        client.execute_interactive(ask, timeout=120)
        client.execute(f"list(m.trace_many([q] * 1000, **{LONG!r}))")
        time.sleep(1)
        began = time.monotonic()
        kernel.interrupt_kernel()
        reply = client.get_shell_msg(timeout=120)["content"]
        assert reply.get("ename") == "KeyboardInterrupt" and time.monotonic() - began < STOPS
        said: list[str] = []
        client.execute_interactive("print(m.ask(q).text)", timeout=120,
                                   output_hook=lambda m: said.append(m["content"].get("text", "")))
        assert "".join(said) == "Kyiv\n"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def test_timeout_and_cancel_stop_a_call(model: loci.Model, q: loci.Question) -> None:
    with pytest.raises(loci.CancelledError, match="timeout"):
        model.trace(q, **LONG, timeout=0.01)
    stop = threading.Event()
    stop.set()
    caught: list[BaseException] = []

    def trace() -> None:
        try:
            model.trace(q, **LONG, cancel=stop)
        except loci.CancelledError as e:
            caught.append(e)

    thread = threading.Thread(target=trace)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert model.ask(q).text == "Kyiv"


def test_making_a_question_is_stopped_too(model: loci.Model) -> None:
    """The vision tower, in the worker's thread: by Ctrl-C, timeout and cancel; and of what is asked at once."""
    stop = threading.Event()
    stop.set()
    seen: list[str] = []
    tower = np.zeros((3000, 3000, 3), np.uint8)
    for how in ({"timeout": 0.0}, {"cancel": stop}):
        with pytest.raises(loci.CancelledError):
            model.question(tower, TEXT, **how)
        with pytest.raises(loci.CancelledError):
            model.ask(tower, TEXT, **how)
    q = model.question(tower, TEXT, timeout=60, progress=lambda stage, *_: seen.append(stage))
    assert set(seen) <= {"vision"} and pickle.loads(pickle.dumps(q)).tokens == q.tokens
    with pytest.raises(ValueError, match="timeot"):
        model.question(tower, TEXT, timeot=1)


def test_a_stopped_trace_has_what_was_measured() -> None:
    """Of several walks: the cells of those that were done, to the last bit."""
    with loci.open(FLAGS, precision="f32", memory="90M", threads=1) as small:
        q = small.question(UKRAINE, TEXT, constraint="this country")
        how = {"site": ["mlp_out", "attn_out"], "window": [1, 3]}
        whole = small.trace(q, **how)
        timeout, part = 0.05, None
        while part is None:
            try:
                small.trace(q, **how, timeout=timeout)
                pytest.fail("the trace came to its end before any stop left a part of it")
            except loci.CancelledError as e:
                part = e.partial
            timeout *= 1.4
        assert isinstance(part, loci.Trace) and part.missing > 0 and "stopped: " in part.notes[0]
        missing = 0
        for ours, theirs in zip(part.grids, whole.grids, strict=True):
            there = ~np.isnan(ours.p)
            missing += int((~there).sum())
            assert np.array_equal(ours.ie[there], theirs.ie[there])
        assert missing == part.missing and repr(part) and part._repr_mimebundle_() and part.rows()


def test_progress_is_told_in_the_callers_thread(model: loci.Model, q: loci.Question) -> None:
    seen: list[tuple[str, float, float, int]] = []
    t = model.trace(q, progress=lambda *what: seen.append((*what, threading.get_ident())))
    assert t.te > 0.5
    assert all(done <= total and thread == threading.get_ident() for _, done, total, thread in seen)


def test_threads_queue_and_get_the_same_numbers(model: loci.Model, q: loci.Question) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: model.ask(q).p, range(12)))
    assert len(set(answers)) == 1


def test_a_forked_child_opens_its_own_with_one_thread(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    """As ForkError advises; what its parent opened, and several threads, it cannot use."""
    with loci.open(FLAGS, precision="f32", threads=2) as two, loci.Study(tmp_path / "s.db", model, "ask") as s:
        p = two.ask(UKRAINE, TEXT).p
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)  # a call that waits for a thread which is not there
            said = []
            for call in (lambda: model.ask(q), lambda: s.status(), lambda: model.question(UKRAINE, TEXT),
                         lambda: model.to_tokens("a"), lambda: loci.open(FLAGS, threads=2).ask(UKRAINE, TEXT)):
                try:
                    call()
                except loci.ForkError as e:
                    said.append(str(e))
            with loci.open(FLAGS, precision="f32", threads=1) as own:
                works = own.ask(UKRAINE, TEXT).p == p
                gc.collect()
            os._exit(7 if works and len(said) == 5 and all("thread" in x for x in said) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        assert two.ask(UKRAINE, TEXT).p == p and s.status().examples == 0


def _answer(m: loci.Model) -> str:
    return m.ask(UKRAINE, TEXT).text


def test_a_spawned_child_opens_its_own(model: loci.Model) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_answer, (model,)) == "Kyiv"


def test_an_interpreter_may_end_at_any_time() -> None:
    script = f"""
import threading, time, loci
threading.excepthook = lambda why: None  # Python 3.13 aborts where a thread prints while it ends
m = loci.open({str(FLAGS)!r}, precision="f32")
q = m.question({str(UKRAINE)!r}, {TEXT!r}, constraint="this country")
view = m.trace(q, site="mlp_out", layers=[0, 2])["mlp_out"].ie
threading.Thread(target=lambda: m.trace(q, window=[1, 3, 5, 7], direction="both"), daemon=True).start()
time.sleep(0.05)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, env=env)
    assert done.returncode == 0 and "Fatal" not in done.stderr, done.stderr  # the thread may say that it was stopped


def test_the_package_needs_numpy_alone() -> None:
    script = f"""
import sys
for name in ("pandas", "xarray", "matplotlib", "PIL", "tqdm", "torch"): sys.modules[name] = None
import loci
m = loci.open({str(FLAGS)!r})
t = m.trace(m.question({str(UKRAINE)!r}, {TEXT!r}, constraint="this country"), site="mlp_out", progress=True)
assert t["mlp_out"].ie.shape == (12, 12) and t.rows() and t._repr_mimebundle_()
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr


def test_outputs_are_small_and_say_what_they_show(model: loci.Model, q: loci.Question) -> None:
    for r in (model.trace(q), model.flow(q), model.lens(q), model.knockout(q), model.ask(q)):
        bundle = r._repr_mimebundle_()
        assert bundle["text/plain"] and sum(len(v) for v in bundle.values()) < 150_000
        assert "<script" not in bundle.get("text/html", "") and "://" not in bundle.get("text/html", "")
        assert repr(r).count("\n") == 0 and len(json.dumps(r.to_dict())) > 100
        assert "loci." not in repr(r)  # it says more than its format
    assert "alt=" in model.trace(q)._repr_mimebundle_()["text/html"]


def test_the_page_opens_at_a_question(model: loci.Model, q: loci.Question, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", "")
    monkeypatch.setenv("WAYLAND_DISPLAY", "")
    monkeypatch.setenv("PATH", "/nowhere")  # no browser is started
    if "without the page" in subprocess.run([loci.program(), "serve", "-m", str(FLAGS), "--port", "9"],
                                            capture_output=True, text=True).stderr:
        pytest.skip("this build has no page")
    t = model.trace(q, site="mlp_out", layers=[0, 1], window=3, corrupt="replace:Paris")
    with t.show() as page:
        said = dict(urllib.parse.parse_qsl(page.address.split("#")[1]))
        assert page.address.startswith("http://127.0.0.1:") and len(said["token"]) == 64
        assert (said["q"], said["on"], said["k"], said["w"]) == (TEXT, "this country", "replace:Paris", "3")
        fetch = urllib.request.Request(f"{page.address.split('#')[0]}api/pictures/{said['i']}",
                                       headers={"Authorization": f"Bearer {said['token']}"})
        assert urllib.request.urlopen(fetch).read() == UKRAINE.read_bytes()
    assert page._process.returncode is not None
    with q.show() as page:
        assert "on=this%20country" in page.address
    with pytest.raises(loci.Error, match="port"), loci.serve(model, "--port", "9"):
        pass


def test_a_store_has_a_page(model: loci.Model, tmp_path: Path) -> None:
    with loci.Study(tmp_path / "s.db", model, what="ask") as s:
        s.run(FLAGS / "data/score.jsonl", limit=2)
        try:
            page = loci.serve(store=s)
        except loci.Error as e:
            pytest.skip(str(e))
        with page:
            origin, token = page.address.split("/#token=")
            ask = urllib.request.Request(f"{origin}/api/store/runs", b"", {"Authorization": f"Bearer {token}"})
            assert json.load(urllib.request.urlopen(ask))["runs"][0]["what"] == "ask"


def test_plots_are_axes(model: loci.Model, q: loci.Question) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    for r in (model.trace(q, site="mlp_out"), model.knockout(q, "image->last")):
        assert isinstance(r.plot(), matplotlib.axes.Axes)


def test_the_guide_and_the_readme_run(tmp_path: Path) -> None:
    """Every Python snippet of README.md and docs/PYTHON.md, in order, in the repository."""
    for module in ("pandas", "xarray", "matplotlib", "PIL"):
        pytest.importorskip(module)
    for name in ("README.md", "docs/PYTHON.md"):
        blocks = (ROOT / name).read_text().split("```python\n")[1:]
        code = "\n".join(block.split("```")[0] for block in blocks)
        assert code
        head = "import matplotlib, warnings; matplotlib.use('agg'); warnings.simplefilter('ignore')\n"
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", head + code], capture_output=True, text=True, env=env, cwd=with_models(tmp_path)
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


def test_the_snippets_have_types(tmp_path: Path) -> None:
    """What the guide and the README write is what the types allow."""
    pytest.importorskip("mypy")
    for name in ("README.md", "docs/PYTHON.md"):
        blocks = (ROOT / name).read_text().split("```python\n")[1:]
        path = tmp_path / (Path(name).stem.lower() + "_snippets.py")
        path.write_text("\n".join(block.split("```")[0] for block in blocks))
        config = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
        env = {**os.environ, "MYPYPATH": str(ROOT / "python")}
        command = [sys.executable, "-m", "mypy", *config, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stdout + done.stderr


def with_models(place: Path) -> Path:
    """A directory where the snippets find models/flags and may write."""
    if not (place / "models").exists():
        (place / "models").symlink_to(ROOT / "models")
    return place

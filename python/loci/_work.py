"""Long calls: in one worker thread, so that the caller can draw progress and stop it; and what calls read.

A C call cannot be interrupted from Python, and a callback from C loses a Ctrl-C, which is raised inside it. So the
caller waits, and sets the cancel flag of the call's monitor. One thread, because OpenMP keeps a team for each."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from . import _native as native
from ._errors import CancelledError, Error, ForkError, RequestError

S = TypeVar("S", bound="Closing")
Data = str | os.PathLike[str] | Iterable[Mapping[str, Any]]
Progress = bool | Callable[[str, float, float], None] | None
LONG = ("progress", "timeout", "cancel")  # keywords of every long call
FIRST_BAR = 2.0  # seconds until a bar is drawn
TICK = 0.05  # seconds between looks at timeout=, cancel= and progress; Ctrl-C ends the waiting at once


class Closing:
    """What holds a C object until ``close()``, the end of a ``with`` block, or of its last reference."""

    _owner: native.Owner | None
    _refuses: type[Error] = Error

    def close(self) -> None:
        self._owner = None

    def _handle(self) -> native.Owner:
        name = type(self).__name__.lower()
        if self._owner is None:
            raise self._refuses(f"this {name} is closed")
        if self._owner.pid != os.getpid():
            raise ForkError(f"the {name} was opened by the process that this one was forked from: open it here, a "
                            "model with threads=1, or start processes with spawn")
        return self._owner

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# Work, where it is followed, and what comes of it.
@dataclass(eq=False)
class _Job:
    work: Callable[[Any], Any]
    monitor: Any = field(default_factory=native.Monitor)
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None

    def stop(self) -> None:
        """Waits for the end of what is cancelled, however often Ctrl-C is pressed meanwhile."""
        native.stop(self.monitor)
        while not self.done.is_set():
            with contextlib.suppress(KeyboardInterrupt):
                self.done.wait()


_jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
_lock = threading.Lock()
_worker: threading.Thread | None = None
_running: _Job | None = None


# Nothing runs yet: at first, and in a forked child, which no thread follows.
def _begin() -> None:
    global _jobs, _lock, _worker, _running
    _jobs, _lock, _worker, _running = queue.SimpleQueue(), threading.Lock(), None, None


os.register_at_fork(after_in_child=_begin)


def _loop() -> None:
    global _running
    while True:
        job = _running = _jobs.get()
        try:
            job.result = job.work(job.monitor)
        except BaseException as e:  # noqa: BLE001 - it is raised again in the caller's thread
            job.error = e
        job.done.set()
        del job  # and what it holds, while this thread waits
        _running = None


# The interpreter goes: what still computes is told to stop, and gets a moment to.
@atexit.register
def _at_exit() -> None:
    job = _running
    if job is not None:
        native.stop(job.monitor)
        job.done.wait(5)


# A function that is told, tqdm's bar where it is there, or one plain line.
class _Bar:
    def __init__(self, progress: Progress) -> None:
        shown = bool(progress) if progress is not None else "ipykernel" in sys.modules or sys.stderr.isatty()
        self.tell = progress if callable(progress) else self.draw if shown else None
        self.begins = time.monotonic() + (FIRST_BAR if progress is None else 0)
        self.bar: Any = None

    def update(self, stage: str, permille: int) -> None:
        if stage and self.tell and time.monotonic() >= self.begins:
            self.tell(stage, permille / 1000, 1.0)

    def draw(self, stage: str, done: float, _: float) -> None:
        try:
            with warnings.catch_warnings():  # of a notebook without widgets
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm
        except ImportError:
            self.close = lambda: print(file=sys.stderr)  # type: ignore[method-assign]
            print(f"\r{stage} {100 * done:5.1f} %", end="", file=sys.stderr, flush=True)
            return
        look = "{desc} {percentage:3.0f}%|{bar}| {elapsed}"
        self.bar = self.bar or tqdm(total=1000, mininterval=0.5, bar_format=look)
        self.bar.set_description_str(stage, refresh=False)
        self.bar.update(1000 * done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def apart(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is asked, and how it is followed."""
    return {k: options[k] for k in options if k not in LONG}, {k: options[k] for k in LONG if k in options}


def run(work: Callable[[Any], Any], progress: Progress = None, timeout: float | None = None,
        cancel: threading.Event | None = None) -> Any:
    """``work(monitor)`` in the worker thread. Ctrl-C, ``timeout`` (seconds) and ``cancel`` stop it; the interrupt has
    ``partial`` then, if the work gave a result all the same."""
    __tracebackhide__ = True
    global _worker
    with _lock:
        if _worker is None:
            _worker = threading.Thread(target=_loop, name="loci", daemon=True)
            _worker.start()
    job = _Job(work)
    bar, ends = _Bar(progress), None if timeout is None else time.monotonic() + timeout

    def look() -> None:
        if (ends is not None and time.monotonic() >= ends) or (cancel is not None and cancel.is_set()):
            native.stop(job.monitor)

    look()
    _jobs.put(job)
    try:
        while not job.done.wait(TICK):
            bar.update(*native.stage(job.monitor))
            look()
    except BaseException as e:
        job.stop()
        e.partial = job.result  # type: ignore[attr-defined]
        raise
    finally:
        bar.close()
    if isinstance(job.error, CancelledError) and ends is not None and time.monotonic() > ends:
        raise CancelledError(f"stopped after timeout={timeout} s", job.error.code) from None
    if job.error is not None:
        raise job.error
    return job.result


# ---------------------------------------------------------------- what a call reads from files, of things in memory


@contextlib.contextmanager
def _file(name: str, content: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / name
        path.write_bytes(content)
        yield str(path)


@contextlib.contextmanager
def noise(options: dict[str, Any]) -> Iterator[bool]:
    """An array of noise (seeds, rows, D) becomes a file for the call; whether it did."""
    given = options.get("noise")
    if not isinstance(given, np.ndarray):
        yield False
        return
    if given.ndim != 3 or given.dtype.kind != "f" or not np.isfinite(given).all():
        raise ValueError(f"noise: expected finite float32 (seeds, rows, D), not {given.dtype} {given.shape}")
    raw = np.ascontiguousarray(given, dtype="<f4").tobytes()
    head = json.dumps({"noise": {"dtype": "F32", "shape": given.shape, "data_offsets": [0, len(raw)]}}).encode()
    head += b" " * (-len(head) % 8)
    with _file("noise.safetensors", len(head).to_bytes(8, "little") + head + raw) as options["noise"]:
        try:
            yield True
        except Error as e:
            says = e.message.replace(options["noise"], f"noise of shape {given.shape}")  # instead of a file
            raise e if says == e.message else RequestError(says, e.code) from None


@contextlib.contextmanager
def examples(data: Data) -> Iterator[dict[str, Any]]:
    """A file of examples for a call: the path itself, or the dicts as JSON lines, lent for the call alone."""
    if isinstance(data, (str, os.PathLike)):
        yield {"path": os.fspath(data)}
        return
    lines = [json.dumps(_absolute(example), ensure_ascii=False) + "\n" for example in data]
    with _file("examples.jsonl", "".join(lines).encode()) as path:
        yield {"path": path, "lent": True}


PICTURES = ("image", "same_entity_images")  # members that name files


def _absolute(example: Any) -> Any:
    if isinstance(example, Mapping):
        return {k: _files(v) if k in PICTURES else _absolute(v) for k, v in example.items()}
    return [_absolute(x) for x in example] if isinstance(example, list) else example


def _files(value: Any) -> Any:
    if isinstance(value, (str, os.PathLike)):
        return str(Path(value).absolute())
    return [_files(x) for x in value] if isinstance(value, (list, tuple)) else value

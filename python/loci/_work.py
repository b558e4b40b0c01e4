"""Long calls: in one worker thread, so that the caller can draw progress and stop it.

A C call cannot be interrupted from Python, and a Python callback from C loses a Ctrl-C (the interrupt is raised
inside the callback). So the caller only waits, looks at the call's monitor, and sets its cancel flag. One thread
for all calls, because OpenMP keeps a team of threads for each thread that computes.
"""

from __future__ import annotations

import atexit
import os
import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from . import _native as native
from ._errors import CancelledError, ForkError

T = TypeVar("T")
Progress = bool | Callable[[str, float, float], None] | None
FIRST_BAR = 2.0  # seconds until a bar is drawn
TICK = 0.05  # seconds between looks at timeout=, cancel= and progress; Ctrl-C ends the waiting at once


class _Job(Generic[T]):
    def __init__(self, work: Callable[[Any], T]) -> None:
        self.work, self.monitor, self.done = work, native.Monitor(), threading.Event()
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.work(self.monitor)
        except BaseException as e:  # noqa: BLE001 - it is raised again in the caller's thread
            self.error = e
        finally:
            self.done.set()

    def stop(self) -> None:
        """Waits for the end of what is cancelled, however often Ctrl-C is pressed meanwhile."""
        native.cancel(self.monitor)
        while not self.done.is_set():
            try:
                self.done.wait()
            except KeyboardInterrupt:
                continue


_jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
_lock = threading.Lock()
_worker: threading.Thread | None = None
_running: _Job[Any] | None = None
_pid = os.getpid()


def _loop() -> None:
    global _running
    while True:
        _running = _jobs.get()
        _running.run()
        _running = None


def _submit(job: _Job[Any]) -> None:
    global _worker
    if os.getpid() != _pid:
        raise ForkError("loci's worker thread did not survive the fork: open the model in the child, or use spawn")
    with _lock:
        if _worker is None:
            _worker = threading.Thread(target=_loop, name="loci", daemon=True)
            _worker.start()
    _jobs.put(job)


@atexit.register
def _at_exit() -> None:
    """The interpreter goes: what still computes is told to stop, and gets a moment to."""
    job = _running
    if job is not None and os.getpid() == _pid:
        native.cancel(job.monitor)
        job.done.wait(5)


class _Bar:
    """A function that is told, tqdm's bar where it is there, or one plain line."""

    def __init__(self, progress: Progress) -> None:
        self.tell, self.line = (progress if callable(progress) else None), False
        self.bar: Any = None
        self.begins = time.monotonic() + (FIRST_BAR if progress is None else 0)
        self.shown = bool(progress) if progress is not None else "ipykernel" in sys.modules or sys.stderr.isatty()

    def update(self, stage: str, permille: int) -> None:
        if stage and self.tell:
            self.tell(stage, permille / 1000, 1.0)
        elif stage and self.shown and time.monotonic() >= self.begins:
            self.draw(stage, permille)

    def draw(self, stage: str, permille: int) -> None:
        try:
            with warnings.catch_warnings():  # of a notebook without widgets
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm
        except ImportError:
            self.line = True
            print(f"\r{stage} {permille / 10:5.1f} %", end="", file=sys.stderr, flush=True)
            return
        self.bar = self.bar or tqdm(total=1000, bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}")
        self.bar.n = permille
        self.bar.set_description_str(stage)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        if self.line:
            print(file=sys.stderr)


def run(work: Callable[[Any], T], progress: Progress = None, timeout: float | None = None,
        cancel: threading.Event | None = None) -> T:
    """``work(monitor)`` in the worker thread. Ctrl-C, ``timeout`` (seconds) and ``cancel`` stop it; the interrupt has
    ``partial`` then, if the work gave a result all the same."""
    __tracebackhide__ = True
    job: _Job[T] = _Job(work)
    _submit(job)
    bar, ends = _Bar(progress), None if timeout is None else time.monotonic() + timeout
    try:
        while not job.done.wait(TICK):
            bar.update(*native.stage(job.monitor))
            if (ends is not None and time.monotonic() > ends) or (cancel is not None and cancel.is_set()):
                native.cancel(job.monitor)
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
    return job.result  # type: ignore[return-value]

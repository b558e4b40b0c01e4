"""loci: where a multimodal language model keeps a fact, how it moved there, and how to change it.

    import loci
    model = loci.open("models/flags")                  # a directory, or a name in the Hugging Face cache
    q = model.question("images/ukraine.png", "What is the capital of this country?", constraint="this country")
    model.ask(q).text                                  # the greedy answer
    t = model.trace(q, site="mlp_out", window=3)       # a causal trace: t.te, t["mlp_out"].ie, t.to_pandas()
    logits, cache = model.run_with_cache(q, "mlp_out") # (T, V); cache["mlp_out", 3] is (T, width)
    model.flow(q), model.lens(q), model.knockout(q, "image->last")
    e = model.solve_edit(q, target="Lima")             # with model.edited(e): ...
    s = loci.Study("known.db", model, what=["trace"])  # s.run("known.jsonl"), s.cells(), s.aggregate()
    loci.compare(t, t), loci.load("t.json"), loci.serve(model), loci.info()

T positions, V vocabulary; p is a probability, logp in nats. Every option of the command line (``loci help trace``) is a
keyword of the method of the same name, with _ for - and the same values; docs/PYTHON.md is the guide."""

# ruff: noqa: F403, F405
from __future__ import annotations

import os
import sys
from typing import Any

from . import _native
from ._cache import *
from ._errors import *
from ._kinds import *
from ._model import *
from ._native import LIBRARY, VERSION
from ._results import *

__all__ = [name for name, x in globals().items() if getattr(x, "__module__", "").startswith("loci.") or name.isupper()]
__all__ += ["info", "open", "serve"]
__version__ = VERSION


def open(  # the built-in one is not needed here
    name: str | os.PathLike[str], *, precision: str = "auto", threads: int | None = None,
    memory: str | int | None = None, exif: str | None = None, mmproj: str | os.PathLike[str] | None = None,
    max_pixels: int | None = None, gate_rows: str | None = None, device: str | None = None,
) -> Model:
    """Opens a checkpoint: a directory, a GGUF file, a name below LOCI_MODELS, or "org/name" in Hugging Face's cache;
    nothing is downloaded. ``memory`` bounds what a run uses beside the weights: "8G"; ``exif="turn"`` turns pictures
    as they ask; ``mmproj`` is a GGUF file's vision part, ``max_pixels`` bounds pictures that keep their own size;
    ``gate_rows="hf"`` shows pictures to rows before them as transformers does; ``device="opencl"``: a graphics card."""
    __tracebackhide__ = True
    return Model(name, {"precision": precision, "threads": threads, "memory": memory, "exif": exif, "mmproj": mmproj,
                        "max_pixels": max_pixels, "gate_rows": gate_rows, "device": device})


def serve(model: Model | str | os.PathLike[str] | None = None, *options: str,
          store: Study | str | os.PathLike[str] | None = None) -> Page:
    """The page of ``loci serve`` on a model's checkpoint, a store of many examples, or both, in a process of its own;
    ``serve(m).close()`` ends it. ``options``: those of the command, such as "--port", "9000"."""
    path = model.path if isinstance(model, Model) else model
    kept = store.path if isinstance(store, Study) else store
    return Page(*(["-m", path] if path else []), *(["--store", kept] if kept else []), *options)


def _main() -> None:
    os.execv(program(), [str(program()), *sys.argv[1:]])


def info() -> dict[str, Any]:
    """Version, library, and the OpenMP runtimes in this process: more than one are slower together."""
    return {"version": VERSION, "library": str(LIBRARY), "openmp": list(_native.runtimes())}

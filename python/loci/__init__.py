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

Everything of the command line (``loci help``) under the same names; docs/PYTHON.md is the guide.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ._cache import Cache
from ._errors import (
    CancelledError,
    EditError,
    Error,
    FileError,
    ForkError,
    ImageError,
    MemoryLimitError,
    MissingFileError,
    ModelError,
    QuestionError,
    RequestError,
    SpanError,
    StoreError,
    Warning,
)
from ._model import Config, Model, Question, Study
from ._native import LIBRARY, VERSION, runtimes
from ._program import program
from ._results import (
    Answer,
    Average,
    Candidate,
    Comparison,
    Edit,
    Flow,
    Grid,
    Knockout,
    Lens,
    Outcome,
    Prediction,
    Result,
    Token,
    Trace,
    compare,
    load,
)

__version__ = VERSION


def open(  # the built-in one is not needed here
    name: str | os.PathLike[str], *, precision: str = "auto", threads: int = 0, memory: str | int | None = None,
    exif: str | None = None, mmproj: str | os.PathLike[str] | None = None,
    max_pixels: int | None = None,
) -> Model:
    """Opens a checkpoint: a directory, a name below LOCI_MODELS, or "org/name" in Hugging Face's cache; nothing is
    downloaded. ``memory`` bounds what a run uses beside the weights: "8G"; ``exif="turn"`` turns
    pictures as they ask; ``mmproj`` is a GGUF file's vision part, ``max_pixels`` bounds pictures that keep
    their own size."""
    return Model(name, precision, threads, memory, exif, mmproj, max_pixels)


def serve(model: Model | str | os.PathLike[str], *options: str) -> subprocess.Popen[bytes]:
    """The page of ``loci serve`` on a model's checkpoint, in a process of its own; ``serve(m).terminate()`` ends it.
    ``options``: those of the command, such as "--port", "9000"."""
    path = model.path if isinstance(model, Model) else os.fspath(model)
    return subprocess.Popen([program(), "serve", "-m", path, *options])


def info() -> dict[str, Any]:
    """Version, library, and the OpenMP runtimes in this process: more than one are slower together."""
    return {"version": VERSION, "library": str(LIBRARY), "openmp": list(runtimes())}


__all__ = [
    "LIBRARY",
    "VERSION",
    "Answer",
    "Average",
    "Cache",
    "CancelledError",
    "Candidate",
    "Comparison",
    "Config",
    "Edit",
    "EditError",
    "Error",
    "FileError",
    "Flow",
    "ForkError",
    "Grid",
    "ImageError",
    "Knockout",
    "Lens",
    "MemoryLimitError",
    "MissingFileError",
    "Model",
    "ModelError",
    "Outcome",
    "Prediction",
    "Question",
    "QuestionError",
    "RequestError",
    "Result",
    "SpanError",
    "StoreError",
    "Study",
    "Token",
    "Trace",
    "Warning",
    "compare",
    "info",
    "load",
    "open",
    "serve",
]  # fmt: skip

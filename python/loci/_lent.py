"""What a call reads from files, of things that are in memory: examples as dicts, noise as an array."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Data = str | os.PathLike[str] | Iterable[Mapping[str, Any]]


@contextmanager
def noise(options: dict[str, Any]) -> Iterator[None]:
    """An array of noise (seeds, rows, D) becomes a file for the call."""
    given = options.get("noise")
    if not isinstance(given, np.ndarray):
        yield
        return
    if given.ndim != 3 or given.dtype.kind != "f" or not np.isfinite(given).all():
        raise ValueError(f"noise: expected finite float32 (seeds, rows, D), not {given.dtype} {given.shape}")
    raw = np.ascontiguousarray(given, dtype="<f4").tobytes()
    head = json.dumps({"noise": {"dtype": "F32", "shape": given.shape, "data_offsets": [0, len(raw)]}}).encode()
    head += b" " * (-len(head) % 8)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "noise.safetensors"
        path.write_bytes(len(head).to_bytes(8, "little") + head + raw)
        options["noise"] = str(path)
        yield


@contextmanager
def examples(data: Data) -> Iterator[str]:
    """A file of examples: the path itself, or the dicts as JSON lines."""
    if isinstance(data, (str, os.PathLike)):
        yield os.fspath(data)
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "examples.jsonl"
        with path.open("w", encoding="utf-8") as f:
            for example in data:
                f.write(json.dumps(_absolute(example), ensure_ascii=False) + "\n")
        yield str(path)


def _absolute(example: Any) -> Any:
    if isinstance(example, Mapping):
        return {k: str(Path(v).absolute()) if k == "image" and isinstance(v, (str, os.PathLike)) else _absolute(v)
                for k, v in example.items()}
    return [_absolute(x) for x in example] if isinstance(example, list) else example

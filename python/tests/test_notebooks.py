"""The notebooks of examples/notebooks run, and print the words that stand in them; their numbers are this machine's."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
for needed in ("ipykernel", "pandas", "matplotlib"):
    pytest.importorskip(needed)

NOTEBOOKS = sorted((ROOT / "examples/notebooks").glob("*.ipynb"))


def kinds(cell: Any) -> list[str]:
    """Kinds of outputs; what is printed may come in pieces."""
    out: list[str] = []
    for o in cell.get("outputs", []):
        if o.get("name") != "stderr" and (o.output_type != "stream" or out[-1:] != ["stream"]):
            out.append(o.output_type)
    return out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_and_answers_as_it_says(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    kept = nbformat.read(path, as_version=4)
    fresh = nbformat.from_dict(kept)
    nbclient.NotebookClient(fresh, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert len(path.read_bytes()) < 150_000
    for ran, stood in zip(fresh.cells, kept.cells, strict=True):
        assert kinds(ran) == kinds(stood)
    assert all(cell.outputs for cell in kept.cells if cell.cell_type == "code")

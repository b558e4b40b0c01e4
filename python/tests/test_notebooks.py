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
def test_a_notebook_runs_and_answers_as_it_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    kept = nbformat.read(path, as_version=4)
    place = tmp_path / "examples/notebooks"
    place.mkdir(parents=True)
    (tmp_path / "models").symlink_to(ROOT / "models")
    if any("build/real" in cell.source for cell in kept.cells if cell.cell_type == "code"):
        real = os.environ.get("LOCI_REAL_MODEL", ROOT / "build/real")  # tools/real_model.sh fetches it
        if not (Path(real) / "smollm2.gguf").exists():
            pytest.skip("no SmolLM2 here: LOCI_REAL_MODEL names a directory that tools/real_model.sh made")
        (tmp_path / "build").mkdir()
        (tmp_path / "build/real").symlink_to(Path(real).resolve())
    fresh = nbformat.from_dict(kept)
    nbclient.NotebookClient(fresh, timeout=1200, resources={"metadata": {"path": str(place)}}).execute()
    assert len(path.read_bytes()) < 150_000
    for ran, stood in zip(fresh.cells, kept.cells, strict=True):
        assert kinds(ran) == kinds(stood)
    assert all(cell.outputs for cell in kept.cells if cell.cell_type == "code")

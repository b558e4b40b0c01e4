"""The notebooks of examples/notebooks run, and print what stands in them: the same words, and numbers that are as near
as another processor's."""

from __future__ import annotations

import os
import re
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


NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
# durations and rates; shades, which change at a threshold; lines
MASKED = re.compile(r"\d[\d.]* (?:s|ms|min|GFLOP/s)\b|[░▒▓█\\]|-{2,}")


def told(cell: Any) -> str:
    """What a cell printed and what its value is as text."""
    parts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", [])
             if o.get("name") != "stderr"]
    return MASKED.sub(" ", "".join(parts))


def same(ran: str, stood: str) -> bool:
    """Words are equal. Numbers may differ by what bf16 rounds (2^-8) where an instruction set sums in another order,
    over a few layers: by 2 % and 0.01."""
    if NUMBER.sub("#", ran).split() != NUMBER.sub("#", stood).split():
        return False
    pairs = zip(NUMBER.findall(ran), NUMBER.findall(stood), strict=True)
    return all(abs(float(a) - float(b)) <= 0.01 + 0.02 * abs(float(b)) for a, b in pairs)


def test_what_is_compared_can_differ() -> None:
    text = "mlp_out 'iffel'  effect 0.38 of -0.68\n░░▒ (1.5 s, 20 s an example)"
    assert same(*(MASKED.sub(" ", t) for t in (text, text.replace("1.5", "3").replace("░░▒", "░▒"))))
    assert same(text, text.replace("0.38", "0.385")) and not same(text, text.replace("0.38", "0.40"))
    assert not same(text, text.replace("iffel", "E")) and not same(text, text.replace("-0.68", "0.68"))


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
        assert same(told(ran), told(stood)), f"{told(ran)}\n--- but stood there:\n{told(stood)}"
    assert all(cell.outputs for cell in kept.cells if cell.cell_type == "code")

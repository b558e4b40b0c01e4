"""What the tests share: the small models of the repository, and the program to compare with."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import loci

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ROOT / "models/flags"
UKRAINE = FLAGS / "images/ukraine.png"
TEXT = "What is the capital of this country?"


@pytest.fixture(scope="session")
def model() -> loci.Model:
    return loci.open(FLAGS, precision="f32")


@pytest.fixture(scope="session")
def q(model: loci.Model) -> loci.Question:
    return model.question(UKRAINE, TEXT, constraint="this country")


@pytest.fixture(scope="session")
def twin() -> loci.Model:
    """The text-only model."""
    return loci.open(FLAGS / "text-only", precision="f32")


@pytest.fixture(scope="session")
def tq(twin: loci.Model) -> loci.Question:
    return twin.question(None, "What is the capital of Ukraine?", constraint="Ukraine", template="llava-paper")


def program(*arguments: str) -> Any:
    """The JSON of a command."""
    name = os.environ.get("LOCI_PROGRAM") or str(Path(loci.LIBRARY).parent / "loci")
    done = subprocess.run([name, *arguments, "--json"], capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout)


def without_time(d: Any) -> Any:
    """A result without what differs from run to run."""
    if isinstance(d, dict):
        skip = ("seconds", "flop_per_s", "spent", "command", "created", "store")
        return {k: without_time(v) for k, v in d.items() if k not in skip}
    return [without_time(x) for x in d] if isinstance(d, list) else d

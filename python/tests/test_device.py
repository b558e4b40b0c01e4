"""Walks on OpenCL's device, where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import FLAGS

import loci


def on_device() -> loci.Model:
    try:
        return loci.open(FLAGS / "text-only", device="opencl")
    except loci.Error as why:
        pytest.skip(str(why))


def test_a_device_gives_the_processors_numbers(twin: loci.Model) -> None:
    there = on_device()
    asked = [(m, m.question(None, "What is the capital of Ukraine?", constraint="Ukraine", template="llava-paper"))
             for m in (twin, there)]  # fmt: skip
    assert len({m.ask(q).text for m, q in asked}) == 1
    here, far = (m.trace(q, site="mlp_out", corrupt="noise:3", seeds=2) for m, q in asked)
    for x, y in zip(here.grids, far.grids, strict=True):
        np.testing.assert_allclose(y.ie, x.ie, atol=2e-5, rtol=2e-3)


def test_what_is_no_device_is_said() -> None:
    with pytest.raises(loci.Error, match="device"):
        loci.open(FLAGS / "text-only", device="nonsense")

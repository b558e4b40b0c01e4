"""The command ``loci`` of the wheel: the program that lies beside the library."""

import os
import sys
from pathlib import Path


def program() -> Path:
    """The program beside the library, or in the package."""
    from . import __path__ as places

    given = os.environ.get("LOCI_LIBRARY")
    directories = [Path(given).parent] if given else [Path(place) for place in places]
    found = next((p for p in (d / "loci" for d in directories) if p.is_file()), None)
    if found is None:
        raise FileNotFoundError("the package has no program beside its library; build one with make")
    return found


def main() -> None:
    os.execv(program(), [str(program()), *sys.argv[1:]])

"""The command ``loci`` of the wheel: the program that lies beside the library."""

import os
import sys
from pathlib import Path


def main() -> None:
    from . import __path__ as places

    program = next((p for p in (Path(place) / "loci" for place in places) if p.is_file()), None)
    if program is None:
        sys.exit("loci: the package has no program beside it; build one with make")
    os.execv(program, [str(program), *sys.argv[1:]])

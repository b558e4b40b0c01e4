"""The program that lies beside the library, and its page in a process of its own."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from pathlib import Path

from ._errors import Error
from ._native import LIBRARY
from ._work import Closing

__all__ = ["Page", "program"]


def program() -> Path:
    """The command-line program ``loci`` that lies beside the library."""
    found = LIBRARY.with_name("loci")
    if not found.is_file():
        raise FileNotFoundError("the package has no program beside its library; build one with make")
    return found


class Page(Closing):
    """The page of ``loci serve``: ``address`` is where it is, ``close()`` ends it, and so does the end of Python."""

    def __init__(self, *options: str | os.PathLike[str]) -> None:
        __tracebackhide__ = True
        with tempfile.TemporaryFile("w+") as said:
            command = [program(), "serve", *options]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
            assert self._process.stdout is not None
            self.address = self._process.stdout.readline().strip()
            if not self.address:  # it says why, and has ended
                self.close()
                said.seek(0)
                raise Error(said.read().strip().removeprefix("loci: ") or "loci serve did not begin")
        atexit.register(self.close)

    def close(self) -> None:
        atexit.unregister(self.close)
        self._process.terminate()
        self._process.communicate()

    def __repr__(self) -> str:
        return f"<loci Page: {self.address}>"

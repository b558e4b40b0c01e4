"""Studies: measurements of many examples, kept in a store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _native as native
from . import _results as results
from . import _work as work
from ._errors import RequestError, StoreError
from ._kinds import Average, Prediction
from ._lent import Data, examples
from ._model import Model

__all__ = ["Study"]


class Study(work.Closing):
    """Measurements of many examples in a file that can be stopped and resumed at any time.

    ``what``: kinds of measurement ("trace", "flow", "knockout", "lens", "ask"); ``options``: as of `Model.trace`.
    """

    _refuses = StoreError

    def __init__(self, path: str | os.PathLike[str], model: Model | None = None, what: str | Sequence[str] = "trace",
                 **options: Any) -> None:
        self.path, self.model, self.options = os.fspath(path), model, options
        self.what = [what] if isinstance(what, str) else list(what)
        self._data: Data | None = None
        asked = native.path_bytes(path), model is not None
        self._owner = native.made("loci_store_open", StoreError, *asked, free="loci_store_close")

    def __repr__(self) -> str:
        return f"<loci Study {self.path}: {', '.join(self.what)}>"

    def run(self, data: Data, **options: Any) -> results.Result:
        """Measures what the store does not have yet; interrupt it and run again: nothing is done twice."""
        if self.model is None:
            raise RequestError("a study that measures needs a model: loci.Study(path, model)")
        self._data = data if isinstance(data, (str, os.PathLike)) else list(data)
        request = {"what": self.what, **self.options, **options}
        with examples(self._data) as path:
            how = {"path": path, "store": self._handle(), "errors": StoreError}
            return self.model._call("study run", request, results.Result, **how)

    def _ask(self, what: str, request: Mapping[str, Any], kind: type[results.R], path: Path | None = None) -> results.R:
        how: dict[str, Any] = {"store": self._handle(), "path": path, "errors": StoreError}
        return kind(work.run(lambda m: native.call(what, request, m, **how)))

    def status(self) -> results.Result:
        return self._ask("study status", {}, results.Result)

    def _run_of(self, what: str) -> int:
        runs = [r["run"] for r in self.status().to_dict()["runs"] if r["what"] == what]
        if not runs:
            raise StoreError(f"{self.path}: no run of {what!r}")
        return int(runs[-1])

    def aggregate(self, what: str = "trace", min_te: float = 0.1, seed: int = 0) -> Average:
        """Means of the newest run of a kind; of a site's name, of traces."""
        kind = what if what in ("trace", "flow", "knockout", "lens", "ask") else "trace"
        return self._ask("study report", {"run": self._run_of(kind), "min_te": min_te, "seed": seed}, Average)

    def cells(self, what: str = "trace", te_min: float = 0.0) -> Any:
        """Every number of the newest run of a kind as a data frame: of traces a row for each site, window, role and
        layer of an example, with its indirect effect ``ie``. ``te_min``: examples of a smaller total effect are left
        out."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "cells.csv"
            self._ask("study export", {"run": self._run_of(what)}, results.Result, path)
            table = results.table_of(path.read_text(encoding="utf-8"))
        if what != "trace":
            return table
        te = table[table.quantity == "total effect"]
        few = table[(table.window > 0) & table.line.isin(te[te.value >= te_min].line)]
        names = {"quantity": "site", "place": "role", "x": "layer", "value": "ie"}
        return few.drop(columns=["run", "what"]).rename(columns=names).reset_index(drop=True)

    def predict_failure(self, **options: Any) -> Prediction:
        """`Model.predict_failure` of the examples that were run."""
        if self.model is None or self._data is None:
            raise RequestError("predict_failure needs the model and the examples of a run")
        return self.model.predict_failure(self._data, **options)

"""Results, in arrays, JSON, tables and pictures: of what the C library made, or, once loaded, of the JSON of it."""

from __future__ import annotations

import atexit
import base64
import contextlib
import csv
import html
import io
import json
import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from . import _native as native
from ._errors import Error, RequestError, Warning
from ._work import Closing

__all__ = ["Candidate", "Outcome", "Page", "Result", "Token", "program"]
Array = native.Array
MOST_HTML = 150_000  # bytes of a cell's output
TEXTS = ("id", "token", "answer", "expected", "question", "quantity", "place", "role", "site")  # columns of tables


class Fields(dict[str, Any]):
    """A JSON object whose members are attributes, too; like all of a result it cannot be changed."""

    def _fixed(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a result cannot be changed; to_dict() is a copy that can")

    __setitem__ = __delitem__ = __setattr__ = __delattr__ = __ior__ = _fixed
    update = pop = popitem = clear = setdefault = _fixed

    def __reduce__(self) -> tuple[Any, ...]:
        return Fields, (dict(self),)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no field {name!r}; there are {', '.join(self)}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]


def read_json(text: str) -> Any:
    """With objects as `Fields` and lists as tuples."""
    return json.loads(text, object_hook=lambda d: Fields({k: _tuple(v) for k, v in d.items()}))


def _tuple(x: Any) -> Any:
    return x if type(x) is not list else tuple(map(_tuple, x)) if list in map(type, x) else tuple(x)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token and its probability."""

    id: int
    text: str
    p: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Metrics of a run: ``p`` and ``logp`` of the whole answer, in nats; ``top``: its likeliest next tokens."""

    p: float
    logp: float
    logit_diff: float
    kl: float
    top: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A position of the sequence: its token, its role and where it stands in the prompt's UTF-8."""

    position: int
    id: int
    text: str
    role: str
    bytes: tuple[int, int]


V = TypeVar("V")


def record(kind: Callable[..., V], said: Fields, **more: Any) -> V:
    """A record of the members that it is named after: a number that is not told is 0, one that is null NaN."""
    told = {f.name: said.get(f.name, 0.0) for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{k: float("nan") if v is None else v for k, v in told.items()} | more)


def candidates(items: list[Fields]) -> tuple[Candidate, ...]:
    return tuple(record(Candidate, c) for c in items)


def outcome(said: Fields) -> Outcome:
    return record(Outcome, said, top=candidates(said.top))


def tokens_of(said: Fields) -> tuple[Token, ...]:
    return tuple(record(Token, t, position=t.pos, bytes=tuple(t.bytes)) for t in said.prompt.tokens)


def at(said: Any, path: str) -> Any:
    """What stands at a path such as "steps.0.top"; "": all."""
    for step in path.split(".") if path else ():
        said = said[int(step)] if isinstance(said, tuple) else said[step]
    return said


def said(path: str, how: Callable[[Any], V]) -> V:
    """An attribute that is made of what a result says at a path."""
    return property(lambda self: how(at(self._told, path)), doc=f'of "{path}" in the JSON')  # type: ignore


# Results of kinds that add nothing else, in one line of their fields.
HEADLINES = {"score": "{right} of {n} answers right", "study.status": "{store}, {examples} examples",
    "edit.test": "edits by {method}, score {score.value:.3f} of {sample.used} examples",
    "edit.apply": "{dir}, {edits} edits, {lost} lost", "edit.covariance": "layer {layer}, {keys} keys"}


class Fixed:
    """What cannot be changed once it is made, but for what is its own."""

    def __setattr__(self, name: str, value: object) -> None:
        if name[0] != "_" and "_made" in self.__dict__:
            raise AttributeError(f"{name}: a {type(self).__name__.lower()} cannot be changed")
        object.__setattr__(self, name, value)


class Result(Fixed):
    """What a call gives. Fields of the JSON are attributes; ``help(loci)`` lists what each kind adds."""

    headline = ""  # of its fields, in one line
    _owner: native.Owner | None = None

    def __init__(self, owner: native.Owner | None, data: Mapping[str, Any] | None = None, table: str = "") -> None:
        self._data: Fields | None = data if data is None or isinstance(data, Fields) else read_json(json.dumps(data))
        self._owner, self._table, self._made = owner, table, True
        self._arrays: dict[str, Array] = {}
        self._pointer = owner.pointer if owner else 0

    # ---- text and files

    @property
    def _told(self) -> Fields:
        if self._data is None:
            self._data = read_json(native.text("loci_json", self._pointer))
        return self._data

    def to_dict(self) -> dict[str, Any]:
        """Exactly the JSON of the command line (docs/FORMATS.md): a copy, to do with as one likes."""
        return dict(json.loads(json.dumps(self._told)))

    command = said("", lambda d: str(d.get("command") or ""))  # that makes it again; "" where none can

    def save(self, path: str | os.PathLike[str], metric: str = "p", *, width: float = 0, dpi: int = 0,
             bare: bool = False, scale: float = 0) -> None:
        """Writes .json .csv .npz .safetensors .png .svg .pdf .html .edit, as far as this kind has them. Of a picture:
        ``width`` in inches, ``dpi``, ``bare`` of the words around it, ``scale``: the end of colours and axes."""
        if self._owner is not None:
            number = native.number_of(4, metric)
            native.result_write(self._pointer, path, number, width=width, dpi=dpi, bare=bare, scale=scale)
        elif str(path).endswith(".json"):
            Path(path).write_text(json.dumps(self._told, ensure_ascii=False) + "\n", encoding="utf-8")
        elif str(path).endswith(".csv") and self._table:
            Path(path).write_text(self._table, encoding="utf-8")
        else:
            raise RequestError(f"{path}: a result that was loaded writes .json, and .csv if it was pickled")

    def _written(self, ending: str) -> bytes:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / f"r{ending}"
            self.save(path)
            return path.read_bytes()

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self._written(".csv").decode())))

    def to_pandas(self) -> Any:
        """The rows of the CSV file as a data frame: numbers as numbers, an empty field as NaN."""
        return table_of(self._written(".csv").decode())

    # ---- arrays

    def array(self, path: str) -> Array:
        """The array at a path of the JSON, such as "grids.0.ie"; a read-only view of shape and dtype as in loci.h."""
        if path not in self._arrays:
            found = None if self._owner is None else native.column(self._owner, path)
            self._arrays[path] = self._from_json(path) if found is None else found
        return self._arrays[path]

    def _from_json(self, path: str) -> Array:
        try:
            out = np.array(said := at(self._told, path))
        except (KeyError, IndexError, ValueError, TypeError):
            raise RequestError(f'"{path}" is no column of this result') from None
        if out.dtype == object and not any(isinstance(x, str) for x in out.flat):
            out = np.array(said, dtype=np.float64)
        out.flags.writeable = False
        return out

    # ---- what is seen

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._told, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._told]

    def __str__(self) -> str:
        """The command line's text, of a kind that has one."""
        if self._owner is not None:
            with contextlib.suppress(Error):  # a kind that is not drawn
                return native.result_draw(self._pointer, 100, 0)
        return repr(self)

    def __repr__(self) -> str:
        return f"<loci {type(self).__name__}: {self._says()}>"

    def _says(self) -> str:
        try:
            return (self.headline or HEADLINES[self._told["format"][5:-2]]).format_map(self._told)
        except (KeyError, IndexError, AttributeError, TypeError, ValueError):  # a number is null, a list is empty
            return str(self._told.get("format", ""))

    def show(self) -> Page:
        """Opens the page of ``loci serve`` in a browser, at the question that this result is of."""
        asked = self._told.get("request") or {}
        if not asked.get("question") or asked.get("pixels"):
            raise RequestError("show() opens the page at a question about a picture in a file, or about none")
        names = {"question": "-q", "image": "-i", "constraints": "-c", "corrupt": "--corrupt", "window": "--window"}
        given = [(names[k], x) for k in names for x in np.ravel(asked.get(k) or []).tolist()]
        return Page("-m", str(self.model.path), *(str(x) for pair in given for x in pair))

    # In base64; "" of a kind without a picture.
    def _picture(self, ending: str) -> str:
        with contextlib.suppress(Error):
            return base64.b64encode(self._written(ending)).decode() if self._owner else ""
        return ""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": str(self)}
        kind, code = "image/png", self._picture(".png")
        if code and 2 * len(code) < MOST_HTML:  # once for those that show no HTML
            bundle[kind] = code
        if len(code) >= MOST_HTML - 10_000:  # drawn lines may take less than their pixels
            kind, code = "image/svg+xml", self._picture(".svg")
        if 0 < len(code) < MOST_HTML - 10_000:
            alt = html.escape(self._says(), quote=True)
            bundle["text/html"] = f'<p>{alt}</p><img alt="{alt}" src="data:{kind};base64,{code}">'
        return bundle

    # ---- elsewhere

    def __reduce__(self) -> tuple[Any, ...]:
        table = self._table
        if self._owner is not None:
            with contextlib.suppress(Error):
                table = self._written(".csv").decode()
        return type(self), (None, self._told, table)


def table_of(text: str) -> Any:
    """A data frame of a table in CSV."""
    import pandas

    names = text.split("\n", 1)[0].strip().split(",")
    texts = [n for n in names if n in TEXTS or n.startswith("top")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # to pandas 4 the way in which numbers are read is old
        return pandas.read_csv(io.StringIO(text), dtype=dict.fromkeys(texts, str), float_precision="round_trip",
                               keep_default_na=False, na_values={n: [""] for n in names if n not in texts})


R = TypeVar("R", bound=Result)


def warn(result: R) -> R:
    """Notes of a result become warnings, once each."""
    for note in result._told.get("notes") or []:
        warnings.warn(note, Warning, stacklevel=5)
    return result


def program() -> Path:
    """The command-line program ``loci`` that lies beside the library."""
    if not (found := native.LIBRARY.with_name("loci")).is_file():
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

"""Results: what was measured, with named numbers as arrays, as JSON, as tables, as pictures.

A result is what the C library made, or, once loaded or unpickled, the JSON of it. Attributes are the fields of
docs/FORMATS.md; arrays are read-only views of the library's memory, which stays as long as they do.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import html
import io
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from . import _native as native
from ._errors import Error, ImageError, RequestError, Warning

__all__ = [
    "Answer", "Average", "Candidate", "Comparison", "Edit", "Flow", "Grid", "Knockout", "Lens", "Outcome",
    "Prediction", "Result", "Token", "Trace", "compare", "load",
]  # fmt: skip
Array = native.Array
MOST_HTML = 150_000  # bytes of a cell's output
TEXTS = ("id", "token", "answer", "expected", "question", "quantity", "place", "role", "site")  # columns of tables


class Fields(dict[str, Any]):
    """A JSON object whose members are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return _wrap(self[name])
        except KeyError:
            raise AttributeError(f"no field {name!r}; there are {', '.join(self)}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]


def _wrap(value: Any) -> Any:
    if isinstance(value, dict):
        return Fields(value)
    return [_wrap(v) for v in value] if isinstance(value, list) else value


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


def _candidates(items: list[dict[str, Any]]) -> tuple[Candidate, ...]:
    return tuple(Candidate(c["id"], c["text"], c["p"]) for c in items)


def _outcome(o: Mapping[str, Any]) -> Outcome:
    numbers = (o.get(k, 0.0) for k in ("p", "logp", "logit_diff", "kl"))
    p, logp, diff, kl = (float("nan") if x is None else x for x in numbers)
    return Outcome(p, logp, diff, kl, _candidates(o["top"]))


def tokens_of(d: Mapping[str, Any]) -> tuple[Token, ...]:
    return tuple(Token(t["pos"], t["id"], t["text"], t["role"], tuple(t["bytes"])) for t in d["prompt"]["tokens"])


class Result:
    """What a call gives. Fields of the JSON are attributes; ``help(loci)`` lists what each kind adds."""

    _owner: native.Owner | None = None
    _pointer = 0

    def __init__(self, owner: native.Owner | None, data: dict[str, Any] | None = None, table: str = "") -> None:
        self._owner, self._data, self._table = owner, data, table
        self._arrays: dict[str, Any] = {}
        if owner is not None:
            self._pointer = owner.pointer

    # ---- text and files

    def to_dict(self) -> dict[str, Any]:
        """Exactly the JSON of the command line (docs/FORMATS.md)."""
        if self._data is None:
            self._data = json.loads(native.result_json(self._pointer))
        return self._data

    @property
    def command(self) -> str:
        """The command line that makes this result again; "" where none can."""
        return self.to_dict().get("command") or ""

    def save(self, path: str | os.PathLike[str], metric: str = "p", *, width: float = 0, dpi: int = 0,
             bare: bool = False, scale: float = 0) -> None:
        """Writes .json .csv .npz .safetensors .png .svg .pdf .html .edit, as far as this kind has them. Of a picture:
        ``width`` in inches, ``dpi``, ``bare`` of the words around it, ``scale``: the end of colours and axes."""
        if self._owner is not None:
            native.result_write(self._pointer, path, _metric(metric), width=width, dpi=dpi, bare=bare, scale=scale)
        elif str(path).endswith(".json"):
            Path(path).write_text(json.dumps(self.to_dict(), ensure_ascii=False) + "\n", encoding="utf-8")
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
        """The rows of the CSV file."""
        return list(csv.DictReader(io.StringIO(self._csv())))

    def to_pandas(self) -> Any:
        """The rows of the CSV file as a data frame: numbers as numbers, an empty field as NaN."""
        return table_of(self._csv())

    def _csv(self) -> str:
        return self._table if self._owner is None and self._table else self._written(".csv").decode()

    # ---- arrays

    def array(self, path: str) -> Array:
        """The array at a path of the JSON, such as "grids.0.ie"; a read-only view of shape and dtype as in loci.h."""
        if path not in self._arrays:
            owner = self._owner
            self._arrays[path] = self._from_json(path) if owner is None else native.column(owner, path)
        found: Array = self._arrays[path]
        return found

    def _from_json(self, path: str) -> Array:
        at: Any = self.to_dict()
        for step in path.split("."):
            try:
                at = at[int(step)] if isinstance(at, list) else at[step]
            except (KeyError, IndexError, ValueError):
                raise RequestError(f'"{path}" is no column of this result') from None
        out = np.array(at)
        out = np.array(at, dtype=np.float64) if out.dtype == object else out
        out.flags.writeable = False
        return out

    # ---- what is seen

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(Fields(self.to_dict()), name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.to_dict()]

    def __str__(self) -> str:
        """The command line's text, of a kind that has one."""
        if self._owner is not None:
            with contextlib.suppress(Error):  # a kind that is not drawn
                return native.result_draw(self._pointer, 100, 0)
        return repr(self)

    def __repr__(self) -> str:
        return f"<loci {type(self).__name__}: {self._headline()}>"

    def _headline(self) -> str:
        return str(self.to_dict().get("format", ""))

    def show(self) -> None:
        """Prints the command line's text."""
        print(self)

    def _summary(self) -> list[tuple[str, str]]:
        return []

    def _picture(self, ending: str) -> str:
        """In base64; "" of a kind without a picture."""
        with contextlib.suppress(Error):
            return base64.b64encode(self._written(ending)).decode() if self._owner else ""
        return ""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": str(self)}
        rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in self._summary())
        kind, code = "image/png", self._picture(".png")
        if code and 2 * len(code) < MOST_HTML:  # once for those that show no HTML
            bundle[kind] = code
        if len(code) >= MOST_HTML - 10_000:  # drawn lines may take less than their pixels
            kind, code = "image/svg+xml", self._picture(".svg")
        if 0 < len(code) < MOST_HTML - 10_000:
            alt = html.escape(self._headline(), quote=True)
            rows += f'<tr><td colspan="2"><img alt="{alt}" src="data:{kind};base64,{code}"></td></tr>'
        return {**bundle, "text/html": f"<table>{rows}</table>"} if rows else bundle

    # ---- elsewhere

    def __reduce__(self) -> tuple[Any, ...]:
        table = self._table
        if self._owner is not None:
            with contextlib.suppress(Error):
                table = self._written(".csv").decode()
        return type(self), (None, self.to_dict(), table)


def table_of(text: str) -> Any:
    """A data frame of a table in CSV."""
    import pandas

    names = text.split("\n", 1)[0].strip().split(",")
    texts = [n for n in names if n in TEXTS or n.startswith("top")]
    return pandas.read_csv(io.StringIO(text), dtype=dict.fromkeys(texts, str), float_precision="round_trip",
                           keep_default_na=False, na_values={n: [""] for n in names if n not in texts})


def _metric(name: str) -> int:
    if name not in (names := native.names(4)):
        raise RequestError(f"no metric {name!r}: there are {', '.join(names)}")
    return names.index(name)


def warn(result: R) -> R:
    """Notes of a result become warnings, once each."""
    for note in result.to_dict().get("notes") or []:
        warnings.warn(note, Warning, stacklevel=5)
    return result


R = TypeVar("R", bound=Result)


def _view(path: str) -> Any:
    """An attribute that is the array of this path."""
    return property(lambda self: self.array(path))


class Answer(Result):
    """A greedy answer: ``text``, ``p`` of its first token, ``top`` of its first step, ``steps``."""

    @property
    def text(self) -> str:
        return str(self.to_dict()["answer"])

    @property
    def p(self) -> float:
        return self.top[0].p

    @property
    def top(self) -> tuple[Candidate, ...]:
        return _candidates(self.to_dict()["steps"][0]["top"])

    def _headline(self) -> str:
        return f"{self.text!r}, p {self.p:.3f}"

    def _summary(self) -> list[tuple[str, str]]:
        return [("answer", self.text)] + [(c.text, f"{c.p:.4f}") for c in self.top]


class Grid:
    """Numbers of one site, window and direction over layers and positions (or groups), perhaps heads.

    ``p logp logit_diff kl ie restoration skipped`` (and ``exact estimate_p ...`` of a screening) are arrays of
    ``shape`` (layers, positions[, heads]), float64 or bool, read-only views. ``dims`` names their axes, ``layers``
    and ``positions`` or ``groups`` say what stands where.
    """

    def __init__(self, trace: Trace, number: int, said: Mapping[str, Any]) -> None:
        self._trace, self._number, self._said = trace, number, said
        self.site: str = said["site"]
        self.window: int = said["window"]
        self.direction: str = said["direction"]
        self.layers: list[int] = said["layers"]
        self.positions: list[int] | None = said["positions"]
        self.groups: list[str] | None = said["groups"]
        self.columns: list[Any] = self.groups or self.positions or []
        self.dims = ("layer", "group" if self.groups else "position") + (("head",) if said.get("heads") else ())
        self.metrics = [k for k, v in said.items() if isinstance(v, list) and v and isinstance(v[0], list)]

    def __getattr__(self, name: str) -> Array:
        if name.startswith("_") or name not in self.metrics:
            raise AttributeError(f"a grid has {', '.join(self.metrics)}, not {name!r}")
        return self._trace.array(f"grids.{self._number}.{name}")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.ie.shape

    @property
    def position_tokens(self) -> list[str]:
        """The token of every column, or the group's name."""
        if self.positions is None:
            return list(self.groups or [])
        return [self._trace.tokens[p].text for p in self.positions]

    def sel(self, layer: int | None = None, position: int | str | None = None, head: int | None = None) -> Fields:
        """Every metric at a layer and a position (or group), by their own numbers; negative from the end."""
        at: list[Any] = [slice(None)] * len(self.dims)
        if layer is not None:
            at[0] = self._find(layer, self.layers, "layer")
        if position is not None:
            at[1] = self._find(position, self.columns, self.dims[1])
        if head is not None:
            at[2] = head
        return Fields({m: getattr(self, m)[tuple(at)] for m in self.metrics})

    def _find(self, wanted: int | str, there: list[Any], what: str) -> int:
        if wanted in there:
            return there.index(wanted)
        if isinstance(wanted, int) and -len(there) <= wanted < 0:
            return wanted
        raise RequestError(f"{what} {wanted!r} is not in this grid: {what}s are {there}")

    def strongest(self, n: int = 5) -> list[tuple[int, int | str, float]]:
        """The n cells with the largest indirect effect: layer, position or group, effect."""
        flat = np.fmax.reduce(self.ie.reshape(len(self.layers), len(self.columns), -1), axis=2)
        order = np.argsort(-np.nan_to_num(flat, nan=-np.inf), axis=None, kind="stable")[:n]
        at = [np.unravel_index(i, flat.shape) for i in order]
        return [(self.layers[int(a)], self.columns[int(b)], float(flat[a, b])) for a, b in at]

    def __repr__(self) -> str:
        kind = f"{self.site}, window {self.window}, {self.direction}"
        return f"<loci Grid: {kind}, {' x '.join(self.dims)} {self.shape}>"

    def plot(self, ax: Any = None, metric: str = "ie") -> Any:
        """A heat map, layers to the right; returns the matplotlib Axes."""
        ax = _axes(ax)
        values = getattr(self, metric)
        values = values.reshape(*values.shape[:2], -1).max(axis=2).T
        most = float(np.nanmax(np.abs(values))) or 1.0
        image = ax.imshow(values, aspect="auto", cmap=_colours(), vmin=-most, vmax=most)
        ax.set_yticks(range(len(self.position_tokens)), self.position_tokens)
        ax.set_xticks(range(len(self.layers)), [str(x) for x in self.layers])
        ax.set_xlabel("layer")
        ax.set_title(f"{self.site}, window {self.window}")
        ax.figure.colorbar(image, ax=ax, label=metric)
        return ax


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.figure().add_subplot()


def _colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("loci", ["#2166ac", "#f7f7f7", "#e08214"])


class Trace(Result):
    """A causal trace (not nnsight's tracing context): runs with one clean value put back, cell by cell.

    ``clean`` and ``corrupt`` are outcomes, ``te`` the total effect p(clean) - p(corrupt), ``grids`` the numbers;
    ``t["mlp_out"]`` is the site's grid of positions, ``t["mlp_out", 5]`` that of window 5, ``t["mlp_out",
    "groups"]`` that of groups.
    """

    @property
    def clean(self) -> Outcome:
        return _outcome(self.to_dict()["clean"])

    @property
    def corrupt(self) -> Outcome:
        return _outcome(self.to_dict()["corrupt"])

    @property
    def te(self) -> float:
        return float(self.to_dict()["total_effect"])

    @property
    def tokens(self) -> tuple[Token, ...]:
        if "tokens" not in self._arrays:
            self._arrays["tokens"] = tokens_of(self.to_dict())
        found: tuple[Token, ...] = self._arrays["tokens"]
        return found

    @property
    def grids(self) -> list[Grid]:
        return [Grid(self, i, g) for i, g in enumerate(self.to_dict()["grids"])]

    def __getitem__(self, key: str | tuple[str | int, ...]) -> Grid:
        site, *more = (key,) if isinstance(key, str) else key
        groups = "groups" in more
        fits = [g for g in self.grids if g.site == site and (g.groups is not None) == groups]
        if not fits and not groups:
            fits = [g for g in self.grids if g.site == site]
        for m in more:
            if m != "groups":
                fits = [g for g in fits if m in (g.window, g.direction)]
        if not fits:
            raise KeyError(f"no grid {key!r}; there are {', '.join(map(repr, self._ipython_key_completions_()))}")
        return fits[0]

    def _ipython_key_completions_(self) -> list[str]:
        return list(dict.fromkeys(g.site for g in self.grids))

    def __iter__(self) -> Iterator[Grid]:
        return iter(self.grids)

    def to_xarray(self) -> Any:
        """An xarray Dataset: "denoise.mlp_out.w1.ie" and so on, with layers, positions and groups as coordinates."""
        import xarray

        out = {}
        for g in self.grids:
            name = f"{g.direction}.{g.site}.w{g.window}{'.groups' if g.groups else ''}"
            coords = {"layer": g.layers, g.dims[1]: g.columns}
            for m in g.metrics:
                out[f"{name}.{m}"] = xarray.DataArray(getattr(g, m), dims=g.dims, coords=coords)
        return xarray.Dataset(out)

    def plot(self, ax: Any = None, metric: str = "ie") -> Any:
        """The first grid's heat map; returns the matplotlib Axes."""
        return self.grids[0].plot(ax, metric)

    def _headline(self) -> str:
        c, k = self.clean.top[0], self.corrupt.top[0]
        return f"{c.text!r} {self.clean.p:.3f}, corrupted {k.text!r} {self.corrupt.p:.3f}, total effect {self.te:.3f}"

    def _summary(self) -> list[tuple[str, str]]:
        best = [(g, *g.strongest(1)[0]) for g in self.grids]
        rows = [(f"{g.site}, window {g.window}", f"layer {a}, {b}: effect {e:+.3f}") for g, a, b, e in best]
        return [("trace", self._headline()), *rows]


class Flow(Result):
    """Contributions of positions to each other through attention (docs/MATH.md).

    ``paths``: sources, queries, ``profile`` (layers, sources), ``total`` (layers) and so on; ``contribution``,
    ``attention`` (layers, queries, T).
    """

    @property
    def paths(self) -> list[Fields]:
        return [Fields(p) for p in self.to_dict()["summary"]]

    contribution, attention = _view("contribution"), _view("attention")

    @property
    def top_share(self) -> dict[int, float]:
        """Share of the strongest 5 % of the first path's sources, by layer."""
        return dict(zip(self.to_dict()["layers"], self.paths[0]["top_share"], strict=True))

    def image(self, layer: int, path: int = 0, view: int = -1) -> Array:
        """What every patch of a view of the picture gives at a layer: (rows, columns).

        Most models see a picture in one view; of one that is cut into tiles, 0 is the whole and 1 the tiles.
        """
        d, which = self.to_dict(), self.paths[path]
        place = d["prompt"].get("image") or {}
        if which["from"] != "image" or not place:
            raise RequestError(f"the path {which['from']} -> {which['to']} does not begin at a picture")
        if layer not in d["layers"]:
            raise RequestError(f"layer {layer} is not in this flow: layers are {d['layers']}")
        profile = np.asarray(which["profile"][d["layers"].index(layer)])
        grid = place["views"][view]
        if side := grid.get("tile"):  # tile by tile, a row of the whole tile before each
            down, across = grid["rows"] // side, grid["cols"] // side
            tiles = profile[: down * across * (side * side + 1)].reshape(down, across, -1)[:, :, 1:]
            return tiles.reshape(down, across, side, side).swapaxes(1, 2).reshape(grid["rows"], grid["cols"])
        line = grid["cols"] + grid["breaks"]
        rows = profile[grid["first"] : grid["first"] + grid["rows"] * line]
        return rows.reshape(grid["rows"], line)[:, : grid["cols"]]

    def overlay(self, layer: int, path: int = 0, image: Any = None) -> Array:
        """The picture as the model sees it, with `image` of the layer laid over it: (height, width, 3) uint8.
        ``image``: the picture, where it was given as an array. Needs Pillow."""
        d = self.to_dict()
        named = d["request"].get("image") if image is None else image
        if named is None or (image is None and d["request"].get("pixels")):
            raise RequestError("overlay needs image=, the picture that the question was asked with")
        views = len((d["prompt"].get("image") or {}).get("views", [])) or 1
        seen = _seen(d["model"]["path"], named) if views == 1 else _decoded(named)
        heat = self._heat(layer, path, views, seen.shape[:2])
        share = 0.8 * (heat / (heat.max() or 1.0)).clip(0, 1)[:, :, None]
        mixed: Array = (seen * (1 - share) + np.array([224, 130, 20]) * share).astype(np.uint8)
        return mixed

    def _heat(self, layer: int, path: int, views: int, shape: tuple[int, ...]) -> Array:
        """What is given at each pixel: of several views, which all cover the picture, the sum, every number as much as
        there is of it on a cell of the last."""
        heat, last = np.zeros(shape), self.image(layer, path).size
        for view in range(views):
            cells = self.image(layer, path, view)
            if cells.size:
                rows, columns = (np.arange(n) * m // n for n, m in zip(shape, cells.shape, strict=True))
                heat += cells[rows][:, columns] * (cells.size / (last or cells.size))
        return heat

    def _headline(self) -> str:
        ends = [f"{p['from']} -> {p['to']} most in layer {int(np.argmax(p['total']))}" for p in self.paths]
        return ", ".join(ends)


def _decoded(image: Any) -> Array:
    """The picture itself, enlarged to 256 pixels or more: tiles show it whole."""
    from PIL import Image

    if isinstance(image, (str, os.PathLike)):
        with Image.open(image) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    else:
        pixels = np.asarray(image)
    more = -(-256 // min(pixels.shape[:2]))
    return pixels.repeat(more, axis=0).repeat(more, axis=1)


def _seen(model: str, image: Any) -> Array:
    """A picture after resizing and cropping, enlarged to 256 pixels or more."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as place:
        given, out = Path(place) / "given.png", Path(place) / "seen.png"
        if not isinstance(image, (str, os.PathLike)):
            (image if hasattr(image, "save") else Image.fromarray(np.asarray(image))).save(given)
            image = given
        asked = (native.path_bytes(model), native.path_bytes(image), 0)
        read = native.made("loci_image_read", ImageError, *asked)  # kept until it is written
        native.result_write(read.pointer, out)
        with Image.open(out) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    more = -(-256 // min(pixels.shape[:2]))
    return pixels.repeat(more, axis=0).repeat(more, axis=1)


class Lens(Result):
    """What every layer would answer: ``p``, ``logp``, ``rank`` of the target, (positions, layers); ``top`` words."""

    p, logp, rank = _view("p_target"), _view("logp_target"), _view("rank")

    def _headline(self) -> str:
        return f"{self.to_dict()['target']['text']!r} at positions {self.to_dict()['positions']}"


class Knockout(Result):
    """p of the answer with attention cut: ``pathways`` with ``layers``, ``p``, ``logp``, ``logit_diff``, ``kl``."""

    def plot(self, ax: Any = None, metric: str = "p") -> Any:
        """Lines over the centres; returns the matplotlib Axes."""
        ax = _axes(ax)
        for p in self.to_dict()["pathways"]:
            ax.plot(p["layers"], p[metric], marker=".", label=f"{p['from']} -> {p['to']}")
        ax.axhline(self.to_dict()["clean"].get(metric, 0.0), color="grey", linestyle=":")
        ax.set(xlabel="layer", ylabel=metric)
        ax.legend()
        return ax

    def _headline(self) -> str:
        ends = [f"{p['from']} -> {p['to']} down to {min(p['p']):.3f}" for p in self.to_dict()["pathways"]]
        return f"p {self.to_dict()['clean']['p']:.3f}; " + ", ".join(ends)


class Edit(Result):
    """A change of one matrix that brings a new answer; ``save("f.edit")`` keeps it, ``model.edited(e)`` applies it."""

    def _headline(self) -> str:
        d = self.to_dict()
        return f"{d['method']}, layer {d['layer']}, rank {d['update']['rank']}, norm {d['update']['norm']:.4g}"


class Prediction(Result):
    """How well scores tell right answers from wrong ones; ``auroc`` by the score's name."""

    @property
    def auroc(self) -> dict[str, Fields]:
        return {p["name"]: Fields(p["auroc"]) for p in self.to_dict()["predictors"]}


class Average(Result):
    """Means over examples with intervals: ``numbers``, ``charts`` of ``curves``; ``chart("mlp_out")`` is one."""

    def chart(self, name: str) -> Fields:
        for c in self.to_dict()["charts"]:
            if name in c["name"]:
                return Fields(c)
        raise KeyError(f"no chart {name!r}; there are {[c['name'] for c in self.to_dict()['charts']]}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces of the same sites: ``spearman`` rank correlation of their effects, ``largest`` difference, cells."""

    spearman: float
    largest: float
    cells: int


def _ranks(x: Array) -> Array:
    """Ranks from 1, ties at their mean."""
    _, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    mean: Array = (np.cumsum(counts) - (counts - 1) / 2.0)[where.reshape(-1)]
    return mean


def _cells(t: Trace, metric: str) -> dict[tuple[Any, ...], Array]:
    """Every cell's value (or those of its heads), by what it is of."""
    out = {}
    for g in t.grids:
        for i, layer in enumerate(g.layers):
            for k, column in enumerate(g.columns):
                out[g.site, g.window, g.direction, g.dims, layer, column] = np.ravel(getattr(g, metric)[i, k])
    return out


def compare(a: Trace, b: Trace, metric: str = "ie") -> Comparison:
    """Compares the cells that both traces have: same site, window, direction, layer, and position or group."""
    ours, theirs = _cells(a, metric), _cells(b, metric)
    both = [k for k in ours if k in theirs]
    if not both:
        raise RequestError("the traces have no cell in common")
    u, v = (np.concatenate([cells[k] for k in both]) for cells in (ours, theirs))
    spread = np.ptp(u) > 0 and np.ptp(v) > 0
    rho = float(np.corrcoef(_ranks(u), _ranks(v))[0, 1]) if spread else float("nan")
    return Comparison(rho, float(np.max(np.abs(u - v))), len(u))


KINDS: dict[str, Callable[..., Result]] = {
    "loci.ask": Answer, "loci.trace": Trace, "loci.flow": Flow, "loci.lens": Lens, "loci.knockout": Knockout,
    "loci.edit": Edit, "loci.predict": Prediction,
}  # fmt: skip


def load(path: str | os.PathLike[str]) -> Any:
    """Reads what ``save`` wrote, without a model: .json a result, .edit an edit, .npz .safetensors a dict of arrays."""
    path = Path(path)
    if path.suffix == ".edit":
        return Edit(native.read_edit(path))
    if path.suffix == ".npz":
        with np.load(path) as f:  # how it was made is an array there, metadata in safetensors
            return {k: f[k] for k in f if k not in ("request", "command")}
    if path.suffix == ".safetensors":
        return _safetensors(path.read_bytes())
    data = json.loads(path.read_text(encoding="utf-8"))
    kind = str(data.get("format", "")).partition("/")[0] if isinstance(data, dict) else ""
    if not kind.startswith("loci."):
        raise RequestError(f"{path}: no result of loci: its format is {kind or 'missing'}")
    return KINDS.get(kind, Average if kind.startswith("loci.study.") else Result)(None, data)


def _safetensors(raw: bytes) -> dict[str, Array]:
    size = int.from_bytes(raw[:8], "little")
    types = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}
    out = {}
    for name, t in json.loads(raw[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            data = raw[8 + size + begin : 8 + size + end]
            out[name] = np.frombuffer(data, types[t["dtype"]]).reshape(t["shape"])
    return out

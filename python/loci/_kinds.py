"""What each kind of result adds: answers, traces and their grids, flows, lenses, knockouts, edits, averages."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import _native as native
from ._errors import Error, RequestError
from ._results import Array, Fields, Fixed, Result, candidates, outcome, read_json, said, tokens_of

__all__ = ["Answer", "Average", "Comparison", "Edit", "Flow", "Grid", "Knockout", "Lens", "Prediction", "Trace",
           "compare", "load"]


# An attribute that is the array of this path.
def _view(path: str) -> Any:
    return property(lambda self: self.array(path), doc=f'the array "{path}"')


class Answer(Result):
    """A greedy answer: ``text``, ``p`` of its first token, ``top`` of its first step, ``steps``."""

    headline = "{answer!r}, p {steps[0].top[0].p:.3f}"
    text, p, top = said("answer", str), said("steps.0.top.0.p", float), said("steps.0.top", candidates)


class Grid(Fixed):
    """Numbers of one site, window and direction over layers and positions (or groups), perhaps heads.

    ``p logp logit_diff kl ie restoration restoration_logit_diff skipped`` (and ``exact estimate_p ...`` of a screening)
    are arrays of ``shape`` (layers, positions[, heads]), float64 or bool, read-only views; ``dims`` names their axes.
    """

    def __init__(self, trace: Trace, number: int, told: Fields) -> None:
        self._trace, self._number = trace, number
        self.site, self.window, self.direction = str(told["site"]), int(told["window"]), str(told["direction"])
        self.layers: tuple[int, ...] = told["layers"]
        self.positions: tuple[int, ...] | None = told["positions"]
        self.groups: tuple[str, ...] | None = told["groups"]
        self.columns: tuple[Any, ...] = self.groups or self.positions or ()
        self.dims = ("layer", "group" if self.groups else "position") + (("head",) if told.get("heads") else ())
        self.metrics = tuple(k for k, v in told.items() if isinstance(v, tuple) and v and isinstance(v[0], tuple))
        self._made = True

    def __getattr__(self, name: str) -> Array:
        if name.startswith("_") or name not in self.metrics:
            raise AttributeError(f"a grid has {', '.join(self.metrics)}, not {name!r}")
        return self._trace.array(f"grids.{self._number}.{name}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.metrics]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.ie.shape

    @property
    def position_tokens(self) -> list[str]:
        """The token of every column, or the group's name."""
        return list(self.groups or (self._trace.tokens[p].text for p in self.positions or ()))

    def sel(self, layer: int | None = None, position: int | str | None = None, head: int | None = None) -> Fields:
        """Every metric at a layer and a position (or group), by their own numbers; negative from the end."""
        heads = tuple(range(self.shape[2])) if len(self.dims) > 2 else ()
        asked = zip(self.dims, (layer, position, head), (self.layers, self.columns, heads), strict=False)
        where = tuple(slice(None) if x is None else _place(x, there, what) for what, x, there in asked)
        return Fields({m: getattr(self, m)[where] for m in self.metrics})

    def strongest(self, n: int = 5) -> list[tuple[int, int | str, float]]:
        """Cells with the largest indirect effect."""
        flat = np.fmax.reduce(self.ie.reshape(len(self.layers), len(self.columns), -1), axis=2)
        order = np.argsort(-np.nan_to_num(flat, nan=-np.inf), axis=None, kind="stable")[:n]
        at = [np.unravel_index(i, flat.shape) for i in order]
        return [(self.layers[int(a)], self.columns[int(b)], float(flat[a, b])) for a, b in at]

    def __repr__(self) -> str:
        kind = f"{self.site}, window {self.window}, {self.direction}"
        return f"<loci Grid: {kind}, {' x '.join(self.dims)} {self.shape}>"

    def plot(self, ax: Any = None, metric: str = "ie") -> Any:
        """A heat map, layers to the right; returns the matplotlib Axes."""
        from matplotlib.colors import LinearSegmentedColormap

        ax, values = _axes(ax), getattr(self, metric)
        values = values.reshape(*values.shape[:2], -1).max(axis=2).T
        most = float(np.nanmax(np.abs(values))) or 1.0
        colours = LinearSegmentedColormap.from_list("loci", ["#2166ac", "#f7f7f7", "#e08214"])
        image = ax.imshow(values, aspect="auto", cmap=colours, vmin=-most, vmax=most)
        ax.set_yticks(range(len(self.columns)), self.position_tokens)
        ax.set_xticks(range(len(self.layers)), [str(x) for x in self.layers])
        ax.set(xlabel="layer", title=f"{self.site}, window {self.window}")
        ax.figure.colorbar(image, ax=ax, label=metric)
        return ax


def _place(wanted: int | str, there: tuple[Any, ...], what: str) -> int:
    if wanted in there:
        return there.index(wanted)
    if isinstance(wanted, int) and -len(there) <= wanted < 0:
        return wanted
    raise RequestError(f"{what} {wanted!r} is not in this grid: {what}s are {there}")


def _axes(ax: Any) -> Any:
    import matplotlib.pyplot as plt

    return plt.figure().add_subplot() if ax is None else ax


class Trace(Result):
    """A causal trace (not nnsight's tracing context): runs with one clean value put back, cell by cell.

    ``clean`` and ``corrupt`` are outcomes, ``te`` the total effect p(clean) - p(corrupt), ``grids`` the numbers;
    ``t["mlp_out"]`` is the site's grid of positions, ``t["mlp_out", 5]`` that of window 5, ``t["mlp_out",
    "groups"]`` that of groups."""

    headline = ("{clean.top[0].text!r} {clean.p:.3f}, corrupted {corrupt.top[0].text!r} {corrupt.p:.3f}, "
                "total effect {total_effect:.3f}")
    clean, corrupt, te = said("clean", outcome), said("corrupt", outcome), said("total_effect", float)
    tokens = said("", tokens_of)

    @property
    def grids(self) -> list[Grid]:
        return [Grid(self, i, g) for i, g in enumerate(self._told["grids"])]

    def __getitem__(self, key: str | tuple[str | int, ...]) -> Grid:
        site, *more = (key,) if isinstance(key, str) else key
        of_groups = "groups" in more
        fits = [g for g in self.grids if g.site == site and all(m in (g.window, g.direction, "groups") for m in more)]
        fits.sort(key=lambda g: (g.groups is not None) != of_groups)
        if not fits or (of_groups and fits[0].groups is None):
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
            coords = {"layer": list(g.layers), g.dims[1]: list(g.columns)}
            for m in g.metrics:
                out[f"{name}.{m}"] = xarray.DataArray(getattr(g, m), dims=g.dims, coords=coords)
        return xarray.Dataset(out)

    def plot(self, ax: Any = None, metric: str = "ie") -> Any:
        return self.grids[0].plot(ax, metric)


class Flow(Result):
    """Contributions of positions to each other through attention (docs/MATH.md).

    ``paths``: sources, queries, ``profile`` (layers, sources), ``total`` (layers) and so on; ``contribution``,
    ``attention`` (layers, queries, T); ``top_share``: share of the strongest 5 % of the first path's sources, by layer.
    """

    paths = said("summary", list[Fields])
    contribution, attention = _view("contribution"), _view("attention")
    top_share = said("", lambda d: dict[int, float](zip(d["layers"], d["summary"][0]["top_share"], strict=True)))

    def _says(self) -> str:
        layers = self._told["layers"]
        most = [f"{p['from']} -> {p.to} most in layer {layers[int(np.argmax(p.total))]}" for p in self.paths]
        return ", ".join(most)

    def image(self, layer: int, path: int = 0, view: int = -1) -> Array:
        """What every patch of a view of the picture gives at a layer: (rows, columns).

        Most models see a picture in one view; of one that is cut into tiles, 0 is the whole and 1 the tiles."""
        d, which = self._told, self.paths[path]
        place = d["prompt"].get("image")
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

    def overlay(self, layer: int, path: int = 0) -> Array:
        """The picture as the model sees it, enlarged to 256 pixels or more, with `image` of the layer laid over it:
        (height, width, 3) uint8."""
        if self._owner is None:
            raise RequestError("overlay: a flow that was loaded has no picture any more")
        last = self.image(layer, path)
        seen = 255 * self.array("pixels").transpose(1, 2, 0)
        more = -(-256 // min(seen.shape[:2]))
        seen = seen.repeat(more, axis=0).repeat(more, axis=1)
        heat = np.zeros(seen.shape[:2])
        views = self._told["prompt"]["image"]["views"]
        for view in range(len(views)):  # which all cover the picture: of each as much as there is on a cell of the last
            if (cells := self.image(layer, path, view)).size:
                rows, columns = (np.arange(heat.shape[i]) * cells.shape[i] // heat.shape[i] for i in (0, 1))
                heat += cells[rows][:, columns] * (cells.size / (last.size or cells.size))
        share = 0.8 * (heat / (heat.max() or 1.0)).clip(0, 1)[:, :, None]
        mixed: Array = (seen * (1 - share) + np.array([224, 130, 20]) * share).astype(np.uint8)
        return mixed


class Lens(Result):
    """What every layer would answer: ``p``, ``logp``, ``rank`` of the target, (positions, layers); ``top`` words."""

    headline = "{target.text!r} at positions {positions}"
    p, logp, rank = _view("p_target"), _view("logp_target"), _view("rank")


class Knockout(Result):
    """p of the answer with attention cut: ``pathways`` with ``layers``, ``p``, ``logp``, ``logit_diff``, ``kl``."""

    headline = "{target.text!r} p {clean.p:.3f}, with attention cut in windows of {pathways[0].window}"

    def plot(self, ax: Any = None, metric: str = "p") -> Any:
        """Lines over the centres; returns the matplotlib Axes."""
        ax = _axes(ax)
        for p in self._told["pathways"]:
            ax.plot(p["layers"], p[metric], marker=".", label=f"{p['from']} -> {p['to']}")
        ax.axhline(self._told["clean"].get(metric, 0.0), color="grey", linestyle=":")
        ax.set(xlabel="layer", ylabel=metric)
        ax.legend()
        return ax


class Edit(Result):
    """A change of one matrix that brings a new answer; ``save("f.edit")`` keeps it, ``model.edited(e)`` applies it."""

    headline = "{method}, layer {layer}, rank {update.rank}, norm {update.norm:.4g}"


class Prediction(Result):
    """How well scores tell right answers from wrong ones; ``auroc`` by the score's name, of too few answers none."""

    headline = "{all.right} right, {all.wrong} wrong of {sample.used} answers"
    auroc = said("scores", lambda all: {s.name: s.auroc for s in all})


class Average(Result):
    """Means over examples with intervals: ``numbers``, ``charts`` of ``curves``; ``chart("mlp_out")`` is one."""

    headline = "{title}, {sample.used} examples"

    def chart(self, name: str) -> Fields:
        charts: dict[str, Fields] = {c["name"]: c for c in self._told["charts"]}
        if not (found := [c for c in charts if name in c]):
            raise KeyError(f"no chart {name!r}; there are {list(charts)}")
        return charts[found[0]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces of the same sites: ``spearman`` rank correlation of their effects, ``largest`` difference, cells."""

    spearman: float
    largest: float
    cells: int


# Ranks from 1, ties at their mean.
def _ranks(x: Array) -> Array:
    _, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    mean: Array = (np.cumsum(counts) - (counts - 1) / 2.0)[where.reshape(-1)]
    return mean


def compare(a: Trace, b: Trace, metric: str = "ie") -> Comparison:
    """Compares the cells that both traces have: same site, window, direction, layer, and position or group."""
    ours, theirs = ({(g.site, g.window, g.direction, g.dims, layer, column): np.ravel(getattr(g, metric)[i, k])
                     for g in t.grids for i, layer in enumerate(g.layers) for k, column in enumerate(g.columns)}
                    for t in (a, b))
    both = [k for k in ours if k in theirs]
    if not both:
        raise RequestError("the traces have no cell in common")
    u, v = (np.concatenate([cells[k] for k in both]) for cells in (ours, theirs))
    there = np.isfinite(u) & np.isfinite(v)  # cells of a stopped trace may have no number
    u, v = u[there], v[there]
    spread = len(u) > 1 and np.ptp(u) > 0 and np.ptp(v) > 0
    rho = float(np.corrcoef(_ranks(u), _ranks(v))[0, 1]) if spread else float("nan")
    return Comparison(rho, float(np.max(np.abs(u - v), initial=0.0)), len(u))


KINDS: dict[str, Callable[..., Result]] = {
    f"loci.{k.__name__.lower()}": k for k in (Trace, Flow, Lens, Knockout, Edit)
} | {"loci.ask": Answer, "loci.predict": Prediction}
KINDS |= {f"loci.study.{what}": Average for what in ("trace", "flow", "knockout", "lens", "ask")}


def load(path: str | os.PathLike[str]) -> Any:
    """Reads what ``save`` wrote, without a model: .json a result, .edit an edit, .npz .safetensors a dict of arrays;
    tables and pictures are for others."""
    try:
        return _loaded(Path(path))
    except Exception as e:  # numpy, json and zipfile say this and that of what is none of theirs
        if isinstance(e, (Error, OSError, MemoryError)):
            raise
        raise RequestError(f"{path}: expected a .json, .edit, .npz or .safetensors of save ({e})") from None


def _loaded(path: Path) -> Any:
    if path.suffix == ".edit":
        return Edit(native.read_edit(path))
    if path.suffix == ".npz":
        with np.load(path) as f:  # how it was made is an array there, metadata in safetensors
            return {k: f[k] for k in f if k not in ("request", "command")}
    if path.suffix == ".safetensors":
        return _safetensors(path.read_bytes())
    data = read_json(path.read_text(encoding="utf-8"))
    kind = str(data.get("format", "")).partition("/")[0] if isinstance(data, dict) else ""
    if not kind.startswith("loci."):
        raise RequestError(f"{path}: no result of loci: its format is {kind or 'missing'}")
    return KINDS.get(kind, Result)(None, data)


def _safetensors(raw: bytes) -> dict[str, Array]:
    size = int.from_bytes(raw[:8], "little")
    types = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}
    out = {}
    for name, t in json.loads(raw[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + x for x in t["data_offsets"])
            out[name] = np.frombuffer(raw[begin:end], types[t["dtype"]]).reshape(t["shape"])
    return out

"""Models and questions: what is asked of them, measured in them, and changed in them."""

from __future__ import annotations

import html
import json
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from . import _native as native
from . import _results as results
from . import _work as work
from ._cache import Cache, site_of
from ._errors import CancelledError, EditError, Error, MemoryLimitError, ModelError, RequestError, StoreError
from ._names import Site

__all__ = ["Config", "Model", "Question", "Study"]
Sites = Site | str | Sequence[Site | str]
Data = str | os.PathLike[str] | Iterable[Mapping[str, Any]]
LONG = ("progress", "timeout", "cancel")  # keywords of every long call


def size_of(memory: str | int | None) -> int | None:
    """Bytes of "512M", "8G", or of a number."""
    if memory is None or isinstance(memory, int):
        return memory
    digits, unit = memory.strip().upper().removesuffix("IB").removesuffix("B"), 0
    if digits and digits[-1] in "KMGT":
        digits, unit = digits[:-1], 10 * (1 + "KMGT".index(digits[-1]))
    if not digits.isdigit() or int(digits) == 0:
        raise RequestError(f"memory={memory!r}: expected a size such as '512M' or '8G'")
    return int(digits) << unit


@dataclass(frozen=True, slots=True)
class Config:
    """Sizes of a model, named as in TransformerLens."""

    n_layers: int
    d_model: int
    n_heads: int
    n_key_value_heads: int
    d_head: int
    d_mlp: int
    d_vocab: int
    n_ctx: int
    dtype: str
    precision: str


S = TypeVar("S", bound="_Closing")


class _Closing:
    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Question:
    """A picture, a text and the pieces of it that the answer must satisfy, as the model reads them; checked once.

    ``tokens`` is the number of positions, ``sequence`` the positions themselves, ``spans`` the positions of each
    constraint, ``text`` the prompt before the picture's rows are put in.
    """

    def __init__(self, model: Model, image: Any, text: str, constraint: Any = None, **wording: Any) -> None:
        __tracebackhide__ = True
        rgb, name = _pixels(image)
        constraints = [constraint] if isinstance(constraint, str) else list(constraint or [])
        request = {"question": text, "image": name, "constraints": constraints, **wording}
        self.model, self.image, self.question = model, image, text
        self._owner = native.new_prompt(model._handle(), request, rgb)
        self._made_of = (image, text, constraint, wording)
        self.info = json.loads(native.prompt_json(self._owner))

    @property
    def tokens(self) -> int:
        return len(self.info["prompt"]["tokens"])

    @property
    def sequence(self) -> tuple[results.Token, ...]:
        return results.tokens_of(self.info)

    @property
    def spans(self) -> dict[str, range]:
        return {c["text"]: range(c["first"], c["first"] + c["count"]) for c in self.info["constraints"]}

    @property
    def text(self) -> str:
        return str(self.info["prompt"]["text"])

    def __repr__(self) -> str:
        return f"<loci Question: {self.question!r}, {self.tokens} positions, spans {self.spans}>"

    def _repr_html_(self) -> str:
        chips = []
        for t in self.sequence:
            if t.role != "image":
                bold = "font-weight:bold;" if t.role.startswith("constraint") else ""
                text = html.escape(t.text)
                chips.append(f'<span title="{t.position}: {t.role}" style="{bold}border:1px solid #999;'
                             f'border-radius:3px;padding:0 3px;margin:1px">{text}</span>')
        rows = sum(t.role == "image" for t in self.sequence)
        return f"<div>{f'({rows} image rows) ' if rows else ''}{''.join(chips)}</div>"


def _pixels(image: Any) -> tuple[native.Array | None, str | None]:
    """The pixels of an array or a PIL image, or a path."""
    if image is None or isinstance(image, (str, os.PathLike)):
        return None, None if image is None else os.fspath(image)
    if hasattr(image, "convert"):
        image = np.asarray(image.convert("RGB"))
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image: a path, a PIL image, a uint8 array or None, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image: expected uint8 (height, width, 3), not {image.dtype} {image.shape}")
    return image, None


class Model(_Closing):
    """An opened checkpoint; `loci.open` makes it. It stays until its last result is gone, ``close()`` or not.

    Every measurement takes a `Question`, or an image and a text with ``constraint=``, and the options of its
    command as keywords (``loci help trace``), and ``progress=``, ``timeout=`` (seconds) and ``cancel=`` (an Event).
    """

    def __init__(self, name: str | os.PathLike[str], request: Mapping[str, Any]) -> None:
        __tracebackhide__ = True
        self._options = os.fspath(name), {k: v for k, v in request.items() if v is not None}
        self._memory = size_of(request.get("memory"))
        asked = native.path_bytes(name), native.json_bytes(request)
        self._owner: native.Owner | None = native.made("loci_call_model", ModelError, *asked, free="loci_model_close")
        self._tokenizer: native.Owner | None = None
        self._edits: list[results.Edit] = []
        d = self._call("info", {"hash": False}, results.Result).to_dict()
        self.path: str = d["path"]
        self.family: str = d["family"]
        self.cfg = Config(d["layers"], d["width"], d["heads"], d["kv_heads"], d["head_dim"], d["inner"], d["vocab"],
                          d["max_positions"], d["dtype"], d["precision"])
        self.sees = bool(d["image_rows"])

    # ---- lifetime

    def _handle(self) -> native.Owner:
        if self._owner is None:
            raise Error("this model is closed")
        return self._owner

    def close(self) -> None:
        """Gives the model up; results that still need it keep its memory."""
        self._owner = self._tokenizer = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Model, self._options

    def __repr__(self) -> str:
        c = self.cfg
        edits = f", {len(self._edits)} edits applied" if self._edits else ""
        return f"<loci Model {self.path}: {self.family}, {c.n_layers} layers of {c.d_model}, {c.precision}{edits}>"

    def _call(self, what: str, request: Mapping[str, Any], kind: type[results.R], *, prompts: Sequence[Question] = (),
              edits: Sequence[results.Edit] = (), path: Any = None, store: native.Owner | None = None,
              errors: type[Error] = Error) -> results.R:
        __tracebackhide__ = True
        model, asked = self._handle(), dict(request)
        follow = {k: asked.pop(k) for k in LONG if k in asked}
        if any(q.model is not self for q in prompts):
            raise RequestError("the question was made with another model")
        return kind(work.run(
            lambda monitor: native.call(what, asked, monitor, model=model, prompts=[q._owner for q in prompts],
                                        edits=[owner_of(e) for e in edits], path=path, store=store, kind=errors),
            **follow))

    # ---- text

    def to_tokens(self, text: str, special: bool = True) -> native.Array:
        """Ids of a text: (n,) int32."""
        return results.Result(self._tokens(text, special)).array("ids")

    def to_str_tokens(self, text: str, special: bool = True) -> list[str]:
        return list(results.Result(self._tokens(text, special)).to_dict()["tokens"])

    def to_single_token(self, text: str) -> int:
        ids = self.to_tokens(text, special=False)
        if len(ids) != 1:
            raise RequestError(f"{text!r} is {len(ids)} tokens: {self.to_str_tokens(text, special=False)}")
        return int(ids[0])

    def _tokens(self, text: str, special: bool) -> native.Owner:
        if self._tokenizer is None:
            self._handle()
            self._tokenizer = native.made("loci_tokenizer_open", ModelError, native.path_bytes(self.path),
                                          free="loci_tokenizer_close")
        return native.tokenize(self._tokenizer, text, special)

    # ---- one question

    def question(self, image: Any, text: str, constraint: Any = None, *, template: str | None = None,
                 system: str | None = None, date: str | None = None) -> Question:
        """A picture (path, PIL image, uint8 array (h, w, 3), or None) with a text; ``constraint``: a piece of the
        text, or several."""
        return Question(self, image, text, constraint, template=template, system=system, date=date)

    def _asked(self, asked: tuple[Any, ...], options: dict[str, Any]) -> Question:
        if len(asked) == 1 and isinstance(asked[0], Question):
            return asked[0]
        if len(asked) == 1 and isinstance(asked[0], str):
            asked = (None, asked[0])
        if len(asked) != 2:
            raise TypeError("expected a question, or an image (or None) and a text")
        wording = {k: options.pop(k) for k in ("constraint", "template", "system", "date") if k in options}
        return self.question(*asked, **wording)

    def ask(self, *asked: Any, **options: Any) -> results.Answer:
        """The greedy answer; ``max_new``: tokens at most (20)."""
        q = self._asked(asked, options)
        return self._call("ask", options, results.Answer, prompts=[q])

    def trace(self, *asked: Any, **options: Any) -> results.Trace:
        """A causal trace: restores clean values in a corrupted run, cell by cell. Options: ``corrupt``
        ("replace:Paris", "swap:..", "noise:3", "image-mean", ..), ``site``, ``window``, ``layers``, ``positions``,
        ``direction``, ``answer``, ``method`` ("exact", "screen:50"), ``seeds``, ``seed``, ``noise``, ``only``,
        ``verify``. One that is stopped raises with ``partial``: the trace of the cells that are done, the others NaN
        (None: there is none yet)."""
        __tracebackhide__ = True
        q = self._asked(asked, options)
        try:
            with _noise(options):
                t = self._call("trace", {"partial": True, **options}, results.Trace, prompts=[q])
        except BaseException as e:
            owner = getattr(e, "partial", None)
            e.partial = results.Trace(owner) if owner else None  # type: ignore[attr-defined]
            raise
        if t.to_dict().get("missing"):
            raise CancelledError("stopped", "cancelled", t)
        return results.warn(t)

    def trace_many(self, questions: Iterable[Question], **options: Any) -> Iterator[results.Trace]:
        """Traces of several questions, each as it is done."""
        for q in questions:
            yield self.trace(q, **options)

    def knockout(self, q: Question, pathway: str | Sequence[str] | None = None, **options: Any) -> results.Knockout:
        """p of the answer with attention cut, window by window. ``pathway``: "image->last", or several; ``window``
        (3, or "all"), ``layers``, ``answer``, ``only``."""
        return self._call("knockout", {"pathways": pathway, **options}, results.Knockout, prompts=[q])

    def flow(self, q: Question, pathway: str | None = None, **options: Any) -> results.Flow:
        """What positions give to each other through attention; ``pathway``: "image->last", ``layers``, ``heads``."""
        return results.warn(self._call("flow", {"pathway": pathway, **options}, results.Flow, prompts=[q]))

    def lens(self, q: Question, positions: Any = None, **options: Any) -> results.Lens:
        """What every layer would answer at ``positions`` (numbers, groups, "each"); ``layers``, ``answer``."""
        return self._call("lens", {"positions": positions, **options}, results.Lens, prompts=[q])

    @contextmanager
    def keep(self, q: Question, memory: str | int = "1G", **follow: Any) -> Iterator[Question]:
        """Runs the model over ``q`` and keeps what later measurements have in common, within ``memory``, until the
        block ends: each then computes its own positions alone, with the same numbers to the last bit."""
        def keep(size: int, **follow: Any) -> None:
            asked = q._owner.pointer, size
            work.run(lambda monitor: native.do("loci_prompt_keep", *asked, *native.follow(monitor)), **follow)

        keep(size_of(memory) or 0, **follow)
        try:
            yield q
        finally:
            keep(0)

    # ---- activations

    def run(self, q: Question, sites: Sites = (), layers: Iterable[int] | int | None = None, *,
            patch: Mapping[tuple[Any, ...], Any] | None = None, add: Mapping[tuple[Any, ...], Any] | None = None,
            logits: bool = True, progress: work.Progress = None, timeout: float | None = None,
            cancel: threading.Event | None = None) -> Cache:
        """One forward pass. ``sites`` of ``layers`` (all) are kept in the `Cache`; ``patch`` (replace) and ``add`` map
        (site, layer) or (site, layer, position or range) to values (positions, width), or (width,) of one position."""
        wanted = self._wanted([sites] if isinstance(sites, str) else list(sites), layers, logits)
        self._check_memory(q, wanted)
        of = self._handle(), q._owner
        run = native.made("loci_run_new", Error, *(o.pointer for o in of), needs=of, free="loci_run_free")
        for site, layer in wanted:
            native.do("loci_run_record", run.pointer, native.site_number(site), layer)
        lent = [(self._patch(q, place, values), adds) for changes, adds in ((patch or {}, False), (add or {}, True))
                for place, values in changes.items()]
        for (site, layer, first, rows), adds in lent:
            native.run_patch(run, native.site_number(site), layer, first, rows, adds)
        work.run(lambda m: native.do("loci_run_forward", run.pointer, *native.follow(m)), progress, timeout, cancel)
        return Cache(run, wanted, self.cfg, q.tokens)

    def run_with_cache(self, q: Question, sites: Sites, layers: Iterable[int] | int | None = None,
                       **options: Any) -> tuple[native.Array, Cache]:
        """Logits (T, V) and the `Cache` of the named sites, as TransformerLens gives them (without a batch axis)."""
        cache = self.run(q, sites, layers, **options)
        return cache.logits, cache

    def _wanted(self, sites: list[str], layers: Iterable[int] | int | None, logits: bool) -> list[tuple[str, int]]:
        n = self.cfg.n_layers
        all_layers = range(n) if layers is None else [layers] if isinstance(layers, int) else layers
        wanted = []
        for name in sites:
            site, layer = site_of(name)
            which = [0] if site in ("final_norm", "logits") else all_layers if layer is None else [layer]
            wanted += [(site, x + n if x < 0 else x) for x in which]
        if logits and ("logits", 0) not in wanted:
            wanted.append(("logits", 0))
        return wanted

    def _width(self, site: str, tokens: int) -> int:
        c = self.cfg
        heads = {"q": c.n_heads, "z": c.n_heads, "k": c.n_key_value_heads, "v": c.n_key_value_heads}
        if site in heads:
            return heads[site] * c.d_head
        wide = {"pattern": c.n_heads * tokens, "mlp_post": c.d_mlp, "logits": c.d_vocab}
        return wide.get(site, c.d_model)

    def _check_memory(self, q: Question, wanted: list[tuple[str, int]]) -> None:
        needed = sum(4 * q.tokens * self._width(site, q.tokens) for site, _ in wanted)
        if self._memory is not None and needed > self._memory:
            raise MemoryLimitError(f"what is to be kept needs {needed} bytes, memory allows {self._memory}: name fewer "
                                   "sites or layers")

    def _patch(self, q: Question, place: tuple[Any, ...], values: Any) -> tuple[str, int, int, native.Array]:
        if isinstance(place, str):
            raise RequestError(f"patch of {place!r}: expected (site, layer), or (site, layer, position or range)")
        site, layer = site_of(place[0])
        rest = list(place[1:])
        layer = rest.pop(0) if layer is None and rest else layer or 0
        where = rest[0] if rest else range(q.tokens)
        if isinstance(where, int):
            where = range(where % q.tokens, where % q.tokens + 1) if -q.tokens <= where < q.tokens else range(0)
        rows = np.asarray(values)
        expected = (len(where), self._width(site, q.tokens))
        if where.step != 1 or not len(where) or rows.size != expected[0] * expected[1]:
            raise ValueError(f"patch of {place}: expected values of shape {expected}, not {rows.shape}")
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        if not np.isfinite(rows).all():
            raise ValueError(f"patch of {place}: NaN or infinite values")
        return site, layer + self.cfg.n_layers if layer < 0 else layer, where.start, rows.reshape(expected)

    # ---- edits

    def solve_edit(self, q: Question, target: str, layer: int | str = "auto", *, keep: Sequence[Question] = (),
                   rephrase: Sequence[str | Question] = (), **options: Any) -> results.Edit:
        """A change of one matrix after which ``q`` is answered with ``target``; the model stays as it is.
        ``rephrase``: the question in other words; ``keep``: questions whose output should stay; ``method``
        ("multedit", "ft", "ft-l", "rome", "memit" with ``covariance``), ``steps``, ``lr``, ``lambda_``, ..."""
        image, _, constraint, wording = q._made_of
        more = [r if isinstance(r, Question) else Question(self, image, r, constraint, **wording) for r in rephrase]
        prompts = [q, *more, *keep]
        asked = {"prompt": 0, "target": target, "rephrased": list(range(1, 1 + len(more)))}
        options["lambda"] = options.pop("lambda_", None)
        request = {"layer": layer, "requests": [asked], "keep": list(range(1 + len(more), len(prompts))), **options}
        return self._call("edit solve", request, results.Edit, prompts=prompts)

    @contextmanager
    def edited(self, *edits: results.Edit) -> Iterator[Model]:
        """The model with the edits, until the block ends; then every bit is as before. Blocks nest."""
        done: list[results.Edit] = []
        try:
            for e in edits:
                self._change("loci_edit_apply", e)
                done.append(e)
                self._edits.append(e)
            yield self
        finally:
            for e in reversed(done):
                self._change("loci_edit_revert", e)
                self._edits.remove(e)

    def _change(self, function: str, e: results.Edit) -> None:
        asked = self._handle().pointer, owner_of(e).pointer
        work.run(lambda _: native.do(function, *asked, kind=EditError))  # after what still computes

    def test_edit(self, edit: results.Edit | Sequence[results.Edit] | None, data: Data,
                  **options: Any) -> results.Result:
        """Efficacy, generalisation and specificity of edits on an edit set; None: each example is solved alone."""
        edits = [edit] if isinstance(edit, results.Edit) else list(edit or [])
        with examples(data) as path:
            return self._call("edit test", options, results.Result, edits=edits, path=path)

    def covariance(self, data: Data, layer: int, **options: Any) -> results.Result:
        """Covariance of a layer's keys, for rome and memit: ``save("c.safetensors")``."""
        return self._measure("edit covariance", data, results.Result, {"layer": layer, **options})

    def save(self, to: str | os.PathLike[str], edits: Sequence[results.Edit] = (), **options: Any) -> results.Result:
        """Writes the model with the edits as a checkpoint that the usual tools load."""
        return self._call("edit apply", options, results.Result, edits=edits, path=to, errors=EditError)

    # ---- many questions

    def score(self, data: Data, **options: Any) -> results.Result:
        """Accuracy on a question set; ``by``: fields to group by, ``choice``, ``limit``."""
        return self._measure("score", data, results.Result, options)

    def predict_failure(self, data: Data, **options: Any) -> results.Prediction:
        """How well contributions, confidence and a probe tell wrong answers; ``auroc`` by name."""
        return self._measure("study predict", data, results.Prediction, options)

    def average(self, what: str, data: Data, **options: Any) -> results.Average:
        """Means of "trace", "flow" or "knockout" over examples, with intervals."""
        return self._measure(f"study {what}", data, results.Average, options)

    def _measure(self, what: str, data: Data, kind: type[results.R], options: Mapping[str, Any]) -> results.R:
        with examples(data) as path:
            return self._call(what, options, kind, path=path)


def owner_of(edit: results.Edit) -> native.Owner:
    if edit._owner is None:
        raise EditError("this edit was loaded from JSON: keep it with save('f.edit') and load that")
    return edit._owner


@contextmanager
def _noise(options: dict[str, Any]) -> Iterator[None]:
    """An array of noise (seeds, rows, D) becomes a file for the call."""
    noise = options.get("noise")
    if not isinstance(noise, np.ndarray):
        yield
        return
    if noise.ndim != 3 or not np.isfinite(noise).all():
        raise ValueError(f"noise: expected finite float32 (seeds, rows, D), not {noise.dtype} {noise.shape}")
    raw = np.ascontiguousarray(noise, dtype="<f4").tobytes()
    head = json.dumps({"noise": {"dtype": "F32", "shape": noise.shape, "data_offsets": [0, len(raw)]}}).encode()
    head += b" " * (-len(head) % 8)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "noise.safetensors"
        path.write_bytes(len(head).to_bytes(8, "little") + head + raw)
        options["noise"] = str(path)
        yield


@contextmanager
def examples(data: Data) -> Iterator[str]:
    """A file of examples: the path itself, or the dicts as JSON lines."""
    if isinstance(data, (str, os.PathLike)):
        yield os.fspath(data)
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "examples.jsonl"
        with path.open("w", encoding="utf-8") as f:
            for example in data:
                f.write(json.dumps(_absolute(example), ensure_ascii=False) + "\n")
        yield str(path)


def _absolute(example: Any) -> Any:
    """Paths of pictures are told from the file of examples; here from the working directory."""
    if isinstance(example, Mapping):
        return {k: str(Path(v).absolute()) if k == "image" and isinstance(v, (str, os.PathLike)) else _absolute(v)
                for k, v in example.items()}
    return [_absolute(x) for x in example] if isinstance(example, list) else example


class Study(_Closing):
    """Measurements of many examples in a file that can be stopped and resumed at any time.

    ``what``: kinds of measurement ("trace", "flow", "knockout", "lens", "ask"); ``options``: as of `Model.trace`.
    """

    def __init__(self, path: str | os.PathLike[str], model: Model | None = None, what: str | Sequence[str] = "trace",
                 **options: Any) -> None:
        self.path, self.model, self.options = os.fspath(path), model, options
        self.what = [what] if isinstance(what, str) else list(what)
        self._data: Data | None = None
        asked = native.path_bytes(path), model is not None
        self._store: native.Owner | None = native.made("loci_store_open", StoreError, *asked, free="loci_store_close")

    def _open(self) -> native.Owner:
        if self._store is None:
            raise StoreError("this study is closed")
        return self._store

    def close(self) -> None:
        self._store = None

    def __repr__(self) -> str:
        return f"<loci Study {self.path}: {', '.join(self.what)}>"

    def run(self, data: Data, **options: Any) -> results.Result:
        """Measures what the store does not have yet; interrupt it and run again: nothing is done twice."""
        if self.model is None:
            raise RequestError("a study that measures needs a model: loci.Study(path, model)")
        self._data = data if isinstance(data, (str, os.PathLike)) else list(data)
        request = {"what": self.what, **self.options, **options}
        with examples(self._data) as path:
            store = self._open()
            return self.model._call("study run", request, results.Result, path=path, store=store, errors=StoreError)

    def _ask(
        self, what: str, request: Mapping[str, Any], kind: type[results.R], path: Path | None = None
    ) -> results.R:
        store = self._open()
        return kind(work.run(lambda m: native.call(what, request, m, store=store, path=path, kind=StoreError)))

    def status(self) -> results.Result:
        """Runs, and how many examples each has."""
        return self._ask("study status", {}, results.Result)

    def _run_of(self, what: str) -> int:
        runs = [r["run"] for r in self.status().to_dict()["runs"] if r["what"] == what]
        if not runs:
            raise StoreError(f"{self.path}: no run of {what!r}")
        return int(runs[-1])

    def aggregate(self, what: str = "trace", min_te: float = 0.1, seed: int = 0) -> results.Average:
        """Means of the newest run of a kind; of a site's name, of traces."""
        kind = what if what in ("trace", "flow", "knockout", "lens", "ask") else "trace"
        return self._ask("study report", {"run": self._run_of(kind), "min_te": min_te, "seed": seed}, results.Average)

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

    def predict_failure(self, **options: Any) -> results.Prediction:
        """`Model.predict_failure` of the examples that were run."""
        if self.model is None or self._data is None:
            raise RequestError("predict_failure needs the model and the examples of a run")
        return self.model.predict_failure(self._data, **options)

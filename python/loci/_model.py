"""Models, questions, and studies of many of them: what is asked, measured, changed and kept."""

from __future__ import annotations

import functools
import html
import itertools
import operator
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import _kinds as kinds
from . import _native as native
from . import _results as results
from . import _work as work
from ._cache import Cache, Site, site_of
from ._errors import CancelledError, EditError, Error, ModelError, RequestError, StoreError
from ._results import said
from ._work import Data, examples, noise

__all__ = ["Config", "Model", "Question", "Study"]
Sites = Site | str | Sequence[Site | str]
CHOICE = ("limit", "sample", "seed", "max_new", "first_token", "template", "system", "date")  # of examples and wording


def size_of(memory: str | int) -> int:
    """Bytes of "512M", "8G", or of a number."""
    if not (found := re.fullmatch(r"([1-9]\d*)([KMGT]?)(I?B)?", str(memory).strip().upper())):
        raise RequestError(f"memory={memory!r}: expected a size such as '512M' or '8G'")
    return int(found[1]) << 10 * " KMGT".index(found[2] or " ")


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


# The same, as `loci info` has them.
CONFIG = ("layers", "width", "heads", "kv_heads", "head_dim", "inner", "vocab", "max_positions", "dtype", "precision")


class Question(results.Result):
    """A picture, a text and the pieces of it that the answer must satisfy, as the model reads them; checked once.

    ``tokens`` is the number of positions, ``sequence`` the positions themselves, ``spans`` the positions of each
    constraint and ``kinds`` its kind, ``text`` the prompt before the picture's rows are put in."""

    _owner: native.Owner
    tokens, sequence = said("prompt.tokens", len), said("", results.tokens_of)
    text = said("prompt.text", str)
    spans = said("constraints", lambda all: {c.text: range(c.first, c.first + c["count"]) for c in all})
    kinds = said("constraints", lambda all: {c.text: c.kind for c in all})

    def __init__(self, model: Model, image: Any, text: str, constraint: Any = None, **wording: Any) -> None:
        __tracebackhide__ = True
        rgb, name = _pixels(image)
        wording, follow = work.apart(wording)
        request = {"question": text, "image": name, **_constraints(constraint), **wording}
        of = model._handle()
        self.model, self.image, self.question, self.made_of = model, image, text, (constraint, wording)
        super().__init__(work.run(lambda m: native.new_prompt(of, request, rgb, m), **follow))
        self._pointer, self._kept = native.prompt_info(self._owner), 0  # blocks of `Model.keep` that it is in

    def __reduce__(self) -> tuple[Any, ...]:
        constraint, wording = self.made_of
        return functools.partial(Question, **wording), (self.model, self.image, self.question, constraint)

    def _says(self) -> str:
        return f"{self.question!r}, {self.tokens} positions, spans {self.spans}"

    def _repr_html_(self) -> str:
        rows = sum(t.role == "image" for t in self.sequence)
        chips = [f'<span title="{t.position}: {t.role}" style="{"font-weight:bold;" * t.role.startswith("constraint")}'
                 f'border:1px solid #999;border-radius:3px;padding:0 3px;margin:1px">{html.escape(t.text)}</span>'
                 for t in self.sequence if t.role != "image"]
        return f"<div>{f'({rows} image rows) ' if rows else ''}{''.join(chips)}</div>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


# Members of a request of a piece of the question, or of several, each a text or (text, kind).
def _constraints(given: Any) -> dict[str, list[str]]:
    pairs = [(c, "") if isinstance(c, str) else tuple(c) for c in ([given] if isinstance(given, str) else given or [])]
    if any(len(p) != 2 or not all(isinstance(x, str) for x in p) for p in pairs):
        raise TypeError(f"constraint: a text, (text, kind), or a list of them, not {given!r}")
    kind = {"kinds": [k for _, k in pairs]} if any(k for _, k in pairs) else {}
    return {"constraints": [text for text, _ in pairs], **kind}


def _pixels(image: Any) -> tuple[native.Array | None, str | None]:
    if image is None or isinstance(image, (str, os.PathLike)):
        return None, None if image is None else os.fspath(image)
    if hasattr(image, "convert"):
        image = np.asarray(image.convert("RGB"))
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image: a path, a PIL image, a uint8 array or None, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image: expected uint8 (height, width, 3), not {image.dtype} {image.shape}")
    return image, None


def _measurement(what: str, kind: type[results.R], also: str, says: str) -> Callable[..., results.R]:
    def measure(self: Model, *asked: Any, **options: Any) -> results.R:
        __tracebackhide__ = True
        return results.warn(self._call(what, options, kind, [self._asked(asked, options, also)]))

    measure.__name__, measure.__doc__ = what, says
    return measure


def _study(what: str, kind: type[results.R], says: str) -> Callable[..., results.R]:
    def measure(self: Model, data: Data, **options: Any) -> results.R:
        with examples(data) as file:
            return self._call(what, options, kind, **file)

    measure.__name__, measure.__doc__ = what.split()[-1], says
    return measure


class Model(work.Closing):
    """An opened checkpoint; `loci.open` makes it. It stays until its last result is gone, ``close()`` or not.

    Every measurement takes a `Question`, or an image and a text with ``constraint=``, and the options of its
    command as keywords (``loci help trace``), and ``progress=``, ``timeout=`` (seconds) and ``cancel=`` (an Event)."""

    def __init__(self, name: str | os.PathLike[str], request: Mapping[str, Any]) -> None:
        __tracebackhide__ = True
        self._options = os.fspath(name), {k: v for k, v in request.items() if v is not None}
        asked = native.path_bytes(name), native.json_bytes(request)
        self._owner = native.made("loci_call_model", ModelError, *asked, free="loci_model_close")
        self._tokenizer: native.Owner | None = None
        self._edits: list[kinds.Edit] = []
        d = self._call("info", {"hash": False}, results.Result)._told
        self.path, self.family = str(d["path"]), str(d["family"])
        self.cfg = Config(*(d[k] for k in CONFIG))
        self.sees = bool(d["image_rows"])

    # ---- lifetime

    def __reduce__(self) -> tuple[Any, ...]:
        return Model, self._options

    def __repr__(self) -> str:
        c = self.cfg
        edits = f", {len(self._edits)} edits applied" if self._edits else ""
        return f"<loci Model {self.path}: {self.family}, {c.n_layers} layers of {c.d_model}, {c.precision}{edits}>"

    def _run(self, call: Callable[..., Any], what: str, request: Mapping[str, Any], prompts: Sequence[Question] = (),
             edits: Sequence[kinds.Edit] = (), **how: Any) -> Any:
        __tracebackhide__ = True
        model, (asked, follow) = self._handle(), work.apart(request)
        if not all(isinstance(q, Question) for q in prompts):
            raise TypeError(f"expected questions, of model.question, not {prompts!r}")
        if any(q.model is not self for q in prompts):
            raise RequestError("the question was made with another model")
        lent = {"prompts": [q._owner for q in prompts], "edits": [owner_of(e) for e in edits]}
        return work.run(lambda monitor: call(what, asked, monitor, model=model, **lent, **how), **follow)

    def _call(self, what: str, request: Mapping[str, Any], kind: type[results.R], *of: Any, **how: Any) -> results.R:
        __tracebackhide__ = True
        return kind(self._run(native.call, what, request, *of, **how))

    # ---- text

    def to_tokens(self, text: str, special: bool = True) -> native.Array:
        return results.Result(self._tokens(text, special)).array("ids")

    def to_str_tokens(self, text: str, special: bool = True) -> list[str]:
        return list(results.Result(self._tokens(text, special))._told["tokens"])

    def to_single_token(self, text: str) -> int:
        ids = self.to_tokens(text, special=False)
        if len(ids) != 1:
            raise RequestError(f"{text!r} is {len(ids)} tokens: {self.to_str_tokens(text, special=False)}")
        return int(ids[0])

    def _tokens(self, text: str, special: bool) -> native.Owner:
        if self._handle() and self._tokenizer is None:
            asked = native.path_bytes(self.path)
            self._tokenizer = native.made("loci_tokenizer_open", ModelError, asked, free="loci_tokenizer_close")
        assert self._tokenizer is not None
        return native.tokenize(self._tokenizer, text, special)

    # ---- one question

    def question(self, image: Any, text: str, constraint: Any = None, *, template: str | None = None,
                 system: str | None = None, date: str | None = None, **follow: Any) -> Question:
        """A picture (path, PIL image, uint8 array (h, w, 3), or None) with a text; ``constraint``: a piece of the
        text, or several."""
        __tracebackhide__ = True
        return Question(self, image, text, constraint, template=template, system=system, date=date, **follow)

    # What is asked: a question, or what makes one; after it may come the option that is asked for most.
    def _asked(self, asked: tuple[Any, ...], options: dict[str, Any], also: str = "") -> Question:
        q, *more = asked or (None,)
        if not isinstance(q, Question):
            image, *more = (None, *asked) if len(asked) == 1 else asked or (None,)
            if not more or not isinstance(more[0], str):
                raise TypeError("expected a question, or an image (or None) and a text")
            wording = {k: options.pop(k) for k in ("constraint", "template", "system", "date") if k in options}
            began = time.monotonic()
            q = self.question(image, more.pop(0), **wording, **work.apart(options)[1])
            if options.get("timeout") is not None:  # is of both
                options["timeout"] -= time.monotonic() - began
        if len(more) > bool(also):
            raise TypeError(f"{more!r} after the question: options are keywords")
        if more:
            options[also] = more[0]
        return q

    ask = _measurement("ask", kinds.Answer, "", "The greedy answer; ``max_new``: tokens at most (20).")
    knockout = _measurement("knockout", kinds.Knockout, "pathways", """p of the answer with attention cut, window by
        window, along ``pathways`` ("image->last", or several); ``window="onward"``: in each layer and all above it.""")
    flow = _measurement("flow", kinds.Flow, "pathway", "What positions give to each other through attention.")
    lens = _measurement("lens", kinds.Lens, "positions", "What every layer would answer at ``positions``.")

    def trace(self, *asked: Any, **options: Any) -> kinds.Trace:
        """A causal trace: restores clean values in a corrupted run, cell by cell; with ``receiver`` ("5.3.q": layer,
        head, q, k or v; or "logits") what is restored reaches this alone; ``set="5.3,6.1"`` restores these together,
        beside ``controls`` random sets; ``donor`` (a question, ``donor_constraint``, ``donor_image`` ...) puts another
        prompt's values in. One that is stopped raises with ``partial``: the trace of the done cells, or None."""
        __tracebackhide__ = True
        q = self._asked(asked, options)
        try:
            with noise(options) as lent:
                t = self._call("trace", {"partial": True, **options}, kinds.Trace, [q], lent=lent)
        except BaseException as e:
            e.partial = kinds.Trace(o) if (o := getattr(e, "partial", None)) else None  # type: ignore[attr-defined]
            raise
        if t._told.get("missing"):
            raise CancelledError("stopped", "cancelled", t)
        return results.warn(t)

    def trace_many(self, questions: Iterable[Question], together: int = 8, **options: Any) -> Iterator[kinds.Trace]:
        """Traces of several questions, ``together`` at a time in as few walks as the memory allows; of one that cannot
        be traced the error is raised when it is its turn."""
        asked = iter(questions)
        with noise(options) as lent:
            while share := list(itertools.islice(asked, max(1, together))):
                for found in self._run(native.traces, "trace", options, share, lent=lent):
                    if isinstance(found, Error):
                        raise found
                    yield results.warn(kinds.Trace(found))

    @contextmanager
    def keep(self, q: Question, memory: str | int = "1G", **follow: Any) -> Iterator[Question]:
        """Runs the model over ``q`` and keeps what later measurements have in common, within ``memory``, until the
        block ends: each then computes its own positions alone, with the same numbers to the last bit."""
        def keep(size: int) -> Callable[[Any], None]:
            return lambda m: native.do("loci_prompt_keep", q._owner.pointer, size, *native.follow(m))

        if self._handle() and not q._kept:
            work.run(keep(size_of(memory)), **follow)
        q._kept += 1
        try:
            yield q
        finally:
            q._kept -= 1
            if not q._kept:  # the outermost block
                work.run(keep(0))

    # ---- activations

    def run(self, q: Question, sites: Sites = (), layers: Iterable[int] | int | None = None, *,
            patch: Mapping[tuple[Any, ...], Any] | None = None, add: Mapping[tuple[Any, ...], Any] | None = None,
            logits: bool = True, **follow: Any) -> Cache:
        """One forward pass. ``sites`` of ``layers`` (all) are kept in the `Cache`; ``patch`` (replace) and ``add`` map
        (site, layer) or (site, layer, position or range) to values (positions, width), or (width,) of one position."""
        wanted = self._wanted([sites] if isinstance(sites, str) else list(sites), layers, logits)
        of = self._handle(), q._owner
        run = native.made("loci_run_new", Error, *(o.pointer for o in of), needs=of, free="loci_run_free")
        for site, layer in wanted:
            native.do("loci_run_record", run.pointer, native.number_of(0, site), native.int32(layer))
        lent = [(self._patch(q, place, values), adds) for changes, adds in ((patch or {}, False), (add or {}, True))
                for place, values in changes.items()]
        for (site, layer, first, rows), adds in lent:
            native.run_patch(run, native.number_of(0, site), layer, first, rows, adds)
        work.run(lambda m: native.do("loci_run_forward", run.pointer, *native.follow(m)), **follow)
        return Cache(run, wanted, self.cfg, q.tokens)

    def run_with_cache(self, q: Question, sites: Sites, layers: Iterable[int] | int | None = None,
                       **options: Any) -> tuple[native.Array, Cache]:
        """Logits (T, V) and the `Cache` of the named sites, as TransformerLens gives them (without a batch axis)."""
        cache = self.run(q, sites, layers, **options)
        return cache.logits, cache

    def _wanted(self, sites: list[str], layers: Any, logits: bool) -> list[tuple[str, int]]:
        n = self.cfg.n_layers
        some = range(n) if layers is None else [operator.index(x) for x in np.ravel(layers)]
        wanted = []
        for name in sites:
            site, layer = site_of(name)
            which = [0] if site in ("final_norm", "logits") else some if layer is None else [layer]
            wanted += [(site, x + n if x < 0 else x) for x in which]
        return list(dict.fromkeys([*wanted, ("logits", 0)] if logits else wanted))

    def _patch(self, q: Question, place: tuple[Any, ...], values: Any) -> tuple[str, int, int, native.Array]:
        if not isinstance(place, tuple) or not 2 <= len(place) <= 3:
            raise RequestError(f"patch of {place!r}: expected (site, layer), or (site, layer, position or range)")
        site, layer = site_of(place[0])
        rest = list(place[1:])
        layer = operator.index(rest.pop(0)) if layer is None else layer
        where = rest[0] if rest else range(q.tokens)
        where = where if isinstance(where, range) else range(i := operator.index(where), i + 1)
        given = np.asarray(values)
        rows = np.ascontiguousarray(given, dtype=np.float32) if given.dtype.kind in "fiub" and not given.size >> 29 \
            else np.empty(0)
        if where.step != 1 or not where or not rows.size or len(where) not in (1, *given.shape[:1]):
            raise ValueError(f"patch of {place}: {given.dtype} values of shape {given.shape} for {where}")
        n, T = self.cfg.n_layers, q.tokens
        return site, layer + n * (layer < 0), where.start + T * (where.start < 0), rows.reshape(len(where), -1)

    # ---- edits

    def solve_edit(self, q: Question, target: str, layer: int | str = "auto", *, keep: Sequence[Question] = (),
                   rephrase: Sequence[str | Question] = (), **options: Any) -> kinds.Edit:
        """A change of one matrix after which ``q`` is answered with ``target``; the model stays as it is.
        ``rephrase``: the question in other words; ``keep``: questions whose output should stay; ``method``:
        "multedit", "ft", "ft-l", "rome", "memit", "alphaedit", the last three with files of ``covariance``."""
        constraint, wording = q.made_of
        how = {**wording, **work.apart(options)[1]}
        more = [r if isinstance(r, Question) else Question(self, q.image, r, constraint, **how) for r in rephrase]
        prompts = [q, *more, *keep]
        asked = {"prompt": 0, "target": target, "rephrased": list(range(1, 1 + len(more)))}
        options["lambda"] = options.pop("lambda_", None)
        request = {"layer": layer, "requests": [asked], "keep": list(range(1 + len(more), len(prompts))), **options}
        return self._call("edit solve", request, kinds.Edit, prompts)

    @contextmanager
    def edited(self, *edits: kinds.Edit) -> Iterator[Model]:
        """The model with the edits, until the block ends; then every bit is as before. Blocks nest."""
        with ExitStack() as stack:
            for e in edits:
                self._change("loci_edit_apply", e)
                self._edits.append(e)
                stack.callback(self._change, "loci_edit_revert", e)
                stack.callback(self._edits.remove, e)
            yield self

    def _change(self, function: str, e: kinds.Edit) -> None:
        asked = self._handle().pointer, owner_of(e).pointer
        work.run(lambda _: native.do(function, *asked, kind=EditError))  # after what still computes

    def test_edit(self, edit: kinds.Edit | Sequence[kinds.Edit] | None, data: Data,
                  **options: Any) -> results.Result:
        """Efficacy, generalisation and specificity of edits on an edit set; None: each example is solved alone."""
        edits = [edit] if isinstance(edit, kinds.Edit) else list(edit or [])
        with examples(data) as file:
            return self._call("edit test", options, results.Result, edits=edits, **file)

    def save(self, to: str | os.PathLike[str], edits: Sequence[kinds.Edit] = (), **options: Any) -> results.Result:
        """Writes the model with the edits as a checkpoint that the usual tools load."""
        return self._call("edit apply", options, results.Result, edits=edits, path=to, errors=EditError)

    # ---- many questions

    score = _study("score", results.Result, "Accuracy on a question set; ``by``: fields to group by, ``choice``.")
    predict_failure = _study("study predict", kinds.Prediction, "How well numbers tell wrong answers; ``auroc``.")
    covariance = _study("edit covariance", results.Result, "Covariance of a ``layer``'s keys, for rome and memit.")

    def average(self, what: str, data: Data, **options: Any) -> kinds.Average:
        """Means of "trace", "flow" or "knockout" over examples, with intervals."""
        with examples(data) as file:
            return self._call(f"study {what}", options, kinds.Average, **file)


def owner_of(edit: kinds.Edit) -> native.Owner:
    if edit._owner is None:
        raise EditError("this edit was loaded from JSON: keep it with save('f.edit') and load that")
    return edit._owner


class Study(work.Closing):
    """Measurements of many examples in a file that can be stopped and resumed at any time.

    ``what``: kinds of measurement ("trace", "flow", "knockout", "lens", "ask"); ``options``: as of `Model.trace`."""

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
        request = self._asked = {"what": self.what, **self.options, **options}
        with examples(self._data) as file:
            how = {**file, "store": self._handle(), "errors": StoreError}
            return self.model._call("study run", request, results.Result, **how)

    def _ask(self, what: str, request: Mapping[str, Any], kind: type[results.R], path: Path | None = None) -> results.R:
        store, (asked, follow) = self._handle(), work.apart(request)
        call = functools.partial(native.call, what, asked, store=store, path=path, errors=StoreError)
        return kind(work.run(lambda m: call(monitor=m), **follow))

    def status(self, **follow: Any) -> results.Result:
        """What the store has: runs, examples used and dropped, means."""
        return self._ask("study status", follow, results.Result)

    def _run_of(self, what: str, follow: Mapping[str, Any]) -> int:
        if not (runs := [r["run"] for r in self.status(**follow)._told["runs"] if r["what"] == what]):
            raise StoreError(f"{self.path}: no run of {what!r}")
        return int(runs[-1])

    def aggregate(self, what: str = "trace", min_te: float = 0.1, seed: int = 0, **follow: Any) -> kinds.Average:
        """Means of the newest run of a kind; of a site's name, of traces, which must have it."""
        site = "" if what in ("trace", "flow", "knockout", "lens", "ask") else site_of(what)[0]
        request = {"run": self._run_of("trace" if site else what, follow), "min_te": min_te, "seed": seed}
        found = self._ask("study report", {**request, **follow}, kinds.Average)
        charts = [c["name"] for c in found._told["charts"]]
        if site and not any(name.split(",")[0] == site for name in charts):
            raise RequestError(f"{what}: the traces of {self.path} have no such site, but {', '.join(charts)}")
        return found

    def cells(self, what: str = "trace", te_min: float = 0.0, **follow: Any) -> Any:
        """Every number of the newest run of a kind as a data frame: of traces a row for each site, window, role and
        layer of an example, with its indirect effect ``ie``. ``te_min``: examples of a smaller total effect are left
        out."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "cells.csv"
            self._ask("study export", {"run": self._run_of(what, follow), **follow}, results.Result, path)
            table = results.table_of(path.read_text(encoding="utf-8"))
        if what != "trace":
            return table
        te = table[table.quantity == "total effect"]
        effects = (table.window > 0) & table.quantity.str.fullmatch("[^,]+(, noise)?")  # not "mlp_out, logit_diff"
        few = table[effects & table.line.isin(te[te.value >= te_min].line)]
        names = {"quantity": "site", "place": "role", "x": "layer", "value": "ie"}
        return few.drop(columns=["run", "what"]).rename(columns=names).reset_index(drop=True)

    def predict_failure(self, **options: Any) -> kinds.Prediction:
        """`Model.predict_failure` of the examples that were run last: the same file, limit, sample and wording."""
        if self.model is None or self._data is None or "shard" in self._asked:
            raise RequestError("predict_failure needs the model and the examples of a run that was no shard")
        same = {k: self._asked[k] for k in CHOICE if k in self._asked}
        return self.model.predict_failure(self._data, **{**same, **options})

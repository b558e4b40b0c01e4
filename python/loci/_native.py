"""The only ctypes of the package: the library, its functions, its structs, arrays over its memory. A C object is an
`Owner`: it is freed when its last reference goes, after which nothing points into it, because arrays and dependent
objects hold their owners."""
# Structs: loci_err and loci_monitor; of a result's array loci_column, whose axes (loci_axis) have the names and numbers
# that xarray wants; loci_view, of a run; loci_patch, an array that goes in; loci_draw_opts, of figures; loci_call, the
# objects beside a request's JSON. Fewer would be an accessor or a text for each; loci_abi checks all at import.

from __future__ import annotations

import ctypes as C
import json
import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from . import _errors as errors

Array = npt.NDArray[Any]
VERSION = "0.1.0"
KIND_EDIT = 18  # LOCI_KIND_EDIT
PACKAGES = ("libdnnl2 libgomp1 libjansson4 libpcre2-8-0 libutf8proc2 libjpeg62-turbo libpng16-16 libwebp7 libcairo2 "
            "libxxhash0 libsqlite3-0 libmicrohttpd12")


# C types by letters, as structs and functions below have them.
_TYPES: dict[str, Any] = {
    "v": None, "i": C.c_int, "l": C.c_int64, "z": C.c_size_t, "b": C.c_bool, "d": C.c_double, "s": C.c_char_p,
    "p": C.c_void_p, "I": C.POINTER(C.c_int), "S": C.POINTER(C.c_char_p), "P": C.POINTER(C.c_void_p),
}  # fmt: skip
STRUCTS: dict[str, Any] = {}


def _struct(name: str, /, **members: Any) -> Any:
    fields = [(k, _TYPES[t] if isinstance(t, str) else t) for k, t in members.items()]
    STRUCTS[name] = made = type(name, (C.Structure,), {"_fields_": fields})
    return made


_Err = _struct("loci_err", code="i", msg=C.c_char * 512)
Monitor = _struct("loci_monitor", cancel="i", permille="i", stage="s")
_Axis = _struct("loci_axis", name="s", size="l", numbers="I", names="S")
_Column = _struct("loci_column", type="i", rank="i", axes=_Axis * 4, data="p", strides=C.c_int64 * 4)
_View = _struct("loci_view", data="p", rows="l", cols="l")
_Patch = _struct("loci_patch", site="i", layer="i", first="i", count="i", values="p", add="b", width="l")
_DrawOpts = _struct("loci_draw_opts", size="z", metric="i", color="i", columns="i", ascii="b", unwrapped="b", width="d",
                    dpi="i", bare="b", scale="d")
_Call = _struct("loci_call", size="z", what="s", request="s", model="p", prompts="P", edits="P", prompt_count="i",
                edit_count="i", path="s", store="p", progress="p", progress_ctx="p", watch="p", watch_ctx="p",
                so_far="p", watch_steps="p", lent="b", watch_answer="p")
_TYPES |= {letter: C.POINTER(made) for letter, made in zip("EMKVHDC", (
    _Err, Monitor, _Column, _View, _Patch, _DrawOpts, _Call), strict=True)}

# Result and arguments of every function that is called; a test compares them with the headers.
FUNCTIONS = {
    "loci_version": "s", "loci_status_name": "si", "loci_abi": "ziS", "loci_free": "vp",
    "loci_call_model": "issPE", "loci_model_close": "vp", "loci_call_run": "iCPE", "loci_call_traces": "iCPEE",
    "loci_call_prompt": "iCpiiPE", "loci_prompt_free": "vp", "loci_prompt_get_info": "pp",
    "loci_prompt_keep": "iplppE",
    "loci_json": "ipPE", "loci_draw": "ipDPE", "loci_write": "ipsDE", "loci_text_free": "vp",
    "loci_column_of": "ipsKE", "loci_name_find": "iisIE", "loci_name": "sii",
    "loci_monitor_progress": "bpsdd", "loci_monitor_cancel": "vM", "loci_monitor_stage": "sMI",
    "loci_run_new": "ippPE", "loci_run_free": "vp", "loci_run_record": "ipiiE", "loci_run_patch": "ipHE",
    "loci_run_forward": "ipppE", "loci_run_get": "ipiiVE", "loci_run_write": "ipsE",
    "loci_tokenizer_open": "isPE", "loci_tokenizer_close": "vp", "loci_tokenize": "ipszbPE",
    "loci_read": "iiSiPE", "loci_edit_apply": "ippE", "loci_edit_revert": "ippE",
    "loci_store_open": "isbPE", "loci_store_close": "vp",
}  # fmt: skip


def _load() -> tuple[C.CDLL, Path]:
    from . import __path__ as places  # an editable install has two: the sources' and the built files'

    given = os.environ.get("LOCI_LIBRARY")
    tried = [Path(given)] if given else [Path(place) / "libloci.so" for place in places]
    path = next((p for p in tried if p.exists()), None)
    if path is None:
        raise ImportError(f"loci's library is not there (looked for {', '.join(map(str, tried))}): install the package "
                          "with pip, or name a build's libloci.so in LOCI_LIBRARY")
    # OpenMP reads this once, when it is loaded: threads that spin while they wait slow small traces tenfold.
    spins = "OMP_WAIT_POLICY" not in os.environ and "GOMP_SPINCOUNT" not in os.environ
    if spins:
        os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        return C.CDLL(str(path)), path
    except OSError as e:
        raise ImportError(f"{path} cannot be loaded: {e}. On Debian 12: apt install {PACKAGES}; elsewhere build it "
                          "from the sources, after tools/setup.sh") from None
    finally:
        if spins:
            del os.environ["OMP_WAIT_POLICY"]


FACTS: dict[str, int] = {}


# The library is this package's: its version, and the shape of every struct that both know.
def _check(lib: C.CDLL, path: Path) -> None:
    for function, letters in FUNCTIONS.items():
        if not hasattr(lib, function):
            raise ImportError(f"{path} has no {function}: it is not the library of {Path(__file__).parent}")
        getattr(lib, function).restype = _TYPES[letters[0]]
        getattr(lib, function).argtypes = [_TYPES[t] for t in letters[1:]]
    version = lib.loci_version().decode()
    if version != VERSION:
        raise ImportError(f"{path} is loci {version}, and the package {Path(__file__).parent} is {VERSION}")
    name, i = C.c_char_p(), 0
    while (value := lib.loci_abi(i, C.byref(name))) or name.value:
        i += 1
        struct, _, member = (name.value or b"").decode().partition(".")
        if struct not in STRUCTS:
            FACTS[struct] = value
            continue
        mine = getattr(STRUCTS[struct], member).offset if member else C.sizeof(STRUCTS[struct])
        if mine != value:
            raise ImportError(f"{path}: {struct}.{member} is {value} there and {mine} in {__file__}")


_lib, LIBRARY = _load()
_check(_lib, LIBRARY)


def _error(status: int, err: Any, kind: type[errors.Error]) -> errors.Error:
    words = _lib.loci_status_name(status).decode()
    return errors.from_status(status, words, err.msg.decode("utf-8", "replace"), kind)


def do(function: str, *arguments: Any, kind: type[errors.Error] = errors.Error) -> None:
    """Calls a function whose last argument is the error."""
    __tracebackhide__ = True  # a notebook shows the caller's line, and sooner
    err = _Err()
    status = getattr(_lib, function)(*arguments, C.byref(err))
    if status:
        raise _error(status, err, kind)


def text_bytes(s: str | os.PathLike[str], what: str = "text", nul: bool = False) -> bytes:
    """UTF-8 for the library; NUL characters and lone surrogates are refused (those of a path go as they came)."""
    try:
        raw = s.encode() if isinstance(s, str) and what != "path" else os.fsencode(s)
    except UnicodeEncodeError:
        raise ValueError(f"{what}: a lone surrogate in it") from None
    if b"\0" in raw and not nul:
        raise ValueError(f"{what}: a NUL character in it")
    return raw


def path_bytes(path: str | os.PathLike[str]) -> bytes:
    return text_bytes(path, "path")


class Owner:
    """A C object and what it needs to live. It is freed with its last reference, before what it needs."""

    __slots__ = ("__weakref__", "_final", "pid", "pointer")

    def __reduce__(self) -> NoReturn:
        raise TypeError("what the C library holds cannot be pickled: save it, or open it again")

    def __init__(self, pointer: int, free: str, *needs: object) -> None:
        self.pointer, self.pid = pointer, os.getpid()
        self._final = weakref.finalize(self, _release, free, pointer, self.pid, needs)
        self._final.atexit = False  # at the end the system takes it: another thread may be computing


def _release(free: str, pointer: int, pid: int, needs: tuple[object, ...]) -> None:
    if pid == os.getpid():  # in a forked child it is its parent's
        getattr(_lib, free)(pointer)


def json_bytes(request: Mapping[str, Any]) -> bytes:
    """Members that are None are left out: the library's defaults."""
    given = {k: str(v) if isinstance(v, int) and v >= 1 << 63 else v for k, v in request.items() if v is not None}
    return text_bytes(json.dumps(given, ensure_ascii=False, allow_nan=False, default=_plain), "the request")


def _plain(value: object) -> object:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (range, set)):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"an option cannot be {type(value).__name__}")


def made(function: str, kind: type[errors.Error], *arguments: Any, needs: Sequence[object] = (),
         free: str = "loci_free") -> Owner:
    """What a function hands over in its last argument but the error."""
    __tracebackhide__ = True
    out = C.c_void_p()
    do(function, *arguments, C.byref(out), kind=kind)
    assert out.value
    return Owner(out.value, free, *needs)


def new_prompt(model: Owner, request: Mapping[str, Any], rgb: Array | None, monitor: Any) -> Owner:
    pixels, width, height = None, 0, 0
    if rgb is not None:
        height, width = (min(n, 2**31 - 1) for n in rgb.shape[:2])
        if height * width <= FACTS["most pixels"]:  # the library refuses more without a look at them
            rgb = np.ascontiguousarray(rgb)
        pixels = rgb.ctypes.data_as(C.c_void_p)
    asked = (_call("question", request, monitor, model), pixels, width, height)
    return made("loci_call_prompt", errors.QuestionError, *asked, needs=(model,), free="loci_prompt_free")


def follow(monitor: Any) -> tuple[Any, int]:  # progress and its context
    return C.cast(_lib.loci_monitor_progress, C.c_void_p), C.addressof(monitor)


def _call(what: str, request: Mapping[str, Any], monitor: Any, model: Owner | None, prompts: Sequence[Owner] = (),
          edits: Sequence[Owner] = (), path: Any = None, store: Owner | None = None, lent: bool = False) -> Any:
    c = _Call(size=C.sizeof(_Call), what=what.encode(), request=json_bytes(request))
    c.model, c.store = (o.pointer if o else None for o in (model, store))
    c.prompts, c.edits = ((C.c_void_p * len(of))(*[o.pointer for o in of]) for of in (prompts, edits))
    c.prompt_count, c.edit_count = len(prompts), len(edits)
    c.path, c.lent = path_bytes(path) if path is not None else None, lent
    c.progress, c.progress_ctx = follow(monitor)
    return C.byref(c)


def call(what: str, request: Mapping[str, Any], monitor: Any, *, model: Owner | None = None,
         prompts: Sequence[Owner] = (), edits: Sequence[Owner] = (), errors: type[errors.Error] = errors.Error,
         **more: Any) -> Owner:
    """A measurement (loci_call.h); the result keeps alive what it borrows."""
    c = _call(what, request, monitor, model, prompts, edits, **more)
    return made("loci_call_run", errors, c, needs=(model, *prompts, *edits))


def traces(what: str, request: Mapping[str, Any], monitor: Any, *, model: Owner, prompts: Sequence[Owner],
           edits: Sequence[Owner] = (), lent: bool = False) -> list[Owner | errors.Error]:
    """Traces of several prompts in one walk, or why one of them has none."""
    out, errs = (C.c_void_p * len(prompts))(), (_Err * len(prompts))()
    do("loci_call_traces", _call(what, request, monitor, model, prompts, edits, lent=lent), out, errs)
    return [Owner(t, "loci_free", model, q) if t else _error(e.code, e, errors.Error)
            for t, e, q in zip(out, errs, prompts, strict=True)]


# ---------------------------------------------------------------- what a result says


def text(function: str, *arguments: Any) -> str:
    """A text that a function hands over in its last argument but the error."""
    out = C.c_void_p()
    do(function, *arguments, C.byref(out))
    assert out.value
    said = C.string_at(out.value).decode("utf-8", "replace")
    _lib.loci_text_free(out)
    return said


def prompt_info(prompt: Owner) -> int:
    return int(_lib.loci_prompt_get_info(prompt.pointer))


def result_draw(result: int, columns: int, metric: int) -> str:
    return text("loci_draw", result, C.byref(_DrawOpts(size=C.sizeof(_DrawOpts), metric=metric, columns=columns)))


def result_write(result: int, path: str | os.PathLike[str], metric: int = 0, **figure: Any) -> None:
    how = _DrawOpts(size=C.sizeof(_DrawOpts), metric=metric, **figure)
    do("loci_write", result, path_bytes(path), C.byref(how))


_DTYPES: dict[int, np.dtype[Any]] = {n: np.dtype(t) for n, t in enumerate(("f8", "f4", "i4", "?"))}


# The base of an array: numpy holds it, and it holds the owner of the memory.
class _Memory:
    __slots__ = ("__array_interface__", "owner")

    def __init__(self, owner: object, data: int, dtype: np.dtype[Any], shape: Any, strides: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {"version": 3, "data": (data, True), "typestr": dtype.str, "shape": tuple(shape),
                                    "strides": strides}


def column(result: Owner, path: str) -> Array | None:
    """An array of a result, whose numbers stay where they are; None: it is of texts."""
    c = _Column()
    do("loci_column_of", result.pointer, path.encode(), C.byref(c))
    shape = [int(c.axes[i].size) for i in range(c.rank)]
    if c.type == 4:
        return None
    if 0 in shape or not c.data:
        return np.zeros(shape, _DTYPES[c.type])
    strides = tuple(c.strides[i] for i in range(c.rank))
    found: Array = np.asarray(_Memory(result, c.data, _DTYPES[c.type], shape, strides))
    return found


# ---------------------------------------------------------------- runs, text, edits, stores


def number_of(which: int, name: str) -> int:
    """Where a name stands in a list of loci_names.h: 0 sites, 1 groups, 4 metrics."""
    out = C.c_int()
    do("loci_name_find", which, text_bytes(name), C.byref(out))
    return out.value


def int32(x: int) -> int:
    return max(-(1 << 31), min(x, (1 << 31) - 1))  # what C cannot tell stays out of range


def run_patch(run: Owner, site: int, layer: int, first: int, values: Array, add: bool) -> None:
    """The values must stay where they are until the run is forward."""
    data = values.ctypes.data_as(C.c_void_p)
    p = _Patch(site=site, layer=int32(layer), first=int32(first), count=len(values), values=data, add=add,
               width=values.shape[1])
    do("loci_run_patch", run.pointer, C.byref(p))


def run_get(run: Owner, site: int, layer: int) -> Array:
    v = _View()
    do("loci_run_get", run.pointer, site, layer, C.byref(v))
    return np.asarray(_Memory(run, v.data, np.dtype(np.float32), (v.rows, v.cols), None))


def tokenize(tokenizer: Owner, text: str, special: bool) -> Owner:
    raw = text_bytes(text, nul=True)
    return made("loci_tokenize", errors.Error, tokenizer.pointer, raw, len(raw), special)


def read_edit(path: str | os.PathLike[str]) -> Owner:
    return made("loci_read", errors.EditError, KIND_EDIT, (C.c_char_p * 1)(path_bytes(path)), 1)


def stop(monitor: Any) -> None:
    _lib.loci_monitor_cancel(C.byref(monitor))


def stage(monitor: Any) -> tuple[str, int]:
    """What is being done ("" before anything is), and its thousandths."""
    permille = C.c_int()
    word = _lib.loci_monitor_stage(C.byref(monitor), C.byref(permille))
    return (word.decode() if word else ""), permille.value


def runtimes() -> Iterable[str]:
    with open("/proc/self/maps") as maps:
        files = {line.split()[-1] for line in maps if "omp" in line and "/" in line}
    return sorted(f for f in files if Path(f).name.startswith(("libgomp", "libomp", "libiomp")))

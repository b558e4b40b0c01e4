"""The binding is the headers': every function it calls, every struct it fills in."""

from __future__ import annotations

import ctypes as C
import json
import os
import re
import subprocess
from pathlib import Path
from typing import get_args

from conftest import ROOT

import loci
from loci import _native as native
from loci._cache import Group, Site

STRUCT_LETTERS = {"loci_err": "E", "loci_monitor": "M", "loci_column": "K", "loci_view": "V", "loci_patch": "H",
                  "loci_draw_opts": "D", "loci_call": "C"}  # fmt: skip
SCALARS = {"int": "i", "int64_t": "l", "size_t": "z", "bool": "b", "double": "d", "void": "v",
           "loci_status": "i", "loci_names": "i", "loci_kind": "i", "loci_site": "i"}  # fmt: skip


def headers() -> str:
    text = "\n".join(p.read_text() for p in sorted((ROOT / "include").glob("*.h")))
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def letter(declared: str) -> set[str]:
    """Which letters stand for a C type of a parameter or result."""
    stars, base = declared.count("*") + declared.count("["), re.sub(r"\b(const|struct|enum)\b|[*\[\]]", " ", declared)
    name = base.split()[0]
    if name == "loci_progress_fn":
        return {"p"}
    if stars == 0:
        return {SCALARS.get(name, "?")}
    if name == "char":
        return {"s", "p"} if stars == 1 else {"S", "P"}  # p: to be freed
    if stars == 2:
        return {"P"}
    if name in STRUCT_LETTERS:
        return {STRUCT_LETTERS[name]} | ({"p"} if name == "loci_monitor" else set())
    return {"I"} if name in ("int", "loci_site") else {"p"}


def test_every_function_is_declared_as_it_is_called() -> None:
    declared = {}
    for result, name, arguments in re.findall(r"LOCI_(?:API|CHECK)\s+([\w\s*]+?)(loci_\w+)\(([^;]*)\);", headers()):
        types = [] if arguments.strip() == "void" else [a.strip() for a in arguments.split(",")]
        declared[name] = [letter(result)] + [letter(re.sub(r"\w+(\[.*\])?$", r"\1", t)) for t in types]
    for name, letters in native.FUNCTIONS.items():
        assert name in declared, f"{name} is in no header"
        expected = declared[name]
        fits = len(letters) == len(expected) and all(a in b for a, b in zip(letters, expected, strict=True))
        assert fits, f"{name}: called as {letters}, declared as {expected}"
    kinds = re.search(r"typedef enum loci_kind \{(.*?)\}", headers(), re.S)
    assert kinds and re.findall(r"LOCI_KIND_\w+", kinds[1]).index("LOCI_KIND_EDIT") == native.KIND_EDIT


# Options of the command line that are no member of a request: what is asked and of which model, where it goes, and
# files of prompts, which Python makes itself.
ELSEWHERE = {
    "model", "image", "question", "constraint", "kind", "template", "no-chat", "system", "date", "edit", "data",
    "store", "precision", "threads", "memory", "exif", "mmproj", "max-pixels",
    "width", "dpi", "scale", "no-title", "keep", "out", "json", "no-progress", "quiet", "color", "help",
    "requests", "rephrase", "prefixes", "average", "target", "prompts", "renderings",
}  # fmt: skip


def test_every_option_is_a_member_of_requests() -> None:
    """An option of the command line that a call does not know would be one that Python has not."""
    name = os.environ.get("LOCI_PROGRAM") or str(Path(loci.LIBRARY).parent / "loci")
    table = subprocess.run([name, "help", "--table"], capture_output=True, text=True, check=True).stdout
    for command in ("ask", "trace", "knockout", "flow", "lens", "edit-solve", "edit-test", "edit-curve", "score",
                    "study-run", "study-trace", "study-knockout", "study-flow", "study-predict", "edit-covariance"):
        options = re.findall(rf"^option {command} (?:-\w,)?--([\w-]+) ", table, re.M)
        assert options, command
        for option in set(options) - ELSEWHERE:
            if option == "metric" and command in ("knockout", "lens"):
                continue  # of drawing alone
            call = native._Call(size=C.sizeof(native._Call), what=command.replace("-", " ").encode(),
                                request=json.dumps({option.replace("-", "_"): {"no": "value"}}).encode())
            err = native._Err()
            native._lib.loci_call_run(C.byref(call), None, C.byref(err))  # only checked
            assert b"no member" not in err.msg, f"{command} --{option}: {err.msg}"


def test_every_struct_has_the_headers_members() -> None:
    text = headers()
    for name, struct in native.STRUCTS.items():
        body = re.search(r"typedef struct " + name + r" \{(.*?)\} " + name + ";", text, re.S)
        assert body, name
        declared = re.sub(r"\(\*(\w+)\)\([^)]*\)", r"\1", body.group(1))  # pointers to functions
        members = []
        for line in declared.split(";"):
            for part in line.split(","):
                found = re.findall(r"(\w+)\s*(?:\[\w+\]\s*)*$", part.strip())
                members += found
        assert members == [field for field, _ in struct._fields_], name


def test_the_package_stays_small() -> None:
    """Under 1,500 lines without blanks and comments, and one file of ctypes."""
    files = sorted((ROOT / "python/loci").glob("*.py"))
    lines = [line.strip() for f in files for line in f.read_text().splitlines()]
    assert len([x for x in lines if x and not x.startswith("#")]) < 1500
    assert [f.name for f in files if re.search(r"^import ctypes|^from ctypes", f.read_text(), re.M)] == ["_native.py"]


def test_the_names_are_the_librarys() -> None:
    for which, ours in enumerate((Site, Group)):
        theirs = [native._lib.loci_name(which, i) for i in range(len(get_args(ours)) + 1)]
        assert [n.decode() for n in theirs if n] == list(get_args(ours)) and theirs[-1] is None

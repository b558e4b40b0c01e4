"""The binding is the headers': every function it calls, every struct it fills in."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import FLAGS, ROOT

import loci
from loci import _native as native

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
    "model", "image", "question", "constraint", "template", "no-chat", "system", "date", "edit", "data", "store",
    "precision", "threads", "memory", "exif", "mmproj", "max-pixels",
    "out", "json", "no-progress", "quiet", "color", "help",
    "requests", "rephrase", "prefixes", "average", "target", "prompts", "renderings",
}  # fmt: skip
RENAMED = {"site": "sites", "from": "pathways", "to": "pathways", "shard": "shards", "stop-when": "stop_width"}


def test_every_option_is_a_member_of_requests(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    """An option of the command line that a call does not know would be one that Python has not."""
    name = os.environ.get("LOCI_PROGRAM") or str(Path(loci.LIBRARY).parent / "loci")
    table = subprocess.run([name, "help", "--table"], capture_output=True, text=True, check=True).stdout
    store = native.open_store(tmp_path / "s.db", True)
    data, calling = FLAGS / "data/score.jsonl", native.Monitor()
    calls = {
        "ask": {}, "trace": {}, "knockout": {}, "flow": {}, "lens": {}, "edit-solve": {},
        "score": {"path": data}, "study-run": {"path": data, "store": store}, "study-trace": {"path": data},
        "study-knockout": {"path": data},
    }  # fmt: skip
    for command, more in calls.items():
        options = re.findall(rf"^option {command} (?:-\w,)?--([\w-]+) ", table, re.M)
        assert options, command
        for option in set(options) - ELSEWHERE:
            member = RENAMED.get(option, option.replace("-", "_"))
            if command == "flow" and option in ("from", "to"):
                member = option
            if member == "metric" and command in ("knockout", "lens"):
                continue  # of drawing alone
            what, request = command.replace("-", " "), {member: {"no": "value"}}
            with pytest.raises(loci.Error) as e:
                native.call(what, request, calling, model=model._handle(), prompts=[q._owner], **more)
            assert "no member" not in e.value.message, f"{command} --{option}: {e.value.message}"


def test_every_struct_has_the_headers_members() -> None:
    text = headers()
    for name, struct in native.STRUCTS.items():
        body = re.search(r"typedef struct " + name + r" \{(.*?)\} " + name + ";", text, re.S)
        assert body, name
        members = []
        for line in body.group(1).split(";"):
            for part in line.split(","):
                found = re.findall(r"(\w+)\s*(?:\[\w+\]\s*)*$", part.strip())
                members += found
        assert members == [field for field, _ in struct._fields_], name

"""Edits in memory and in files; measurements of many examples."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FLAGS, TEXT, UKRAINE, program, without_time

import loci

DATA = FLAGS / "data"


def test_an_edit_is_applied_and_gone_again(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    before = model.ask(q)
    e = model.solve_edit(q, "Lima", layer=3, rephrase=["Name the capital of this country."], lambda_=0.001)
    assert e.to_dict()["prompts"] == 2
    with model.edited(e) as edited:
        assert edited is model and "1 edits" in repr(model)
        assert model.ask(q).to_dict()["steps"] != before.to_dict()["steps"]
        with pytest.raises(loci.Error), model.edited(e):
            pass
    assert model.ask(q).to_dict()["steps"] == before.to_dict()["steps"]
    e.save(tmp_path / "lima.edit")
    again = loci.load(tmp_path / "lima.edit")
    with model.edited(again):
        changed = model.ask(q).p
    with model.edited(e):
        assert model.ask(q).p == changed
    example = {"image": UKRAINE, "question": TEXT, "constraints": [{"text": "this country"}], "target": "Lima"}
    report = model.test_edit(e, [example], max_new=2)
    assert report.groups[0].name == "efficacy"
    saved = model.save(edits=[e], to=tmp_path / "flags-lima")
    assert saved.lost == 0
    with loci.open(tmp_path / "flags-lima") as written:
        assert written.cfg.n_layers == 12


def test_a_study_goes_on_where_it_was(model: loci.Model, tmp_path: Path) -> None:
    lines = [json.loads(x) for x in (DATA / "trace.jsonl").read_text().splitlines()[:4]]
    for x in lines:
        x["image"] = str(DATA / x["image"])
    with loci.Study(tmp_path / "s.db", model, what=["trace", "flow"], site="mlp_out") as s:
        first = s.run(lines[:2])
        assert [r.used for r in first.runs] == [2, 2]
        s.run(lines)
        assert [r["used"] for r in s.status().to_dict()["runs"]] == [4, 4]
        assert s.aggregate("mlp_out").chart("mlp_out").curves[0].n == 4
        assert s.aggregate("flow").to_dict()["charts"]
        with pytest.raises(loci.RequestError, match="no such site, but mlp_out, window 1"):
            s.aggregate("attn_out")
        with pytest.raises(loci.RequestError, match="did you mean"):
            s.aggregate("mlp_uot")
        with pytest.raises(loci.StoreError, match="no run of 'lens'"):
            s.aggregate("lens")
        if pandas := pytest.importorskip("pandas"):
            cells = s.cells(te_min=0.1)
            assert isinstance(cells, pandas.DataFrame) and cells.line.nunique() <= 4
            assert set(cells.site) == {"mlp_out"} and cells.groupby(["site", "layer", "role"]).ie.mean().size > 12
            assert s.cells("flow").what.unique().tolist() == ["flow"]
    with pytest.raises(loci.StoreError, match="closed"):
        s.status()
    theirs = program("study", "status", str(tmp_path / "s.db"))
    with loci.Study(tmp_path / "s.db") as s:
        assert without_time(s.status().to_dict()) == without_time(theirs)
        with pytest.raises(loci.RequestError, match="needs a model"):
            s.run(lines)


def test_scores_are_the_commands(model: loci.Model) -> None:
    path = str(DATA / "score.jsonl")
    ours = model.score(path, limit=8, by=["relation"])
    theirs = program("score", path, "-m", str(FLAGS), "--precision", "f32", "--limit", "8", "--by", "relation")
    assert without_time(ours.to_dict()) == without_time(theirs)
    average = model.average("trace", DATA / "trace.jsonl", limit=2, sites=["mlp_out"], layers=[0, 3])
    assert isinstance(average, loci.Average) and average.numbers
    few = model.predict_failure(path, limit=6, max_new=3)
    assert few.auroc == {} and "an AUROC needs 5 right" in few.note and len(few.examples) == 6 and "6 answers" in repr(few)


def mixed(n: int) -> list[dict[str, Any]]:
    """Questions of which every second one is answered as none expects."""
    lines = [json.loads(x) for x in (DATA / "score.jsonl").read_text().splitlines()[:n]]
    return [{**x, "image": str(DATA / x["image"]), **({"answers": ["no such"]} if i % 2 else {})}
            for i, x in enumerate(lines)]


def test_failures_are_predicted_of_the_examples_that_were_run(model: loci.Model, tmp_path: Path) -> None:
    lines = mixed(14)
    with loci.Study(tmp_path / "s.db", model, what="ask", max_new=3) as s:
        s.run(lines, limit=10)
        p = s.predict_failure(layers=[2, 5])
        assert p.auroc.keys() >= {"contribution", "confidence", "probe"} and p.tested == {"right": 5, "wrong": 5}
        assert p.request["max_new"] == 3 and p.sample.used == 10
        assert p.to_dict()["scores"] == model.predict_failure(lines[:10], layers=[2, 5], max_new=3).to_dict()["scores"]
        assert "5 right, 5 wrong" in repr(p)
        assert "12 of" not in repr(p) and s.predict_failure(layers=[2, 5], limit=12).sample.used == 12
        s.run(lines, sample=11, seed=4)
        again = s.predict_failure(layers=[2, 5])
        assert again.sample.used == 11 and again.request["seed"] == 4
        s.run(lines, shard="1/2")
        with pytest.raises(loci.RequestError, match="shard"):
            s.predict_failure(layers=[2, 5])


def test_a_store_is_read_under_watch(model: loci.Model, tmp_path: Path) -> None:
    seen: list[str] = []
    stop = threading.Event()
    stop.set()
    with loci.Study(tmp_path / "s.db", model, what="ask", max_new=1) as s:
        s.run(mixed(2))
        for read in (s.status, lambda **how: s.aggregate("ask", **how), lambda **how: s.cells("ask", **how)):
            pytest.importorskip("pandas")
            read(progress=lambda stage, done, total: seen.append(stage), timeout=60)
            for how in ({"cancel": stop}, {"timeout": 0}):
                with pytest.raises(loci.CancelledError):
                    read(**how)
            with pytest.raises(ValueError, match="progres"):
                read(progres=True)
    assert set(seen) <= {"store"}


def test_results_say_what_they_are(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    """Every kind in one line that is more than its format, loaded ones too; every attribute is there."""
    with loci.Study(tmp_path / "s.db", model, what=["trace", "flow"], site="mlp_out", layers=[2, 2]) as s:
        ran = s.run(DATA / "trace.jsonl", limit=2)
        e = model.solve_edit(q, "Lima", layer=3, steps=2)
        made = [ran, s.status(), s.aggregate(), s.aggregate("flow"), e, model.ask(q), model.trace(q, layers=[2, 2]),
                model.flow(q), model.lens(q), model.knockout(q, "image->last"),
                model.score(DATA / "score.jsonl", limit=2),
                model.covariance(DATA / "trace.jsonl", layer=3, limit=1), model.save(edits=[e], to=tmp_path / "m"),
                model.predict_failure(mixed(10), layers=[2, 5], max_new=3), q]
    for r in made:
        assert re.fullmatch(r"<loci \w+: [^\n]{12,}>", repr(r)) and "loci." not in repr(r).replace("<loci", ""), repr(r)
        for name in dir(type(r)):
            if isinstance(getattr(type(r), name), property):
                getattr(r, name)
        if r is q:
            continue
        r.save(tmp_path / "r.json")
        again = loci.load(tmp_path / "r.json")
        assert type(again) is type(r) and repr(again) == repr(r) and again.to_dict() == r.to_dict()


def test_what_was_lent_is_in_no_command(model: loci.Model, q: loci.Question, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples and noise in memory are files for the call alone: no command and no store names them."""
    line = json.loads((DATA / "trace.jsonl").read_text().splitlines()[0])
    line["image"] = str(DATA / line["image"])
    assert "trace.jsonl" in model.score(DATA / "trace.jsonl", limit=1, max_new=2).to_dict()["command"]
    assert model.score([line], max_new=2).to_dict()["command"] is None
    assert model.average("flow", [line]).to_dict()["command"] is None
    with loci.Study(tmp_path / "s.db", model, what="ask", max_new=2) as s:
        run = s.run([line]).to_dict()["runs"][0]
        assert run["command"] is None and run["data"] == ""
    noise = np.zeros((1, 2, model.cfg.d_model), np.float32)
    cell = {"corrupt": "noise:3", "site": "mlp_out", "layers": [2, 2], "positions": "last"}
    with_noise = model.trace(q, noise=noise, **cell)
    assert with_noise.to_dict()["command"] is None and model.trace(q, **cell).to_dict()["command"]
    monkeypatch.chdir(DATA)
    other = {**line, "image": "../images/cuba.png", "same_entity_images": ["../images/ukraine.png"], "target": "Lima"}
    tested = model.test_edit(None, [other], max_new=2, steps=2, renderings=1)
    assert not tested.to_dict()["sample"]["dropped"] and tested.to_dict()["command"] is None

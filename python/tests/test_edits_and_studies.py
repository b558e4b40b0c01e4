"""Edits in memory and in files; measurements of many examples."""

from __future__ import annotations

import json
from pathlib import Path

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
    with pytest.raises(loci.RequestError, match="AUROC"):
        model.predict_failure(path, limit=6, max_new=3)


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

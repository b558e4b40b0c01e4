"""Numbers are the command line's, to the last digit; arrays are views of them."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import FLAGS, TEXT, UKRAINE, program, without_time

import loci

COMMON = ["-m", str(FLAGS), "--precision", "f32", "-i", str(UKRAINE), "-q", TEXT, "-c", "this country"]


def test_every_measurement_is_the_commands(model: loci.Model, q: loci.Question) -> None:
    pairs = [
        (model.ask(q, max_new=5), ["ask", *COMMON, "--max-new", "5"]),
        (model.trace(q, site="mlp_out", window=3, layers=[0, 4], hash=True),
         ["trace", *COMMON, "--site", "mlp_out", "--window", "3", "--layers", "0-4"]),
        (model.trace(q, corrupt="noise:2", seeds=2, seed=7, positions="last", site=["mlp_out", "z"]),
         ["trace", *COMMON, "--corrupt", "noise:2", "--seeds", "2", "--seed", "7", "--positions", "last",
          "--site", "mlp_out,z"]),
        (model.knockout(q, "image->last", window=5), ["knockout", *COMMON, "--from", "image", "--to", "last",
                                                       "--window", "5"]),
        (model.flow(q, layers=[2, 5]), ["flow", *COMMON, "--layers", "2-5"]),
        (model.lens(q, positions=["constraint-last", "last"]), ["lens", *COMMON]),
    ]  # fmt: skip
    for ours, command in pairs:
        theirs = program(*command)
        ours_d, theirs_d = without_time(ours.to_dict()), without_time(theirs)
        if command[0] == "ask":  # the hash is told where it is known
            ours_d["model"].pop("hash"), theirs_d["model"].pop("hash")
        assert ours_d == theirs_d, command[0]


def test_noise_of_a_data_set_is_numpys(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    """torch's std over the embeddings of all subjects, each tokenized by itself, as ROME's release takes it."""
    words = ["this country", "Ukraine", "Burkina Faso", "Ukraine"]
    file = tmp_path / "subjects.jsonl"
    lines = [{"question": f"Is it {w}?", "constraints": [{"text": w}]} for w in words]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    raw = (FLAGS / "model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    name, said = next(x for x in json.loads(raw[8 : 8 + size]).items() if x[0].endswith("embed_tokens.weight"))
    begin, end = said["data_offsets"]
    assert said["dtype"] == "BF16", name
    bits = np.frombuffer(raw[8 + size + begin : 8 + size + end], np.uint16).astype(np.uint32) << 16
    rows = bits.view(np.float32).reshape(said["shape"])
    ids = [int(i) for w in words for i in model.to_tokens(w, special=False)]
    cell = {"site": "mlp_out", "layers": [2, 2], "positions": "last", "seeds": 2}
    t = model.trace(q, corrupt="noise:3s", noise_data=str(file), **cell)
    assert np.isclose(t.request.noise_deviation, rows[ids].astype(np.float64).std(ddof=1), rtol=1e-12)


def test_a_picture_in_tiles_has_two_views() -> None:
    golden = FLAGS.parents[1] / "tests/golden"
    with loci.open(golden / "models/llava-next", precision="f32") as tiled:
        asked = tiled.question(golden / "images/scene-a.png", "In which city is this bridge?", constraint="this bridge")
        f = tiled.flow(asked)
    whole, tiles = f.image(1, view=0), f.image(1)
    assert whole.shape == (3, 3) and tiles.shape == (4, 6)
    profile = f.paths[0]["profile"][1]
    assert tiles[1, 0] == profile[9 + 7] and whole[2, 2] == profile[8]  # a position ends every line of six
    laid = f.overlay(1)
    assert laid.ndim == 3 and min(laid.shape[:2]) >= 256 and laid.dtype == np.uint8


def test_a_text_model_does_all_of_it(twin: loci.Model, tq: loci.Question) -> None:
    assert not twin.sees
    assert twin.ask(tq).text == "Kyiv"
    t = twin.trace(tq, site="mlp_out", layers=[0, 3])
    assert t.te > 0.5
    assert twin.lens(tq).rank.shape == (2, 12)
    assert twin.knockout(tq, "constraint->last", window=3).pathways[0]["to"] == "last"
    assert twin.flow(tq).contribution.shape[0] == 12
    with pytest.raises(loci.QuestionError, match="text-only"):
        twin.question(UKRAINE, TEXT)


def test_grids_are_views_with_names(model: loci.Model, q: loci.Question) -> None:
    t = model.trace(q, site=["mlp_out", "attn_out"], window=[1, 3])
    g = t["mlp_out"]
    assert (g.dims, g.window, g.shape) == (("layer", "position"), 1, (12, len(g.positions or [])))
    assert t["mlp_out", 3].window == 3
    assert t["attn_out", "groups"].groups == ("constraint", "after-constraint", "last")
    assert g.ie is g.ie and not g.ie.flags.writeable and not g.ie.flags.owndata
    assert f"{g.ie[2, 1]:.12g}" == f"{t.to_dict()['grids'][0]['ie'][2][1]:.12g}"
    assert g.sel(layer=2, position=-1).ie == g.ie[2, -1]
    assert g.sel(position=(g.positions or [])[1]).ie.shape == (12,)
    assert g.position_tokens[1] == "▁country"
    layer, position, effect = g.strongest(1)[0]
    assert effect == g.ie.max() and g.sel(layer=layer, position=position).ie == effect
    with pytest.raises(KeyError, match="mlp_out"):
        t["mlp"]
    with pytest.raises(loci.RequestError, match="layer 77"):
        g.sel(layer=77)


def test_views_outlive_results(model: loci.Model, q: loci.Question) -> None:
    t = model.trace(q, site="mlp_out", layers=[0, 3])
    before = t["mlp_out"].ie.copy()
    piece = t["mlp_out"].ie[1:3].T
    del t
    other = [model.trace(q, site="attn_out", layers=[0, 3]) for _ in range(3)]
    assert np.array_equal(piece, before[1:3].T)
    del other


def test_rows_are_those_of_the_csv(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    t = model.trace(q, site="mlp_out", layers=[0, 3])
    table = t.to_pandas()
    t.save(tmp_path / "t.csv")
    plain = pandas.read_csv(tmp_path / "t.csv", float_precision="round_trip", keep_default_na=False, na_values=[""])
    assert len(table) == len(plain) and list(table) == list(plain)
    assert np.array_equal(table.ie, plain.ie)
    assert table.token.tolist() == plain.token.fillna("").tolist()


def test_what_is_saved_is_read_again(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    t = model.trace(q, site="mlp_out", layers=[0, 3])
    for ending in ("json", "csv", "npz", "safetensors", "png", "svg", "pdf", "html"):
        t.save(tmp_path / f"t.{ending}")
        assert (tmp_path / f"t.{ending}").stat().st_size > 100
    again = loci.load(tmp_path / "t.json")
    assert isinstance(again, loci.Trace) and again.to_dict() == t.to_dict()
    assert np.allclose(again["mlp_out"].ie, t["mlp_out"].ie, rtol=1e-11, atol=0)  # the JSON has 12 digits
    both = [loci.load(tmp_path / f"t.{ending}") for ending in ("npz", "safetensors")]
    assert sorted(both[0]) == sorted(both[1])
    pickled = pickle.loads(pickle.dumps(t))
    assert pickled.to_dict() == t.to_dict() and len(pickled.rows()) == len(t.rows())
    assert loci.compare(t, pickled).spearman == 1.0
    with pytest.raises(loci.RequestError):
        t.save(tmp_path / "t.doc")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(loci.RequestError, match="no result"):
        loci.load(tmp_path / "x.json")
    for name in ("t.csv", "t.png", "t.svg", "t.pdf", "t.html", "no.json", "no.npz", "no.safetensors", "deep.json"):
        (tmp_path / "deep.json").write_text("[" * 200_000)
        if name.startswith("no"):
            (tmp_path / name).write_bytes(b"\xff\x03 nothing of loci")
        with pytest.raises(loci.RequestError, match=rf"{re.escape(name)}: expected a \.json, \.edit, \.npz"):
            loci.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        loci.load(tmp_path / "none.json")


def test_results_cannot_be_changed(model: loci.Model, q: loci.Question) -> None:
    t = model.trace(q, site="mlp_out", layers=[0, 3])
    te, copy = t.te, t.to_dict()
    copy["total_effect"], copy["grids"][0]["ie"][0][0] = 5, 7.0
    copy["cost"].clear()
    assert t.te == te and t.cost.rows > 0 and t.to_dict()["grids"][0]["ie"][0][0] != 7.0
    for r in (t, t["mlp_out"], q, model.ask(q), pickle.loads(pickle.dumps(t))):
        for name in ("foo", "te", "site", "text"):
            with pytest.raises(AttributeError, match="cannot be changed"):
                setattr(r, name, 1)
    for change in (lambda: t.cost.update(rows=1), lambda: t.cost.__setitem__("rows", 1), lambda: t.cost.pop("rows"),
                   lambda: setattr(t.cost, "rows", 1), lambda: t.request.clear(), lambda: t.cost.setdefault("x", 1)):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    with pytest.raises((TypeError, AttributeError)):
        t.prompt.tokens[0] = None
    for array in (t["mlp_out"].ie, t.array("grids.0.ie"), loci.Trace(None, t.to_dict()).array("grids.0.ie")):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    assert pickle.loads(pickle.dumps(t.cost)) == t.cost


@pytest.mark.parametrize("shape", [(60000, 60000, 3), (2**32 + 5, 1, 3), (0, 4, 3)])
def test_a_picture_that_is_too_large_is_refused_before_it_is_copied(model: loci.Model, shape: tuple[int, ...]) -> None:
    picture = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), shape)
    tracemalloc.start()
    with pytest.raises(loci.QuestionError, match="expected 1 to 178956970"):
        model.question(picture, TEXT)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000


def test_pictures_may_be_arrays(model: loci.Model, q: loci.Question) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.asarray(image.open(UKRAINE).convert("RGB"))
    for given in (pixels, image.open(UKRAINE), pixels[:, ::-1][:, ::-1]):
        again = model.question(given, TEXT, constraint="this country")
        assert model.ask(again).p == model.ask(q).p
    assert model.ask(again).command == ""
    for wrong in (pixels.astype(np.float32), pixels[:, :, 0], pixels[None]):
        with pytest.raises(ValueError, match="uint8"):
            model.question(wrong, TEXT)
    with pytest.raises(TypeError):
        model.question(3, TEXT)


def test_contributions_are_laid_over_the_picture(model: loci.Model, q: loci.Question) -> None:
    image = pytest.importorskip("PIL.Image")
    f = model.flow(q)
    over = f.overlay(3)
    assert over.shape == (256, 256, 3) and over.dtype == np.uint8  # 64 pixels, each four times
    given = np.asarray(image.open(UKRAINE).convert("RGB"))
    again = model.flow(model.question(given, TEXT, constraint="this country"))
    assert np.array_equal(again.overlay(3), over)
    heat = f.image(3)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert over[200, 128].tolist()[2] < 60 < over[80, 128].tolist()[2]  # the flag: yellow below blue
    strongest = over[32 * row : 32 * (row + 1), 32 * column : 32 * (column + 1)].reshape(-1, 3).astype(int)
    assert abs(strongest - [224, 130, 20]).max() <= 0.2 * 255  # four fifths of the colour
    with pytest.raises(loci.RequestError, match="no picture"):
        loci.Flow(None, again.to_dict()).overlay(3)


def test_runs_are_recorded_and_patched(model: loci.Model, q: loci.Question, tmp_path: Path) -> None:
    logits, cache = model.run_with_cache(q, ["resid_post", "mlp_out", "q", "k", "pattern"], layers=[-1, 3])
    c = model.cfg
    assert dataclasses.is_dataclass(c) and dataclasses.asdict(c)["n_layers"] == 12
    with pytest.raises(dataclasses.FrozenInstanceError):
        c.n_layers = 3  # type: ignore[misc]
    assert logits.shape == (q.tokens, c.d_vocab) and logits.dtype == np.float32
    assert cache["blocks.3.hook_mlp_out"] is cache["mlp_out", 3]
    assert cache["lm.blocks.11.hook_resid_post"] is cache["resid_post", -1]
    assert cache["q", 3].shape == (q.tokens, c.n_heads, c.d_head)
    assert cache["pattern", 3].shape == (c.n_heads, q.tokens, q.tokens)
    assert np.allclose(cache["pattern", 3].sum(axis=2), 1, atol=1e-5)
    assert cache.stack("mlp_out").shape == (2, q.tokens, c.d_model)
    assert len(cache) == len(list(cache)) == len(cache.items()) == 11 and ("mlp_out", 3) in cache
    assert "blocks.3.hook_mlp_out" in cache and ("mlp_out", 5) not in cache
    assert not any(x in cache for x in (("nothing", 3), "nothing", "mlp_out", 3, None, ("mlp_out", "3"), ("q", 3, 5)))
    assert cache["mlp_out", 3].base is not None and not cache["mlp_out", 3].flags.owndata
    place, value = ("mlp_out", 3, 75), cache["mlp_out", 3][75]
    assert np.array_equal(model.run(q, patch={place: value}).logits, logits)
    moved = model.run(q, patch={place: np.zeros(c.d_model)}).logits
    assert not np.array_equal(moved[75:], logits[75:]) and np.array_equal(moved[:75], logits[:75])
    added = model.run(q, add={place: -value}).logits
    assert np.allclose(added, moved, atol=1e-3)  # value - value and 0 round the same sums differently
    cache.save(tmp_path / "run.safetensors")
    assert np.array_equal(loci.load(tmp_path / "run.safetensors")["mlp_out.3"], cache["mlp_out", 3])
    for wrong in (np.zeros(3), np.full(c.d_model, np.nan)):
        with pytest.raises(ValueError, match="patch of"):
            model.run(q, patch={place: wrong})
    with pytest.raises(KeyError, match="was not kept"):
        cache["mlp_out", 5]
    with pytest.raises(loci.RequestError, match="which layer"):
        cache["mlp_out"]
    with pytest.raises(loci.RequestError, match=r"\(site, layer\)"):
        model.run(q, patch={"blocks.3.hook_mlp_out": cache["mlp_out", 3]})  # type: ignore[dict-item]
    for name in ("blocks.3.hook_mlp_in", "blocks.3.attn.hook_q"):
        with pytest.raises(loci.RequestError, match="kept"):
            cache[name]


def test_activations_are_those_of_transformers_hooks() -> None:
    """Every site that a module of its own has there, in every layer; f32 that is summed in another order."""
    for needed in ("torch", "transformers"):
        pytest.importorskip(needed, reason=f"no {needed} here: activations are not compared with its hooks")
    import torch
    import transformers

    there = transformers.AutoModelForCausalLM.from_pretrained(FLAGS / "text-only", dtype=torch.float32)
    ours = loci.open(FLAGS / "text-only", precision="f32")
    asked = ours.question(None, "The capital of Ukraine is", template="raw")
    sites = ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "mlp_post", "z"]
    _, cache = ours.run_with_cache(asked, sites)
    seen: dict[tuple[str, int], np.ndarray] = {}

    def keep(site: str, layer: int, goes_in: bool = False) -> Any:
        def hook(_: Any, given: Any, out: Any) -> None:
            x = given[0] if goes_in else out[0] if isinstance(out, tuple) else out
            seen[site, layer] = x.detach().numpy().reshape(asked.tokens, -1)

        return hook

    for i, layer in enumerate(there.model.layers):
        layer.input_layernorm.register_forward_hook(keep("resid_pre", i, True))
        layer.post_attention_layernorm.register_forward_hook(keep("resid_mid", i, True))
        layer.self_attn.o_proj.register_forward_hook(keep("z", i, True))
        layer.self_attn.o_proj.register_forward_hook(keep("attn_out", i))
        layer.mlp.down_proj.register_forward_hook(keep("mlp_post", i, True))
        layer.mlp.register_forward_hook(keep("mlp_out", i))
        layer.register_forward_hook(keep("resid_post", i))
    there(torch.tensor(ours.to_tokens("The capital of Ukraine is").tolist())[None])
    assert len(seen) == len(sites) * ours.cfg.n_layers
    for (site, layer), theirs in seen.items():
        found = cache[site, layer].reshape(asked.tokens, -1)
        assert np.abs(found - theirs).max() < 1e-5 * np.abs(theirs).max() + 1e-5, (site, layer)


def test_kept_runs_give_the_same_numbers(model: loci.Model, q: loci.Question) -> None:
    fresh = model.trace(q, site="mlp_out", layers=4), model.lens(q), model.ask(q)
    with model.keep(q):
        kept = model.trace(q, site="mlp_out", layers=4), model.lens(q), model.ask(q)
        assert fresh[0].cost.rows - kept[0].cost.rows == 12 * 85  # of the clean run all but the last position
    again = model.trace(q, site="mlp_out", layers=4)
    assert again.cost.rows == fresh[0].cost.rows
    assert np.array_equal(kept[0]["mlp_out"].ie, fresh[0]["mlp_out"].ie)
    assert np.array_equal(kept[1].logp, fresh[1].logp) and kept[2].to_dict() == fresh[2].to_dict()
    with pytest.raises(loci.MemoryLimitError), model.keep(q, memory=1000):
        pass
    with model.keep(q):
        with model.keep(q), pytest.raises(ZeroDivisionError), model.keep(q):
            1 // 0  # noqa: B018
        assert model.trace(q, site="mlp_out", layers=4).cost.rows == kept[0].cost.rows  # of the outermost block
    assert model.trace(q, site="mlp_out", layers=4).cost.rows == fresh[0].cost.rows


def test_memory_bounds_what_is_kept() -> None:
    with loci.open(FLAGS, memory="2M") as small:
        q = small.question(UKRAINE, TEXT)
        with pytest.raises(loci.MemoryLimitError) as e:
            small.run(q, ["pattern", "mlp_post", "resid_post"])
        assert isinstance(e.value, MemoryError) and e.value.needed > 2 << 20
        with pytest.raises(loci.RequestError, match="memory="), small.keep(q, memory="lots"):
            pass
    with pytest.raises(loci.RequestError, match="memory"):
        loci.open(FLAGS, memory="lots")


def test_several_questions_share_a_walk(model: loci.Model, q: loci.Question) -> None:
    other = model.question(FLAGS / "images/thailand.png", TEXT, constraint="this country")
    how = {"site": "mlp_out", "layers": [0, 3]}
    alone = [model.trace(x, **how) for x in (q, other, q)]
    together = list(model.trace_many(iter([q, other, q]), **how))
    for ours, theirs in zip(together, alone, strict=True):
        assert np.allclose(ours["mlp_out"].ie, theirs["mlp_out"].ie, rtol=0, atol=1e-6)  # f32, in another order
        assert abs(ours.clean.p - theirs.clean.p) < 1e-6
    assert sum(t.cost.rows for t in together) < sum(t.cost.rows for t in alone)  # one picture, one question
    bare = model.question(UKRAINE, TEXT)
    asked = model.trace_many([other, bare, q], **how)
    assert abs(next(asked).te - alone[1].te) < 1e-6
    with pytest.raises(loci.RequestError, match="constraint"):
        next(asked)


def test_constraints_have_kinds(model: loci.Model, q: loci.Question) -> None:
    assert q.kinds == {"this country": "visual"}
    two = model.question(UKRAINE, TEXT, constraint=[("this country", "textual"), "capital"])
    assert two.kinds == {"this country": "textual", "capital": "textual"} and len(two.spans) == 2
    for wrong in ([("this country",)], [3], [("this country", 2)]):
        with pytest.raises(TypeError):
            model.question(UKRAINE, TEXT, constraint=wrong)
    with pytest.raises(loci.QuestionError, match="visual or textual"):
        model.question(UKRAINE, TEXT, constraint=[("this country", "odd")])


def test_text_to_tokens_and_back(model: loci.Model, q: loci.Question) -> None:
    assert model.to_single_token("Kyiv") == model.ask(q).top[0].id
    assert model.to_tokens(TEXT).tolist()[0] == 1 and len(model.to_str_tokens(TEXT, special=False)) > 5
    with pytest.raises(loci.RequestError, match="tokens"):
        model.to_single_token(TEXT)
    assert q.spans == {"this country": range(74, 76)} and q.tokens == 86 == len(q.sequence)
    assert "constraint-last" in q._repr_html_()

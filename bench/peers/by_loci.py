"""A trace with loci (see bench/peers.py)."""

import loci


def load(directory):
    return loci.open(directory, precision="f32", threads=1)


def trace(model, prompt, subject, other):
    q = model.question(None, prompt, constraint=subject, template="raw")
    t = model.trace(q, corrupt=f"replace:{other}", site=["mlp_out", "attn_out"], positions="each")
    return {g.site: g.p for g in t.grids}


def trace_noise(model, prompt, subject, noise, windows):
    q = model.question(None, prompt, constraint=subject, template="raw")
    t = model.trace(q, corrupt="noise:1", noise=noise, seeds=len(noise), window=windows, positions="each")
    return {w: {site: t[site, w].p for site in ("mlp_out", "attn_out", "resid_post")} for w in windows}

"""Activations of one run, by TransformerLens's names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _native as native
from ._errors import RequestError

__all__ = ["Cache"]

if TYPE_CHECKING:
    from ._model import Config

# TransformerLens's hook points (and Spectra's, with "lm." before), as sites. Some of its names mean something else
# here, or nothing: they are refused, because a wrong array would come in silence.
HOOKS = {
    "hook_resid_pre": "resid_pre", "hook_resid_mid": "resid_mid", "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out", "hook_mlp_out": "mlp_out", "mlp.hook_post": "mlp_post", "post": "mlp_post",
    "attn.hook_rot_q": "q", "attn.hook_rot_k": "k", "attn.hook_v": "v", "attn.hook_z": "z",
    "attn.hook_pattern": "pattern",
    "ln_final.hook_normalized": "final_norm",
}  # fmt: skip
REFUSED = {
    "hook_mlp_in": "the MLP's input is not kept: resid_mid, before its norm, is",
    "mlp.hook_in": "the MLP's input is not kept: resid_mid, before its norm, is",
    "attn.hook_q": "q is kept after rotation, which TransformerLens calls attn.hook_rot_q",
    "attn.hook_k": "k is kept after rotation, which TransformerLens calls attn.hook_rot_k",
    "attn.hook_attn_scores": "weights are kept after the softmax: pattern",
}


def site_of(name: str) -> tuple[str, int | None]:
    """A site, and a layer where the name has one: "mlp_out", "blocks.3.hook_mlp_out", "lm.blocks.3.mlp.hook_post"."""
    if not isinstance(name, str):
        raise TypeError(f"a site is a name, not {type(name).__name__}")
    bare = name.removeprefix("lm.")
    found = re.fullmatch(r"blocks\.(-?\d+)\.(.+)", bare)
    layer, hook = (int(found.group(1)), found.group(2)) if found else (None, bare)
    if hook in REFUSED:
        raise RequestError(f"{name}: {REFUSED[hook]}")
    site = HOOKS.get(hook, hook)
    native.site_number(site)  # raises, with the nearest name
    return site, layer


class Cache(Mapping[Any, native.Array]):
    """What a run kept, by (site, layer). ``cache["mlp_out", 3]`` and ``cache["blocks.3.hook_mlp_out"]`` are one array:
    (T, width), of q, k, v, z (T, heads, width), of pattern (heads, T, T); float32, views. ``logits``: (T, V)."""

    def __init__(self, run: native.Owner, kept: list[tuple[str, int]], cfg: Config, tokens: int) -> None:
        self._run, self._kept, self._cfg, self._tokens = run, dict.fromkeys(kept), cfg, tokens
        self._arrays: dict[tuple[str, int], native.Array] = {}

    def __getitem__(self, key: str | tuple[str, int]) -> native.Array:
        name, given = (key, None) if isinstance(key, str) else (key[0], key[1])
        site, layer = site_of(name)
        layer = given if layer is None else layer
        if layer is None and site not in ("final_norm", "logits"):
            raise RequestError(f"{name}: of which layer? cache[{site!r}, 3], or cache.stack({site!r})")
        place = (site, (layer or 0) + (self._cfg.n_layers if (layer or 0) < 0 else 0))
        if place not in self._kept:
            raise KeyError(f"{place} was not kept; kept are {', '.join(map(str, self))}")
        if place not in self._arrays:
            self._arrays[place] = self._shaped(site, native.run_get(self._run, native.site_number(site), place[1]))
        return self._arrays[place]

    def _shaped(self, site: str, flat: native.Array) -> native.Array:
        c, T = self._cfg, self._tokens
        if site == "pattern":
            return flat.reshape(c.n_heads, T, T)
        if site in ("q", "z"):
            return flat.reshape(T, c.n_heads, c.d_head)
        return flat.reshape(T, c.n_key_value_heads, c.d_head) if site in ("k", "v") else flat

    @property
    def logits(self) -> native.Array:
        return self["logits", 0]

    def layers(self, site: str) -> list[int]:
        return [layer for s, layer in self._kept if s == site]

    def stack(self, site: str) -> native.Array:
        """All kept layers of a site, in their order: (layers, ...); a copy."""
        site = site_of(site)[0]
        return np.stack([self[site, layer] for layer in self.layers(site)])

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def _ipython_key_completions_(self) -> list[Any]:
        return list(self)

    def __repr__(self) -> str:
        kept = ", ".join(f"{s} {self.layers(s)}" for s in dict.fromkeys(s for s, _ in self._kept))
        return f"<loci Cache of {self._tokens} positions: {kept}>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """A .safetensors file, as of ``loci record``."""
        native.do("loci_run_write", self._run.pointer, native.path_bytes(path))

    def to_torch(self) -> dict[tuple[str, int], Any]:
        """Copies as torch tensors (torch wants writable memory)."""
        import torch

        return {k: torch.from_numpy(a.copy()) for k, a in self.items()}

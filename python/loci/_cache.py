"""Activations of one run, by TransformerLens's names."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import numpy as np

from . import _native as native
from ._errors import RequestError

__all__ = ["Cache"]
# Names of the C library as types (include/loci_sites.def, loci_names.def); a test compares them with it.
Site = Literal["resid_pre", "q", "k", "v", "pattern", "z", "attn_out", "resid_mid", "mlp_post", "mlp_out",
               "resid_post", "final_norm", "logits"]
Group = Literal["constraint", "constraint-last", "image", "image-base", "image-tiles", "after-constraint",
                "after-image", "last", "all"]


def site_of(name: str) -> tuple[str, int | None]:
    """A site, and a layer where the name has one: "mlp_out", "blocks.3.hook_mlp_out", "lm.blocks.3.mlp.hook_post"."""
    if not isinstance(name, str):
        raise TypeError(f"a site is a name, not {type(name).__name__}")
    found = re.fullmatch(r"(?:lm\.)?(?:blocks\.(-?\d+)\.)?(.+)", name, re.S)
    layer, hook = found.groups() if found else (None, name)
    return get_args(Site)[native.number_of(0, hook)], None if layer is None else int(layer)


class Cache(Mapping[Any, native.Array]):
    """What a run kept, by (site, layer). ``cache["mlp_out", 3]`` and ``cache["blocks.3.hook_mlp_out"]`` are one array:
    (T, width), of q, k, v, z (T, heads, width), of pattern (heads, T, T); float32, views. ``logits``: (T, V)."""

    def __init__(self, run: native.Owner, kept: list[tuple[str, int]], cfg: Any, tokens: int) -> None:
        self._run, self._kept, self._cfg, self._tokens = run, dict.fromkeys(kept), cfg, tokens
        self._arrays: dict[tuple[str, int], native.Array] = {}

    def __getitem__(self, key: str | tuple[str, int]) -> native.Array:
        name, given = (key, None) if isinstance(key, str) else key
        site, layer = site_of(name)
        layer = given if layer is None else layer
        if layer is None and site not in ("final_norm", "logits"):
            raise RequestError(f"{name}: of which layer? cache[{site!r}, 3], or cache.stack({site!r})")
        place = (site, (layer or 0) + (self._cfg.n_layers if (layer or 0) < 0 else 0))
        if place not in self._kept:
            raise KeyError(f"{place} was not kept; kept are {', '.join(map(str, self))}")
        if place not in self._arrays:
            self._arrays[place] = self._shaped(site, native.run_get(self._run, native.number_of(0, site), place[1]))
        return self._arrays[place]

    def _shaped(self, site: str, flat: native.Array) -> native.Array:
        rows, columns = flat.shape
        shapes = {"pattern": (-1, self._tokens, columns), **dict.fromkeys("qkvz", (rows, -1, self._cfg.d_head))}
        return flat.reshape(shapes.get(site, flat.shape))

    @property
    def logits(self) -> native.Array:
        return self["logits", 0]

    def layers(self, site: str) -> list[int]:
        return [layer for s, layer in self._kept if s == site]

    def stack(self, site: str) -> native.Array:
        """All kept layers of a site, in their order: (layers, ...); a copy."""
        site = site_of(site)[0]
        return np.stack([self[site, layer] for layer in self.layers(site)])

    def __contains__(self, key: object) -> bool:
        with contextlib.suppress(KeyError, TypeError, ValueError):  # what is no site's name is not kept
            return self[key] is not None  # type: ignore[index]
        return False

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

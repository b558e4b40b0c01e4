"""Names of the C library as types (include/loci_sites.def, loci_names.def); a test compares them with it."""

from typing import Literal

Site = Literal[
    "resid_pre", "q", "k", "v", "pattern", "z", "attn_out", "resid_mid", "mlp_post", "mlp_out", "resid_post",
    "final_norm", "logits",
]
Group = Literal[
    "constraint", "constraint-last", "image", "image-base", "image-tiles", "after-constraint", "after-image", "last",
]

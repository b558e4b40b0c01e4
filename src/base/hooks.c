/* TransformerLens's names of activations, as sites (see names.h).  Some of its names mean something
 * else here, or nothing: they are refused, because other numbers would come in silence. */
#include <string.h>

#include "base/names.h"

static const struct {
  const char *hook, *site; /* site NULL: refused */
  const char *why;
} hooks[] = {
    {"hook_resid_pre", "resid_pre", NULL},
    {"hook_resid_mid", "resid_mid", NULL},
    {"hook_resid_post", "resid_post", NULL},
    {"hook_attn_out", "attn_out", NULL},
    {"hook_mlp_out", "mlp_out", NULL},
    {"mlp.hook_post", "mlp_post", NULL},
    {"post", "mlp_post", NULL},
    {"attn.hook_rot_q", "q", NULL},
    {"attn.hook_rot_k", "k", NULL},
    {"attn.hook_v", "v", NULL},
    {"attn.hook_z", "z", NULL},
    {"attn.hook_pattern", "pattern", NULL},
    {"ln_final.hook_normalized", "final_norm", NULL},
    {"hook_mlp_in", NULL, "the MLP's input is not kept: resid_mid, before its norm, is"},
    {"mlp.hook_in", NULL, "the MLP's input is not kept: resid_mid, before its norm, is"},
    {"attn.hook_q", NULL, "q is kept after its rotation, as attn.hook_rot_q"},
    {"attn.hook_k", NULL, "k is kept after its rotation, as attn.hook_rot_k"},
    {"attn.hook_attn_scores", NULL, "weights are kept after the softmax: pattern"},
};

loci_status hook_site(const char *name, const char **site, loci_err *err) {
  *site = name;
  for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
    if (strcmp(name, hooks[i].hook) != 0) continue;
    if (!hooks[i].site) return fail(err, LOCI_EINVAL, "%s: %s", name, hooks[i].why);
    *site = hooks[i].site;
  }
  return LOCI_OK;
}

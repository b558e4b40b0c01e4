/* The memory of a walk, counted before it starts (see sizes.h): what plan.c, head.c and back_plan.c
 * allocate, for each row, each stream and once. */
#include "walk/sizes.h"

#include "walk/back.h"

int64_t site_width(const loci_model *m, loci_site site) {
  const decoder_config *c = model_decoder(m);
  switch (site) {
    case LOCI_SITE_Q:
    case LOCI_SITE_Z: return (int64_t)c->heads * c->head_dim;
    case LOCI_SITE_K:
    case LOCI_SITE_V: return (int64_t)c->kv_heads * c->head_dim;
    case LOCI_SITE_MLP_POST: return c->inner;
    case LOCI_SITE_LOGITS: return c->vocab;
    default: return c->width;
  }
}

int64_t walk_row_bytes(const loci_model *m) {
  const decoder_config *c = model_decoder(m);
  int64_t D = c->width, HK = (int64_t)c->heads * c->head_dim;
  int64_t GK = (int64_t)c->kv_heads * c->head_dim, operand = (int64_t)dtype_bytes(m->compute_type);
  int64_t floats = 2 * D + 2 * HK + 4 * GK + PANEL * c->kv_heads;
  return floats * 4 + (D + (HK > D ? HK : D)) * operand + (int64_t)sizeof(row) +
         (c->deep > 0 ? 10 : 9) * 8 + (int64_t)(sizeof(attend_block) + sizeof(row_view));
}

int64_t walk_stream_bytes(const loci_model *m) {
  const decoder_config *c = model_decoder(m);
  int64_t panel = (int64_t)PANEL * c->kv_heads * c->head_dim * 4;
  return panel + (int64_t)sizeof(stream) + (c->layers + 1) * 4;
}

int64_t walk_fixed_bytes(const loci_model *m, int length) {
  const decoder_config *c = model_decoder(m);
  int64_t inner = m->compute_type == DTYPE_F32 ? 8 : 8 + (int64_t)dtype_bytes(m->compute_type);
  int64_t mlp = MLP_ROWS * c->inner * inner;
  return mlp + (int64_t)m->threads * QUERY_ROWS * (length + 32) * 4 + (64 << 20);
}

int64_t walk_grad_row_bytes(const loci_model *m) {
  const decoder_config *c = model_decoder(m);
  int64_t D = c->width, HK = (int64_t)c->heads * c->head_dim;
  int64_t GK = (int64_t)c->kv_heads * c->head_dim;
  int64_t branches = c->post_norms ? 2 * D : 0;
  int64_t kept = (int64_t)c->layers * ((c->parallel ? 1 : 2) * D + HK + branches);
  int64_t layer = 3 * D + 2 * (HK > D ? HK : D) + 2 * HK + 2 * GK;
  return (kept + layer) * 4 + (int64_t)sizeof(row) + 6 * 8 + 1;
}

int64_t walk_kept_row_bytes(const loci_model *m) {
  const decoder_config *c = model_decoder(m);
  int64_t K = c->head_dim;
  return (int64_t)(c->layers - 1) * c->kv_heads * (K + round_up(K, PANEL)) * 4;
}

int64_t walk_grad_fixed_bytes(const loci_model *m, int length) {
  const decoder_config *c = model_decoder(m);
  int64_t chunk = walk_fixed_bytes(m, length); /* holds the MLP's inner rows twice at least */
  return chunk / 2 + (int64_t)m->threads * (c->inner + 2 * (length + 32) * (c->head_dim + 16)) * 4;
}

/* visit: where a site is patched and recorded, all but pattern (style: plain, recorded and patched
 * runs are one path).  Patches come first, in the order of their streams, so that a patch may read
 * a row that was itself patched; then records. */
#include "walk/visit.h"

static float *row_at(const site_rows *s, int64_t i) {
  return s->data + (s->slots ? s->slots[i] : i - s->first) * s->width;
}

static bool holds(const site_rows *s, int64_t i) { return i >= s->first && i < s->first + s->n; }

/* A patch may read a row that another one wrote, so they are taken one by one. */
static void patch_rows(walk *w, const site_rows *s) {
  int K = w->c->head_dim;
  stage limit = stage_of(s->site);
  const int64_t *bucket = w->patch_bucket + site_bucket(s->layer, s->site);
  for (int64_t i = bucket[0]; i < bucket[1]; i++) {
    const patch_item *item = &w->patches.at[i];
    const walk_patch *p = &item->p;
    int64_t to = row_index(w, item->stream, p->position, s->layer, limit);
    if (!holds(s, to)) continue;
    int64_t at = p->head >= 0 ? (int64_t)p->head * K : 0, n = p->head >= 0 ? K : s->width;
    const float *from = p->values;
    if (p->source >= 0) {
      from = row_at(s, row_index(w, p->source, p->position, s->layer, limit)) + at;
    }
    float *out = row_at(s, to) + at;
    if (p->add) {
      rows_add(&w->a->rows, rows_f32(out, n, NULL), rows_f32(from, n, NULL), 1, n);
    } else if (out != from) {
      rows_copy(&w->a->rows, rows_f32(out, n, NULL), rows_f32(from, n, NULL), 1, n);
    }
  }
}

/* A record may have rows in this chunk, in another one, or in an ancestor's stream. */
static void record_rows(walk *w, const site_rows *s) {
  const int64_t *bucket = w->record_bucket + site_bucket(s->layer, s->site);
  for (int64_t i = bucket[0]; i < bucket[1]; i++) {
    const record_item *r = &w->records.at[i];
    int64_t n = 0;
    for (int k = 0; k < r->count; k++) {
      int64_t from = row_index(w, r->stream, r->first + k, s->layer, stage_of(s->site));
      if (!holds(s, from)) continue;
      w->rows.to[n] = k;
      w->rows.from[n++] = s->slots ? s->slots[from] : from - s->first;
    }
    rows_copy(&w->a->rows, rows_f32(r->out, s->width, w->rows.to),
              rows_f32(s->data, s->width, w->rows.from), n, s->width);
  }
}

bool is_visited(const walk *w, loci_site site, int layer) {
  int64_t at = site_bucket(layer, site);
  return w->patch_bucket[at] < w->patch_bucket[at + 1] ||
         w->record_bucket[at] < w->record_bucket[at + 1];
}

void visit(walk *w, const site_rows *s) {
  patch_rows(w, s);
  record_rows(w, s);
}

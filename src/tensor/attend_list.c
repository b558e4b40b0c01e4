/* Attention of lists of rows on the processor (see attend_list.h): jobs are split over threads, and
 * the scores of a job's rows stand in one line each, so masks, patterns and the softmax see whole
 * rows. */
#include "tensor/attend_list.h"

#include <math.h>

/* One head of one stream: copies runs of rows that stand together in k and v. */
static void pack_head(const kv_pack *p, int64_t s, int g) {
  int K = p->K;
  int64_t stride = (int64_t)p->heads * K, run = 0;
  const kv_stream *kv = &p->streams[s];
  const kv_put *put = &p->puts[s];
  for (int64_t i = 0; i < put->n; i += run) {
    for (run = 1; i + run < put->n && put->rows[i + run] == put->rows[i] + run; run++) continue;
    int64_t from = put->rows[i] * stride + (int64_t)g * K;
    pack_keys(kv->keys + g * kv->key_step, put->at + i, p->k + from, stride, run, K);
    pack_values(kv->values + g * kv->value_step, kv->room, put->at + i, p->v + from, stride, run,
                K);
  }
}

void pack_streams(const row_engine *e, const kv_pack *p, int64_t first, int64_t end) {
  int64_t rows = 0, G = p->heads;
  for (int64_t s = first; s < end; s++) rows += p->puts[s].n;
#pragma omp parallel for num_threads(row_threads(e, rows *G * p->K)) schedule(dynamic, 4)
  for (int64_t i = first * G; i < end * G; i++) pack_head(p, i / G, (int)(i % G));
}

/* Upwards through the ancestors, each one up to where its child begins; then turned round, because
 * scores stand in the order of positions. */
int find_stretches(const kv_stream *streams, int s, int end, int g, kv_stretch *out) {
  int n = 0;
  for (; s >= 0 && end > 0; s = streams[s].parent) {
    const kv_stream *kv = &streams[s];
    if (kv->count == 0 || kv->first >= end) continue;
    out[n++] = (kv_stretch){kv->keys + g * kv->key_step,
                            packed_values(kv->values + g * kv->value_step, kv->room), kv->first,
                            end - kv->first};
    end = kv->first;
  }
  for (int i = 0; i < n / 2; i++) {
    kv_stretch swap = out[i];
    out[i] = out[n - 1 - i];
    out[n - 1 - i] = swap;
  }
  return n;
}

void attend_line(const kernel_set *k, float *line, const row_view *v, const key_span *masks,
                 int all) {
  for (int i = v->mask; i < v->mask_end; i++) {
    int64_t end = (int64_t)masks[i].first + masks[i].count;
    for (int64_t j = masks[i].first > 0 ? masks[i].first : 0; j < end && j < v->seen; j++) {
      line[j] = -INFINITY;
    }
  }
  for (int j = 0; j < v->first; j++) line[j] = 0;  /* what the window is past */
  k->softmax(line + v->first, v->seen - v->first); /* of nothing: nothing */
  for (int j = v->seen; j < all; j++) line[j] = 0; /* what comes later is not seen */
}

static void attend_job(const row_engine *e, const attend_list *l, int64_t job, float *S) {
  int head = (int)(job / l->block_count);
  const attend_block *b = &l->blocks[job % l->block_count];
  int64_t stride = (int64_t)l->heads * l->K, at = b->first * stride + (int64_t)head * l->K;
  kv_stretch stretches[MAX_DEPTH];
  attend_rows a = {.q = l->q + at,
                   .q_stride = stride,
                   .z = l->z + at,
                   .z_stride = stride,
                   .R = b->R,
                   .K = l->K,
                   .scale = l->scale,
                   .cap = l->cap,
                   .stretches = stretches,
                   .S = S,
                   .ld = l->ld};
  a.stretch_count = find_stretches(l->streams, b->stream, b->end, head / l->group, stretches);
  int all = a.stretch_count > 0 ? b->end : 0;
  attend_scores(e->k, &a);
  for (int i = 0; i < b->R; i++) {
    attend_line(e->k, S + i * l->ld, &l->views[b->first + i], l->masks, all);
    if (l->look) l->look(l->ctx, b->first + i, head, S + i * l->ld);
  }
  attend_mix(e->k, &a);
}

/* Every thread takes a run of jobs that follow each other, so that neighbours share the keys it
 * has read. */
void attend_jobs(const row_engine *e, const attend_list *l, int64_t from, int64_t to) {
  int threads = row_threads(e, l->rows * l->heads * l->ld);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; t++) {
    float *S = l->S + t * QUERY_ROWS * l->ld;
    int64_t last = from + (to - from) * (t + 1) / threads;
    for (int64_t job = from + (to - from) * t / threads; job < last; job++) {
      attend_job(e, l, job, S);
    }
  }
}

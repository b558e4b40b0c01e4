/* Pieces: parts of the text on its way to tokens, each byte with the range of the original text it
 * stands for (pipeline.h).  Splitting makes views; rewriting makes a new text in the job's arena.
 */
#include <string.h>

#include "text/encode_job.h"

/* A normalizer that makes more than this of a text is a mistake or an attack. */
enum { REWRITE_LIMIT = 1 << 28 };

loci_status piece_push(piece_list *list, piece p, encode_job *job) {
  if (p.size == 0) return LOCI_OK;
  if (list->count == list->room) {
    size_t room = list->room ? 2 * list->room : 16;
    piece *items = arena_array(job->mem, (int64_t)room, piece);
    if (!items) return fail_nomem(job->err, "splitting text");
    if (list->count) memcpy(items, list->items, list->count * sizeof *items);
    list->items = items;
    list->room = room;
  }
  list->items[list->count++] = p;
  return LOCI_OK;
}

loci_status rewrite_begin(rewrite *w, size_t room, encode_job *job) {
  if (room > REWRITE_LIMIT || room / 64 > job->size + 1024) {
    return fail(job->err, LOCI_EFORMAT,
                "the tokenizer's normalizer makes %zu bytes of a text of %zu bytes", room,
                job->size);
  }
  *w = (rewrite){.room = room};
  w->text = arena_alloc(job->mem, (int64_t)room, 1);
  w->at = arena_array(job->mem, (int64_t)room, range);
  return w->text && w->at ? LOCI_OK : fail_nomem(job->err, "normalising text");
}

void rewrite_put(rewrite *w, const char *s, size_t n, range at) {
  memcpy(w->text + w->size, s, n);
  for (size_t i = 0; i < n; i++) w->at[w->size + i] = at;
  w->size += n;
}

void rewrite_copy(rewrite *w, const piece *p, size_t begin, size_t end) {
  if (begin == end) return;
  memcpy(w->text + w->size, p->text + begin, end - begin);
  memcpy(w->at + w->size, p->at + begin, (end - begin) * sizeof *w->at);
  w->size += end - begin;
}

piece rewrite_end(const rewrite *w) { return (piece){w->text, w->at, w->size, NULL}; }

loci_status piece_prepend(piece *p, const char *s, size_t n, encode_job *job) {
  if (p->size == 0) return LOCI_OK;
  rewrite w = {0};
  TRY(rewrite_begin(&w, n + p->size, job));
  rewrite_put(&w, s, n, p->at[0]);
  rewrite_copy(&w, p, 0, p->size);
  *p = rewrite_end(&w);
  return LOCI_OK;
}

loci_status pattern_find(const pattern *f, const piece *p, range_list *out, encode_job *job) {
  if (!f->literal) return regex_find_all(f->re, p->text, p->size, job->mem, out, job->err);
  for (size_t i = 0; p->size >= f->size && i <= p->size - f->size;) {
    const char *hit = memchr(p->text + i, f->literal[0], p->size - f->size + 1 - i);
    if (!hit) break;
    i = (size_t)(hit - p->text);
    if (memcmp(hit, f->literal, f->size) == 0) {
      TRY(range_push(out, (range){(uint32_t)i, (uint32_t)(i + f->size)}, job->mem, job->err));
      i += f->size;
    } else {
      i++;
    }
  }
  return LOCI_OK;
}

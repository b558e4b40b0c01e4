/* Normalizers: rewrite one piece of text, keeping for every byte the range of the original it
 * stands for.  Where one character becomes several, or several one, the ranges are those the
 * tokenizers library gives: a composed character carries the range of its first part only. */
#include <string.h>

#include "base/utf8.h"
#include "text/encode_job.h"

static loci_status replace(const norm_step *step, piece *p, encode_job *job) {
  range_list hits = {0};
  TRY(pattern_find(&step->find, p, &hits, job));
  if (hits.count == 0) return LOCI_OK;
  rewrite w = {0};
  TRY(rewrite_begin(&w, p->size + hits.count * step->size, job));
  size_t from = 0;
  for (size_t i = 0; i < hits.count; i++) {
    range hit = hits.items[i];
    rewrite_copy(&w, p, from, hit.begin);
    range at = hit.end > 0 ? p->at[hit.end - 1] : (range){0, 0};
    rewrite_put(&w, step->content, step->size, at);
    from = hit.end;
  }
  rewrite_copy(&w, p, from, p->size);
  *p = rewrite_end(&w);
  return LOCI_OK;
}

/* Applies changes (unicode.h) to p. */
static loci_status apply_changes(const rune_text *text, piece *p, encode_job *job) {
  const rune_change *x = text->items;
  rewrite w = {0};
  TRY(rewrite_begin(&w, 4 * text->count, job));
  size_t old = 0;
  for (size_t i = 0; i < text->count; i++) {
    range at;
    if (x[i].change > 0) {
      at = old > 0 ? p->at[old - 1] : (range){0, 0};
    } else {
      at = p->at[old < p->size ? old : p->size - 1];
      for (int k = 0; k <= -x[i].change && old < p->size; k++) {
        uint32_t r;
        old += (size_t)utf8_decode(p->text + old, p->size - old, &r);
      }
    }
    char bytes[4];
    rewrite_put(&w, bytes, (size_t)utf8_encode(x[i].rune, bytes), at);
  }
  *p = rewrite_end(&w);
  return LOCI_OK;
}

static loci_status lowercase(piece *p, encode_job *job) {
  rune_change *x = arena_array(job->mem, 2 * (int64_t)p->size, rune_change);
  if (!x) return fail_nomem(job->err, "normalising text");
  size_t n = 0;
  uint32_t r;
  for (size_t i = 0; i < p->size;) {
    i += (size_t)utf8_decode(p->text + i, p->size - i, &r);
    if (r == 0x130) { /* the one character whose lower case is two */
      x[n++] = (rune_change){'i', 0};
      x[n++] = (rune_change){0x307, 1};
    } else {
      x[n++] = (rune_change){rune_lower(r), 0};
    }
  }
  rune_text text = {x, n};
  return apply_changes(&text, p, job);
}

static void strip(const norm_step *step, piece *p) {
  size_t begin = 0, end = p->size;
  uint32_t r;
  while (step->left && begin < end) {
    int k = utf8_decode(p->text + begin, end - begin, &r);
    if (!rune_is_space(r)) break;
    begin += (size_t)k;
  }
  while (step->right && end > begin) {
    size_t last = end - 1;
    while (last > begin && ((uint8_t)p->text[last] & 0xC0) == 0x80) last--;
    utf8_decode(p->text + last, end - last, &r);
    if (!rune_is_space(r)) break;
    end = last;
  }
  *p = piece_slice(p, begin, end);
}

static loci_status squeeze(piece *p, encode_job *job) {
  rewrite w = {0};
  TRY(rewrite_begin(&w, p->size, job));
  for (size_t i = 0; i < p->size; i++) {
    bool blank = p->text[i] == ' ';
    if (blank && (w.size == 0 || w.text[w.size - 1] == ' ')) continue;
    rewrite_copy(&w, p, i, i + 1);
  }
  for (;;) { /* at the end marks go too, at the start they stay: so SentencePiece has it */
    size_t n = w.size;
    if (n > 0 && w.text[n - 1] == ' ') w.size -= 1;
    if (n > 2 && memcmp(w.text + n - 3, "\xE2\x96\x81", 3) == 0) w.size -= 3;
    if (w.size == n) break;
  }
  *p = rewrite_end(&w);
  return LOCI_OK;
}

static loci_status normalize_step(const norm_step *step, piece *p, encode_job *job) {
  rune_text x = {0};
  switch (step->kind) {
    case NORM_PREPEND: return piece_prepend(p, step->content, step->size, job);
    case NORM_REPLACE: return replace(step, p, job);
    case NORM_LOWERCASE: return lowercase(p, job);
    case NORM_STRIP: strip(step, p); return LOCI_OK;
    case NORM_SQUEEZE: return squeeze(p, job);
    case NORM_FORM: break;
  }
  TRY(unicode_normalise(step->form, p->text, p->size, job->mem, &x, job->err));
  return x.items ? apply_changes(&x, p, job) : LOCI_OK;
}

loci_status normalize_piece(piece *p, encode_job *job) {
  for (int i = 0; i < job->t->norm_count && p->size > 0; i++) {
    TRY(normalize_step(&job->t->norm[i], p, job));
  }
  return LOCI_OK;
}

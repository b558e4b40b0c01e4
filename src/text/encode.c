/* From text to ids: the stages in order, and the post-processor after them (pipeline.h). */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/encode_job.h"

/* The whole text as one piece: every byte of a character carries the character's range. */
static loci_status whole_text(piece *out, encode_job *job) {
  range *at = arena_array(job->mem, (int64_t)job->size, range);
  if (!at) return fail_nomem(job->err, "encoding text");
  for (size_t i = 0; i < job->size;) {
    uint32_t r;
    size_t k = (size_t)utf8_decode(job->text + i, job->size - i, &r);
    if (k == 0) {
      return fail(job->err, LOCI_EINVAL, "the text is not UTF-8: byte %zu of %zu is 0x%02X", i,
                  job->size, (unsigned)(uint8_t)job->text[i]);
    }
    for (size_t j = 0; j < k; j++) at[i + j] = (range){(uint32_t)i, (uint32_t)(i + k)};
    i += k;
  }
  *out = (piece){job->text, at, job->size, NULL};
  return LOCI_OK;
}

static loci_status normalize_and_split(const piece_list *raw, piece_list *out, encode_job *job) {
  for (size_t i = 0; i < raw->count; i++) {
    piece p = raw->items[i];
    if (p.added) {
      TRY(piece_push(out, p, job));
      continue;
    }
    TRY(normalize_piece(&p, job));
    TRY(added_split(&job->t->normalized, &p, out, job));
  }
  return LOCI_OK;
}

static loci_status pretokenize(piece_list *pieces, encode_job *job) {
  for (int s = 0; s < job->t->pre_count; s++) {
    piece_list out = {0};
    for (size_t i = 0; i < pieces->count; i++) {
      const piece *p = &pieces->items[i];
      if (p->added) {
        TRY(piece_push(&out, *p, job));
      } else {
        TRY(pretokenize_step(&job->t->pre[s], p, &out, job));
      }
    }
    *pieces = out;
  }
  return LOCI_OK;
}

/* Blanks, or their byte-level stand-in U+0120, at the two ends of a token's text. */
static void count_blanks(const char *s, size_t n, coded_token *t) {
  uint32_t r, run = 0;
  bool leading = true;
  for (size_t i = 0; i < n;) {
    i += (size_t)utf8_decode(s + i, n - i, &r);
    bool blank = r == 0x120 || rune_is_space(r);
    run = blank ? run + 1 : 0;
    if (!blank) leading = false;
    if (leading) t->leading = run;
  }
  t->trailing = run;
}

static loci_status encode_pieces(const piece_list *pieces, encode_job *job) {
  for (size_t i = 0; i < pieces->count; i++) {
    const piece *p = &pieces->items[i];
    size_t first = job->count;
    if (p->added) {
      coded_token t = {p->added->id, p->at[0].begin, p->at[p->size - 1].end, 0, 0};
      if (job->t->trims) count_blanks(p->text, p->size, &t);
      TRY(token_push(job, t));
      continue;
    }
    TRY(bpe_encode(p, job));
    for (size_t k = first; job->t->trims && k < job->count; k++) {
      const token_entry *e = token_by_id(&job->t->model.vocab, job->tokens[k].id);
      if (e) count_blanks(e->text, e->size, &job->tokens[k]);
    }
  }
  return LOCI_OK;
}

static uint32_t step_forward(const encode_job *job, uint32_t at, uint32_t end, uint32_t steps) {
  uint32_t r;
  for (; steps > 0 && at < end; steps--) {
    at += (uint32_t)utf8_decode(job->text + at, job->size - at, &r);
  }
  return at < end ? at : end;
}

static uint32_t step_back(const encode_job *job, uint32_t at, uint32_t begin, uint32_t steps) {
  for (; steps > 0 && at > begin; steps--) {
    at--;
    while (at > begin && ((uint8_t)job->text[at] & 0xC0) == 0x80) at--;
  }
  return at;
}

/* The ByteLevel post-processor: offsets without the blanks at the ends of a token. */
static void trim_offsets(encode_job *job) {
  for (size_t i = 0; i < job->count; i++) {
    coded_token *t = &job->tokens[i];
    uint32_t leading = t->leading;
    bool is_first = i == 0 || t->begin == 0;
    if (is_first && job->t->trim_keeps_prefix && leading == 1) leading = 0;
    t->begin = step_forward(job, t->begin, t->end, leading);
    t->end = step_back(job, t->end, t->begin, t->trailing);
  }
}

static loci_status hand_over(const encode_job *job, bool add_special, encoding *out) {
  const tokenizer *t = job->t;
  size_t before = add_special ? (size_t)t->prefix_count : 0;
  size_t after = add_special ? (size_t)t->suffix_count : 0;
  size_t n = before + job->count + after;
  int *block = calloc(n ? 3 * n : 1, sizeof *block);
  if (!block) return fail_nomem(job->err, "encoding text");
  *out = (encoding){(int)n, block, block + n, block + 2 * n};
  for (size_t i = 0; i < before; i++) out->ids[i] = t->prefix[i];
  for (size_t i = 0; i < job->count; i++) {
    out->ids[before + i] = job->tokens[i].id;
    out->begin[before + i] = (int)job->tokens[i].begin;
    out->end[before + i] = (int)job->tokens[i].end;
  }
  for (size_t i = 0; i < after; i++) out->ids[before + job->count + i] = t->suffix[i];
  return LOCI_OK;
}

loci_status tokenizer_encode(const tokenizer *t, const char *text, size_t n, bool add_special,
                             encoding *out, loci_err *err) {
  *out = (encoding){0};
  if (n > TEXT_LIMIT) {
    return fail(err, LOCI_EINVAL, "a text of %zu bytes; the limit is %d", n, TEXT_LIMIT);
  }
  loci_status st = LOCI_OK;
  encode_job job = {.t = t, .text = text, .size = n, .err = err};
  job.mem = arena_new();
  if (!job.mem) return fail_nomem(err, "encoding text");
  piece whole;
  piece_list raw = {0}, pieces = {0};
  if (n > 0) {
    TRY_DONE(whole_text(&whole, &job));
    TRY_DONE(added_split(&t->raw, &whole, &raw, &job));
    TRY_DONE(normalize_and_split(&raw, &pieces, &job));
    TRY_DONE(pretokenize(&pieces, &job));
    TRY_DONE(encode_pieces(&pieces, &job));
    if (t->trims) trim_offsets(&job);
  }
  TRY_DONE(hand_over(&job, add_special, out));
done:
  arena_free(job.mem);
  return st;
}

void encoding_clear(encoding *e) {
  if (!e) return;
  free(e->ids);
  *e = (encoding){0};
}

loci_status tokenizer_find_special(const tokenizer *t, const char *text, size_t n,
                                   special_counts *is_one, const void *ctx, const char **out,
                                   loci_err *err) {
  encoding e;
  *out = NULL;
  TRY(tokenizer_encode(t, text, n, false, &e, err));
  for (int i = 0; i < e.count && !*out; i++) {
    const char *token = tokenizer_token(t, e.ids[i]);
    if (!token || !tokenizer_is_special(t, e.ids[i])) continue;
    /* not one that stands for other characters, as <unk> does */
    size_t k = strlen(token), size = (size_t)(e.end[i] - e.begin[i]);
    const char *at = text + e.begin[i];
    for (size_t j = 0; j + k <= size && !*out; j++) {
      size_t begin = (size_t)e.begin[i] + j;
      if (memcmp(at + j, token, k) != 0) continue;
      if (!is_one || is_one(ctx, begin, begin + k)) *out = token;
    }
  }
  encoding_clear(&e);
  return LOCI_OK;
}

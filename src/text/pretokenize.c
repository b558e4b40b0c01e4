/* Pre-tokenizers: cut pieces into the words that the model encodes one by one (pipeline.h). */
#include <string.h>

#include "base/utf8.h"
#include "text/encode_job.h"

/* ---------------------------------------------------------------- splitting at matches */

typedef struct part {
  range at;
  bool is_match;
} part;

/* Matches and the gaps between them, in order. */
static loci_status list_split(const range_list *hits, const piece *p, part **out, size_t *count,
                              encode_job *job) {
  part *parts = arena_array(job->mem, 2 * (int64_t)hits->count + 1, part);
  if (!parts) return fail_nomem(job->err, "splitting text");
  size_t n = 0;
  uint32_t from = 0;
  for (size_t i = 0; i < hits->count; i++) {
    range hit = hits->items[i];
    if (from != hit.begin) parts[n++] = (part){{from, hit.begin}, false};
    parts[n++] = (part){hit, true};
    from = hit.end;
  }
  if (from != p->size) parts[n++] = (part){{from, (uint32_t)p->size}, false};
  *out = parts;
  *count = n;
  return LOCI_OK;
}

/* Joins parts in place as the behavior says; returns their new number. */
static size_t join_split(split_behavior behavior, part *x, size_t n) {
  size_t m = 0;
  if (behavior == SPLIT_MERGED_WITH_NEXT) { /* from the back */
    bool previous = false;
    size_t at = n;
    for (size_t i = n; i-- > 0;) {
      bool is_match = x[i].is_match;
      if (is_match && !previous && at < n) {
        x[at].at.begin = x[i].at.begin;
      } else {
        x[--at] = x[i];
      }
      previous = is_match;
    }
    memmove(x, x + at, (n - at) * sizeof *x);
    return n - at;
  }
  bool previous = false;
  for (size_t i = 0; i < n; i++) {
    bool is_match = x[i].is_match;
    bool join = behavior == SPLIT_CONTIGUOUS
                    ? is_match == previous
                    : behavior == SPLIT_MERGED_WITH_PREVIOUS && is_match && !previous;
    if (join && m > 0) {
      x[m - 1].at.end = x[i].at.end;
    } else {
      x[m++] = x[i];
    }
    previous = is_match;
  }
  return m;
}

static loci_status split_at(const range_list *hits, split_behavior behavior, bool invert,
                            const piece *p, piece_list *out, encode_job *job) {
  part *parts = NULL;
  size_t n = 0;
  TRY(list_split(hits, p, &parts, &n, job));
  if (!parts) return LOCI_OK;
  for (size_t i = 0; invert && i < n; i++) parts[i].is_match = !parts[i].is_match;
  if (behavior != SPLIT_REMOVED && behavior != SPLIT_ISOLATED) n = join_split(behavior, parts, n);
  for (size_t i = 0; i < n; i++) {
    if (behavior == SPLIT_REMOVED && parts[i].is_match) continue;
    TRY(piece_push(out, piece_slice(p, parts[i].at.begin, parts[i].at.end), job));
  }
  return LOCI_OK;
}

static loci_status split_pattern(const pre_step *step, const piece *p, piece_list *out,
                                 encode_job *job) {
  range_list hits = {0};
  TRY(pattern_find(&step->find, p, &hits, job));
  return split_at(&hits, step->behavior, step->invert, p, out, job);
}

static loci_status split_runes(const pre_step *step, bool (*is_match)(uint32_t), const piece *p,
                               piece_list *out, encode_job *job) {
  range_list hits = {0};
  for (size_t i = 0; i < p->size;) {
    uint32_t r;
    size_t k = (size_t)utf8_decode(p->text + i, p->size - i, &r);
    if (is_match(r)) {
      TRY(range_push(&hits, (range){(uint32_t)i, (uint32_t)(i + k)}, job->mem, job->err));
    }
    i += k;
  }
  return split_at(&hits, step->behavior, false, p, out, job);
}

/* ---------------------------------------------------------------- bytes as characters */

uint32_t byte_level_rune(uint8_t b) {
  if ((b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE) return b;
  if (b <= 0x20) return 0x100u + b;
  if (b <= 0xA0) return 0x121u + (b - 0x7Fu);
  return 0x143; /* 0xAD */
}

int byte_level_byte(uint32_t r) {
  if ((r >= 0x21 && r <= 0x7E) || (r >= 0xA1 && r <= 0xAC) || (r >= 0xAE && r <= 0xFF)) {
    return (int)r;
  }
  if (r >= 0x100 && r <= 0x120) return (int)(r - 0x100);
  if (r >= 0x121 && r <= 0x142) return (int)(r - 0x121 + 0x7F);
  return r == 0x143 ? 0xAD : -1;
}

static loci_status map_bytes(piece *p, encode_job *job) {
  rewrite w = {0};
  TRY(rewrite_begin(&w, 2 * p->size, job));
  for (size_t i = 0; i < p->size; i++) {
    char bytes[4];
    int k = utf8_encode(byte_level_rune((uint8_t)p->text[i]), bytes);
    rewrite_put(&w, bytes, (size_t)k, p->at[i]);
  }
  *p = rewrite_end(&w);
  return LOCI_OK;
}

static loci_status byte_level(const pre_step *step, const piece *in, piece_list *out,
                              encode_job *job) {
  piece p = *in;
  if (step->add_prefix_space && p.text[0] != ' ') TRY(piece_prepend(&p, " ", 1, job));
  size_t first = out->count;
  if (step->use_regex) {
    TRY(split_pattern(step, &p, out, job));
  } else {
    TRY(piece_push(out, p, job));
  }
  for (size_t i = first; i < out->count; i++) TRY(map_bytes(&out->items[i], job));
  return LOCI_OK;
}

/* ---------------------------------------------------------------- blanks as marks */

static bool begins_with_mark(const pre_step *step, const piece *p) {
  return p->size >= step->mark_size && memcmp(p->text, step->mark, step->mark_size) == 0;
}

static loci_status metaspace(const pre_step *step, const piece *in, piece_list *out,
                             encode_job *job) {
  size_t blanks = 0;
  for (size_t i = 0; i < in->size; i++) blanks += in->text[i] == ' ';
  rewrite w = {0};
  TRY(rewrite_begin(&w, in->size + blanks * step->mark_size, job));
  for (size_t i = 0; i < in->size; i++) {
    if (in->text[i] == ' ') {
      rewrite_put(&w, step->mark, step->mark_size, in->at[i]);
    } else {
      rewrite_copy(&w, in, i, i + 1);
    }
  }
  piece p = rewrite_end(&w);
  bool first = p.at[0].begin == 0;
  bool prepend = step->prepend == PREPEND_ALWAYS || (step->prepend == PREPEND_FIRST && first);
  if ((prepend && !begins_with_mark(step, &p)) || (step->prepend == PREPEND_TEXT && first)) {
    TRY(piece_prepend(&p, step->mark, step->mark_size, job));
  }
  if (!step->split) return piece_push(out, p, job);
  range_list hits = {0};
  pattern mark = {step->mark, step->mark_size, NULL};
  TRY(pattern_find(&mark, &p, &hits, job));
  return split_at(&hits, SPLIT_MERGED_WITH_NEXT, false, &p, out, job);
}

loci_status pretokenize_step(const pre_step *step, const piece *p, piece_list *out,
                             encode_job *job) {
  switch (step->kind) {
    case PRE_SPLIT: return split_pattern(step, p, out, job);
    case PRE_BYTE_LEVEL: return byte_level(step, p, out, job);
    case PRE_METASPACE: return metaspace(step, p, out, job);
    case PRE_DIGITS: return split_runes(step, rune_is_number, p, out, job);
    case PRE_PUNCTUATION: break;
  }
  return split_runes(step, rune_is_punctuation, p, out, job);
}

/* Byte-pair encoding of one word (Sennrich et al. 2016), both ways files describe it:
 *
 *   tokenizer.json   a list of merges; a pair of token ids has a rank and a result
 *   tokenizer.model  no list; a pair may merge if its text is a piece, higher score first
 *
 * The lowest rank merges first, the leftmost among equals.  Candidates wait in a heap and are
 * checked again when they come up, so a word of n characters costs O(n log n); a LLaMA word can be
 * a whole prompt. */
#include <string.h>

#include "base/utf8.h"
#include "text/build.h"
#include "text/encode_job.h"

typedef struct symbol {
  int id;               /* -1: not in the vocabulary (scores only) */
  uint32_t begin, size; /* size 0: merged away */
  int prev, next;
} symbol;

typedef struct candidate {
  uint32_t rank;
  int at; /* left symbol */
  int id; /* what it would become */
} candidate;

typedef struct word {
  const bpe_model *m;
  const piece *p;
  symbol *symbols;
  int count;
  candidate *heap;
  size_t heap_count;
} word;

/* ---------------------------------------------------------------- the model's tables */

static size_t merge_slot(const bpe_model *m, uint64_t pair) {
  uint64_t h = pair * 0x9E3779B97F4A7C15u;
  size_t i = (h ^ h >> 32) & m->merge_mask;
  while (m->merges[i].pair != EMPTY_MERGE && m->merges[i].pair != pair) {
    i = (i + 1) & m->merge_mask;
  }
  return i;
}

static uint64_t pair_of(int left, int right) { return (uint64_t)left << 32 | (uint32_t)right; }

void bpe_put_merge(bpe_model *m, int left, int right, uint32_t rank, int id) {
  uint64_t pair = pair_of(left, right);
  m->merges[merge_slot(m, pair)] =
      (merge){pair, rank, id}; /* of two equal pairs the later counts */
}

void bpe_find_bytes(bpe_model *m) {
  static const char hex[] = "0123456789ABCDEF";
  for (int b = 0; b < 256; b++) {
    char name[6] = {'<', '0', 'x', hex[b >> 4], hex[b & 15], '>'};
    const token_entry *e = token_by_text(&m->vocab, name, sizeof name);
    m->bytes[b] = e ? e->id : -1;
  }
}

/* Whether symbols l and l's neighbour may merge, at which rank, into what. */
static bool find_merge(const word *w, int left, int right, candidate *out) {
  const symbol *l = &w->symbols[left], *r = &w->symbols[right];
  const bpe_model *m = w->m;
  out->at = left;
  if (!m->score_rank) {
    const merge *found = &m->merges[merge_slot(m, pair_of(l->id, r->id))];
    if (found->pair == EMPTY_MERGE) return false;
    out->rank = found->rank;
    out->id = found->id;
    return true;
  }
  size_t size = (size_t)l->size + r->size;
  if (size > m->longest) return false;
  const token_entry *e = token_by_text(&m->vocab, w->p->text + l->begin, size);
  if (!e) return false;
  out->rank = m->score_rank[e - m->vocab.items];
  out->id = e->id;
  return out->rank != NO_RANK;
}

/* ---------------------------------------------------------------- the heap */

static bool before(const candidate *a, const candidate *b) {
  return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(word *w, candidate c) {
  size_t i = w->heap_count++;
  for (; i > 0 && before(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2) {
    w->heap[i] = w->heap[(i - 1) / 2];
  }
  w->heap[i] = c;
}

static candidate heap_pop(word *w) {
  candidate top = w->heap[0], c = w->heap[--w->heap_count];
  size_t n = w->heap_count, i = 0;
  for (size_t child = 1; child < n; child = 2 * i + 1) {
    if (child + 1 < n && before(&w->heap[child + 1], &w->heap[child])) child++;
    if (!before(&w->heap[child], &c)) break;
    w->heap[i] = w->heap[child];
    i = child;
  }
  if (n > 0) w->heap[i] = c;
  return top;
}

static void consider(word *w, int left, int right) {
  candidate c;
  if (left >= 0 && right >= 0 && find_merge(w, left, right, &c)) heap_push(w, c);
}

static void merge_all(word *w) {
  for (int i = 0; i + 1 < w->count; i++) consider(w, i, i + 1);
  while (w->heap_count > 0) {
    candidate c = heap_pop(w), now;
    symbol *l = &w->symbols[c.at];
    if (l->size == 0 || l->next < 0) continue;
    symbol *r = &w->symbols[l->next];
    if (!find_merge(w, c.at, l->next, &now) || now.id != c.id) continue; /* out of date */
    l->id = c.id;
    l->size += r->size;
    r->size = 0;
    l->next = r->next;
    if (l->next >= 0) w->symbols[l->next].prev = c.at;
    consider(w, l->prev, c.at);
    consider(w, c.at, l->next);
  }
}

/* ---------------------------------------------------------------- first symbols */

static void add_symbol(word *w, int id, uint32_t begin, uint32_t size) {
  int i = w->count++;
  w->symbols[i] = (symbol){id, begin, size, i - 1, -1};
  if (i > 0) w->symbols[i - 1].next = i;
}

static bool has_bytes(const bpe_model *m, const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (m->bytes[(uint8_t)s[i]] < 0) return false;
  }
  return m->byte_fallback;
}

/* Characters as symbols, as the tokenizers library does it: their positions count only the symbols
 * before them, and an unknown waits until something known follows. */
static void first_symbols(word *w) {
  uint32_t at = 0, unknown = 0; /* bytes of the waiting unknown */
  const piece *p = w->p;
  for (size_t i = 0; i < p->size;) {
    uint32_t r;
    uint32_t k = (uint32_t)utf8_decode(p->text + i, p->size - i, &r);
    const token_entry *e = token_by_text(&w->m->vocab, p->text + i, k);
    if (unknown && (e || (!has_bytes(w->m, p->text + i, k) && !w->m->fuse_unk))) {
      add_symbol(w, w->m->unk, at, unknown);
      at += unknown;
      unknown = 0;
    }
    if (e) {
      add_symbol(w, e->id, at, k);
      at += k;
    } else if (has_bytes(w->m, p->text + i, k)) {
      for (uint32_t j = 0; j < k; j++) {
        add_symbol(w, w->m->bytes[(uint8_t)p->text[i + j]], at++, 1);
      }
    } else if (w->m->unk >= 0) {
      unknown += k;
    }
    i += k;
  }
  if (unknown) add_symbol(w, w->m->unk, at, unknown);
}

/* The same for scores: every character is a symbol, known or not. */
static void first_symbols_by_score(word *w) {
  for (size_t i = 0; i < w->p->size;) {
    uint32_t r;
    uint32_t k = (uint32_t)utf8_decode(w->p->text + i, w->p->size - i, &r);
    const token_entry *e = token_by_text(&w->m->vocab, w->p->text + i, k);
    add_symbol(w, e ? e->id : -1, (uint32_t)i, k);
    i += k;
  }
}

/* ---------------------------------------------------------------- tokens */

loci_status token_push(encode_job *job, coded_token t) {
  if (job->count == job->room) {
    size_t room = job->room ? 2 * job->room : 64;
    coded_token *tokens = arena_array(job->mem, (int64_t)room, coded_token);
    if (!tokens) return fail_nomem(job->err, "encoding text");
    if (job->count) memcpy(tokens, job->tokens, job->count * sizeof *tokens);
    job->tokens = tokens;
    job->room = room;
  }
  job->tokens[job->count++] = t;
  return LOCI_OK;
}

static loci_status put_token(const piece *p, int id, size_t begin, size_t size, encode_job *job) {
  coded_token t = {.id = id, .begin = p->at[begin].begin, .end = p->at[begin + size - 1].end};
  return token_push(job, t);
}

static loci_status put_unknown_or_bytes(const word *w, const symbol *s, bool *fuse,
                                        encode_job *job) {
  bool was_unknown = *fuse;
  *fuse = false;
  if (has_bytes(w->m, w->p->text + s->begin, s->size)) {
    for (uint32_t i = 0; i < s->size; i++) {
      int id = w->m->bytes[(uint8_t)w->p->text[s->begin + i]];
      TRY(put_token(w->p, id, s->begin + i, 1, job));
    }
    return LOCI_OK;
  }
  if (w->m->unk < 0) return LOCI_OK;
  *fuse = true;
  if (!was_unknown) return put_token(w->p, w->m->unk, s->begin, s->size, job);
  job->tokens[job->count - 1].end = w->p->at[s->begin + s->size - 1].end;
  return LOCI_OK;
}

static loci_status put_word(const word *w, encode_job *job) {
  bool fuse = false;
  for (int i = w->count > 0 ? 0 : -1; i >= 0; i = w->symbols[i].next) {
    const symbol *s = &w->symbols[i];
    if (s->id < 0) {
      TRY(put_unknown_or_bytes(w, s, &fuse, job));
    } else {
      fuse = false;
      TRY(put_token(w->p, s->id, s->begin, s->size, job));
    }
  }
  return LOCI_OK;
}

loci_status bpe_encode(const piece *p, encode_job *job) {
  const bpe_model *m = &job->t->model;
  if (m->ignore_merges) {
    const token_entry *e = token_by_text(&m->vocab, p->text, p->size);
    if (e) return put_token(p, e->id, 0, p->size, job);
  }
  word w = {.m = m, .p = p};
  w.symbols = arena_array(job->mem, (int64_t)p->size, symbol);
  w.heap = arena_array(job->mem, 3 * (int64_t)p->size, candidate); /* each merge adds two */
  if (!w.symbols || !w.heap) return fail_nomem(job->err, "encoding text");
  if (m->score_rank) {
    first_symbols_by_score(&w);
  } else {
    first_symbols(&w);
  }
  merge_all(&w);
  return put_word(&w, job);
}

/* Added tokens: found in the text before the model sees it, the leftmost and there the longest
 * first.
 *
 * The search narrows a range of the sorted token texts byte by byte, so its cost goes with the
 * length of the token found and not with the number of tokens.  A match that single_word rejects is
 * passed over whole: a shorter token inside it is not tried, as in the tokenizers library. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/build.h"
#include "text/encode_job.h"

/* ---------------------------------------------------------------- building */

const added_token *added_find(const tokenizer *t, const char *s, size_t n) {
  const token_entry *e = token_by_text(&t->added_table, s, n);
  return e ? &t->added[e - t->added_table.items] : NULL;
}

static loci_status added_grow(tokenizer *t, loci_err *err) {
  size_t room = t->added_room ? 2 * t->added_room : 64;
  added_token *added = arena_array(t->mem, (int64_t)room, added_token);
  token_table table;
  if (!added || token_table_init(&table, room, t->mem) != 0) {
    return fail_nomem(err, "reading added tokens");
  }
  for (size_t i = 0; i < t->added_count; i++) {
    added[i] = t->added[i];
    token_table_put(&table, added[i].content, added[i].size, added[i].id);
  }
  t->added = added;
  t->added_table = table;
  t->added_room = room;
  return LOCI_OK;
}

loci_status added_put(tokenizer *t, const added_token *token, const char *what, loci_err *err) {
  if (token->size == 0) return LOCI_OK;
  const added_token *known = added_find(t, token->content, token->size);
  if (known) {
    if (known->id != token->id) {
      tokenizer_add_note(t, "%s: added token \"%s\" has id %d here and %d before; %d is used", what,
                         token->content, token->id, known->id, known->id);
    }
    int id = known->id;
    added_token *a = &t->added[known - t->added];
    const char *content = a->content;
    *a = *token;
    a->content = content;
    a->id = id;
    return LOCI_OK;
  }
  const token_entry *other = token_by_id(&t->added_table, token->id);
  if (other) {
    return fail(err, LOCI_EFORMAT, "%s: added tokens \"%s\" and \"%s\" have the same id %d", what,
                other->text, token->content, token->id);
  }
  const token_entry *same = token_by_text(&t->model.vocab, token->content, token->size);
  if (same && same->id != token->id) {
    tokenizer_add_note(t, "%s: added token \"%s\" has id %d, the vocabulary says %d; %d is used",
                       what, token->content, token->id, same->id, token->id);
  }
  const token_entry *there = token_by_id(&t->model.vocab, token->id);
  if (there && there != same) {
    tokenizer_add_note(t, "%s: added token \"%s\" takes id %d from \"%s\"", what, token->content,
                       token->id, there->text);
  }
  if (t->added_count == t->added_room) TRY(added_grow(t, err));
  assert(t->added);
  added_token copy = *token;
  copy.content = arena_strndup(t->mem, token->content, token->size);
  if (!copy.content) return fail_nomem(err, "reading added tokens");
  t->added[t->added_count++] = copy;
  token_table_put(&t->added_table, copy.content, copy.size, copy.id);
  return LOCI_OK;
}

/* A known token is looked for once more, as [token] says. */
static loci_status put_again(tokenizer *t, const added_token *token, loci_err *err) {
  if (t->again_count == t->again_room) {
    size_t room = t->again_room ? 2 * t->again_room : 16;
    added_token *again = arena_array(t->mem, (int64_t)room, added_token);
    if (!again) return fail_nomem(err, "reading added tokens");
    if (t->again_count) memcpy(again, t->again, t->again_count * sizeof *again);
    t->again = again;
    t->again_room = room;
  }
  t->again[t->again_count++] = *token;
  return LOCI_OK;
}

/* After the vocabulary, and after the added tokens that stand there. */
static int next_id(const tokenizer *t) {
  int vocab = (int)t->model.vocab.count, id = vocab;
  for (size_t i = 0; t->added && i < t->added_count; i++) {
    if (t->added[i].id >= id) id = t->added[i].id + 1;
  }
  return id;
}

/* A known token keeps its id, a new one gets the next, whatever id is written. */
static int library_id(tokenizer *t, const added_token *a, const char *what) {
  const added_token *known = added_find(t, a->content, a->size);
  const token_entry *same = token_by_text(&t->model.vocab, a->content, a->size);
  int id = known ? known->id : same ? same->id : next_id(t);
  if (a->id >= 0 && a->id != id) {
    tokenizer_add_note(
        t, "%s: the token \"%s\" is written with id %d and gets id %d, as in transformers", what,
        a->content, a->id, id);
  }
  return id;
}

loci_status added_put_own(tokenizer *t, const added_token *token, const char *what, loci_err *err) {
  added_token a = *token;
  if (a.size == 0) return LOCI_OK;
  a.id = library_id(t, &a, what);
  return added_put(t, &a, what, err);
}

loci_status added_put_later(tokenizer *t, const added_token *token, const char *what,
                            loci_err *err) {
  added_token a = *token;
  const added_token *known = added_find(t, a.content, a.size);
  a.id = library_id(t, &a, what);
  if (!known) return added_put(t, &a, what, err);
  added_token *old = &t->added[known - t->added];
  bool more = !old->special && old->normalized != a.normalized;
  old->single_word = a.single_word;
  old->lstrip = a.lstrip;
  old->rstrip = a.rstrip;
  old->special |= a.special;
  if (!more) return LOCI_OK;
  added_token other = *old;
  other.normalized = a.normalized;
  return put_again(t, &other, err);
}

static int compare_entries(const void *a, const void *b) {
  const matcher_entry *x = a, *y = b;
  size_t n = x->size < y->size ? x->size : y->size;
  int c = memcmp(x->text, y->text, n);
  if (c) return c;
  if (x->size != y->size) return x->size < y->size ? -1 : 1;
  if (x->token->special != y->token->special) return x->token->special ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

/* What the token matches: its content, or that content normalised. */
static loci_status entry_text(tokenizer *t, const added_token *a, matcher_entry *out,
                              loci_err *err) {
  *out = (matcher_entry){.text = a->content, .size = a->size, .token = a};
  if (!a->normalized || t->norm_count == 0) return LOCI_OK;
  loci_status st = LOCI_OK;
  encode_job job = {.t = t, .text = a->content, .size = a->size, .err = err};
  job.mem = arena_new();
  range *at = job.mem ? arena_zarray(job.mem, (int64_t)a->size, range) : NULL;
  if (!at) {
    st = fail_nomem(err, "reading added tokens");
    goto done;
  }
  piece p = {a->content, at, a->size, NULL};
  TRY_DONE(normalize_piece(&p, &job));
  out->text = arena_strndup(t->mem, p.text, p.size);
  out->size = p.size;
  if (!out->text) st = fail_nomem(err, "reading added tokens");
done:
  arena_free(job.mem);
  return st;
}

static loci_status put_entry(tokenizer *t, const added_token *a, size_t order, loci_err *err) {
  matcher *m = a->normalized ? &t->normalized : &t->raw;
  TRY(entry_text(t, a, &m->items[m->count], err));
  m->items[m->count].order = order;
  if (m->items[m->count].size > 0) m->count++;
  return LOCI_OK;
}

loci_status added_finish(tokenizer *t, loci_err *err) {
  int64_t room = (int64_t)(t->added_count + t->again_count);
  t->raw.items = arena_array(t->mem, room, matcher_entry);
  t->normalized.items = arena_array(t->mem, room, matcher_entry);
  if (!t->raw.items || !t->normalized.items) return fail_nomem(err, "reading added tokens");
  for (size_t i = 0; i < t->added_count; i++) TRY(put_entry(t, &t->added[i], i, err));
  for (size_t i = 0; i < t->again_count; i++) {
    TRY(put_entry(t, &t->again[i], t->added_count + i, err));
  }
  if (t->raw.count) qsort(t->raw.items, t->raw.count, sizeof *t->raw.items, compare_entries);
  if (t->normalized.count) {
    qsort(t->normalized.items, t->normalized.count, sizeof *t->raw.items, compare_entries);
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- searching */

/* First entry in [lo, hi), which agree in their first [depth] bytes, whose byte there is >= [byte];
 * an entry that ends at depth sorts before all. */
static size_t lower_bound(const matcher *m, size_t lo, size_t hi, size_t depth, int byte) {
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    const matcher_entry *e = &m->items[mid];
    int b = e->size > depth ? (uint8_t)e->text[depth] : -1;
    if (b < byte) {
      lo = mid + 1;
    } else {
      hi = mid;
    }
  }
  return lo;
}

/* The longest entry that the text at s begins with, or NULL. */
static const matcher_entry *longest_at(const matcher *m, const char *s, size_t n) {
  const matcher_entry *best = NULL;
  size_t lo = 0, hi = m->count;
  for (size_t depth = 0; depth < n; depth++) {
    int byte = (uint8_t)s[depth];
    lo = lower_bound(m, lo, hi, depth, byte);
    hi = lower_bound(m, lo, hi, depth, byte + 1);
    if (lo == hi) break;
    if (m->items[lo].size == depth + 1) best = &m->items[lo];
  }
  return best;
}

static size_t last_character(const char *s, size_t end) {
  size_t i = end - 1;
  while (i > 0 && ((uint8_t)s[i] & 0xC0) == 0x80) i--;
  return i;
}

static bool touches_word(const piece *p, size_t begin, size_t end) {
  uint32_t r;
  if (begin > 0) {
    size_t i = last_character(p->text, begin);
    utf8_decode(p->text + i, begin - i, &r);
    if (rune_is_word(r)) return true;
  }
  if (end == p->size) return false;
  utf8_decode(p->text + end, p->size - end, &r);
  return rune_is_word(r);
}

static size_t blanks_before(const piece *p, size_t begin, size_t limit) {
  while (begin > limit) {
    size_t i = last_character(p->text, begin);
    uint32_t r;
    utf8_decode(p->text + i, begin - i, &r);
    if (!rune_is_space(r) || i < limit) break;
    begin = i;
  }
  return begin;
}

static size_t blanks_after(const piece *p, size_t end) {
  while (end < p->size) {
    uint32_t r;
    int k = utf8_decode(p->text + end, p->size - end, &r);
    if (!rune_is_space(r)) break;
    end += (size_t)k;
  }
  return end;
}

/* A match that does not count is passed over whole. */
static bool counts(const tokenizer *t, const added_token *a, const piece *p, size_t begin,
                   size_t end) {
  if (t->splits_special && a->special) return false;
  return !a->single_word || !touches_word(p, begin, end);
}

loci_status added_split(const matcher *m, const piece *p, piece_list *out, encode_job *job) {
  size_t from = 0;
  for (size_t i = 0; m->count && i < p->size;) {
    const matcher_entry *e = longest_at(m, p->text + i, p->size - i);
    if (!e) {
      i++;
      continue;
    }
    size_t begin = i, end = i + e->size;
    i = end;
    if (!counts(job->t, e->token, p, begin, end)) continue;
    if (e->token->lstrip) begin = begin > from ? blanks_before(p, begin, from) : begin;
    if (e->token->rstrip) end = blanks_after(p, end);
    if (from < begin) TRY(piece_push(out, piece_slice(p, from, begin), job));
    piece hit = piece_slice(p, begin, end);
    hit.added = e->token;
    TRY(piece_push(out, hit, job));
    from = end;
  }
  if (from < p->size) TRY(piece_push(out, piece_slice(p, from, p->size), job));
  return LOCI_OK;
}

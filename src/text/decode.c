/* From ids back to text: token texts pass through the decoder's steps and are joined.
 *
 * A step takes a list of strings and makes one; ByteFallback and Fuse change their number. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/pipeline.h"

typedef struct text_item {
  const char *s;
  size_t n;
} text_item;

typedef struct text_list {
  text_item *items;
  size_t count;
  arena *mem;
  loci_err *err;
} text_list;

enum { DECODED_LIMIT = 1 << 28 };

static loci_status no_memory(const text_list *l) { return fail_nomem(l->err, "decoding tokens"); }

static size_t total_size(const text_list *l) {
  size_t n = 0;
  for (size_t i = 0; i < l->count; i++) n += l->items[i].n;
  return n;
}

/* ---------------------------------------------------------------- steps */

static size_t count_hits(const dec_step *step, const text_item *x) {
  size_t hits = 0;
  for (size_t i = 0; i + step->find_size <= x->n;) {
    bool hit = memcmp(x->s + i, step->find, step->find_size) == 0;
    hits += hit;
    i += hit ? step->find_size : 1;
  }
  return hits;
}

static loci_status replace(const dec_step *step, text_list *l) {
  size_t total = 0;
  for (size_t k = 0; k < l->count; k++) {
    text_item *x = &l->items[k];
    size_t hits = count_hits(step, x);
    if (hits == 0) continue;
    size_t room = x->n + hits * step->size, n = 0;
    total += room;
    if (total > DECODED_LIMIT) {
      return fail(l->err, LOCI_EFORMAT, "the tokenizer's decoder makes more than %d bytes of text",
                  DECODED_LIMIT);
    }
    char *s = arena_alloc(l->mem, (int64_t)room + 1, 1);
    if (!s) return no_memory(l);
    for (size_t i = 0; i < x->n;) {
      if (i + step->find_size <= x->n && memcmp(x->s + i, step->find, step->find_size) == 0) {
        memcpy(s + n, step->content, step->size);
        n += step->size;
        i += step->find_size;
      } else {
        s[n++] = x->s[i++];
      }
    }
    *x = (text_item){s, n};
  }
  return LOCI_OK;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that "<0xHH>" stands for, or -1. */
static int byte_of(const text_item *x) {
  if (x->n != 6 || memcmp(x->s, "<0x", 3) != 0 || x->s[5] != '>') return -1;
  int high = x->s[3] == '+' ? 0 : hex_digit(x->s[3]), low = hex_digit(x->s[4]);
  return high < 0 || low < 0 ? -1 : 16 * high + low;
}

/* A run of byte tokens becomes its text if that is UTF-8, else one U+FFFD per byte. */
static loci_status byte_fallback(text_list *l) {
  char *bytes = arena_alloc(l->mem, (int64_t)l->count + 1, 1);
  if (!bytes) return no_memory(l);
  size_t used = 0, out = 0;
  for (size_t i = 0; i < l->count;) {
    size_t begin = used, end = i;
    int b = -1;
    while (end < l->count && (b = byte_of(&l->items[end])) >= 0) {
      bytes[used++] = (char)b;
      end++;
    }
    if (end == i) {
      l->items[out++] = l->items[i++];
    } else if (utf8_is_valid(bytes + begin, used - begin)) {
      l->items[out++] = (text_item){bytes + begin, used - begin};
      i = end;
    } else {
      for (; i < end; i++) l->items[out++] = (text_item){"\xEF\xBF\xBD", 3};
    }
  }
  l->count = out;
  return LOCI_OK;
}

static loci_status fuse(text_list *l) {
  char *s = arena_alloc(l->mem, (int64_t)total_size(l) + 1, 1);
  if (!s) return no_memory(l);
  size_t n = 0;
  for (size_t i = 0; i < l->count; i++) {
    memcpy(s + n, l->items[i].s, l->items[i].n);
    n += l->items[i].n;
  }
  if (l->count > 0) l->items[0] = (text_item){s, n};
  if (l->count > 1) l->count = 1;
  return LOCI_OK;
}

static void strip(const dec_step *step, text_list *l) {
  for (size_t k = 0; k < l->count; k++) {
    text_item *x = &l->items[k];
    for (int i = 0; i < step->start && x->n >= step->find_size &&
                    memcmp(x->s, step->find, step->find_size) == 0;
         i++) {
      x->s += step->find_size;
      x->n -= step->find_size;
    }
    for (int i = 0; i < step->stop && x->n >= step->find_size &&
                    memcmp(x->s + x->n - step->find_size, step->find, step->find_size) == 0;
         i++) {
      x->n -= step->find_size;
    }
  }
}

/* The bytes of one token, written to out (room for x->n); a token with a character outside the
 * table stays as it is. */
static size_t unmap_bytes(const text_item *x, char *out) {
  size_t n = 0;
  for (size_t i = 0; i < x->n;) {
    uint32_t r;
    int k = utf8_decode(x->s + i, x->n - i, &r);
    int byte = k > 0 ? byte_level_byte(r) : -1;
    if (byte < 0) {
      memcpy(out, x->s, x->n);
      return x->n;
    }
    out[n++] = (char)byte;
    i += (size_t)k;
  }
  return n;
}

static loci_status byte_level(text_list *l) {
  size_t room = total_size(l);
  char *bytes = arena_alloc(l->mem, (int64_t)room + 1, 1);
  char *s = arena_alloc(l->mem, 3 * (int64_t)room + 1, 1);
  text_item *one = arena_array(l->mem, 1, text_item);
  if (!bytes || !s || !one) return no_memory(l);
  size_t n = 0, m = 0;
  for (size_t i = 0; i < l->count; i++) n += unmap_bytes(&l->items[i], bytes + n);
  for (size_t i = 0; i < n;) {
    uint32_t r;
    int k = utf8_decode(bytes + i, n - i, &r);
    if (k > 0) {
      memcpy(s + m, bytes + i, (size_t)k);
      m += (size_t)k;
    } else {
      m += (size_t)utf8_encode(0xFFFD, s + m);
      k = utf8_invalid_length(bytes + i, n - i);
    }
    i += (size_t)k;
  }
  *one = (text_item){s, m};
  l->items = one;
  l->count = 1;
  return LOCI_OK;
}

/* Marks become blanks; those of the first token vanish if the encoder may have put one there. */
static loci_status metaspace(const dec_step *step, text_list *l) {
  dec_step part = *step;
  part.content = " ";
  part.size = step->prepend == PREPEND_NEVER ? 1 : 0;
  if (l->count == 0) return LOCI_OK;
  text_list first = {l->items, 1, l->mem, l->err};
  TRY(replace(&part, &first));
  part.size = 1;
  text_list rest = {l->items + 1, l->count - 1, l->mem, l->err};
  return replace(&part, &rest);
}

static loci_status decode_step(const dec_step *step, text_list *l) {
  switch (step->kind) {
    case DEC_REPLACE: return replace(step, l);
    case DEC_BYTE_FALLBACK: return byte_fallback(l);
    case DEC_FUSE: return fuse(l);
    case DEC_STRIP: strip(step, l); return LOCI_OK;
    case DEC_BYTE_LEVEL: return byte_level(l);
    case DEC_METASPACE: break;
  }
  return metaspace(step, l);
}

/* ---------------------------------------------------------------- the whole */

static const token_entry *entry_of(const tokenizer *t, int id) {
  const token_entry *e = token_by_id(&t->added_table, id);
  return e ? e : token_by_id(&t->model.vocab, id);
}

static bool is_special_text(const tokenizer *t, const char *s, size_t n) {
  const added_token *a = added_find(t, s, n);
  return a && a->special;
}

/* Without a decoder the library puts blanks between tokens. */
static loci_status join_with_blanks(text_list *l) {
  if (l->count == 0) return LOCI_OK;
  text_item *items = arena_array(l->mem, 2 * (int64_t)l->count - 1, text_item);
  if (!items) return no_memory(l);
  for (size_t i = 0; i < l->count; i++) {
    items[2 * i] = l->items[i];
    if (i + 1 < l->count) items[2 * i + 1] = (text_item){" ", 1};
  }
  l->items = items;
  l->count = 2 * l->count - 1;
  return LOCI_OK;
}

/* transformers' clean_up_tokenization, in place: one pass after the other, as the order matters. */
static void clean_up(char *s, size_t *n) {
  static const char *const changes[][2] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
    size_t old = strlen(changes[c][0]), new = strlen(changes[c][1]), to = 0;
    for (size_t i = 0; i < *n;) {
      bool hit = *n - i >= old && memcmp(s + i, changes[c][0], old) == 0;
      if (hit) {
        memcpy(s + to, changes[c][1], new);
      } else {
        s[to] = s[i];
      }
      to += hit ? new : 1;
      i += hit ? old : 1;
    }
    *n = to;
  }
  s[*n] = '\0';
}

loci_status tokenizer_decode(const tokenizer *t, const int *ids, int count, bool skip_special,
                             char **out, size_t *n, loci_err *err) {
  *out = NULL;
  *n = 0;
  loci_status st = LOCI_OK;
  text_list l = {.err = err};
  l.mem = arena_new();
  l.items = l.mem ? arena_array(l.mem, count > 0 ? count : 1, text_item) : NULL;
  if (!l.items) {
    st = no_memory(&l);
    goto done;
  }
  for (int i = 0; i < count; i++) {
    const token_entry *e = entry_of(t, ids[i]);
    if (!e || (skip_special && is_special_text(t, e->text, e->size))) continue;
    l.items[l.count++] = (text_item){e->text, e->size};
  }
  for (int i = 0; i < t->dec_count; i++) TRY_DONE(decode_step(&t->dec[i], &l));
  if (!t->has_decoder) TRY_DONE(join_with_blanks(&l));
  TRY_DONE(fuse(&l));
  *n = l.count > 0 ? l.items[0].n : 0;
  *out = malloc(*n + 1);
  if (!*out) {
    *n = 0;
    st = no_memory(&l);
    goto done;
  }
  if (*n) memcpy(*out, l.items[0].s, *n);
  (*out)[*n] = '\0';
  if (t->cleans_up) clean_up(*out, n);
done:
  arena_free(l.mem);
  return st;
}

const char *tokenizer_token(const tokenizer *t, int id) {
  const token_entry *e = entry_of(t, id);
  return e ? e->text : NULL;
}

int tokenizer_id(const tokenizer *t, const char *token) {
  size_t n = strlen(token);
  const added_token *a = added_find(t, token, n);
  if (a) return a->id;
  const token_entry *e = token_by_text(&t->model.vocab, token, n);
  return e ? e->id : -1;
}

const named_token *tokenizer_named(const tokenizer *t, int i) {
  return i >= 0 && i < t->named_count ? &t->named[i] : NULL;
}

bool tokenizer_is_special(const tokenizer *t, int id) {
  const token_entry *e = entry_of(t, id);
  return e && is_special_text(t, e->text, e->size);
}

int tokenizer_size(const tokenizer *t) { return t->size; }
const char *tokenizer_kind(const tokenizer *t) { return t->kind; }
const char *tokenizer_note(const tokenizer *t, int i) {
  return i >= 0 && i < t->note_count ? t->notes[i] : NULL;
}

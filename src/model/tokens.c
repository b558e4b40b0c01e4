/* Tokenizing prompts, answers and replacement words (see tokens.h). */
#include "model/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/prompt.h"

static const char MARKER[] = "<image>";

static void push(token_rows *r, int id, int64_t begin, int64_t end, bool image) {
  r->ids[r->count] = id;
  r->begin[r->count] = begin;
  r->end[r->count] = end;
  r->image[r->count++] = image;
}

static void push_image(token_rows *r, int id, int rows, int64_t begin, int64_t end) {
  r->image_first = r->count;
  for (int i = 0; i < rows; i++) push(r, id, begin, end, true);
}

/* Room for every token of n bytes of text and one image. */
static loci_status rows_init(token_rows *r, int64_t n, arena *mem, loci_err *err) {
  r->count = 0;
  r->image_first = -1;
  r->ids = arena_array(mem, n, int);
  r->begin = arena_array(mem, n, int64_t);
  r->end = arena_array(mem, n, int64_t);
  r->image = arena_array(mem, n, bool);
  bool ok = r->ids && r->begin && r->end && r->image;
  return ok ? LOCI_OK : fail_nomem(err, "tokenizing the prompt");
}

/* Original layouts: the pieces before and behind <image> are tokenized on their own; a BOS counts
 * once. */
static loci_status expand_split(const loci_model *m, const char *text, size_t n, arena *mem,
                                token_rows *out, loci_err *err) {
  const model_config *c = &m->weights->config;
  const char *image = strstr(text, MARKER);
  size_t first = (size_t)(image - text), second = first + strlen(MARKER);
  encoding a = {0}, b = {0};
  loci_status st = tokenizer_encode(m->tokens, text, first, true, &a, err);
  if (!st) st = tokenizer_encode(m->tokens, text + second, n - second, true, &b, err);
  if (!st) st = rows_init(out, (int64_t)a.count + b.count + c->image_rows, mem, err);
  if (!st) {
    for (int i = 0; i < a.count; i++) push(out, a.ids[i], a.begin[i], a.end[i], false);
    push_image(out, SPLIT_IMAGE_ID, c->image_rows, (int64_t)first, (int64_t)second);
    bool bos_again = b.count > 0 && c->bos >= 0 && b.ids[0] == c->bos && b.end[0] == 0;
    for (int i = bos_again; i < b.count; i++) {
      push(out, b.ids[i], b.begin[i] + (int64_t)second, b.end[i] + (int64_t)second, false);
    }
  }
  encoding_clear(&a);
  encoding_clear(&b);
  return st;
}

loci_status expand_tokens(const loci_model *m, const char *text, size_t n, bool has_image,
                          arena *mem, token_rows *out, loci_err *err) {
  const model_config *c = &m->weights->config;
  if (has_image && c->split_at_image) return expand_split(m, text, n, mem, out, err);
  encoding e = {0};
  TRY(tokenizer_encode(m->tokens, text, n, true, &e, err));
  loci_status st = rows_init(out, (int64_t)e.count + c->image_rows, mem, err);
  if (st) goto done;
  for (int i = 0; i < e.count; i++) {
    bool image = c->has_vision && !c->split_at_image && e.ids[i] == c->image_token;
    if (image && (!has_image || out->image_first >= 0)) {
      st = fail(err, LOCI_EINVAL, "the prompt holds the image marker %s",
                has_image ? "twice" : "but there is no image");
      goto done;
    }
    if (image) {
      push_image(out, e.ids[i], c->image_rows, e.begin[i], e.end[i]);
    } else {
      push(out, e.ids[i], e.begin[i], e.end[i], false);
    }
  }
  if (has_image && out->image_first < 0) {
    st = fail(err, LOCI_EFORMAT,
              "%s: the tokenizer does not turn <image> into the image token %d of config.json",
              m->info.path, c->image_token);
  }
done:
  encoding_clear(&e);
  return st;
}

/* ids of e behind the first [skip], into the arena */
static loci_status take_tail(const encoding *e, int skip, arena *mem, int **ids, int *count,
                             loci_err *err) {
  *count = e->count - skip;
  *ids = arena_array(mem, *count, int);
  if (!*ids) return fail_nomem(err, "tokenizing");
  for (int i = 0; i < *count; i++) (*ids)[i] = e->ids[skip + i];
  return LOCI_OK;
}

loci_status word_ids(const loci_model *m, const char *text, arena *mem, int **ids, int *count,
                     loci_err *err) {
  encoding head = {0}, both = {0};
  size_t n = strlen(text);
  char *joined = arena_alloc(mem, (int64_t)n + 3, 1);
  if (!joined) return fail_nomem(err, "tokenizing a replacement");
  snprintf(joined, n + 3, "x %s", text);
  loci_status st = tokenizer_encode(m->tokens, "x", 1, false, &head, err);
  if (!st) st = tokenizer_encode(m->tokens, joined, n + 2, false, &both, err);
  if (!st) {
    bool prefix = both.count > head.count;
    for (int i = 0; prefix && i < head.count; i++) prefix = both.ids[i] == head.ids[i];
    st = prefix ? take_tail(&both, head.count, mem, ids, count, err)
                : fail(err, LOCI_EINVAL, "\"%s\" has no tokens of its own behind a blank", text);
  }
  encoding_clear(&head);
  encoding_clear(&both);
  return st;
}

loci_status answer_ids(const loci_prompt *p, const char *answer, arena *mem, int **ids, int *count,
                       loci_err *err) {
  size_t n = strlen(p->info.text), k = strlen(answer);
  if (k == 0) return fail(err, LOCI_EINVAL, "the answer is empty");
  char *joined = arena_alloc(mem, (int64_t)(n + k + 2), 1);
  if (!joined) return fail_nomem(err, "tokenizing the answer");
  snprintf(joined, n + k + 2, "%s %s", p->info.text, answer);
  token_rows rows;
  TRY(expand_tokens(p->model, joined, n + k + 1, p->info.image_first >= 0, mem, &rows, err));
  int T = p->info.length;
  bool prefix = rows.count > T;
  for (int i = 0; prefix && i < T; i++) prefix = rows.ids[i] == p->ids[i];
  if (!prefix) {
    return fail(err, LOCI_EINVAL,
                "the answer \"%s\" changes the prompt's own tokens when it is appended", answer);
  }
  *ids = rows.ids + T;
  *count = rows.count - T;
  return LOCI_OK;
}

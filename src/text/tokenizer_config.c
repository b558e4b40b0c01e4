/* Applies tokenizer_config.json, which Hugging Face keeps beside the tokenizer's own file: tokens
 * that file does not have, and add_bos_token / add_eos_token, which overrule its post-processor. */
#include <stdlib.h>
#include <string.h>

#include "text/build.h"

/* The id a key of added_tokens_decoder spells, or -1. */
static int id_of_key(const char *key) {
  int id = 0;
  for (const char *c = key; *c; c++) {
    if (*c < '0' || *c > '9' || id > ID_LIMIT) return -1;
    id = 10 * id + (*c - '0');
  }
  return *key && id < ID_LIMIT ? id : -1;
}

static bool same_flags(const added_token *a, const added_token *b) {
  return a->single_word == b->single_word && a->lstrip == b->lstrip && a->rstrip == b->rstrip &&
         a->normalized == b->normalized && a->special == b->special;
}

static loci_status add_decoder_tokens(tokenizer *t, const js_value *map, const char *what,
                                      loci_err *err) {
  if (!map) return LOCI_OK;
  if (js_kind_of(map) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: \"added_tokens_decoder\" must be an object, found %s", what,
                js_kind_name(js_kind_of(map)));
  }
  const char *key;
  const js_value *m;
  for (void *it = js_first(map, &key, &m); it; it = js_next(map, it, &key, &m)) {
    added_token a = {.id = id_of_key(key)};
    if (a.id < 0) {
      return fail(err, LOCI_EFORMAT,
                  "%s: a key of \"added_tokens_decoder\" must be an id below %d, found \"%s\"",
                  what, ID_LIMIT, key);
    }
    TRY(json_read_added(m, what, &a, err));
    const added_token *known = added_find(t, a.content, a.size);
    if (known && known->id == a.id && same_flags(known, &a)) continue;
    TRY(added_put(t, &a, what, err));
  }
  return LOCI_OK;
}

/* added_tokens.json: {"<image>": 32000, ..} */
loci_status config_add_tokens(tokenizer *t, const js_value *map, const char *what, loci_err *err) {
  if (js_kind_of(map) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: must be an object of ids, found %s", what,
                js_kind_name(js_kind_of(map)));
  }
  const char *key;
  const js_value *m;
  for (void *it = js_first(map, &key, &m); it; it = js_next(map, it, &key, &m)) {
    int64_t id;
    if (!js_int_of(m, &id) || id < 0 || id >= ID_LIMIT) {
      return fail(err, LOCI_EFORMAT, "%s: the id of \"%s\" must be an integer from 0 to %d", what,
                  key, ID_LIMIT - 1);
    }
    size_t n = strlen(key);
    if (added_find(t, key, n)) continue;
    added_token a = {.content = key, .size = n, .id = (int)id};
    TRY(added_put(t, &a, what, err));
  }
  return LOCI_OK;
}

/* "bos_token": "<s>" or {"content": "<s>", ..}; *id stays -1 when there is none. */
static loci_status find_special(const tokenizer *t, const js_value *config, const char *key,
                                const char *what, int *id, loci_err *err) {
  const js_value *m = js_get(config, key);
  size_t n;
  *id = -1;
  if (!m) return LOCI_OK;
  const char *s = js_text_of(js_kind_of(m) == JS_OBJECT ? js_get(m, "content") : m, &n);
  if (!s) {
    return fail(err, LOCI_EFORMAT, "%s: \"%s\" must be a string or have a \"content\"", what, key);
  }
  if (strlen(s) == n) *id = tokenizer_id(t, s);
  if (*id >= 0) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: \"%s\" is \"%s\", which is not in the vocabulary", what, key,
              s);
}

/* One side of the template: kept when the key is absent, else this token or nothing. */
static loci_status overrule(tokenizer *t, const js_value *config, bool behind, const char *what,
                            loci_err *err) {
  static const char *const names[2][2] = {{"add_bos_token", "bos_token"},
                                          {"add_eos_token", "eos_token"}};
  const char *const *keys = names[behind];
  int **ids = behind ? &t->suffix : &t->prefix,
      *count = behind ? &t->suffix_count : &t->prefix_count;
  bool add = false;
  int id;
  if (!js_get(config, keys[0])) return LOCI_OK;
  TRY(js_get_bool(config, keys[0], what, &add, err));
  *count = 0;
  if (!add) return LOCI_OK;
  TRY(find_special(t, config, keys[1], what, &id, err));
  if (id < 0) {
    return fail(err, LOCI_EFORMAT, "%s: \"%s\" is true, but there is no \"%s\"", what, keys[0],
                keys[1]);
  }
  *ids = arena_array(t->mem, 1, int);
  if (!*ids) return fail_nomem(err, what);
  (*ids)[0] = id;
  *count = 1;
  return LOCI_OK;
}

loci_status config_apply(tokenizer *t, const js_value *config, const char *what, loci_err *err) {
  if (js_kind_of(config) != JS_OBJECT) {
    return fail(err, LOCI_EFORMAT, "%s: must be an object, found %s", what,
                js_kind_name(js_kind_of(config)));
  }
  TRY(add_decoder_tokens(t, js_get(config, "added_tokens_decoder"), what, err));
  TRY(overrule(t, config, false, what, err));
  return overrule(t, config, true, what, err);
}

/* A whole tokenizer of what its files hold (see build.h): the file with the vocabulary, then what
 * stands beside it, then the matchers of added tokens. */
#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "text/build.h"

static int largest_id(const token_table *t) {
  int id = -1;
  for (size_t i = 0; i < t->count; i++) id = t->items[i].id > id ? t->items[i].id : id;
  return id;
}

/* The last steps, the same for both kinds of files. */
static loci_status finish(tokenizer *t, const side_files *side, loci_err *err) {
  assert(t);
  TRY(config_apply(t, side, err));
  TRY(added_finish(t, err));
  int a = largest_id(&t->model.vocab), b = largest_id(&t->added_table);
  t->size = (a > b ? a : b) + 1;
  return LOCI_OK;
}

/* Where transformers would build the tokenizer anew, a tokenizer.json that agrees will do. */
static loci_status check_prefix(const tokenizer *t, const side_files *side, loci_err *err) {
  bool wanted = true, puts = false;
  if (!config_rebuilds(side->class_name, side->config)) return LOCI_OK;
  TRY(js_get_bool(side->config, "add_prefix_space", side->config_what, &wanted, err));
  for (int i = 0; i < t->norm_count; i++) puts |= t->norm[i].kind == NORM_PREPEND;
  for (int i = 0; i < t->pre_count; i++) {
    puts |= t->pre[i].kind == PRE_METASPACE && t->pre[i].prepend != PREPEND_NEVER;
  }
  if (puts == wanted) return LOCI_OK;
  return fail(err, LOCI_EUNSUPPORTED,
              "%s: \"add_prefix_space\" is %s, tokenizer.json says otherwise, and there is no "
              "tokenizer.model to build it anew from",
              side->config_what, wanted ? "true" : "false");
}

loci_status tokenizer_of_json(const js_value *root, const char *what, const side_files *side,
                              tokenizer **out, loci_err *err) {
  tokenizer *t;
  loci_status st = LOCI_OK;
  side_files own = *side;
  const char *type = js_text_of(js_get(js_get(root, "pre_tokenizer"), "type"), NULL);
  own.byte_level = type && strcmp(type, "ByteLevel") == 0;
  own.pad_token = js_text_of(js_get(js_get(root, "padding"), "pad_token"), NULL);
  TRY(tokenizer_new(&t, err));
  TRY_DONE(json_read_tokenizer(t, root, what, err));
  TRY_DONE(check_prefix(t, &own, err));
  TRY_DONE(finish(t, &own, err));
  *out = t;
  t = NULL;
done:
  tokenizer_close(t);
  return st;
}

loci_status tokenizer_of_spm(const uint8_t *bytes, size_t n, const char *what,
                             const side_files *side, tokenizer **out, loci_err *err) {
  tokenizer *t;
  loci_status st = LOCI_OK;
  TRY(tokenizer_new(&t, err));
  TRY_DONE(spm_read(t, bytes, n, what, err));
  TRY_DONE(spm_configure(t, side, err));
  TRY_DONE(finish(t, side, err));
  *out = t;
  t = NULL;
done:
  tokenizer_close(t);
  return st;
}

/* Bytes as a chat template, run over a conversation: it renders or says why not, and a byte that
 * is said to be the user's is. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char QUESTION[] = " Who is \"this\"? <b>\xc3\x9c</b>\n";

static jvalue message(jrun *r, const char *role, jvalue content) {
  jvalue m = jv_dict(r, JK_DICT);
  jv_set(r, m, "role", jv_string(r, role));
  jv_set(r, m, "content", content);
  return m;
}

static jvalue parts(jrun *r, jvalue text) {
  jvalue list = jv_list(r, JK_LIST), image = jv_dict(r, JK_DICT), words = jv_dict(r, JK_DICT);
  jv_set(r, image, "type", jv_string(r, "image"));
  jv_set(r, words, "type", jv_string(r, "text"));
  jv_set(r, words, "text", text);
  jv_push(r, list, image);
  jv_push(r, list, words);
  return list;
}

static void check(const jtext *t) {
  if (!utf8_is_valid(t->s, t->n) || strlen(t->s) != t->n) abort();
  for (int i = 0; i < t->mark_count; i++) {
    const jmark *m = &t->marks[i];
    if (m->source != 1 || m->begin >= m->end || m->end > t->n ||
        m->from + (m->end - m->begin) > sizeof QUESTION - 1 ||
        memcmp(t->s + m->begin, QUESTION + m->from, m->end - m->begin) != 0) {
      abort();
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  loci_err err = {0};
  jinja *t;
  jrun *r = NULL;
  const jtext *text;
  loci_status st = jinja_parse((const char *)bytes, n, "fuzz", &t, &err);
  if (!st) st = jinja_begin(t, (jinja_day){2026, 1, 31}, &r, &err);
  if (!st) {
    jvalue messages = jv_list(r, JK_LIST), q = jv_marked(r, QUESTION, sizeof QUESTION - 1, 1);
    jv_push(r, messages, message(r, "system", jv_string(r, "Be brief.")));
    jv_push(r, messages, message(r, "user", q));
    jv_push(r, messages, message(r, "user", parts(r, q)));
    jinja_give(r, "messages", messages);
    jinja_give(r, "q", q);
    jinja_give(r, "bos_token", jv_string(r, "<s>"));
    jinja_give(r, "add_generation_prompt", jv_bool(true));
    jinja_give(r, "tools", jv_none());
    st = jinja_render(r, &text, &err);
    if (!st) check(text);
  }
  if (st && (err.code != st || !err.msg[0])) abort();
  jinja_end(r);
  jinja_free(t);
  return 0;
}

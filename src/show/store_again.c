/* The command that measures a run of a store again, out of its settings. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "show/study_parts.h"

/* A word for a shell. */
static void put_word(bytes *b, const char *s) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=+-@%";
  if (*s && strspn(s, plain) == strlen(s)) {
    bytes_text(b, s);
    return;
  }
  bytes_text(b, "'");
  for (; *s; s++) {
    char one[2] = {*s};
    bytes_text(b, *s == '\'' ? "'\\''" : one);
  }
  bytes_text(b, "'");
}

/* A number, a word, or a list of these with [joint] between, as an option. */
static void put_option(bytes *b, const js_value *settings, const char *key, const char *option,
                       const char *joint) {
  const js_value *v = js_get(settings, key);
  bool list = js_kind_of(v) == JS_ARRAY;
  int64_t n = list ? js_count(v) : v != NULL;
  for (int64_t i = 0; i < n; i++) {
    const js_value *x = list ? js_at(v, i) : v;
    const char *text = js_text_of(x, NULL);
    int64_t number = 0;
    if (i == 0) bytes_format(b, " %s ", option);
    if (i > 0) bytes_text(b, joint);
    if (text) put_word(b, text);
    if (!text && js_int_of(x, &number)) bytes_format(b, "%lld", (long long)number);
  }
}

loci_status store_again(const loci_run_info *r, bytes *b, loci_err *err) {
  js_value *v;
  TRY(js_parse(r->settings, strlen(r->settings), "settings", &v, err));
  bytes_text(b, "loci study run ");
  put_word(b, r->data);
  bytes_text(b, " -m ");
  put_word(b, r->model.path);
  bytes_text(b, " --store NEW.db");
  put_option(b, v, "what", "--what", "");
  put_option(b, v, "precision", "--precision", "");
  put_option(b, v, "template", "-t", "");
  put_option(b, v, "max_new", "--max-new", "");
  put_option(b, v, "corrupt", "--corrupt", "");
  put_option(b, v, "sites", "--site", ",");
  put_option(b, v, "windows", "--window", ",");
  put_option(b, v, "layers", "--layers", "-");
  put_option(b, v, "positions", "--positions", "");
  put_option(b, v, "only", "--only", "");
  put_option(b, v, "seeds", "--seeds", "");
  put_option(b, v, "seed", "--seed", "");
  int64_t window = 0;
  if (js_int_of(js_get(v, "window"), &window)) {
    if (window > 0) bytes_format(b, " --window %lld", (long long)window);
    if (window <= 0) bytes_text(b, " --window all");
  }
  js_free(v);
  return LOCI_OK;
}

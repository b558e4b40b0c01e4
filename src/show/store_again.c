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

/* A setting, its option, and what stands between the items of a list. */
static const char *const options[][3] = {
    {"what", "--what", ""},           {"precision", "--precision", ""},
    {"template", "-t", ""},           {"max_new", "--max-new", ""},
    {"corrupt", "--corrupt", ""},     {"sites", "--site", ","},
    {"windows", "--window", ","},     {"layers", "--layers", "-"},
    {"positions", "--positions", ""}, {"only", "--only", ""},
    {"seeds", "--seeds", ""},         {"seed", "--seed", ""},
};

/* A number, a word, or a list of these. */
static void put_option(bytes *b, const js_value *settings, const char *const how[3]) {
  const js_value *v = js_get(settings, how[0]);
  bool list = js_kind_of(v) == JS_ARRAY;
  int64_t n = list ? js_count(v) : v != NULL;
  for (int64_t i = 0; i < n; i++) {
    const js_value *x = list ? js_at(v, i) : v;
    const char *text = js_text_of(x, NULL);
    int64_t number = 0;
    if (i == 0) bytes_format(b, " %s ", how[1]);
    if (i > 0) bytes_text(b, how[2]);
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
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) put_option(b, v, options[i]);
  int64_t window = 0;
  if (js_int_of(js_get(v, "window"), &window)) {
    if (window > 0) bytes_format(b, " --window %lld", (long long)window);
    if (window <= 0) bytes_text(b, " --window all");
  }
  js_free(v);
  return LOCI_OK;
}

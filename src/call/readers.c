/* Readers of members that are of one block (see readers.h). */
#include "call/readers.h"

#include <limits.h>
#include <string.h>

#include "base/names.h"
#include "call/option_fields.h"

enum { MOST_ITEMS = 100000, MOST_LAYERS = 1000000, MOST_POINTS = 1000, MOST_EDIT_LAYERS = 1000 };

#define PLACE(type) ((type *)(void *)((char *)options + m->field->at))

/* 3; [3, 7], "3-7" and [3, 4, 5, 6, 7]: from 3 to 7; "all".  Their first and their number stand one
 * after the other. */
loci_status member_layers(const member *m, void *options, loci_err *err) {
  const char *const *ends, *dash;
  char first[24];
  int64_t a, b;
  int n, *out = PLACE(int);
  TRY(field_words(m, &ends, &n, err));
  out[0] = out[1] = 0;
  if (n == 1 && strcmp(ends[0], "all") == 0) return LOCI_OK;
  if (n < 1 || (n > 1 && js_kind_of(m->value) != JS_ARRAY)) return field_wrong(m, err);
  const char *last = ends[n - 1];
  snprintf(first, sizeof first, "%s", ends[0]);
  if (n == 1 && (dash = strchr(last, '-')) != NULL && dash - last < (ptrdiff_t)sizeof first) {
    first[dash - last] = 0;
    last = dash + 1;
  }
  if (!whole_of(first, 0, MOST_LAYERS, &a) || !whole_of(last, a, MOST_LAYERS, &b))
    return field_wrong(m, err);
  for (int i = 1; n > 2 && i < n; i++) {
    int64_t next;
    if (!whole_of(ends[i], a + i, a + i, &next)) return field_wrong(m, err);
  }
  out[0] = (int)a;
  out[1] = (int)(b - a) + 1;
  return LOCI_OK;
}

loci_status member_ints(const member *m, void *options, loci_err *err) {
  const char *const *words;
  int64_t x;
  int n;
  TRY(field_words(m, &words, &n, err));
  int *out = arena_zarray(m->mem, n + 1, int);
  if (!out) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++) {
    if (!whole_of(words[i], m->field->lo, m->field->hi, &x)) return field_wrong(m, err);
    out[i] = (int)x;
  }
  field_list(m, options, out, n);
  return LOCI_OK;
}

loci_status member_sites(const member *m, void *options, loci_err *err) {
  const char *const *words;
  loci_err why;
  int n, site;
  TRY(field_words(m, &words, &n, err));
  loci_site *out = arena_zarray(m->mem, n + 1, loci_site);
  if (!out) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++) {
    if (!*words[i]) return field_wrong(m, err);
    if (loci_name_find(LOCI_NAMES_SITE, words[i], &site, &why))
      return fail(err, LOCI_EINVAL, "%s: %.300s", m->field->name, why.msg);
    out[i] = (loci_site)site;
  }
  TRY(field_once(m, words, n, err));
  field_list(m, options, out, n);
  return LOCI_OK;
}

loci_status member_direction(const member *m, void *options, loci_err *err) {
  TRY(field_name(m, options, err));
  *PLACE(int) += 1;
  return LOCI_OK;
}

/* One of n words: its number. */
static loci_status find_word(const member *m, const char *const *words, int n, int *out,
                             loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  if (!text) return field_wrong(m, err);
  for (*out = 0; *out < n; ++*out)
    if (strcmp(text, words[*out]) == 0) return LOCI_OK;
  return field_unknown(m, text, words, n, err);
}

/* Of two words the second: true. */
static loci_status read_either(const member *m, const char *const words[2], void *options,
                               loci_err *err) {
  int i = 0;
  TRY(find_word(m, words, 2, &i, err));
  *PLACE(bool) = i == 1;
  return LOCI_OK;
}

/* "authors", and nothing else */
loci_status member_compat(const member *m, void *options, loci_err *err) {
  static const char *const words[] = {"authors"};
  int i;
  TRY(find_word(m, words, 1, &i, err));
  *PLACE(bool) = true;
  return LOCI_OK;
}

/* Where fine-tuning trains the answer's tokens. */
loci_status member_ft_at(const member *m, void *options, loci_err *err) {
  static const char *const words[] = {"answer", "last"};
  return read_either(m, words, options, err);
}

/* Whether pictures are turned as their EXIF asks. */
loci_status member_exif(const member *m, void *options, loci_err *err) {
  static const char *const words[] = {"ignore", "turn"};
  return read_either(m, words, options, err);
}

/* What rows before a picture see of it by cross-attention. */
loci_status member_gate_rows(const member *m, void *options, loci_err *err) {
  static const char *const words[] = {"meta", "hf"};
  return read_either(m, words, options, err);
}

/* "ig:8": whether [text] is the word with a number from 1 up. */
static bool counted(const char *text, const char *word, int *out) {
  size_t n = strlen(word);
  int64_t x;
  if (strncmp(text, word, n) != 0 || !whole_of(text + n, 1, INT_MAX, &x)) return false;
  *out = (int)x;
  return true;
}

/* "exact", "screen", "screen:150,ig:8,audit:36" */
loci_status member_cells(const member *m, void *options, loci_err *err) {
  static const char *const methods[] = {"exact", "screen"};
  loci_trace_opts *o = options;
  const char *const *words;
  int n;
  TRY(field_words(m, &words, &n, err));
  if (n == 1 && strcmp(words[0], "exact") == 0) return LOCI_OK;
  if (n == 0 || strcspn(words[0], ":") != 6 || strncmp(words[0], "screen", 6) != 0)
    return n ? field_unknown(m, words[0], methods, 2, err) : field_wrong(m, err);
  o->screen = LOCI_SCREEN;
  o->screen_steps = LOCI_SCREEN_STEPS;
  bool sound = !words[0][6] || counted(words[0], "screen:", &o->screen);
  for (int i = 1; sound && i < n; i++) {
    bool atp = strcmp(words[i], "atp") == 0;
    if (atp) o->screen_steps = 0;
    sound =
        atp || counted(words[i], "ig:", &o->screen_steps) || counted(words[i], "audit:", &o->audit);
  }
  return sound ? LOCI_OK : field_wrong(m, err);
}

/* "image->last", or both ends of a pathway in a list. */
static loci_status read_ends(const member *m, const js_value *v, loci_edges *out, loci_err *err) {
  const char *text = js_text_of(v, NULL), *arrow = text ? strstr(text, "->") : NULL;
  if (!arrow) {
    out->from = js_text_of(js_at(v, 0), NULL);
    out->to = js_text_of(js_at(v, 1), NULL);
    return out->from && out->to && js_count(v) == 2 ? LOCI_OK : field_wrong(m, err);
  }
  char *from = arena_zalloc(m->mem, arrow - text + 1, 1);
  if (!from) return fail_nomem(err, "reading a request");
  memcpy(from, text, (size_t)(arrow - text));
  *out = (loci_edges){from, arrow + 2};
  return LOCI_OK;
}

loci_status member_pathways(const member *m, void *options, loci_err *err) {
  bool listed = js_kind_of(m->value) == JS_ARRAY;
  int64_t n = listed ? js_count(m->value) : 1;
  loci_edges *out = n <= MOST_ITEMS ? arena_zarray(m->mem, n + 1, loci_edges) : NULL;
  if (!out) return fail_nomem(err, "reading a request");
  for (int64_t i = 0; i < n; i++)
    TRY(read_ends(m, listed ? js_at(m->value, i) : m->value, &out[i], err));
  field_list(m, options, out, n);
  return LOCI_OK;
}

/* The one pathway of a flow. */
loci_status member_pathway(const member *m, void *options, loci_err *err) {
  loci_flow_opts *o = options;
  loci_edges one;
  TRY(read_ends(m, m->value, &one, err));
  o->from = one.from;
  o->to = one.to;
  return LOCI_OK;
}

/* A number of layers, or "all" */
loci_status member_window(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  bool all = text && strcmp(text, "all") == 0;
  if (all || (text && strcmp(text, "onward") == 0)) {
    *PLACE(int) = all ? LOCI_ALL_LAYERS : LOCI_ONWARD;
    return LOCI_OK;
  }
  return field_int(m, options, NULL) ? field_wrong(m, err) : LOCI_OK;
}

/* The layers of "3-5": first and last; one alone is both. */
static bool layer_range(const char *word, int64_t *first, int64_t *last) {
  const char *dash = strchr(word, '-');
  char text[24];
  snprintf(text, sizeof text, "%.*s", (int)(dash ? dash - word : 20), word);
  return whole_of(text, 0, MOST_LAYERS, first) &&
         (dash ? whole_of(dash + 1, *first, MOST_LAYERS, last) : (*last = *first, true));
}

/* The layer of an edit; several, "3-5" or "3,5" or a list; "auto" leaves the choice to the library.
 */
loci_status member_edit_layer(const member *m, void *options, loci_err *err) {
  loci_edit_opts *o = options;
  const char *text = js_text_of(m->value, NULL);
  const char *const *words;
  int n, count = 0;
  int64_t first, last;
  if (text && strcmp(text, "auto") == 0) return LOCI_OK;
  TRY(field_words(m, &words, &n, err));
  int *out = arena_zarray(m->mem, MOST_EDIT_LAYERS, int);
  if (!out) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++) {
    if (!layer_range(words[i], &first, &last) || last - first >= MOST_EDIT_LAYERS - count)
      return field_wrong(m, err);
    for (; first <= last; first++) out[count++] = (int)first;
  }
  if (count == 0) return field_wrong(m, err);
  o->has_layer = true;
  o->layer = out[count - 1];
  if (count == 1) return LOCI_OK;
  o->layers = out;
  o->layer_count = count;
  return LOCI_OK;
}

/* A path, or a list of them, none of which is cut at its commas. */
loci_status member_paths(const member *m, void *options, loci_err *err) {
  if (js_kind_of(m->value) == JS_ARRAY) return field_texts(m, options, err);
  const char *text = js_text_of(m->value, NULL);
  const char **one = arena_zarray(m->mem, 1, const char *);
  if (!one) return fail_nomem(err, "reading a request");
  if (!text) return field_wrong(m, err);
  one[0] = text;
  field_list(m, options, one, 1);
  return LOCI_OK;
}

/* A number of which 0 means none; the options' 0 is their default, their "none" negative. */
loci_status member_weight(const member *m, void *options, loci_err *err) {
  TRY(field_real(m, options, err));
  if (*PLACE(double) == 0) *PLACE(double) = -1;
  return LOCI_OK;
}

loci_status member_positive(const member *m, void *options, loci_err *err) {
  TRY(field_real(m, options, err));
  return *PLACE(double) > 0 ? LOCI_OK : field_wrong(m, err);
}

loci_status member_probability(const member *m, void *options, loci_err *err) {
  TRY(field_real(m, options, err));
  return *PLACE(double) <= 1 ? LOCI_OK : field_wrong(m, err);
}

/* "width<0.02" */
loci_status member_stop(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  if (text && strncmp(text, "width<", 6) == 0 && real_of(text + 6, PLACE(double)) &&
      *PLACE(double) > 0)
    return LOCI_OK;
  return field_wrong(m, err);
}

/* 2, or "2/4": the second of four. */
loci_status member_shard(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL), *slash = text ? strchr(text, '/') : NULL;
  char first[16];
  int64_t of, one;
  if (!slash) return field_int(m, options, NULL) ? field_wrong(m, err) : LOCI_OK;
  snprintf(first, sizeof first, "%.*s", (int)(slash - text), text);
  if (!whole_of(slash + 1, 1, m->field->hi, &of) || !whole_of(first, 1, of, &one))
    return field_wrong(m, err);
  ((loci_store_run_opts *)options)->shard = (int)one;
  ((loci_store_run_opts *)options)->shard_count = (int)of;
  return LOCI_OK;
}

/* Points of a curve: numbers (1e-3 is one), and "3-7", the whole ones from 3 to 7. */
static bool add_points(const char *word, double *out, int *count) {
  const char *dash = strchr(word, '-');
  char first[24];
  int64_t a, b;
  if (real_of(word, &out[*count])) return ++*count;
  if (!dash) return false;
  snprintf(first, sizeof first, "%.*s", (int)(dash - word), word);
  if (!whole_of(first, 0, MOST_LAYERS, &a) || !whole_of(dash + 1, a, MOST_LAYERS, &b) ||
      *count + (b - a) >= MOST_POINTS)
    return false;
  for (; a <= b; a++) out[(*count)++] = (double)a;
  return true;
}

static loci_status read_points(const member *m, const char *const *words, int n,
                               loci_edit_curve_opts *o, loci_err *err) {
  double *out = arena_zarray(m->mem, MOST_POINTS, double);
  int count = 0;
  if (!out) return fail_nomem(err, "reading a request");
  for (int i = 0; i < n; i++)
    if (count == MOST_POINTS || !add_points(words[i], out, &count)) return field_wrong(m, err);
  o->values = out;
  o->value_count = count;
  return LOCI_OK;
}

loci_status member_values(const member *m, void *options, loci_err *err) {
  const char *const *words;
  int n;
  TRY(field_words(m, &words, &n, err));
  return read_points(m, words, n, options, err);
}

/* "layer", with values of its own, or "layer=0-11". */
loci_status member_over(const member *m, void *options, loci_err *err) {
  loci_edit_curve_opts *o = options;
  const char *const *words;
  int n;
  TRY(field_words(m, &words, &n, err));
  const char *equals = n > 0 ? strchr(words[0], '=') : NULL;
  if (!equals) return n == 1 ? field_text(m, options, err) : field_wrong(m, err);
  char *name = arena_zalloc(m->mem, equals - words[0] + 1, 1);
  if (!name) return fail_nomem(err, "reading a request");
  memcpy(name, words[0], (size_t)(equals - words[0]));
  ((const char **)(uintptr_t)words)[0] = equals + 1;
  o->over = name;
  return read_points(m, words, n, o, err);
}

loci_status member_hash(const member *m, void *options, loci_err *err) {
  TRY(field_flag(m, options, err));
  *PLACE(bool) = !*PLACE(bool);
  return LOCI_OK;
}

loci_status member_count(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  int64_t *out = PLACE(int64_t);
  bool sound = text ? whole_of(text, 1, INT64_MAX, out) : js_int_of(m->value, out) && *out >= 1;
  return sound ? LOCI_OK : field_wrong(m, err);
}

/* Bytes, or a text such as "512M" or "4GiB", in powers of 1024. */
loci_status member_size(const member *m, void *options, loci_err *err) {
  static const char units[] = "KMGT";
  char digits[24];
  const char *text = js_text_of(m->value, NULL);
  int64_t *out = PLACE(int64_t);
  if (!text) return member_count(m, options, err);
  size_t n = strspn(text, "0123456789");
  const char *rest = text + n, *unit = *rest ? strchr(units, toupper((unsigned char)*rest)) : NULL;
  int shift = unit ? 10 * (int)(unit - units + 1) : 0;
  if (unit) rest++;
  bool bytes = !*rest || (unit && (!strcasecmp(rest, "b") || !strcasecmp(rest, "ib")));
  snprintf(digits, sizeof digits, "%.*s", (int)(n < sizeof digits ? n : 0), text);
  if (!bytes || !whole_of(digits, 1, INT64_MAX >> shift, out)) return field_wrong(m, err);
  *out <<= shift;
  return LOCI_OK;
}

/* [{"prompt": 0, "target": "Lima", "rephrased": [1, 2], "kept": []}] */
loci_status member_edit_asks(const member *m, void *options, loci_err *err) {
  static const field fields[] = {
      {"prompt", field_int, offsetof(edit_ask, prompt), 0, INT_MAX, 0, "a prompt's number"},
      {"target", field_text, offsetof(edit_ask, target), 0, 0, 0, "a text"},
      {"rephrased", member_ints, offsetof(edit_ask, rephrased), 0, INT_MAX, 0,
       "numbers of prompts"},
      {"kept", member_ints, offsetof(edit_ask, kept), 0, INT_MAX, 0, "numbers of prompts"},
      {"name", field_text, offsetof(edit_ask, name), 0, 0, 0, "a text"},
      {"refused", field_text, offsetof(edit_ask, refused), 0, 0, 0, "a text"},
  };
  field_table table = FIELD_TABLE(fields);
  int64_t n = js_count(m->value);
  if (js_kind_of(m->value) != JS_ARRAY || n > MOST_ITEMS) return field_wrong(m, err);
  edit_ask *out = arena_zarray(m->mem, n + 1, edit_ask);
  if (!out) return fail_nomem(err, "reading a request");
  for (int64_t i = 0; i < n; i++) {
    TRY(fields_known(&table, 1, js_at(m->value, i), err));
    TRY(fields_read(table, js_at(m->value, i), m->mem, &out[i], err));
    if (!out[i].target) return fail(err, LOCI_EINVAL, "an edit is asked for without a target");
  }
  field_list(m, options, out, n);
  return LOCI_OK;
}

loci_status member_passed(const member *m, void *options, loci_err *err) {
  (void)m, (void)options, (void)err;
  return LOCI_OK;
}

/* Tables of members (see option_fields.h).  Names and values are those that results tell in their
 * request, so that a request can be asked again as it was told. */
#include "call/option_fields.h"

#include <limits.h>
#include <string.h>

#include "base/names.h"

enum { MOST_ITEMS = 100000 };

#define PLACE(type) ((type *)(void *)((char *)options + m->field->at))

/* ---------------------------------------------------------------- readers of their own */

/* 3; [3, 7]: from 3 to 7; "all".  Their first and their number stand one behind the other. */
static loci_status read_layers(const member *m, void *options, loci_err *err) {
  int64_t a, b;
  const char *text = js_text_of(m->value, NULL);
  int *out = PLACE(int);
  out[0] = out[1] = 0;
  if (text && strcmp(text, "all") == 0) return LOCI_OK;
  bool two = js_kind_of(m->value) == JS_ARRAY;
  if ((two && js_count(m->value) != 2) || !js_int_of(items_at(m->value, 0), &a) ||
      !js_int_of(items_at(m->value, two), &b) || a < 0 || b < a || b > 1000000)
    return field_wrong(m, err);
  out[0] = (int)a;
  out[1] = (int)(b - a) + 1;
  return LOCI_OK;
}

static loci_status read_ints(const member *m, void *options, loci_err *err) {
  int64_t n = items_count(m->value), x;
  int *out = n <= MOST_ITEMS ? arena_zarray(m->mem, n + 1, int) : NULL;
  if (!out) return fail_nomem(err, "reading a request");
  for (int64_t i = 0; i < n; i++) {
    if (!js_int_of(items_at(m->value, i), &x) || x < m->field->lo || x > m->field->hi)
      return field_wrong(m, err);
    out[i] = (int)x;
  }
  field_list(m, options, out, n);
  return LOCI_OK;
}

static loci_status read_reals(const member *m, void *options, loci_err *err) {
  int64_t n = items_count(m->value);
  double *out = n <= MOST_ITEMS ? arena_zarray(m->mem, n + 1, double) : NULL;
  if (!out) return fail_nomem(err, "reading a request");
  for (int64_t i = 0; i < n; i++)
    if (!js_real_of(items_at(m->value, i), &out[i])) return field_wrong(m, err);
  field_list(m, options, out, n);
  return LOCI_OK;
}

static loci_status read_sites(const member *m, void *options, loci_err *err) {
  int64_t n = items_count(m->value);
  loci_site *out = n <= MOST_ITEMS ? arena_zarray(m->mem, n + 1, loci_site) : NULL;
  if (!out) return fail_nomem(err, "reading a request");
  for (int64_t i = 0; i < n; i++) {
    const char *name = js_text_of(items_at(m->value, i), NULL);
    if (!name) return field_wrong(m, err);
    int site;
    TRY(loci_name_find(LOCI_NAMES_SITE, name, &site, err));
    out[i] = (loci_site)site;
  }
  field_list(m, options, out, n);
  return LOCI_OK;
}

static loci_status read_direction(const member *m, void *options, loci_err *err) {
  TRY(field_name(m, options, err));
  *PLACE(int) += 1;
  return LOCI_OK;
}

/* "authors", and nothing else */
static loci_status read_compat(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  if (!text || strcmp(text, "authors") != 0) return field_wrong(m, err);
  *PLACE(bool) = true;
  return LOCI_OK;
}

/* "ig:8": whether [text], up to the next comma, is the word with a number from 1 up. */
static bool counted(const char *text, const char *word, int *out) {
  size_t n = strlen(word);
  int64_t x = 0;
  if (strncmp(text, word, n) != 0 || text[n] < '0' || text[n] > '9') return false;
  for (text += n; *text >= '0' && *text <= '9'; text++)
    if (x <= INT_MAX) x = 10 * x + (*text - '0');
  if (x < 1 || x > INT_MAX || (*text && *text != ',')) return false;
  *out = (int)x;
  return true;
}

/* "exact", "screen", "screen:150,ig:8,audit:36" */
static loci_status read_cells(const member *m, void *options, loci_err *err) {
  loci_trace_opts *o = options;
  const char *text = js_text_of(m->value, NULL);
  if (text && strcmp(text, "exact") == 0) return LOCI_OK;
  if (!text) return field_wrong(m, err);
  o->screen = LOCI_SCREEN;
  o->screen_steps = LOCI_SCREEN_STEPS;
  size_t n = strcspn(text, ",");
  bool sound = (n == 6 && strncmp(text, "screen", n) == 0) || counted(text, "screen:", &o->screen);
  while (sound && text[n]) {
    text += n + 1;
    n = strcspn(text, ",");
    bool atp = n == 3 && strncmp(text, "atp", n) == 0;
    if (atp) o->screen_steps = 0;
    sound = atp || counted(text, "ig:", &o->screen_steps) || counted(text, "audit:", &o->audit);
  }
  return sound ? LOCI_OK : field_wrong(m, err);
}

static loci_status read_pathways(const member *m, void *options, loci_err *err) {
  int64_t n = js_count(m->value);
  loci_edges *out = n <= MOST_ITEMS ? arena_zarray(m->mem, n + 1, loci_edges) : NULL;
  if (!out) return fail_nomem(err, "reading a request");
  if (js_kind_of(m->value) != JS_ARRAY) return field_wrong(m, err);
  for (int64_t i = 0; i < n; i++) {
    const js_value *edge = js_at(m->value, i);
    out[i].from = js_text_of(js_at(edge, 0), NULL);
    out[i].to = js_text_of(js_at(edge, 1), NULL);
    if (!out[i].from || !out[i].to || js_count(edge) != 2) return field_wrong(m, err);
  }
  field_list(m, options, out, n);
  return LOCI_OK;
}

/* A number of layers, or "all" */
static loci_status read_window(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  if (!text) return field_int(m, options, err);
  if (strcmp(text, "all") != 0) return field_wrong(m, err);
  *PLACE(int) = LOCI_ALL_LAYERS;
  return LOCI_OK;
}

/* The layer of an edit; "auto" leaves the choice to the library. */
static loci_status read_edit_layer(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  if (text && strcmp(text, "auto") == 0) return LOCI_OK;
  TRY(field_int(m, options, err));
  ((loci_edit_opts *)options)->has_layer = true;
  return LOCI_OK;
}

/* A number, >= 0, of which 0 means none; the options' 0 is their default, their "none" negative. */
static loci_status read_weight(const member *m, void *options, loci_err *err) {
  TRY(field_real(m, options, err));
  if (*PLACE(double) < 0) return field_wrong(m, err);
  if (*PLACE(double) == 0) *PLACE(double) = -1;
  return LOCI_OK;
}

static loci_status read_positive(const member *m, void *options, loci_err *err) {
  TRY(field_real(m, options, err));
  return *PLACE(double) < 0 ? field_wrong(m, err) : LOCI_OK;
}

/* Where fine-tuning trains the answer's tokens. */
static loci_status read_ft_at(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  if (!text || (strcmp(text, "last") != 0 && strcmp(text, "answer") != 0))
    return field_wrong(m, err);
  *PLACE(bool) = strcmp(text, "last") == 0;
  return LOCI_OK;
}

/* Whether pictures are turned as their EXIF asks. */
static loci_status read_exif(const member *m, void *options, loci_err *err) {
  const char *text = js_text_of(m->value, NULL);
  if (!text || (strcmp(text, "turn") != 0 && strcmp(text, "ignore") != 0))
    return field_wrong(m, err);
  *PLACE(bool) = strcmp(text, "turn") == 0;
  return LOCI_OK;
}

static loci_status read_hash(const member *m, void *options, loci_err *err) {
  TRY(field_flag(m, options, err));
  *PLACE(bool) = !*PLACE(bool);
  return LOCI_OK;
}

static loci_status read_count(const member *m, void *options, loci_err *err) {
  int64_t x;
  if (!js_int_of(m->value, &x) || x < 1) return field_wrong(m, err);
  *PLACE(int64_t) = x;
  return LOCI_OK;
}

/* [{"prompt": 0, "target": "Lima", "rephrased": [1, 2], "kept": []}] */
static loci_status read_edit_asks(const member *m, void *options, loci_err *err) {
  static const field fields[] = {
      {"prompt", field_int, offsetof(edit_ask, prompt), 0, INT_MAX, 0, "a prompt's number"},
      {"target", field_text, offsetof(edit_ask, target), 0, 0, 0, "a text"},
      {"rephrased", read_ints, offsetof(edit_ask, rephrased), 0, INT_MAX, 0, "numbers of prompts"},
      {"kept", read_ints, offsetof(edit_ask, kept), 0, INT_MAX, 0, "numbers of prompts"},
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

static loci_status pass_over(const member *m, void *options, loci_err *err) {
  (void)m, (void)options, (void)err;
  return LOCI_OK;
}

/* ---------------------------------------------------------------- tables */

#define AT(member) offsetof(OF, member)
#define TEXT(name, member)                                                                         \
  { name, field_text, AT(member), 0, 0, 0, "a text" }
#define NUMBER(name, member, lo, hi)                                                               \
  { name, field_int, AT(member), lo, hi, 0, "a whole number" }
#define FLAG(name, member)                                                                         \
  { name, field_flag, AT(member), 0, 0, 0, "true or false" }
#define NAMED(name, member, list)                                                                  \
  { name, field_name, AT(member), 0, 0, list, "a name" }
#define SEED(name, member)                                                                         \
  { name, field_seed, AT(member), 0, 0, 0, "a seed" }
#define OWN(name, read, member, wanted)                                                            \
  { name, read, AT(member), 0, INT_MAX, 0, wanted }
#define LAYERS                                                                                     \
  OWN("layers", read_layers, first_layer, "a layer, its first and last layer as [a, b], or \"all\"")
#define HASH OWN("hash", read_hash, no_hash, "true or false")

#define OF loci_model_opts
static const field of_model[] = {
    NAMED("precision", precision, LOCI_NAMES_PRECISION),
    NUMBER("threads", threads, 0, 1024),
    TEXT("mmproj", mmproj),
    OWN("max_pixels", read_count, max_pixels, "a number of pixels"),
    OWN("exif", read_exif, turn_images, "\"turn\" or \"ignore\""),
    OWN("memory", read_count, memory_bytes, "a number of bytes"),
    OWN("max_pixels", read_count, max_pixels, "a number of pixels"),
};
field_table model_fields(void) { return FIELD_TABLE(of_model); }

#undef OF
#define OF loci_question
static const field of_question[] = {
    TEXT("image", image),   TEXT("question", text),
    TEXT("system", system), TEXT("template", template_name),
    TEXT("date", date),     OWN("constraints", field_texts, constraints, "a list of texts"),
};
field_table question_fields(void) { return FIELD_TABLE(of_question); }

#undef OF
#define OF loci_trace_opts
static const field of_trace[] = {
    TEXT("corrupt", corrupt),
    NUMBER("only", constraint, 1, 1000000),
    TEXT("answer", answer),
    OWN("sites", read_sites, sites, "names of sites"),
    {"window", read_ints, AT(windows), 1, 10000, 0, "numbers of layers"},
    LAYERS,
    OWN("positions", field_joined, positions, "\"each\" and groups"),
    {"direction", read_direction, AT(direction), 0, 0, LOCI_NAMES_DIRECTION, "a name"},
    NUMBER("seeds", seeds, 1, 10000),
    SEED("seed", seed),
    TEXT("noise", noise_path),
    OWN("compat", read_compat, authors, "\"authors\""),
    NUMBER("verify", verify, 0, 1000000),
    OWN("method", read_cells, screen,
        "\"exact\", or \"screen:K\" with ig:STEPS or atp, and audit:N"),
    NAMED("metric", screen_metric, LOCI_NAMES_METRIC),
    HASH,
};
field_table trace_fields(void) { return FIELD_TABLE(of_trace); }

#undef OF
#define OF loci_knockout_opts
static const field of_knockout[] = {
    TEXT("answer", answer),
    OWN("pathways", read_pathways, pathways, "pairs of groups such as [[\"image\", \"last\"]]"),
    NUMBER("only", constraint, 1, 1000000),
    {"window", read_window, AT(window), 1, 10000, 0, "a number of layers, or \"all\""},
    LAYERS,
    HASH,
};
field_table knockout_fields(void) { return FIELD_TABLE(of_knockout); }

#undef OF
#define OF loci_flow_opts
static const field of_flow[] = {TEXT("from", from), TEXT("to", to), FLAG("heads", heads), LAYERS,
                                HASH};
field_table flow_fields(void) { return FIELD_TABLE(of_flow); }

#undef OF
#define OF loci_lens_opts
static const field of_lens[] = {
    TEXT("answer", answer),
    NUMBER("only", constraint, 1, 1000000),
    OWN("positions", field_joined, positions, "positions and groups"),
    LAYERS,
    HASH,
};
field_table lens_fields(void) { return FIELD_TABLE(of_lens); }

#undef OF
#define OF loci_study_opts
static const field of_study[] = {
    TEXT("template", template_name),
    TEXT("system", system),
    TEXT("date", date),
    NUMBER("limit", limit, 0, INT_MAX),
    NUMBER("sample", sample, 0, INT_MAX),
    NUMBER("max_new", max_new, 1, 65536),
    FLAG("first_token", first_token),
    SEED("seed", seed),
    HASH,
};
field_table study_fields(void) { return FIELD_TABLE(of_study); }

#undef OF
#define OF loci_predict_opts
static const field of_predict[] = {LAYERS};
field_table predict_fields(void) { return FIELD_TABLE(of_predict); }

#undef OF
#define OF loci_score_opts
static const field of_score[] = {NAMED("choice", choose, LOCI_NAMES_CHOICE),
                                 OWN("by", field_texts, by, "names of fields")};
field_table score_fields(void) { return FIELD_TABLE(of_score); }

#undef OF
#define OF loci_edit_opts
static const field of_edit[] = {
    OWN("layer", read_edit_layer, layer, "a layer, or \"auto\""),
    TEXT("method", method),
    FLAG("drop", drop),
    FLAG("no_answers", no_answers),
};
field_table edit_fields(void) { return FIELD_TABLE(of_edit); }

#undef OF
#define OF loci_edit_settings
static const field of_settings[] = {
    NUMBER("steps", steps, 1, 100000),
    OWN("lr", read_positive, lr, "a number above 0"),
    OWN("weight_decay", read_weight, weight_decay, "a number from 0 up"),
    OWN("lambda", read_weight, lambda, "a number from 0 up"),
    OWN("max_norm", read_positive, max_norm, "a number from 0 up"),
    OWN("stop_p", read_positive, stop_p, "a probability"),
    OWN("stop_loss", read_weight, stop_loss, "a number from 0 up"),
    OWN("ridge", read_weight, ridge, "a number from 0 up"),
    OWN("ft_at", read_ft_at, at_last, "\"answer\" or \"last\""),
    OWN("kl", read_positive, kl, "a number from 0 up"),
    OWN("eps", read_positive, eps, "a number above 0"),
    OWN("keep_weight", read_positive, keep_weight, "a number from 0 up"),
    FLAG("average_loss", average_loss),
    FLAG("each_key", each_key),
    FLAG("without_constraint", without_constraint),
    OWN("compat", read_compat, authors, "\"authors\""),
};
field_table setting_fields(void) { return FIELD_TABLE(of_settings); }

#undef OF
#define OF loci_edit_test_opts
static const field of_trial[] = {NUMBER("prompts", prompts, 1, 1000),
                                 NUMBER("renderings", renderings, 0, 1000)};
field_table trial_fields(void) { return FIELD_TABLE(of_trial); }

#undef OF
#define OF loci_edit_curve_opts
static const field of_curve[] = {TEXT("over", over),
                                 OWN("values", read_reals, values, "a list of numbers")};
field_table curve_fields(void) { return FIELD_TABLE(of_curve); }

#undef OF
#define OF loci_store_run_opts
static const field of_run[] = {
    OWN("what", field_joined, what, "kinds of measurement"),
    OWN("min_te", read_positive, least_effect, "a probability"),
    NUMBER("shard", shard, 1, 1000000),
    NUMBER("shards", shard_count, 1, 1000000),
    OWN("stop_width", read_positive, stop_width, "a width"),
    FLAG("retry", retry),
};
field_table run_fields(void) { return FIELD_TABLE(of_run); }

#undef OF
#define OF loci_store_opts
static const field of_store[] = {
    OWN("run", read_count, run, "a run's number"),
    OWN("min_te", read_positive, least_effect, "a probability"),
    SEED("seed", seed),
};
field_table store_fields(void) { return FIELD_TABLE(of_store); }

#undef OF
#define OF extras
static const field of_ask[] = {NUMBER("max_new", max_new, 1, 65536)};
field_table ask_fields(void) { return FIELD_TABLE(of_ask); }

static const field of_info[] = {HASH};
field_table info_fields(void) { return FIELD_TABLE(of_info); }

static const field of_least[] = {OWN("min_te", read_positive, least_effect, "a probability")};
field_table least_fields(void) { return FIELD_TABLE(of_least); }

static const field of_edit_asks[] = {
    OWN("requests", read_edit_asks, asks, "a list of objects with prompt and target"),
    OWN("keep", read_ints, keep, "numbers of prompts"),
    TEXT("covariance", covariance),
    TEXT("preset", preset),
};
field_table edit_ask_fields(void) { return FIELD_TABLE(of_edit_asks); }

static const field of_covariance[] = {NUMBER("layer", layer, 0, 100000)};
field_table covariance_fields(void) { return FIELD_TABLE(of_covariance); }

static const field of_told[] = {
    {"image", pass_over, 0, 0, 0, 0, ""},    {"question", pass_over, 0, 0, 0, 0, ""},
    {"system", pass_over, 0, 0, 0, 0, ""},   {"constraints", pass_over, 0, 0, 0, 0, ""},
    {"template", pass_over, 0, 0, 0, 0, ""}, {"exif", pass_over, 0, 0, 0, 0, ""},
    {"mmproj", pass_over, 0, 0, 0, 0, ""},   {"max_pixels", pass_over, 0, 0, 0, 0, ""},
    {"date", pass_over, 0, 0, 0, 0, ""},     {"pixels", pass_over, 0, 0, 0, 0, ""},
    {"paths", pass_over, 0, 0, 0, 0, ""},    {"precision", pass_over, 0, 0, 0, 0, ""},
    {"edits", pass_over, 0, 0, 0, 0, ""},
};
field_table told_fields(void) { return FIELD_TABLE(of_told); }

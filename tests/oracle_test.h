/* For the tests against reference results: opens a case of tests/golden/cases and compares numbers.
 *
 * A case is CASE.json (the request and scalars) with CASE.safetensors (arrays), made by full
 * forwards of the reference implementation, nothing cached or shared.  Paths inside are relative to
 * tests/golden, where a test goes first (oracle_enter).  Models are opened for f32 arithmetic,
 * whatever type their weights have, as the reference computed. */
#ifndef LOCI_TESTS_ORACLE_H
#define LOCI_TESTS_ORACLE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "model/prompt.h"
#include "farther.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h> /* last: it has a macro `fail` */

/* The reference itself, in f32 against f64, differs by up to 1e-5 of an array's largest entry, and
 * by other amounts on another CPU; ten times that is safe, and far below any real mistake. */
#define ORACLE_TOLERANCE 1e-4
/* Probabilities near 0 have an absolute bound instead. */
#define ORACLE_LEAST_P 2e-6

/* Which cases a model has: forward, trace-replace, trace-image, trace-image-mean, contributions,
 * knockout, lens, edit-0 and spans alone; all kinds; and for some kinds a second one. */
typedef enum oracle_cases { ORACLE_FEW, ORACLE_KINDS, ORACLE_ALL } oracle_cases;

/* X(name of a function, directory, has an image, cases) */
#define ORACLE_MODELS_WITH_KINDS(X)                                                                \
  X(llava_clip_llama, "llava-clip-llama", true, ORACLE_ALL)                                        \
  X(llava_clip_llama_bf16, "llava-clip-llama-bf16", true, ORACLE_KINDS)                            \
  X(bunny_siglip_phi, "bunny-siglip-phi", true, ORACLE_KINDS)                                      \
  X(llava_siglip_phi, "llava-siglip-phi", true, ORACLE_ALL)                                        \
  X(text_llama, "text-llama", false, ORACLE_KINDS)                                                 \
  X(text_phi, "text-phi", false, ORACLE_KINDS)
#define ORACLE_MODELS(X)                                                                           \
  ORACLE_MODELS_WITH_KINDS(X)                                                                      \
  X(qwen2_vl, "qwen2-vl", true, ORACLE_FEW)                                                        \
  X(qwen2_5_vl, "qwen2-5-vl", true, ORACLE_FEW)                                                    \
  X(qwen3_vl, "qwen3-vl", true, ORACLE_FEW)                                                        \
  X(llava_next, "llava-next", true, ORACLE_FEW)                                                    \
  X(llava_onevision, "llava-onevision", true, ORACLE_FEW)                                          \
  X(mllama, "mllama", true, ORACLE_FEW)                                                            \
  X(smolvlm, "smolvlm", true, ORACLE_FEW)                                                          \
  X(idefics3, "idefics3", true, ORACLE_FEW)                                                        \
  X(internvl, "internvl", true, ORACLE_FEW)                                                        \
  X(gemma3, "gemma3", true, ORACLE_FEW)                                                            \
  X(paligemma, "paligemma", true, ORACLE_FEW)                                                      \
  X(text_phi3, "text-phi3", false, ORACLE_FEW)                                                     \
  X(text_qwen3, "text-qwen3", false, ORACLE_FEW)                                                   \
  X(text_mistral, "text-mistral", false, ORACLE_FEW)                                               \
  X(text_gemma2, "text-gemma2", false, ORACLE_FEW)                                                 \
  X(text_gemma3, "text-gemma3", false, ORACLE_FEW)                                                 \
  X(text_gpt2, "text-gpt2", false, ORACLE_FEW)

#define assert_ok(expr, err)                                                                       \
  do {                                                                                             \
    if ((expr) != LOCI_OK) fail_msg("%s", (err).msg);                                              \
  } while (0)

typedef struct oracle {
  char name[128]; /* "llava-clip-llama/forward" */
  arena *mem;
  js_value *json;
  st_file *arrays;     /* NULL: the case is JSON only */
  loci_prompt *prompt; /* NULL: the JSON names no question */
  double worst;        /* largest difference met, of what may be */
  char worst_at[64];
} oracle;

/* ---------------------------------------------------------------- JSON */

static inline const js_value *oracle_member(const js_value *v, const char *key) {
  const js_value *m = js_get(v, key);
  if (!m) fail_msg("the case has no \"%s\"", key);
  return m;
}
static inline int oracle_int(const js_value *v) {
  int64_t i = 0;
  assert_true(js_int_of(v, &i));
  return (int)i;
}
static inline double oracle_real(const js_value *v) {
  double x = 0;
  assert_true(js_real_of(v, &x));
  return x;
}
static inline const char *oracle_text(const js_value *v) {
  const char *s = js_text_of(v, NULL);
  assert_non_null(s);
  return s;
}
/* An array of integers into out; returns their number. */
static inline int oracle_ints(const js_value *v, int *out, int room) {
  int n = (int)js_count(v);
  assert_true(n <= room);
  for (int i = 0; i < n; i++) out[i] = oracle_int(js_at(v, i));
  return n;
}

/* ---------------------------------------------------------------- opening */

static inline int oracle_enter(void **state) {
  (void)state;
  return chdir(LOCI_SOURCE_DIR "/tests/golden");
}

static inline loci_model *oracle_model(const char *name) {
  char dir[128];
  loci_model *m;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  opts.gate_rows_hf = strcmp(name, "mllama") == 0; /* the cases' "gate_rows" */
  snprintf(dir, sizeof dir, "models/%s", name);
  assert_ok(loci_model_open(dir, &opts, &m, &err), err);
  return m;
}

/* The template that a case names, or, where it is only the checkpoint's, that one. */
static inline const char *oracle_template(const js_value *json) {
  const char *name = oracle_text(oracle_member(json, "template"));
  int i;
  return loci_name_find(LOCI_NAMES_TEMPLATE, name, &i, NULL) ? "auto" : name;
}

static inline loci_prompt *oracle_prompt(const loci_model *m, const js_value *json) {
  const char *constraints[4];
  const js_value *asked = oracle_member(json, "constraints"), *image = js_get(json, "image");
  loci_question q = {.size = sizeof q,
                     .image = image ? oracle_text(image) : NULL,
                     .text = oracle_text(oracle_member(json, "question")),
                     .template_name = oracle_template(json),
                     .constraints = constraints,
                     .constraint_count = (int)js_count(asked)};
  loci_prompt *p;
  loci_err err;
  assert_true(q.constraint_count <= 4);
  for (int i = 0; i < q.constraint_count; i++) {
    constraints[i] = oracle_text(oracle_member(js_at(asked, i), "text"));
  }
  assert_ok(loci_prompt_new(m, &q, &p, &err), err);
  return p;
}

/* Path of a case's file in [out]. */
static inline void oracle_path(const char *name, const char *ending, char out[160]) {
  snprintf(out, 160, "cases/%s.%s", name, ending);
}

static inline oracle oracle_open(const loci_model *m, const char *model, const char *kind) {
  oracle o = {.mem = arena_new()};
  char path[160];
  loci_err err;
  assert_non_null(o.mem);
  snprintf(o.name, sizeof o.name, "%s/%s", model, kind);
  oracle_path(o.name, "json", path);
  assert_ok(js_parse_file(path, 1 << 20, &o.json, &err), err);
  oracle_path(o.name, "safetensors", path);
  if (access(path, R_OK) == 0) assert_ok(st_open(path, &o.arrays, &err), err);
  if (js_get(o.json, "question")) o.prompt = oracle_prompt(m, o.json);
  return o;
}

static inline void oracle_close(oracle *o) {
  if (o->worst_at[0]) {
    print_message("%s: differs by at most %.3f of what may be, at %s\n", o->name, o->worst,
                  o->worst_at);
  }
  loci_prompt_free(o->prompt);
  st_close(o->arrays);
  js_free(o->json);
  arena_free(o->mem);
}

/* ---------------------------------------------------------------- arrays */

static inline bool oracle_has(const oracle *o, const char *name) {
  return st_find(o->arrays, name) != NULL;
}

/* An array of the case: [count] numbers, [largest] in absolute value; NaN do not count. */
typedef struct oracle_array {
  const float *data;
  int64_t count;
  double largest;
} oracle_array;

static inline oracle_array oracle_get(const oracle *o, const char *name) {
  const st_tensor *t = st_find(o->arrays, name);
  if (!t || t->dtype != ST_F32) fail_msg("%s has no array %s", o->name, name);
  int64_t n = t->bytes / 4;
  float *data = arena_array(o->mem, n, float);
  oracle_array a = {data, n, 0};
  assert_non_null(data);
  memcpy(data, t->data, (size_t)t->bytes); /* the map need not be aligned */
  for (int64_t i = 0; i < n; i++) a.largest = farther(a.largest, data[i]);
  return a;
}

/* got against want, which may differ by [room]; [what] and [at] say where. */
static inline void oracle_near(oracle *o, const char *what, int64_t at, double got, double want,
                               double room) {
  double share = fabs(got - want) / room;
  if (got == want) share = 0;
  if (!(share <= 1)) {
    fail_msg("%s: %s [%lld] is %.9g, expected %.9g +- %.2g", o->name, what, (long long)at, got,
             want, room);
  }
  if (share <= o->worst) return;
  o->worst = share;
  snprintf(o->worst_at, sizeof o->worst_at, "%s [%lld]", what, (long long)at);
}

/* n numbers, against the largest entry among those wanted. */
static inline void oracle_all_near(oracle *o, const char *what, const float *got, const float *want,
                                   int64_t n) {
  double largest = 0;
  for (int64_t i = 0; i < n; i++) largest = farther(largest, want[i]);
  for (int64_t i = 0; i < n; i++) {
    oracle_near(o, what, i, (double)got[i], (double)want[i], ORACLE_TOLERANCE * largest);
  }
}

/* Layers that read a picture by cross-attention have arrays of their own. */
static inline bool oracle_is_cross(const loci_model *m, int layer) {
  const bool *cross = model_decoder(m)->cross;
  return cross && cross[layer];
}
/* The number of a layer among those of its kind; L: how many there are. */
static inline int oracle_nth(const loci_model *m, int layer, bool cross) {
  int n = 0;
  for (int l = 0; l < layer; l++) n += oracle_is_cross(m, l) == cross;
  return n;
}

/* ---------------------------------------------------------------- metrics */

enum { ORACLE_METRICS = 6 };
static const char *const oracle_metrics[ORACLE_METRICS] = {"p",  "logp",    "logit_diff",
                                                           "kl", "p_first", "logp_first"};

static inline double oracle_metric(const loci_metrics *m, int i) {
  const double all[ORACLE_METRICS] = {m->p,  m->logp,    m->logit_diff,
                                      m->kl, m->p_first, m->logp_first};
  return all[i];
}

/* How far metric i may be from [want] in an array whose largest entry is [largest]. */
static inline double oracle_room(int i, double want, double largest) {
  bool is_p = oracle_metrics[i][0] == 'p';
  return is_p ? fmax(ORACLE_TOLERANCE * fabs(want), ORACLE_LEAST_P) : ORACLE_TOLERANCE * largest;
}

/* Metrics of one run as the JSON has them. */
static inline void oracle_metrics_near(oracle *o, const char *what, const loci_metrics *got,
                                       const loci_metrics *want) {
  for (int i = 0; i < ORACLE_METRICS; i++) {
    double x = oracle_metric(want, i);
    oracle_near(o, what, i, oracle_metric(got, i), x, oracle_room(i, x, fmax(fabs(x), 1)));
  }
}

static inline loci_metrics oracle_read_metrics(const js_value *v) {
  return (loci_metrics){.p = oracle_real(oracle_member(v, "p")),
                        .logp = oracle_real(oracle_member(v, "logp")),
                        .logit_diff = oracle_real(oracle_member(v, "logit_diff")),
                        .kl = oracle_real(oracle_member(v, "kl")),
                        .p_first = oracle_real(oracle_member(v, "p_first")),
                        .logp_first = oracle_real(oracle_member(v, "logp_first"))};
}

#endif

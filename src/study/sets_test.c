/* Sets of heads and layers restored together, and the random ones beside them. */
#include "study/traces_test.h"

#include "study/path_patch.h"
#include "walk/walk.h"

enum { MOST = 64 };

static const loci_site z[] = {LOCI_SITE_Z}, mlp[] = {LOCI_SITE_MLP_OUT};

static loci_trace_opts of_heads(const char *set, int controls) {
  return (loci_trace_opts){.corrupt = "swap:London",
                           .sites = z,
                           .site_count = 1,
                           .positions = "last",
                           .set = set,
                           .controls = controls};
}

static loci_prompt *ask(const loci_model *m, const char *town) {
  char text[80];
  snprintf(text, sizeof text, "The people of the town of %s speak", town);
  loci_question q = {.size = sizeof q,
                     .text = text,
                     .template_name = "raw",
                     .constraints = &town,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

/* z of the last position, every layer and head, of a prompt's own run: (L, H K). */
static void record_z(const loci_prompt *p, float *out) {
  const decoder_config *c = model_decoder(p->model);
  int s;
  walk *w;
  loci_err err;
  must(walk_new(p->model, &w, &err), &err);
  must(walk_root(w, prompt_input(p), &s, &err), &err);
  for (int l = 0; l < c->layers; l++)
    must(walk_record_at(w, s, LOCI_SITE_Z, l, (walk_span){p->info.length - 1, 1},
                        out + (int64_t)l * c->heads * c->head_dim, &err),
         &err);
  must(walk_run(w, &(walk_hooks){0}, &err), &err);
  walk_free(w);
}

/* How far a head's values of both prompts are apart. */
static double apart(const decoder_config *c, const float *a, const float *b, int layer, int head) {
  double sum = 0;
  int64_t at = ((int64_t)layer * c->heads + head) * c->head_dim;
  for (int64_t k = 0; k < c->head_dim; k++) sum += pow((double)a[at + k] - (double)b[at + k], 2);
  return sqrt(sum);
}

typedef struct norms {
  double of[MOST][MOST]; /* (layers, heads) */
  int layers, heads;
} norms;

/* The exchanged words are as many tokens: the corrupted run is the other prompt's. */
static void find_norms(loci_model *m, norms *out) {
  const decoder_config *c = model_decoder(m);
  loci_prompt *p = ask(m, "Vienna"), *q = ask(m, "London");
  int64_t n = (int64_t)c->layers * c->heads * c->head_dim;
  float *a = calloc((size_t)(2 * n), sizeof *a);
  assert_non_null(a);
  record_z(p, a);
  record_z(q, a + n);
  out->layers = c->layers;
  out->heads = c->heads;
  for (int l = 0; l < c->layers; l++)
    for (int h = 0; h < c->heads; h++) out->of[l][h] = apart(c, a, a + n, l, h);
  free(a);
  loci_prompt_free(p);
  loci_prompt_free(q);
}

static double ratio(double a, double b) { return fabs(log(a + 1e-30) - log(b + 1e-30)); }

/* Whether a control's head is one of the ten of most similar norm, among those that are neither in
 * the set nor drawn before it. */
static void check_near(const norms *n, const loci_set *x, int control, int i) {
  const int *layers = x->control_layers + control * x->unit_count,
            *heads = x->control_heads + control * x->unit_count;
  double wanted = n->of[x->layers[i]][x->heads[i]], own = n->of[layers[i]][heads[i]];
  int nearer = 0;
  for (int l = 0; l < n->layers; l++) {
    for (int h = 0; h < n->heads; h++) {
      bool taken = false;
      for (int k = 0; k < x->unit_count; k++) {
        taken |= x->layers[k] == l && x->heads[k] == h;
        taken |= k < i && layers[k] == l && heads[k] == h;
      }
      nearer += !taken && ratio(n->of[l][h], wanted) < ratio(own, wanted) - 1e-6;
    }
  }
  assert_in_range(nearer, 0, 9);
  for (int k = 0; k < x->unit_count; k++) {
    assert_false(layers[i] == x->layers[k] && heads[i] == x->heads[k]);
    if (k < i) assert_false(layers[i] == layers[k] && heads[i] == heads[k]);
  }
}

static void random_sets_are_as_strong(void **state) {
  (void)state;
  static norms n;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask(m, "Vienna");
  find_norms(m, &n);
  loci_trace *t = trace_of(m, p, of_heads("1.0,3.1", 30));
  assert_int_equal(t->set_count, 1);
  const loci_set *x = &t->sets[0];
  assert_int_equal(x->unit_count, 2);
  assert_int_equal(x->control_count, 30);
  double both = sqrt(pow(n.of[1][0], 2) + pow(n.of[3][1], 2)), sum = 0;
  int far = 1, other = 0;
  assert_true(fabs(x->norm - both) < 1e-4 * both);
  for (int k = 0; k < x->control_count; k++) {
    double norm = 0;
    for (int i = 0; i < 2; i++) {
      check_near(&n, x, k, i);
      norm += pow(n.of[x->control_layers[2 * k + i]][x->control_heads[2 * k + i]], 2);
    }
    assert_true(fabs(x->control_norm[k] - sqrt(norm)) < 1e-4 * sqrt(norm));
    far += fabs(x->control_ie[k]) >= fabs(x->ie);
    sum += x->control_ie[k];
    other += k > 0 && x->control_ie[k] != x->control_ie[0];
  }
  assert_true(other > 0);
  assert_true(fabs(x->p - far / 31.0) < 1e-12);
  assert_true(fabs(x->control_mean - sum / 30) < 1e-12);
  loci_trace *again = trace_of(m, p, of_heads("1.0,3.1", 30));
  for (int k = 0; k < 60; k++)
    assert_int_equal(again->sets[0].control_layers[k], x->control_layers[k]);
  loci_free(again);
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* A set of one is its cell; neighbouring layers are a window; and every cell, random ones too, is
 * what full forwards give. */
static void sets_are_cells(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask(m, "Vienna");
  loci_trace_opts o = of_heads("2.1", 4);
  o.verify = 1000000;
  loci_trace *t = trace_of(m, p, o);
  const loci_grid *g = &t->grids[0];
  int64_t run = 5;
  assert_true(fabs(t->sets[0].ie - g->ie[2 * g->head_count + 1]) < 1e-7); /* another batch's rows */
  for (int64_t k = 0; k < (int64_t)g->layer_count * g->head_count; k++) run += !g->skipped[k];
  assert_int_equal(t->verified, run);
  loci_free(t);
  static const int window[] = {3};
  t = trace_of(m, p,
               (loci_trace_opts){.corrupt = "mean",
                                 .sites = mlp,
                                 .site_count = 1,
                                 .windows = window,
                                 .window_count = 1,
                                 .positions = "constraint",
                                 .set = "0-1",
                                 .controls = 3,
                                 .direction = LOCI_BOTH,
                                 .verify = 1000000});
  assert_int_equal(t->set_count, 2);
  for (int i = 0; i < 2; i++) { /* the window round layer 0 is 0 and 1 */
    assert_true(fabs(t->sets[i].ie - t->grids[i].ie[0]) < 1e-7);
    assert_true(fabs(t->sets[i].ie) > 1e-6);
    assert_null(t->sets[i].heads);
  }
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* Of a path the units are senders: none from the receiver's layer on. */
static void senders_may_be_sets(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask(m, "Vienna");
  loci_trace_opts o = of_heads("0.1,1.0", 6);
  o.receiver = "3.0.q";
  o.verify = 1000000;
  loci_trace *t = trace_of(m, p, o);
  const loci_set *x = &t->sets[0];
  assert_int_equal(x->control_count, 6);
  assert_true(t->verified >= 7 && fabs(x->ie) > 0);
  for (int k = 0; k < 12; k++) assert_in_range(x->control_layers[k], 0, 2);
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void nonsense_is_refused(void **state) {
  (void)state;
  static const struct {
    loci_trace_opts o;
    const char *sentence;
  } odd[] = {{{.set = "x"}, "expected heads such as"},
             {{.set = "1.0,2"}, "expected heads such as"},
             {{.set = "3-1"}, "expected heads such as"},
             {{.set = "1.0,"}, "expected heads such as"},
             {{.set = "99"}, "the model has layers"},
             {{.set = "1.99"}, "heads 0 to"},
             {{.set = "1.0,1.0"}, "there twice"},
             {{.set = "1.0", .positions = "each"}, "at groups of positions"},
             {{.set = "0-3", .positions = "last"}, "too few for random sets"},
             {{.set = "1", .screen = 5}, "set goes with"},
             {{.set = "1", .controls = 20000}, "random sets: expected"},
             {{.controls = 3}, "controls goes with --set"}};
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask(m, "Vienna");
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    loci_trace_opts o = odd[i].o;
    loci_trace *t;
    loci_err err;
    o.size = sizeof o;
    assert_int_equal(loci_trace_new(m, p, &o, &t, &err), LOCI_EINVAL);
    if (!strstr(err.msg, odd[i].sentence)) fail_msg("%d: %s", (int)i, err.msg);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_sets_are_as_strong),
      cmocka_unit_test(sets_are_cells),
      cmocka_unit_test(senders_may_be_sets),
      cmocka_unit_test(nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

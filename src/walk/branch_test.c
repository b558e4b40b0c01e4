/* A branch equals a full run: for every site, layer and position of the small models, the child
 * that computes only what differs gives the logits of a root that computes everything.  Then the
 * same for random trees of streams with random interventions. */
#include "base/names.h"
#include "walk/trees_test.h"

static const char *const decoders[] = {"text-llama",       "llava-clip-llama-bf16",
                                       "llava-siglip-phi", "text-phi",
                                       "qwen2-5-vl",       "text-gemma3",
                                       "text-gpt2",        "qwen3-vl",
                                       "gemma3",           "paligemma"};
enum { DECODERS = 10, LENGTH = 19, CORRUPTED = 4 }; /* more than one panel of keys */

/* Row [position] of a recorded site; of pattern the rows of all heads (H, T), gathered. */
static const float *site_row(const scenario *s, loci_site site, const float *recorded, int position,
                             float *gathered) {
  if (site != LOCI_SITE_PATTERN) return recorded + position * site_width(s->m, site);
  for (int h = 0; h < model_decoder(s->m)->heads; h++) {
    memcpy(gathered + h * s->T, recorded + ((int64_t)h * s->T + position) * s->T,
           (size_t)s->T * sizeof *gathered);
  }
  return gathered;
}

/* Streams: 0 clean, 1 corrupted, then a child of the corrupted run for every position. */
static void two_runs(scenario *s, const loci_model *m, int T, const float *clean,
                     const float *other) {
  int64_t W = input_width(model_decoder(m));
  *s = (scenario){.m = m, .T = T, .embeds = clean};
  add_run(s, -1);
  add_run(s, 0);
  for (int p = CORRUPTED; p < CORRUPTED + 2; p++) add_embed(s, 1, p, other + p * W);
}

/* The corrupted run with one patch: at [layer] and [position], the clean run's value. */
typedef struct restored {
  scenario branch; /* takes the value from the clean run of the same walk */
  scenario full;   /* is given the values that another walk recorded */
  float *recorded[64], *gathered;
} restored;

static void restore_everywhere(restored *r, const loci_model *m, loci_site site) {
  int T = r->branch.T, L = model_decoder(m)->layers, heads = model_decoder(m)->heads;
  r->gathered = room((int64_t)L * T * heads * T);
  for (int l = 0; l < L; l++) r->recorded[l] = record_root(&r->branch, 0, site, l);
  r->full = r->branch;
  for (int i = 0; i < L * T; i++) {
    int l = i / T, p = i % T;
    float *gathered = r->gathered + (int64_t)i * heads * T;
    walk_patch patch = {.site = site,
                        .layer = l,
                        .position = p,
                        .head = -1,
                        .source = -1,
                        .values = site_row(&r->branch, site, r->recorded[l], p, gathered)};
    add_patch(&r->full, add_run(&r->full, 1), patch);
    if (site != LOCI_SITE_PATTERN) patch.source = 0; /* which takes values only */
    add_patch(&r->branch, add_run(&r->branch, 1), patch);
  }
}

static double restored_distance(const restored *r) {
  double most = 0;
  int T = r->branch.T;
  int64_t V = model_decoder(r->branch.m)->vocab;
  for (int only_last = 0; only_last < 2; only_last++) {
    int first = only_last ? T - 1 : 0;
    float *a = run_logits(&r->branch, false, first, NULL);
    float *b = run_logits(&r->full, true, first, NULL);
    most = fmax(most, distance(a, b, r->branch.stream_count * (T - first) * V));
    free(a);
    free(b);
  }
  return most;
}

static void check_every_branch(const char *name, int T) {
  char dir[500];
  snprintf(dir, sizeof dir, "%s%s", MODELS, name);
  loci_model *m = open_f32(dir);
  float *clean = token_rows_of(m, T, 5), *other = token_rows_of(m, T, 211);
  for (int site = 0; site < LOCI_SITE_COUNT; site++) {
    if (!can_be_patched(m, (loci_site)site)) continue;
    static restored r;
    two_runs(&r.branch, m, T, clean, other);
    restore_everywhere(&r, m, (loci_site)site);
    double apart = restored_distance(&r);
    if (!(apart <= TOLERANCE)) {
      fail_msg("%s: %s: %g apart", name, site_name((loci_site)site), apart);
    }
    for (int l = 0; l < model_decoder(m)->layers; l++) free(r.recorded[l]);
    free(r.gathered);
  }
  free(clean);
  free(other);
  loci_model_close(m);
}

static void every_branch_equals_the_full_run(void **state) {
  (void)state;
  for (int i = 0; i < DECODERS; i++) check_every_branch(decoders[i], LENGTH);
}

static void every_branch_equals_the_full_run_with_plain_kernels(void **state) {
  (void)state;
  setenv("LOCI_KERNELS", "ref", 1);
  check_every_branch("text-phi", 7);
  unsetenv("LOCI_KERNELS");
}

/* ---------------------------------------------------------------- random trees */

static void check_random_trees(const char *name, int trees, int longest) {
  char dir[500];
  snprintf(dir, sizeof dir, "%s%s", MODELS, name);
  loci_model *m = open_f32(dir);
  static dice d;
  d = (dice){.r = random_new(7), .value_count = 20000};
  d.values = room(d.value_count);
  for (int64_t i = 0; i < d.value_count; i++) d.values[i] = (float)random_gaussian(&d.r);
  for (int i = 0; i < trees; i++) {
    int T = 1 + roll(&d, longest);
    float *embeds = token_rows_of(m, T, i), *others = token_rows_of(m, T, i + 1000);
    random_tree(&d, m, T, embeds, i % 2 ? others : NULL);
    double apart = law_distance(&d.s);
    if (!(apart <= TOLERANCE)) fail_msg("%s: tree %d: %g apart", name, i, apart);
    free(embeds);
    free(others);
  }
  free(d.values);
  loci_model_close(m);
}

static void random_trees_equal_their_full_runs(void **state) {
  (void)state;
  for (int i = 0; i < DECODERS; i++) check_random_trees(decoders[i], 12, 36);
}

static void random_trees_equal_their_full_runs_with_plain_kernels(void **state) {
  (void)state;
  setenv("LOCI_KERNELS", "ref", 1);
  check_random_trees("llava-clip-llama-bf16", 40, 6);
  check_random_trees("text-phi", 40, 6);
  unsetenv("LOCI_KERNELS");
}

/* Under a rotation that depends on the length every root has its own, and no branch another one. */
static void every_length_has_its_own_angles(void **state) {
  (void)state;
  enum { LENGTHS = 3 };
  static const int lengths[LENGTHS] = {6, 11, 17}; /* the first is not stretched */
  loci_model *m = open_f32(MODELS "text-llama");
  decoder_config *c = &m->weights->config.text;
  c->rope = (rope_config){.kind = ROPE_DYNAMIC, .theta = c->rope.theta, .factor = 2};
  c->max_positions = 8;
  int64_t V = c->vocab;
  float *rows = token_rows_of(m, 17, 3), *alone = room(LENGTHS * V), *together = room(LENGTHS * V);
  loci_err err;
  walk *w;
  int s;
  for (int only = -1; only < LENGTHS; only++) {
    must(walk_new(m, &w, &err), &err);
    for (int i = 0; i < LENGTHS; i++) {
      if (only >= 0 && i != only) continue;
      must(walk_root(w, input_rows(rows, lengths[i]), &s, &err), &err);
      must(walk_want(w, s, lengths[i] - 1, &err), &err);
    }
    logit_rows k = {.rows = only < 0 ? together : alone + only * V, .V = V};
    must(walk_run(w, &(walk_hooks){.logits = keep_logits, .logits_ctx = &k}, &err), &err);
    walk_free(w);
  }
  assert_true(distance(together, alone, LENGTHS * V) <= TOLERANCE);
  must(walk_new(m, &w, &err), &err);
  must(walk_root(w, input_rows(rows, 11), &s, &err), &err);
  assert_int_equal(walk_branch(w, s, 4, input_rows(rows, 8), &s, &err), LOCI_EINVAL);
  must(walk_branch(w, 0, 4, input_rows(rows, 7), &s, &err), &err);
  walk_free(w);
  free(rows);
  free(alone);
  free(together);
  loci_model_close(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_branch_equals_the_full_run),
      cmocka_unit_test(every_branch_equals_the_full_run_with_plain_kernels),
      cmocka_unit_test(every_length_has_its_own_angles),
      cmocka_unit_test(random_trees_equal_their_full_runs),
      cmocka_unit_test(random_trees_equal_their_full_runs_with_plain_kernels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

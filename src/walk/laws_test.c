/* Laws of the walk that need no reference: what must change nothing, what must restore everything,
 * and what is the same by two ways.  Under LOCI_KERNELS=ref the order of every sum is known, so
 * equal means equal in every bit; the fast kernels take sums of other row counts in other orders.
 */
#include "walk/laws_test.h"

static const char *const decoders[] = {"text-llama",  "llava-siglip-phi", "text-phi", "text-phi3",
                                       "text-gemma3", "text-gpt2",        "qwen3-vl", "gemma3"};
enum { DECODERS = 8, LENGTH = 18, CORRUPTED = 3 };

/* One of the small models with two runs: 0 clean, 1 its child with two other input rows. */
typedef struct world {
  loci_model *m;
  const decoder_config *c;
  float *clean, *other;
  scenario s;
  double tolerance; /* where no sum is taken in another order */
} world;

static void world_open(world *x, const char *name) {
  char dir[500];
  snprintf(dir, sizeof dir, "%s%s", MODELS, name);
  x->m = open_f32(dir);
  x->tolerance = TOLERANCE;
  x->c = model_decoder(x->m);
  x->clean = token_rows_of(x->m, LENGTH, 5);
  x->other = token_rows_of(x->m, LENGTH, 211);
  x->s = (scenario){.m = x->m, .T = LENGTH, .embeds = x->clean};
  add_run(&x->s, -1);
  add_run(&x->s, 0);
  for (int p = CORRUPTED; p < CORRUPTED + 2; p++) {
    add_embed(&x->s, 1, p, x->other + p * input_width(x->c));
  }
}

static void world_close(world *x) {
  free(x->clean);
  free(x->other);
  loci_model_close(x->m);
}

typedef void (*law)(world *x);

/* The law holds for every small decoder, and bit for bit with the plain kernels. */
static void check(law holds) {
  static world x;
  for (int i = 0; i < DECODERS; i++) {
    world_open(&x, decoders[i]);
    holds(&x);
    world_close(&x);
  }
  setenv("LOCI_KERNELS", "ref", 1);
  world_open(&x, "text-phi");
  x.tolerance = 0;
  holds(&x);
  world_close(&x);
  unsetenv("LOCI_KERNELS");
}

static bool can_be_patched(const world *x, loci_site site) {
  if (site == LOCI_SITE_FINAL_NORM || site == LOCI_SITE_LOGITS) return false;
  return site != LOCI_SITE_RESID_MID || !x->c->parallel;
}

/* Logits (T, V) of stream [s] among those of all streams. */
static const float *of_stream(const world *x, const float *logits, int s) {
  return logits + (int64_t)s * x->s.T * x->c->vocab;
}

static void assert_same(const world *x, const float *a, const float *b, double tolerance) {
  double d = distance(a, b, (int64_t)x->s.T * x->c->vocab);
  if (!(d <= tolerance)) fail_msg("%g apart, %g is allowed", d, tolerance);
}

/* Streams [from, ..) all have the logits of stream [like]. */
static void assert_all_like(world *x, int from, int like, double tolerance) {
  float *logits = run_logits(&x->s, false, 0, NULL);
  for (int i = from; i < x->s.stream_count; i++) {
    assert_same(x, of_stream(x, logits, i), of_stream(x, logits, like), tolerance);
  }
  free(logits);
}

/* ---------------------------------------------------------------- what changes nothing */

/* A child's attention adds two stretches where its parent's adds one, so no bit is promised. */
static void self_patches(world *x) {
  for (int site = 0; site < LOCI_SITE_COUNT; site++) {
    if (!can_be_patched(x, (loci_site)site) || site == LOCI_SITE_PATTERN) continue;
    x->s.stream_count = 2;
    x->s.op_count = 2;
    for (int l = 0; l < x->c->layers; l++) {
      for (int p = 0; p < LENGTH; p += 5) {
        walk_patch own = {
            .site = (loci_site)site, .layer = l, .position = p, .head = -1, .source = 1};
        add_patch(&x->s, add_run(&x->s, 1), own);
      }
    }
    assert_all_like(x, 2, 1, TOLERANCE);
  }
}

static void a_run_patched_with_its_own_values_is_unchanged(void **state) {
  (void)state;
  check(self_patches);
}

/* In a root every row is computed, in one stretch: there a self-patch is exact. */
static void root_self_patches(world *x) {
  for (int site = 0; site < LOCI_SITE_COUNT; site++) {
    if (!can_be_patched(x, (loci_site)site)) continue;
    for (int l = 0; l < x->c->layers; l++) {
      scenario s = {.m = x->m, .T = LENGTH, .embeds = x->clean};
      add_run(&s, -1);
      add_run(&s, -1);
      float *values = record_root(&s, 0, (loci_site)site, l), *rows[LENGTH] = {NULL};
      for (int p = 0; p < LENGTH; p++) {
        walk_patch own = {.site = (loci_site)site, .layer = l, .position = p, .head = -1};
        own.source = site == LOCI_SITE_PATTERN ? -1 : 0;
        rows[p] = room((int64_t)x->c->heads * LENGTH);
        for (int h = 0; site == LOCI_SITE_PATTERN && h < x->c->heads; h++) {
          memcpy(rows[p] + h * LENGTH, values + ((int64_t)h * LENGTH + p) * LENGTH,
                 LENGTH * sizeof *values);
        }
        own.values = rows[p];
        add_patch(&s, 1, own);
      }
      float *logits = run_logits(&s, false, 0, NULL);
      int64_t n = (int64_t)LENGTH * x->c->vocab;
      assert_same(x, logits, logits + n, x->tolerance);
      for (int p = 0; p < LENGTH; p++) free(rows[p]);
      free(values);
      free(logits);
    }
  }
}

static void a_root_patched_with_its_own_values_keeps_every_bit(void **state) {
  (void)state;
  check(root_self_patches);
}

static void no_interventions(world *x) {
  int64_t before, after;
  x->s.stream_count = 2;
  float *two = run_logits(&x->s, false, 0, &before);
  for (int i = 0; i < 5; i++) add_run(&x->s, i % 2);
  add_run(&x->s, 6);
  float *eight = run_logits(&x->s, false, 0, &after);
  assert_int_equal(before, after);
  assert_same(x, of_stream(x, eight, 0), of_stream(x, two, 0), 0);
  for (int i = 0; i < 5; i++) {
    assert_same(x, of_stream(x, eight, 2 + i), of_stream(x, eight, i % 2), 0);
  }
  assert_same(x, of_stream(x, eight, 7), of_stream(x, eight, 0), 0);
  free(two);
  free(eight);
}

static void a_child_without_interventions_takes_no_rows(void **state) {
  (void)state;
  check(no_interventions);
}

/* Before the first corrupted position both runs have the same state. */
static void identical_prefix(world *x) {
  for (int l = 0; l < x->c->layers; l++) {
    for (int p = 0; p < CORRUPTED; p++) {
      walk_patch clean = {.site = LOCI_SITE_MLP_OUT, .layer = l, .position = p, .head = -1};
      int s = add_run(&x->s, 1);
      add_patch(&x->s, s, clean);
    }
  }
  /* a patched row at p makes everything after it be computed anew, over other stretches */
  assert_all_like(x, 2, 1, TOLERANCE);
}

static void restoring_the_identical_prefix_changes_nothing(void **state) {
  (void)state;
  check(identical_prefix);
}

/* The exact zeros that a sweep leaves out: flattened to full runs they are equal bit for bit. */
static void skipped_cells(world *x) {
  static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST,
                                    LOCI_SITE_Z};
  int last = x->c->layers - 1;
  for (int k = 0; k < 4; k++) {
    for (int p = 0; p < LENGTH - 1; p++) {
      int layer = p < CORRUPTED ? p % (last + 1) : last;
      walk_patch clean = {.site = sites[k], .layer = layer, .position = p, .head = -1};
      add_patch(&x->s, add_run(&x->s, 1), clean);
    }
  }
  float *logits = run_logits(&x->s, true, LENGTH - 1, NULL);
  for (int i = 2; i < x->s.stream_count; i++) {
    const float *cell = logits + (int64_t)i * x->c->vocab, *corrupted = logits + x->c->vocab;
    if (!(distance(cell, corrupted, x->c->vocab) <= x->tolerance)) fail_msg("cell %d", i - 2);
  }
  free(logits);
}

static void the_zeros_a_sweep_skips_are_exact_in_full_runs(void **state) {
  (void)state;
  check(skipped_cells);
}

/* ---------------------------------------------------------------- what restores everything */

/* Rows of more parts differ until all of them are added. */
static void full_restorations(world *x) {
  for (int l = x->c->deep - 1; l < x->c->layers; l++) {
    walk_patch clean = {.site = l < 0 ? LOCI_SITE_RESID_PRE : LOCI_SITE_RESID_POST,
                        .layer = l < 0 ? 0 : l,
                        .head = -1};
    int s = add_run(&x->s, 1);
    for (clean.position = 0; clean.position < LENGTH; clean.position++) {
      add_patch(&x->s, s, clean);
    }
  }
  assert_all_like(x, 2, 0, TOLERANCE);
}

static void restoring_the_whole_residual_stream_gives_the_clean_logits(void **state) {
  (void)state;
  check(full_restorations);
}

static void restored_input(world *x) {
  int s = add_run(&x->s, 1);
  for (int p = CORRUPTED; p < CORRUPTED + 2; p++) {
    add_embed(&x->s, s, p, x->clean + p * input_width(x->c));
  }
  assert_all_like(x, 2, 0, TOLERANCE);
}

static void giving_the_input_rows_back_gives_the_clean_logits(void **state) {
  (void)state;
  check(restored_input);
}

/* All parts of what the last layer reads from earlier ones: keys, values, queries, residual. */
static void restored_parts(world *x) {
  static const loci_site parts[] = {LOCI_SITE_RESID_PRE, LOCI_SITE_K, LOCI_SITE_V, LOCI_SITE_Q};
  int s = add_run(&x->s, 1);
  for (int k = 0; k < 4; k++) {
    walk_patch clean = {.site = parts[k], .layer = x->c->layers - 1, .head = -1};
    for (clean.position = 0; clean.position < LENGTH; clean.position++) {
      add_patch(&x->s, s, clean);
    }
  }
  assert_all_like(x, 2, 0, TOLERANCE);
}

static void restoring_all_that_the_last_layer_reads_gives_the_clean_logits(void **state) {
  (void)state;
  check(restored_parts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_patched_with_its_own_values_is_unchanged),
      cmocka_unit_test(a_root_patched_with_its_own_values_keeps_every_bit),
      cmocka_unit_test(a_child_without_interventions_takes_no_rows),
      cmocka_unit_test(restoring_the_identical_prefix_changes_nothing),
      cmocka_unit_test(the_zeros_a_sweep_skips_are_exact_in_full_runs),
      cmocka_unit_test(restoring_the_whole_residual_stream_gives_the_clean_logits),
      cmocka_unit_test(giving_the_input_rows_back_gives_the_clean_logits),
      cmocka_unit_test(restoring_all_that_the_last_layer_reads_gives_the_clean_logits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

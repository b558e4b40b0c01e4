/* The logit lens against the reference: at two positions, after every layer, the five best tokens
 * with their scores and log-probabilities. */
#include "oracle_test.h"

#include "walk/logits.h"
#include "walk/walk.h"

enum { POSITIONS = 2, BEST = 5 };

static void check_lens(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "lens");
  oracle_array logits = oracle_get(&o, "logits"), logp = oracle_get(&o, "logp");
  const st_tensor *ids = st_find(o.arrays, "ids");
  int L = m->info.layers, at[POSITIONS] = {0};
  loci_lens *lens;
  loci_err err;
  assert_int_equal(oracle_ints(oracle_member(o.json, "positions"), at, POSITIONS), POSITIONS);
  assert_ok(loci_lens_new(m, o.prompt, NULL, &lens, &err), err);
  assert_int_equal(lens->layer_count, L);
  assert_int_equal(lens->position_count, POSITIONS);
  for (int64_t i = 0; i < logp.count; i++) {
    int layer = (int)(i / (POSITIONS * BEST)), which = (int)(i / BEST % POSITIONS);
    const loci_candidate *top = lens->cells[which * L + layer].top, *c = &top[i % BEST];
    int64_t id, first = i - i % BEST;
    memcpy(&id, (const char *)ids->data + i * 8, 8);
    assert_int_equal(lens->positions[which], at[which]);
    assert_int_equal(c->id, id);
    oracle_near(&o, "logp", i, log(c->p), (double)logp.data[i], ORACLE_TOLERANCE * logp.largest);
    /* scores are compared by their distance from the best one */
    oracle_near(&o, "logits", i, log(c->p / top[0].p),
                (double)logits.data[i] - (double)logits.data[first],
                ORACLE_TOLERANCE * logits.largest);
  }
  loci_free(lens);
  oracle_close(&o);
  loci_model_close(m);
}

#define TEST(id, name, has_image, cases)                                                           \
  static void lens_of_##id(void **s) {                                                             \
    (void)s;                                                                                       \
    check_lens(name);                                                                              \
  }
ORACLE_MODELS(TEST)

#define ENTRY(id, name, has_image, cases) cmocka_unit_test(lens_of_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS(ENTRY)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}

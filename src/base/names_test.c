/* The tables of names: what is in a list is found, what is nearly in it is named. */
#include "base/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void every_name_of_every_list_is_found_and_explained(void **state) {
  (void)state;
  for (int list = 0; list < LOCI_NAMES_LISTS; list++) {
    int i = 0;
    for (const char *name; (name = loci_name((loci_names)list, i)) != NULL; i++) {
      int found = -1;
      assert_int_equal(loci_name_find((loci_names)list, name, &found, NULL), LOCI_OK);
      assert_int_equal(found, i);
      assert_true(strlen(loci_name_meaning((loci_names)list, i)) > 5);
    }
    assert_true(i > 2 && i <= 64); /* sentences have room for so many */
    assert_null(loci_name_meaning((loci_names)list, i));
  }
  assert_null(loci_name(LOCI_NAMES_LISTS, 0));
  assert_null(loci_name(LOCI_NAMES_SITE, -1));
}

static void assert_sentence(loci_names list, const char *name, const char *sentence) {
  int found;
  loci_err err = {0};
  assert_int_equal(loci_name_find(list, name, &found, &err), LOCI_EINVAL);
  assert_string_equal(err.msg, sentence);
}

static void an_unknown_name_is_answered_by_the_nearest_or_by_all(void **state) {
  (void)state;
  assert_sentence(LOCI_NAMES_GROUP, "imag", "unknown group \"imag\"; did you mean image?");
  assert_sentence(LOCI_NAMES_METRIC, "logit-dif",
                  "unknown metric \"logit-dif\"; did you mean logit_diff?");
  assert_sentence(LOCI_NAMES_DIRECTION, "xyzzy",
                  "unknown direction \"xyzzy\": expected denoise, noise, both");
  for (loci_names list = 0; list < LOCI_NAMES_LISTS; list++) { /* however long */
    int found;
    assert_int_equal(loci_name_find(list, "quite another thing", &found, NULL), LOCI_EINVAL);
  }
}

static void sites_in_the_spelling_of_transformer_lens_are_recognised(void **state) {
  (void)state;
  static const char *const same[][2] = {{"hook_mlp_out", "mlp_out"},
                                        {"ln_final.hook_normalized", "final_norm"},
                                        {"mlp.hook_post", "mlp_post"},
                                        {"attn.hook_rot_q", "q"}};
  static const char *const others[] = {"hook_mlp_in", "mlp.hook_in", "attn.hook_q", "attn.hook_k"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    int site = -1;
    assert_int_equal(loci_name_find(LOCI_NAMES_SITE, same[i][0], &site, NULL), LOCI_OK);
    assert_string_equal(loci_name(LOCI_NAMES_SITE, site), same[i][1]);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    int site;
    loci_err err = {0};
    assert_int_equal(loci_name_find(LOCI_NAMES_SITE, others[i], &site, &err), LOCI_EINVAL);
    assert_non_null(strstr(err.msg, "kept"));
  }
  /* a layer in the name is no site's */
  static const char *const spelled[][2] = {{"blocks.3.hook_resid_pre", "resid_pre"},
                                           {"blocks.0.attn.hook_z", "z"},
                                           {"blocks.11.attn.hook_pattern", "pattern"},
                                           {"blocks.1.mlp.hook_post", "mlp_post"}};
  for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++) {
    int site;
    loci_err err = {0};
    char sentence[120];
    snprintf(sentence, sizeof sentence, "unknown site \"%s\"; did you mean %s?", spelled[i][0],
             spelled[i][1]);
    assert_int_equal(loci_name_find(LOCI_NAMES_SITE, spelled[i][0], &site, &err), LOCI_EINVAL);
    assert_string_equal(err.msg, sentence);
  }
}

static void letters_swapped_cut_or_in_capitals_are_near(void **state) {
  (void)state;
  static const char *const words[] = {"trace", "tokens", "study run"};
  assert_string_equal(loci_name_near("trcae", words, 3), "trace");
  assert_string_equal(loci_name_near("TOKENS", words, 3), "tokens");
  assert_string_equal(loci_name_near("study-run", words, 3), "study run");
  assert_string_equal(loci_name_near("tok", words, 3), "tokens");
  assert_null(loci_name_near("flow", words, 3));
  assert_null(loci_name_near("", words, 3));
  assert_null(loci_name_near("x", words, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_name_of_every_list_is_found_and_explained),
      cmocka_unit_test(an_unknown_name_is_answered_by_the_nearest_or_by_all),
      cmocka_unit_test(sites_in_the_spelling_of_transformer_lens_are_recognised),
      cmocka_unit_test(letters_swapped_cut_or_in_capitals_are_near),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tokenizer against what the tokenizers library made of the same strings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/golden_test.h"

static void check_directory(const char *name) {
  char dir[512], cases[600];
  tokenizer *t;
  loci_err err;
  snprintf(dir, sizeof dir, GOLDEN_DIR "/%s", name);
  snprintf(cases, sizeof cases, "%s/cases.json", dir);
  assert_ok(tokenizer_open(dir, &t, &err), err);
  golden_check(t, cases);
  tokenizer_close(t);
}

static void legacy_llama_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("llama-legacy");
}
static void metaspace_always_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("llama-metaspace-always");
}
static void metaspace_first_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("llama-metaspace-first");
}
static void metaspace_with_split_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("metaspace-split");
}
static void phi_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("phi");
  check_directory("phi-image");
}
static void qwen2_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("qwen2");
}
static void llama3_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("llama3");
  check_directory("llama3-vision");
}
static void gemma_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("gemma2");
  check_directory("gemma3");
}
static void gpt2_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("gpt2");
}
static void phi3_agrees_with_the_reference(void **s) {
  (void)s;
  check_directory("phi3");
}
static void flags_of_added_tokens_agree_with_the_reference(void **s) {
  (void)s;
  check_directory("flags");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(legacy_llama_agrees_with_the_reference),
      cmocka_unit_test(metaspace_always_agrees_with_the_reference),
      cmocka_unit_test(metaspace_first_agrees_with_the_reference),
      cmocka_unit_test(metaspace_with_split_agrees_with_the_reference),
      cmocka_unit_test(phi_agrees_with_the_reference),
      cmocka_unit_test(phi3_agrees_with_the_reference),
      cmocka_unit_test(gemma_agrees_with_the_reference),
      cmocka_unit_test(gpt2_agrees_with_the_reference),
      cmocka_unit_test(qwen2_agrees_with_the_reference),
      cmocka_unit_test(llama3_agrees_with_the_reference),
      cmocka_unit_test(flags_of_added_tokens_agree_with_the_reference),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

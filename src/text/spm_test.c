/* SentencePiece models: against transformers' LlamaTokenizer and SentencePiece itself, and what is
 * refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/golden_test.h"

#define SPM GOLDEN_DIR "/spm/"

static char *slurp(const char *path, size_t *n) {
  char *s;
  loci_err err;
  assert_ok(file_read(path, 64 << 20, &s, n, &err), err);
  return s;
}

static void check_model(const char *model, const char *config, const char *cases) {
  size_t n, config_n = 0;
  char *bytes = slurp(model, &n), *settings = config ? slurp(config, &config_n) : NULL;
  tokenizer *t;
  loci_err err;
  assert_ok(tokenizer_open_spm((uint8_t *)bytes, n, settings, config_n, &t, &err), err);
  golden_check(t, cases);
  tokenizer_close(t);
  free(bytes);
  free(settings);
}

static void legacy_model_agrees_with_the_reference(void **s) {
  (void)s;
  tokenizer *t;
  loci_err err;
  assert_ok(tokenizer_open(GOLDEN_DIR "/spm", &t, &err), err);
  golden_check(t, SPM "cases.json");
  assert_string_equal(tokenizer_kind(t), "SentencePiece BPE model, legacy");
  assert_true(tokenizer_is_special(t, tokenizer_id(t, "<image>")));
  tokenizer_close(t);
}

static void new_behaviour_agrees_with_the_reference(void **s) {
  (void)s;
  check_model(SPM "tokenizer.model", SPM "config-new.json", SPM "cases-new.json");
}

static void squeezed_blanks_and_user_pieces_agree_with_sentencepiece(void **s) {
  (void)s;
  check_model(SPM "squeeze.model", NULL, SPM "cases-squeeze.json");
}

static void a_model_without_bytes_gives_unknowns_as_sentencepiece_does(void **s) {
  (void)s;
  check_model(SPM "unk.model", NULL, SPM "cases-unk.json");
}

static void a_model_without_settings_adds_bos(void **s) {
  (void)s;
  size_t n;
  char *bytes = slurp(SPM "tokenizer.model", &n);
  tokenizer *t;
  encoding e;
  loci_err err;
  assert_ok(tokenizer_open_spm((uint8_t *)bytes, n, NULL, 0, &t, &err), err);
  assert_ok(tokenizer_encode(t, "a", 1, true, &e, &err), err);
  assert_int_equal(e.count, 2);
  assert_int_equal(e.ids[0], 1);
  encoding_clear(&e);
  tokenizer_close(t);
  free(bytes);
}

static void added_tokens_json_is_read_beside_a_model(void **s) {
  (void)s;
  char dir[] = "/tmp/loci_spm_XXXXXX", path[128];
  const char *const names[] = {"tokenizer.model", "added_tokens.json"};
  size_t n;
  char *bytes = slurp(SPM "tokenizer.model", &n);
  loci_err err;
  tokenizer *t;
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/%s", dir, names[0]);
  assert_ok(file_write(path, bytes, n, &err), err);
  snprintf(path, sizeof path, "%s/%s", dir, names[1]);
  assert_ok(file_write(path, "{\"<image>\": 5000}", 17, &err), err);
  assert_ok(tokenizer_open(dir, &t, &err), err);
  assert_int_equal(tokenizer_id(t, "<image>"), 5000);
  assert_int_equal(tokenizer_size(t), 5001);
  tokenizer_close(t);
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    remove(path);
  }
  remove(dir);
  free(bytes);
}

/* ---------------------------------------------------------------- refusals */

static void refused(const void *bytes, size_t n, const char *sentence) {
  tokenizer *t;
  loci_err err;
  assert_int_not_equal(tokenizer_open_spm(bytes, n, NULL, 0, &t, &err), LOCI_OK);
  assert_null(t);
  if (!strstr(err.msg, sentence)) fail_msg("\"%s\" does not hold \"%s\"", err.msg, sentence);
}

#define REFUSED(bytes, sentence) refused(bytes, sizeof(bytes) - 1, sentence)
#define BPE_MODEL "\x12\x02\x18\x02"   /* trainer_spec { model_type: BPE } */
#define PIECE_A "\x0A\x03\x0A\x01\x61" /* pieces { piece: "a" } */

static void unsound_models_are_refused_with_a_sentence(void **s) {
  (void)s;
  REFUSED("", "not a SentencePiece model");
  REFUSED("hello, this is text", "not a SentencePiece model");
  REFUSED("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", "cut off or garbled");
  REFUSED("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "cut off or garbled");
  REFUSED("\x0A\x03\x0A\x7F\x61", "list of pieces is cut off");
  REFUSED(PIECE_A, "of type unigram");
  REFUSED(PIECE_A "\x12\x02\x18\x03", "of type word");
  REFUSED(PIECE_A "\x12\x02\x18\x63", "of type ?");
  REFUSED(PIECE_A PIECE_A BPE_MODEL, "occurs twice");
  REFUSED("\x0A\x03\x0A\x01\xFF" BPE_MODEL, "not UTF-8");
  REFUSED("\x0A\x02\x0A\x00" BPE_MODEL, "piece 0 is empty");
  REFUSED("\x0A\x08\x0A\x01\x61\x15\x00\x00\xC0\x7F" BPE_MODEL, "score of piece 0");
  REFUSED("\x0A\x05\x0A\x01\x61\x18\x05" BPE_MODEL, "type loci does not know");
  REFUSED(PIECE_A BPE_MODEL "\x1A\x0D\x0A\x08nmt_nfkc\x12\x01x", "normalizer \"nmt_nfkc\"");
  REFUSED(PIECE_A BPE_MODEL "\x1A\x02\x28\x00", "without blank marks");
  REFUSED(PIECE_A "\x12\x05\x18\x02\xC0\x01\x01", "marks after words");
  REFUSED(PIECE_A BPE_MODEL "\x1A\x01\x28", "normalizer_spec is cut off");
}

static void a_cut_off_model_never_opens_as_something_else(void **s) {
  (void)s;
  size_t n;
  char *bytes = slurp(SPM "unk.model", &n);
  for (size_t cut = 0; cut < n; cut += 7) {
    char *part = malloc(cut + 1); /* exact size, so that ASan sees a read past it */
    tokenizer *t;
    loci_err err;
    memcpy(part, bytes, cut);
    if (tokenizer_open_spm((uint8_t *)part, cut, NULL, 0, &t, &err) == LOCI_OK) tokenizer_close(t);
    free(part);
  }
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(legacy_model_agrees_with_the_reference),
      cmocka_unit_test(new_behaviour_agrees_with_the_reference),
      cmocka_unit_test(squeezed_blanks_and_user_pieces_agree_with_sentencepiece),
      cmocka_unit_test(a_model_without_bytes_gives_unknowns_as_sentencepiece_does),
      cmocka_unit_test(a_model_without_settings_adds_bos),
      cmocka_unit_test(added_tokens_json_is_read_beside_a_model),
      cmocka_unit_test(unsound_models_are_refused_with_a_sentence),
      cmocka_unit_test(a_cut_off_model_never_opens_as_something_else),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

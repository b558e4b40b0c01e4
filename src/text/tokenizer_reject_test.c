/* Unsound and unsupported tokenizer files are refused with a sentence; odd but harmless ones open
 * with a note.  Also: pieces of behaviour that no file of the reference shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "text/golden_test.h"

static void refused(const char *json, const char *config, const char *sentence) {
  tokenizer *t;
  loci_err err;
  loci_status st =
      tokenizer_open_json(json, strlen(json), config, config ? strlen(config) : 0, &t, &err);
  if (st == LOCI_OK) fail_msg("opened: %s", json);
  assert_null(t);
  if (!strstr(err.msg, sentence)) fail_msg("\"%s\" does not hold \"%s\"", err.msg, sentence);
}

static tokenizer *opened(const char *json, const char *config) {
  tokenizer *t;
  loci_err err;
  assert_ok(tokenizer_open_json(json, strlen(json), config, config ? strlen(config) : 0, &t, &err),
            err);
  return t;
}

/* The ids of a text, joined by blanks; offsets after a colon if asked for. */
static const char *ids_of(const tokenizer *t, const char *text, bool special) {
  static char out[4096];
  encoding e;
  loci_err err;
  size_t n = 0;
  assert_ok(tokenizer_encode(t, text, strlen(text), special, &e, &err), err);
  out[0] = '\0';
  for (int i = 0; i < e.count && n < sizeof out - 16; i++) {
    n += (size_t)snprintf(out + n, sizeof out - n, i ? " %d" : "%d", e.ids[i]);
  }
  encoding_clear(&e);
  return out;
}

#define MODEL(more) "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}," more "}"
#define PLAIN MODEL("\"merges\":[\"a b\"]}")
#define WITH(more)                                                                                 \
  "{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}," more "}"

static void models_that_are_not_sound_are_refused(void **s) {
  (void)s;
  refused("", NULL, "not valid JSON");
  refused("{\"model\":", NULL, "not valid JSON");
  refused("[]", NULL, "no \"model\"");
  refused("{\"model\":7}", NULL, "no \"model\"");
  refused("{\"model\":{\"type\":\"BPE\"}}", NULL, "\"vocab\" must be an object");
  refused("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{}}}", NULL, "type \"WordPiece\"");
  refused("{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", NULL, "type \"Unigram\"");
  refused("{\"model\":{\"vocab\":{}}}", NULL, "loci reads BPE only");
  refused("{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", NULL, "id of token \"a\"");
  refused("{\"model\":{\"vocab\":{\"a\":1e3},\"merges\":[]}}", NULL, "id of token \"a\"");
  refused("{\"model\":{\"vocab\":{\"a\":16777216},\"merges\":[]}}", NULL, "from 0 to 16777215");
  refused("{\"model\":{\"vocab\":{\"a\":9223372036854775807},\"merges\":[]}}", NULL, "id of token");
  refused("{\"model\":{\"vocab\":{\"a\":9223372036854775808},\"merges\":[]}}", NULL, "id of token");
  refused("{\"model\":{\"vocab\":{\"a\":1,\"b\":1},\"merges\":[]}}", NULL, "the same id 1");
  refused("{\"model\":{\"vocab\":{\"a\":1,\"a\":2},\"merges\":[]}}", NULL, "duplicate");
  refused("{\"model\":{\"vocab\":{\"\xFF\":1},\"merges\":[]}}", NULL, "decode byte");
  refused(MODEL("\"merges\":{}}"), NULL, "\"merges\" must be an array");
  refused(MODEL("\"merges\":[\"ab\"]}"), NULL, "merge 0 must be two tokens");
  refused(MODEL("\"merges\":[\"a b c\"]}"), NULL, "merge 0 must be two tokens");
  refused(MODEL("\"merges\":[[\"a\"]]}"), NULL, "merge 0 must be two tokens");
  refused(MODEL("\"merges\":[[\"a\",3]]}"), NULL, "merge 0 must be two tokens");
  refused(MODEL("\"merges\":[null]}"), NULL, "merge 0 must be two tokens");
  refused(MODEL("\"merges\":[\"a b\",\"a c\"]}"), NULL, "merge 1 uses \"c\"");
  refused(MODEL("\"merges\":[\"b a\"]}"), NULL, "merge 0 uses \"ba\"");
  refused(MODEL("\"merges\":[\" \"]}"), NULL, "merge 0 uses \"\"");
  refused(MODEL("\"merges\":[],\"dropout\":0.1}"), NULL, "\"dropout\"");
  refused(MODEL("\"merges\":[],\"continuing_subword_prefix\":\"##\"}"), NULL,
          "\"continuing_subword_prefix\"");
  refused(MODEL("\"merges\":[],\"end_of_word_suffix\":\"</w>\"}"), NULL, "\"end_of_word_suffix\"");
  refused(MODEL("\"merges\":[],\"unk_token\":3}"), NULL, "\"unk_token\" must be a string");
  refused(MODEL("\"merges\":[],\"fuse_unk\":3}"), NULL, "\"fuse_unk\"");
}

static void steps_that_are_not_known_are_refused_by_name(void **s) {
  (void)s;
  refused(WITH("\"normalizer\":{\"type\":\"Precompiled\"}"), NULL, "\"Precompiled\"");
  refused(WITH("\"normalizer\":{\"type\":\"BertNormalizer\"}"), NULL, "\"BertNormalizer\"");
  refused(WITH("\"normalizer\":{}"), NULL, "\"type\" must be a string, found nothing");
  refused(WITH("\"normalizer\":[]"), NULL, "\"normalizer\" must be an object");
  refused(WITH("\"normalizer\":{\"type\":\"Sequence\"}"), NULL, "needs an array \"normalizers\"");
  refused(WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[null]}"), NULL, "null");
  refused(WITH("\"normalizer\":{\"type\":\"Prepend\"}"), NULL, "\"prepend\" must be a string");
  refused(WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"x\"}"), NULL, "\"pattern\"");
  refused(WITH("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":"
               "\"x\"}"),
          NULL, "empty \"pattern\"");
  refused(WITH("\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"), NULL, "pre_tokenizer of type");
  refused(WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},"
               "\"behavior\":\"Odd\"}"),
          NULL, "behavior \"Odd\"");
  refused(WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"ab\"}"), NULL,
          "one character");
  refused(WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\","
               "\"prepend_scheme\":\"odd\"}"),
          NULL, "prepend_scheme \"odd\"");
  refused(WITH("\"decoder\":{\"type\":\"WordPiece\"}"), NULL, "decoder of type \"WordPiece\"");
  refused(WITH("\"decoder\":{\"type\":\"Strip\",\"content\":\"\"}"), NULL, "one character");
  refused(WITH("\"decoder\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a\"},\"content\":\"\"}"),
          NULL, "Replace with a regular expression");
  refused(WITH("\"post_processor\":{\"type\":\"BertProcessing\"}"), NULL, "\"BertProcessing\"");
  refused(WITH("\"post_processor\":{\"type\":\"RobertaProcessing\"}"), NULL, "Roberta");
  refused(WITH("\"post_processor\":{\"type\":\"TemplateProcessing\"}"), NULL, "array \"single\"");
  refused(WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}"), NULL,
          "sequence A");
  refused(WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
               "\"id\":\"x\"}},{\"Sequence\":{\"id\":\"A\"}}]}"),
          NULL, "array \"ids\"");
}

static void regex_refused(const char *pattern, const char *sentence) {
  char json[1024];
  snprintf(json, sizeof json,
           WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"%s\"},"
                "\"behavior\":\"Isolated\"}"),
           pattern);
  refused(json, NULL, sentence);
}

static void regular_expressions_loci_cannot_honour_are_refused(void **s) {
  (void)s;
  regex_refused("(", "does not compile");
  regex_refused("a{2,1}", "does not compile");
  regex_refused("\\\\p{Nonsense}", "does not compile");
  regex_refused("[a[b]]", "a class inside a class");
  regex_refused("[a-z&&b]", "&& inside a class");
  regex_refused("[\\\\W]", "\\W inside a class");
  regex_refused("(?m:.)", "(?m");
  regex_refused("(?im).", "(?m");
  regex_refused("a\\\\Kb", "\\K");
  regex_refused("(*LIMIT_MATCH=1)a", "(*");
  regex_refused("a\\\\", "ends in a backslash");
  regex_refused("((((a{999}){999}){999}){999})", "does not compile");
}

static void a_regular_expression_that_runs_away_is_stopped(void **s) {
  (void)s;
  tokenizer *t = opened(WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":"
                             "\"(a+)+(a+)+[cd]\"},\"behavior\":\"Isolated\"}"),
                        NULL);
  char text[2001];
  encoding e;
  loci_err err;
  memset(text, 'a', 2000);
  assert_int_equal(tokenizer_encode(t, text, 2000, false, &e, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "takes too long"));
  assert_null(e.ids);
  tokenizer_close(t);
}

static void a_normalizer_that_explodes_is_stopped(void **s) {
  (void)s;
#define GROW                                                                                       \
  "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaaaaaaaaaaaa\"}"
  tokenizer *t = opened(WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" GROW "," GROW
                             "," GROW "," GROW "," GROW "," GROW "," GROW "]}"),
                        NULL);
  encoding e;
  loci_err err;
  assert_int_equal(tokenizer_encode(t, "aaaa", 4, false, &e, &err), LOCI_EFORMAT);
  assert_non_null(strstr(err.msg, "normalizer makes"));
  tokenizer_close(t);
}

static void added_tokens_that_are_not_sound_are_refused(void **s) {
  (void)s;
  refused(WITH("\"added_tokens\":{}"), NULL, "\"added_tokens\" must be an array");
  refused(WITH("\"added_tokens\":[7]"), NULL, "\"content\" must be a string");
  refused(WITH("\"added_tokens\":[{\"content\":\"x\"}]"), NULL, "has no \"id\"");
  refused(WITH("\"added_tokens\":[{\"id\":-4,\"content\":\"x\"}]"), NULL, "\"id\" is -4");
  refused(WITH("\"added_tokens\":[{\"id\":99999999,\"content\":\"x\"}]"), NULL, "expected 0 to");
  refused(WITH("\"added_tokens\":[{\"id\":4,\"content\":\"x\",\"lstrip\":1}]"), NULL, "\"lstrip\"");
}

static void settings_that_are_not_sound_are_refused(void **s) {
  (void)s;
  refused(PLAIN, "[", "tokenizer_config.json: not valid JSON");
  refused(PLAIN, "[]", "must be an object");
  refused(PLAIN, "{\"added_tokens_decoder\":[]}", "\"added_tokens_decoder\" must be an object");
  refused(PLAIN, "{\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}", "must be an id");
  refused(PLAIN, "{\"added_tokens_decoder\":{\"99999999999\":{\"content\":\"y\"}}}",
          "must be an id");
  refused(PLAIN, "{\"added_tokens_decoder\":{\"5\":7}}", "\"content\" must be a string");
  refused(PLAIN, "{\"add_bos_token\":1}", "\"add_bos_token\"");
  refused(PLAIN, "{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":null}",
          "there is no \"bos_token\"");
  refused(PLAIN, "{\"eos_token\":3}", "a special token must be a string");
}

static void settings_add_tokens_and_overrule_the_template(void **s) {
  (void)s;
  static const char json[] =
      WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
           "\"id\":\"b\"}},{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"b\"}}],"
           "\"special_tokens\":{\"b\":{\"ids\":[1,1]}}}");
  tokenizer *t = opened(json, NULL);
  assert_string_equal(ids_of(t, "ab", true), "1 1 2 1 1");
  assert_string_equal(ids_of(t, "ab", false), "2");
  assert_string_equal(ids_of(t, "", true), "1 1 1 1");
  tokenizer_close(t);
  t = opened(json, "{\"add_bos_token\":false}"); /* a class without rules: the template counts */
  assert_string_equal(ids_of(t, "ab", true), "1 1 2 1 1");
  assert_non_null(strstr(tokenizer_note(t, 0), "are not obeyed"));
  tokenizer_close(t);
  t = opened(json,
             "{\"tokenizer_class\":\"LlamaTokenizerFast\",\"unk_token\":null,\"eos_token\":null,"
             "\"add_bos_token\":true,\"bos_token\":{\"content\":\"<i>\"},\"add_eos_token\":"
             "false,\"added_tokens_decoder\":{\"9\":{\"content\":\"<i>\",\"special\":true}}}");
  assert_string_equal(ids_of(t, "ab<i>a", true), "3 2 3 0"); /* the next free id */
  assert_int_equal(tokenizer_size(t), 4);
  assert_true(tokenizer_is_special(t, 3));
  assert_false(tokenizer_is_special(t, 0));
  assert_null(tokenizer_token(t, 5));
  assert_int_equal(tokenizer_id(t, "nothing"), -1);
  tokenizer_close(t);
}

static void added_tokens_take_the_next_ids_whatever_is_written(void **s) {
  (void)s;
  tokenizer *t = opened(WITH("\"added_tokens\":[{\"id\":7,\"content\":\"a\"},{\"id\":1,\"content\":"
                             "\"<x>\"}]"),
                        "{\"added_tokens_decoder\":{\"8\":{\"content\":\"<x>\"}}}");
  assert_non_null(strstr(tokenizer_note(t, 0), "is written with id 7 and gets id 0"));
  assert_non_null(strstr(tokenizer_note(t, 1), "is written with id 1 and gets id 3"));
  assert_non_null(strstr(tokenizer_note(t, 2), "is written with id 8 and gets id 3"));
  assert_null(tokenizer_note(t, 3));
  assert_null(tokenizer_note(t, -1));
  assert_string_equal(ids_of(t, "<x>a", false), "3 0");
  tokenizer_close(t);
}

static void text_that_is_not_utf8_or_too_long_is_refused(void **s) {
  (void)s;
  tokenizer *t = opened(PLAIN, NULL);
  encoding e;
  loci_err err;
  assert_int_equal(tokenizer_encode(t, "ab\xFF", 3, false, &e, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "byte 2 of 3 is 0xFF"));
  assert_int_equal(tokenizer_encode(t, "ab\xC3", 3, false, &e, &err), LOCI_EINVAL);
  assert_int_equal(tokenizer_encode(t, "ab", (size_t)1 << 40, false, &e, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "the limit is"));
  tokenizer_close(t);
}

static void a_long_word_is_merged_in_reasonable_time(void **s) {
  (void)s;
  tokenizer *t = opened("{\"model\":{\"vocab\":{\"a\":0,\"aa\":1,\"aaaa\":2},\"merges\":[\"a a\","
                        "\"aa aa\"]}}",
                        NULL);
  size_t n = 400000;
  char *text = malloc(n);
  encoding e;
  loci_err err;
  memset(text, 'a', n);
  assert_ok(tokenizer_encode(t, text, n, false, &e, &err), err);
  assert_int_equal(e.count, n / 4);
  assert_int_equal(e.end[e.count - 1], n);
  encoding_clear(&e);
  tokenizer_close(t);
  free(text);
}

static void unknown_ids_vanish_when_decoding(void **s) {
  (void)s;
  tokenizer *t = opened(PLAIN, NULL);
  const int ids[] = {0, -5, 99, 2, 1 << 30};
  char *out;
  size_t n;
  loci_err err;
  assert_ok(tokenizer_decode(t, ids, 5, false, &out, &n, &err), err);
  assert_string_equal(out, "a ab"); /* no decoder: blanks between tokens */
  free(out);
  assert_ok(tokenizer_decode(t, ids, 0, false, &out, &n, &err), err);
  assert_string_equal(out, "");
  free(out);
  tokenizer_close(t);
}

static void a_directory_without_a_tokenizer_is_named(void **s) {
  (void)s;
  tokenizer *t;
  loci_err err;
  assert_int_equal(tokenizer_open("/nonexistent", &t, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "/nonexistent: neither tokenizer.json nor tokenizer.model"));
  assert_null(t);
  char dir[] = "/tmp/loci-tokenizer-XXXXXX", path[64];
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/vocab.json", dir);
  assert_int_equal(file_write(path, "{}", 2, &err), LOCI_OK);
  assert_int_equal(tokenizer_open(dir, &t, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "is here, but vocab.json is: make tokenizer.json of it"));
  unlink(path);
  rmdir(dir);
  tokenizer_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(models_that_are_not_sound_are_refused),
      cmocka_unit_test(steps_that_are_not_known_are_refused_by_name),
      cmocka_unit_test(regular_expressions_loci_cannot_honour_are_refused),
      cmocka_unit_test(a_regular_expression_that_runs_away_is_stopped),
      cmocka_unit_test(a_normalizer_that_explodes_is_stopped),
      cmocka_unit_test(added_tokens_that_are_not_sound_are_refused),
      cmocka_unit_test(settings_that_are_not_sound_are_refused),
      cmocka_unit_test(settings_add_tokens_and_overrule_the_template),
      cmocka_unit_test(added_tokens_take_the_next_ids_whatever_is_written),
      cmocka_unit_test(text_that_is_not_utf8_or_too_long_is_refused),
      cmocka_unit_test(a_long_word_is_merged_in_reasonable_time),
      cmocka_unit_test(unknown_ids_vanish_when_decoding),
      cmocka_unit_test(a_directory_without_a_tokenizer_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

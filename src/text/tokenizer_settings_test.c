/* Files beside a tokenizer's own (tokenizer_config.json, special_tokens_map.json,
 * added_tokens.json, config.json) against what transformers 4.57.1's AutoTokenizer made of the same
 * directories: settings.jsonl has the texts, then one line for each variant of a tokenizer of this
 * folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lines.h"
#include "text/golden_test.h"

static char dir[] = "/tmp/loci-settings-XXXXXX";

static void write_json(const char *name, const js_value *v) {
  char path[600], *text;
  loci_err err;
  snprintf(path, sizeof path, "%s/%s", dir, name);
  unlink(path);
  if (!v) return;
  assert_ok(js_dump(v, &text, &err), err);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
  free(text);
}

static void put_link(const char *base, const char *name, bool there) {
  char from[600], to[600];
  snprintf(from, sizeof from, GOLDEN_DIR "/%s/%s", base, name);
  snprintf(to, sizeof to, "%s/%s", dir, name);
  unlink(to);
  if (there) assert_int_equal(symlink(from, to), 0);
}

static void lay_out(const js_value *v) {
  const char *base = js_text_of(js_get(v, "base"), NULL);
  bool spm = strcmp(base, "spm") == 0;
  put_link(spm ? "flags" : base, "tokenizer.json", true);
  put_link("spm", "tokenizer.model", spm);
  write_json("tokenizer_config.json", js_get(v, "config"));
  write_json("special_tokens_map.json", js_get(v, "special"));
  write_json("added_tokens.json", js_get(v, "added"));
  write_json("config.json", js_get(v, "checkpoint"));
}

static int compare(const tokenizer *t, const js_value *text, const js_value *ids,
                   const js_value *decoded) {
  size_t n, want_n, got_n;
  const char *s = js_text_of(text, &n), *want = js_text_of(decoded, &want_n);
  encoding e;
  char *got;
  loci_err err;
  assert_ok(tokenizer_encode(t, s, n, true, &e, &err), err);
  bool same = e.count == js_count(ids);
  for (int i = 0; same && i < e.count; i++) same = golden_int(js_at(ids, i)) == e.ids[i];
  assert_ok(tokenizer_decode(t, e.ids, e.count, true, &got, &got_n, &err), err);
  bool good = same && got_n == want_n && memcmp(got, want, got_n) == 0;
  if (!good) print_error("\"%s\": %s, \"%s\"\n", s, same ? "decoded" : "ids", got);
  free(got);
  encoding_clear(&e);
  return !good;
}

static int check_variant(const js_value *v, const js_value *texts) {
  tokenizer *t;
  loci_err err;
  int wrong = 0;
  char *settings;
  js_value *plain = js_object();
  lay_out(v);
  assert_ok(tokenizer_open(dir, &t, &err), err);
  for (int64_t i = 0; i < js_count(texts); i++) {
    wrong +=
        compare(t, js_at(texts, i), js_at(js_get(v, "ids"), i), js_at(js_get(v, "decoded"), i));
  }
  tokenizer_close(t);
  assert_ok(js_dump(js_get(v, "config") ? js_get(v, "config") : plain, &settings, &err), err);
  js_free(plain);
  if (wrong) print_error("%s with %s\n", js_text_of(js_get(v, "base"), NULL), settings);
  free(settings);
  return wrong;
}

static void settings_count_as_in_transformers(void **state) {
  (void)state;
  line_reader *r;
  const char *line;
  size_t n;
  loci_err err;
  js_value *first = NULL, *v = NULL;
  int wrong = 0, variants = 0;
  assert_non_null(mkdtemp(dir));
  assert_ok(lines_open(GOLDEN_DIR "/settings.jsonl", 1 << 20, &r, &err), err);
  for (;;) {
    assert_ok(lines_next(r, &line, &n, &err), err);
    if (!line) break;
    assert_ok(js_parse(line, n, "settings.jsonl", first ? &v : &first, &err), err);
    if (variants++ == 0) continue;
    wrong += check_variant(v, js_get(first, "texts"));
    js_free(v);
  }
  assert_true(variants > 100);
  js_free(first);
  lines_close(r);
  put_link("spm", "tokenizer.json", false);
  put_link("spm", "tokenizer.model", false);
  write_json("tokenizer_config.json", NULL);
  write_json("special_tokens_map.json", NULL);
  write_json("added_tokens.json", NULL);
  write_json("config.json", NULL);
  rmdir(dir);
  if (wrong) fail_msg("%d encodings differ", wrong);
}

static void what_the_two_tokenizers_of_transformers_disagree_about_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *config, *says;
    bool model, json;
  } all[] = {
      {"{\"add_prefix_space\":false,\"legacy\":true}", "disagree about it", true, false},
      {"{\"add_prefix_space\":null}", "disagree about it", true, false},
      {"{\"add_prefix_space\":false,\"tokenizer_class\":\"LlamaTokenizer\"}",
       "there is no tokenizer.model to build it anew from", false, true},
      {"{\"add_bos_token\":true,\"tokenizer_class\":\"CodeGenTokenizer\"}", "is not supported",
       false, true},
      {"{\"tokenizer_class\":\"CohereTokenizerFast\"}",
       "the rules of \"tokenizer_class\" \"CohereTokenizerFast\" are not known", false, true},
  };
  memcpy(dir + sizeof dir - 7, "XXXXXX", 7);
  assert_non_null(mkdtemp(dir));
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    js_value *config;
    tokenizer *t;
    loci_err err;
    assert_ok(js_parse(all[i].config, strlen(all[i].config), "", &config, &err), err);
    write_json("tokenizer_config.json", config);
    js_free(config);
    put_link("llama-legacy", "tokenizer.json", all[i].json);
    put_link("spm", "tokenizer.model", all[i].model);
    loci_status st = tokenizer_open(dir, &t, &err);
    if (st != LOCI_EUNSUPPORTED || !strstr(err.msg, all[i].says)) {
      fail_msg("%s: %s", all[i].config, st ? err.msg : "taken");
    }
  }
  write_json("tokenizer_config.json", NULL);
  put_link("spm", "tokenizer.json", false);
  put_link("spm", "tokenizer.model", false);
  rmdir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settings_count_as_in_transformers),
      cmocka_unit_test(what_the_two_tokenizers_of_transformers_disagree_about_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

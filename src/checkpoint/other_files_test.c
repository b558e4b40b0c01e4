/* A checkpoint as it comes from the world: names in a wrapper, an index that lists too much or
 * points to an overlay, folders, adapters, other files beside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/weights.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define MODEL LOCI_SOURCE_DIR "/tests/golden/models/text-llama"
#define DOWN "model.layers.2.mlp.down_proj.weight"

static char dir[32];
static st_file *source;

static int make(void **state) {
  (void)state;
  char path[100];
  loci_err err;
  strcpy(dir, "/tmp/loci-beside-XXXXXX");
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/config.json", dir);
  assert_int_equal(symlink(MODEL "/config.json", path), 0);
  assert_int_equal(st_open(MODEL "/model.safetensors", &source, &err), LOCI_OK);
  return 0;
}

static int remove_all(void **state) {
  (void)state;
  char command[100];
  st_close(source);
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
}

/* The tensors [from, to) of the model, their names after [wrapper], or after "layers.N" where it
 * begins with a dot; DOWN may be left out, or be zeros. */
static void put_weights(const char *name, const char *wrapper, int64_t from, int64_t to, bool down,
                        bool zeros) {
  static uint8_t nothing[1 << 20];
  st_tensor *t = calloc((size_t)st_count(source), sizeof *t);
  char path[100], (*names)[200] = calloc((size_t)st_count(source), sizeof *names);
  int64_t n = 0;
  loci_err err;
  for (int64_t i = from; i < to; i++) {
    const st_tensor *own = st_at(source, i);
    bool is_down = strcmp(own->name, DOWN) == 0;
    if (is_down && !down) continue;
    t[n] = *own;
    const char *layer = wrapper[0] == '.' ? strstr(own->name, "layers.") : own->name;
    size_t k = layer && wrapper[0] == '.' ? (size_t)(strchr(layer + 7, '.') - own->name) : 0;
    snprintf(names[n], sizeof names[n], "%.*s%s%s", (int)k, own->name, layer ? wrapper : "",
             own->name + k);
    t[n].name = names[n];
    assert_true(own->bytes <= (int64_t)sizeof nothing || !zeros);
    if (is_down && zeros) t[n].data = nothing;
    n++;
  }
  snprintf(path, sizeof path, "%s/%s", dir, name);
  if (st_write(path, t, n, NULL, &err)) fail_msg("%s", err.msg);
  free(t);
  free(names);
}

static void put_text(const char *name, const char *text) {
  char path[100];
  loci_err err;
  snprintf(path, sizeof path, "%s/%s", dir, name);
  assert_int_equal(file_write(path, text, strlen(text), &err), LOCI_OK);
}

/* Every tensor in [file]; DOWN in [down_in]; and what else is promised. */
static void put_index(const char *file, const char *down_in, const char *more) {
  enum { ROOM = 1 << 16 };
  char *text = malloc(ROOM);
  int n = snprintf(text, ROOM, "{\"weight_map\":{%s", more);
  for (int64_t i = 0; i < st_count(source); i++) {
    const char *name = st_at(source, i)->name;
    n += snprintf(text + n, (size_t)(ROOM - n), "%s\"%s\":\"%s\"", i ? "," : "", name,
                  strcmp(name, DOWN) == 0 ? down_in : file);
  }
  snprintf(text + n, (size_t)(ROOM - n), "}}");
  put_text("model.safetensors.index.json", text);
  free(text);
}

static checkpoint *opened(void) {
  checkpoint *c;
  loci_err err;
  if (checkpoint_open(dir, &c, &err)) fail_msg("%s", err.msg);
  const st_tensor *down = st_find(source, DOWN);
  assert_memory_equal(c->layers[2].down.w.data, down->data, (size_t)down->bytes);
  return c;
}

static void expect_note(const checkpoint *c, const char *says) {
  for (int i = 0; checkpoint_note(c, i); i++) {
    if (strstr(checkpoint_note(c, i), says)) return;
  }
  fail_msg("no note says \"%s\"", says);
}

static void expect_refusal(const char *says) {
  checkpoint *c;
  loci_err err;
  assert_int_not_equal(checkpoint_open(dir, &c, &err), LOCI_OK);
  if (!strstr(err.msg, says)) fail_msg("expected \"%s\", found \"%s\"", says, err.msg);
}

static void names_in_a_wrapper_are_read_without_it(void **state) {
  (void)state;
  static const char *const wrappers[] = {"_orig_mod.", "module.", "base_model.model.",
                                         "module._orig_mod.", "_fsdp_wrapped_module."};
  for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
    put_weights("model.safetensors", wrappers[i], 0, st_count(source), true, false);
    checkpoint *c = opened();
    expect_note(c, wrappers[i]);
    checkpoint_close(c);
  }
  put_weights("model.safetensors", "._orig_mod", 0, st_count(source), true, false);
  checkpoint *c = opened();
  expect_note(c, "hold \"_orig_mod.\" or another wrapper's name");
  checkpoint_close(c);
  put_weights("model.safetensors", "._checkpoint_wrapped_module", 0, st_count(source), true, false);
  checkpoint_close(opened());
  put_weights("model.safetensors", "transformer.", 0, st_count(source), true, false);
  expect_refusal("all names there begin with \"transformer.");
}

static void the_index_decides_between_two_copies(void **state) {
  (void)state;
  put_weights("1.safetensors", "", 0, st_count(source), true, true);
  put_weights("2.safetensors", "", 0, st_count(source), true, false);
  put_index("1.safetensors", "2.safetensors", "");
  checkpoint_close(opened());
}

static void what_the_index_promises_and_nobody_needs_may_be_missing(void **state) {
  (void)state;
  int64_t n = st_count(source);
  char inside[64];
  snprintf(inside, sizeof inside, "%s/w", dir);
  assert_int_equal(mkdir(inside, 0700), 0);
  put_weights("w/1.safetensors", "", 0, n / 2, true, false);
  put_weights("w/2..safetensors", "", n / 2, n, true, false); /* no way up, for all its points */
  put_index("w/1.safetensors", "w/2..safetensors", "");
  checkpoint_close(opened());
  put_weights("w/2.safetensors", "", n / 2, n, true, false);
  put_index("w/1.safetensors", "w/2.safetensors",
            "\"model.layers.0.self_attn.rotary_emb.inv_freq\":\"w/1.safetensors\","
            "\"model.layers.1.self_attn.rotary_emb.inv_freq\":\"gone.safetensors\",");
  checkpoint *c = opened(); /* half of the map is wrong, and everything is there */
  expect_note(c, "tensors into files that lack them");
  checkpoint_close(c);
  put_weights("w/1.safetensors", "", 0, n / 2, false, false);
  put_weights("w/2.safetensors", "", n / 2, n, false, false);
  expect_refusal("layers.2.mlp.down_proj.weight; the index puts it into w/2.safetensors");
  put_weights("w/1.safetensors", "", 0, n, false, false);
  put_index("w/1.safetensors", "gone.safetensors", "");
  expect_refusal("the index puts it into gone.safetensors, which is not there");
}

static void a_missing_tensor_is_looked_for_beside(void **state) {
  (void)state;
  put_weights("model.safetensors", "", 0, st_count(source), false, false);
  put_text("rest.bin", "");
  expect_refusal("perhaps it is in rest.bin, which is pickled");
  put_weights("rest.safetensors", "", 0, st_count(source), true, false);
  expect_refusal("rest.safetensors has it, which is not read");
}

static void an_adapter_beside_the_model_is_refused_other_weights_are_noted(void **state) {
  (void)state;
  put_weights("model.safetensors", "", 0, st_count(source), true, false);
  put_weights("other.safetensors", "", 0, 1, true, false);
  checkpoint *c = opened();
  expect_note(c, "seen and not read: other.safetensors");
  checkpoint_close(c);
  put_text("adapter_config.json", "{}");
  expect_refusal("an adapter (adapter_config.json) lies in this directory");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(names_in_a_wrapper_are_read_without_it, make, remove_all),
      cmocka_unit_test_setup_teardown(the_index_decides_between_two_copies, make, remove_all),
      cmocka_unit_test_setup_teardown(what_the_index_promises_and_nobody_needs_may_be_missing, make,
                                      remove_all),
      cmocka_unit_test_setup_teardown(a_missing_tensor_is_looked_for_beside, make, remove_all),
      cmocka_unit_test_setup_teardown(
          an_adapter_beside_the_model_is_refused_other_weights_are_noted, make, remove_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

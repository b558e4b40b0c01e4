/* A checkpoint written once more as GGUF: the same tokens, the same answers and the same traces.
 * The files are made (gguf_written.h) of the small models under tests/golden: LLaMA, Phi, LLaVA-1.5
 * with a file of its own for the tower and projector, and a split. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gguf_written.h"
#include "loci.h"
#include "loci_edit.h"

#include <cmocka.h>

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"
#define IMAGE LOCI_SOURCE_DIR "/models/flags/images/ukraine.png"

static loci_err err;
static char folder[] = "/tmp/loci-gguf-XXXXXX";

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command);
}

static void path_of(const char *name, char out[128]) { snprintf(out, 128, "%s/%s", folder, name); }

static loci_model *open_model(const char *path, const char *mmproj) {
  loci_model *m;
  loci_model_opts o = {
      .size = sizeof o, .precision = LOCI_PRECISION_F32, .threads = 1, .mmproj = mmproj};
  if (loci_model_open(path, &o, &m, &err)) fail_msg("%s", err.msg);
  return m;
}

static loci_prompt *ask_about(const loci_model *m, const char *image) {
  static const char *const constraint[] = {"this country"};
  loci_question q = {.size = sizeof q,
                     .image = image,
                     .text = "What is the capital of this country?",
                     .template_name = "llava-paper",
                     .constraints = constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  if (loci_prompt_new(m, &q, &p, &err)) fail_msg("%s", err.msg);
  return p;
}

/* Sums of f32: the way back adds up the rows of turned queries and keys in the file's order, and
 * what is left of a row after whole registers rounds by its type. */
static const double NEAR = 1e-6;

static void assert_same_answer(const loci_model *a, const loci_prompt *pa, const loci_model *b,
                               const loci_prompt *pb) {
  loci_answer *x, *y;
  if (loci_ask(a, pa, 4, NULL, NULL, &x, &err)) fail_msg("%s", err.msg);
  if (loci_ask(b, pb, 4, NULL, NULL, &y, &err)) fail_msg("%s", err.msg);
  assert_int_equal(x->count, y->count);
  assert_true(x->count > 0);
  for (int i = 0; i < x->count; i++) {
    assert_int_equal(x->ids[i], y->ids[i]);
    assert_true(fabs(x->top[i][0].p - y->top[i][0].p) < NEAR);
  }
  loci_free(x);
  loci_free(y);
}

/* Estimates by gradients, so that the way back is compared, too. */
static void assert_same_trace(const loci_model *a, const loci_prompt *pa, const loci_model *b,
                              const loci_prompt *pb) {
  loci_trace_opts o = {.size = sizeof o, .corrupt = "replace:Paris", .screen = 6, .no_hash = true};
  loci_trace *x, *y;
  if (loci_trace_new(a, pa, &o, &x, &err)) fail_msg("%s", err.msg);
  if (loci_trace_new(b, pb, &o, &y, &err)) fail_msg("%s", err.msg);
  assert_int_equal(x->grid_count, y->grid_count);
  double most = 0;
  for (int g = 0; g < x->grid_count; g++) {
    const loci_grid *u = &x->grids[g], *v = &y->grids[g];
    for (int i = 0; i < u->layer_count * u->column_count; i++) {
      assert_true(fabs(u->estimates[i].p - v->estimates[i].p) < NEAR);
      most = fmax(most, fabs(u->estimates[i].p));
    }
  }
  assert_true(most > 10 * NEAR); /* something is compared */
  loci_free(x);
  loci_free(y);
}

static void assert_same_models(const char *dir, const char *path, const char *mmproj,
                               const char *image) {
  loci_model *a = open_model(dir, NULL), *b = open_model(path, mmproj);
  loci_prompt *p = ask_about(a, image), *q = ask_about(b, image);
  const loci_prompt_info *u = loci_prompt_get_info(p), *v = loci_prompt_get_info(q);
  assert_int_equal(u->length, v->length);
  for (int i = 0; i < u->length; i++) {
    if (u->tokens[i].id != v->tokens[i].id && v->tokens[i].id >= 0) {
      fail_msg("token %d: %d and %d", i, u->tokens[i].id, v->tokens[i].id);
    }
  }
  assert_string_equal(loci_model_get_info(b)->layout, "gguf");
  assert_same_answer(a, p, b, q);
  assert_same_trace(a, p, b, q);
  loci_prompt_free(p);
  loci_prompt_free(q);
  loci_model_close(a);
  loci_model_close(b);
}

static checkpoint *open_weights(const char *dir) {
  checkpoint *c;
  if (checkpoint_open(dir, &c, &err)) fail_msg("%s", err.msg);
  return c;
}

static void write_text(const char *dir, const char *name, char path[128]) {
  gguf_maker m = {0};
  checkpoint *c = open_weights(dir);
  written_text(&m, dir, c);
  path_of(name, path);
  make_write(&m, path);
  make_clear(&m);
  checkpoint_close(c);
}

static void a_llama_is_the_same_model(void **state) {
  (void)state;
  char path[128];
  write_text(MODELS "text-llama", "llama.gguf", path);
  assert_same_models(MODELS "text-llama", path, NULL, NULL);
}

static void a_phi_is_the_same_model(void **state) {
  (void)state;
  char path[128];
  write_text(MODELS "text-phi", "phi.gguf", path);
  assert_same_models(MODELS "text-phi", path, NULL, NULL);
}

/* The picture is a square, so that padding does nothing. */
static void a_llava_sees_the_same(void **state) {
  (void)state;
  static const char dir[] = MODELS "llava-clip-llama";
  char text[128], eyes[128];
  if (access(IMAGE, R_OK) != 0) skip();
  write_text(dir, "llava.gguf", text);
  for (int old = 0; old < 2; old++) {
    gguf_maker m = {0};
    checkpoint *c = open_weights(dir);
    written_eyes(&m, c, old);
    path_of(old ? "old-mmproj.gguf" : "mmproj.gguf", eyes);
    make_write(&m, eyes);
    make_clear(&m);
    checkpoint_close(c);
    assert_same_models(dir, text, eyes, IMAGE);
  }
}

/* The second file of a split says that it is of three; then the first one's count of tensors is
 * wrong. */
static void a_split_that_contradicts_itself_is_refused(void **state) {
  (void)state;
  static const uint32_t lies[][2] = {{3, 2}, {2, 7}}; /* files, tensors */
  for (int i = 0; i < 2; i++) {
    char first[128], second[128];
    const float values[32] = {0};
    loci_model *m;
    gguf_maker one = {0}, two = {0};
    make_text(&one, "general.architecture", "llama");
    make_u32(&one, "split.no", 0);
    make_u32(&one, "split.count", 2);
    make_u32(&one, "split.tensors.count", lies[i][1]);
    make_u32(&two, "split.no", 1);
    make_u32(&two, "split.count", lies[i][0]);
    make_tensor(&one, "a", 1, (const uint64_t[]){32}, 0, values, sizeof values);
    make_tensor(&two, "b", 1, (const uint64_t[]){32}, 0, values, sizeof values);
    path_of("l-00001-of-00002.gguf", first);
    path_of("l-00002-of-00002.gguf", second);
    make_write(&one, first);
    make_write(&two, second);
    assert_int_equal(loci_model_open(first, NULL, &m, &err), LOCI_EFORMAT);
    assert_non_null(strstr(err.msg, i ? "is 7, its files hold 2" : "of a split of 3 files"));
    make_clear(&one);
    make_clear(&two);
  }
}

/* Weights in the first file, others in the second. */
static void a_split_is_read_whole(void **state) {
  (void)state;
  static const char dir[] = MODELS "text-llama";
  char first[128], second[128];
  checkpoint *c = open_weights(dir);
  gguf_maker one = {0}, two = {0};
  written_split(&one, &two, dir, c);
  path_of("s-00001-of-00002.gguf", first);
  path_of("s-00002-of-00002.gguf", second);
  make_write(&one, first);
  loci_model *m;
  assert_int_equal(loci_model_open(first, NULL, &m, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "this file of the split is missing"));
  make_write(&two, second);
  assert_same_models(dir, first, NULL, NULL);
  assert_int_equal(loci_model_open(second, NULL, &m, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "file 2 of a split; name its first"));
  make_clear(&one);
  make_clear(&two);
  checkpoint_close(c);
}

static void edits_are_refused(void **state) {
  (void)state;
  char path[128];
  write_text(MODELS "text-llama", "edit.gguf", path);
  loci_model *m = open_model(path, NULL);
  loci_edit_request r = {.target = "Lima"};
  loci_edit *e;
  assert_int_equal(loci_edit_solve(m, &r, 1, NULL, &e, &err), LOCI_EUNSUPPORTED);
  assert_non_null(strstr(err.msg, "is traced and not edited"));
  loci_model_close(m);
}

/* Metadata that ask for another computation, or for nothing that is known. */
static void other_models_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *key, *text;
    uint32_t number;
    const char *says;
    float real;
  } cases[] = {
      {"llama.expert_count", NULL, 8, "mixtures of experts are not supported", 0},
      {"llama.rope.scaling.type", "yarn", 0, "rotary scaling \"yarn\" is not supported", 0},
      {"general.type", "adapter", 0, "general.type \"adapter\"", 0},
      {"llama.attention.scale", NULL, 2, "attention scales of their own", 0},
      {"llama.attention.scale", NULL, 0, "\"llama.attention.scale\" is nan, expected a finite",
       NAN},
      {"llama.rope.scale_linear", NULL, 0, "is inf, expected a finite number", INFINITY},
  };
  static const char dir[] = MODELS "text-llama";
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[128];
    checkpoint *c = open_weights(dir);
    gguf_maker m = {0};
    written_text(&m, dir, c);
    if (cases[i].text) make_text(&m, cases[i].key, cases[i].text);
    if (cases[i].real != 0) make_f32(&m, cases[i].key, cases[i].real);
    if (!cases[i].text && cases[i].real == 0) make_u32(&m, cases[i].key, cases[i].number);
    path_of("other.gguf", path);
    make_write(&m, path);
    make_clear(&m);
    checkpoint_close(c);
    loci_model *model;
    assert_int_not_equal(loci_model_open(path, NULL, &model, &err), LOCI_OK);
    if (!strstr(err.msg, cases[i].says)) fail_msg("\"%s\" has no \"%s\"", err.msg, cases[i].says);
  }
}

/* Metadata that are missing, one after the other, or make no sense, by their own names. */
static void what_is_missing_is_named(void **state) {
  (void)state;
  static const char *const steps[] = {
      "lacks \"general.architecture\"", "lacks \"llama.block_count\"",
      "lacks \"llama.embedding_length\"", "lacks \"tokenizer.ggml.tokens\"",
      "\"llama.attention.layer_norm_rms_epsilon\" is -1, expected more than 0"};
  for (int i = 0; i < 5; i++) {
    char path[128];
    loci_model *model;
    gguf_maker m = {0};
    make_text(&m, "general.name", "x");
    if (i > 0) make_text(&m, "general.architecture", "llama");
    if (i > 1) make_u32(&m, "llama.block_count", 2);
    if (i > 2) {
      make_u32(&m, "llama.embedding_length", 8);
      make_u32(&m, "llama.feed_forward_length", 8);
      make_u32(&m, "llama.attention.head_count", 2);
      make_u32(&m, "llama.context_length", 64);
    }
    if (i > 3) {
      make_u32(&m, "llama.vocab_size", 9);
      make_f32(&m, "llama.attention.layer_norm_rms_epsilon", -1);
    }
    path_of("lacks.gguf", path);
    make_write(&m, path);
    make_clear(&m);
    assert_int_not_equal(loci_model_open(path, NULL, &model, &err), LOCI_OK);
    if (!strstr(err.msg, steps[i])) fail_msg("\"%s\" has no \"%s\"", err.msg, steps[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_llama_is_the_same_model),
      cmocka_unit_test(a_phi_is_the_same_model),
      cmocka_unit_test(a_llava_sees_the_same),
      cmocka_unit_test(a_split_is_read_whole),
      cmocka_unit_test(a_split_that_contradicts_itself_is_refused),
      cmocka_unit_test(edits_are_refused),
      cmocka_unit_test(other_models_are_refused_by_name),
      cmocka_unit_test(what_is_missing_is_named),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* Written edits: the same file but for the matrix, the same model as in memory, nothing half
 * written, and the way back. */
#include "edit/edit.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro `fail` */

#include "base/file.h"
#include "base/tree.h"
#include "checkpoint/save.h"
#include "sized.h"
#include "farther.h"

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

static char work[64], place[128];

static int make_work(void **state) {
  (void)state;
  strcpy(work, "/tmp/loci-save-test-XXXXXX");
  if (!mkdtemp(work)) return -1;
  snprintf(place, sizeof place, "%s/edited", work);
  return 0;
}

static int remove_work(void **state) {
  (void)state;
  tree_remove(work);
  return 0;
}

/* Nothing in the working directory: no result, no temporary. */
static void assert_nothing_left(void) { assert_int_equal(rmdir(work) || mkdir(work, 0777), 0); }

static void must(loci_status st, const loci_err *err) {
  if (st) fail_msg("%s", err->msg);
}

static loci_model *open_at(const char *dir) {
  loci_model *m;
  loci_err err;
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  must(loci_model_open(dir, &opts, &m, &err), &err);
  return m;
}

static loci_model *open_model(const char *name) {
  char dir[500];
  snprintf(dir, sizeof dir, "%s%s", MODELS, name);
  return open_at(dir);
}

static loci_prompt *ask(const loci_model *m) {
  static const char *const constraint = "Vienna";
  loci_question q = {.size = sizeof q,
                     .text = "The bridge of Vienna was built by",
                     .template_name = "raw",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_prompt *p;
  loci_err err;
  must(loci_prompt_new(m, &q, &p, &err), &err);
  return p;
}

static loci_edit *solve(loci_model *m, const loci_prompt *p, int layer, const char *wish) {
  loci_edit *e;
  loci_err err;
  loci_edit_request r = {.prompt = p, .target = wish};
  loci_edit_opts o = {.size = sizeof o,
                      .has_layer = true,
                      .layer = layer,
                      .settings = SIZED(loci_edit_settings, .steps = 30, .lr = 0.3)};
  must(loci_edit_solve(m, &r, 1, &o, &e, &err), &err);
  return e;
}

static float *logits_of(const loci_model *m, const loci_prompt *p) {
  loci_run *r;
  loci_view v;
  loci_err err;
  int64_t V = model_decoder(m)->vocab;
  float *out = malloc((size_t)V * sizeof *out);
  assert_non_null(out);
  must(loci_run_new(m, p, &r, &err), &err);
  must(loci_run_record(r, LOCI_SITE_LOGITS, 0, &err), &err);
  must(loci_run_forward(r, NULL, NULL, &err), &err);
  must(loci_run_get(r, LOCI_SITE_LOGITS, 0, &v, &err), &err);
  memcpy(out, v.data + (v.rows - 1) * V, (size_t)V * sizeof *out);
  loci_run_free(r);
  return out;
}

/* How many bytes of two files differ, and whether all of those lie in the tensor (NULL: none may).
 */
static int64_t differences(const char *a, const char *b, const char *tensor) {
  file_map x, y;
  st_file *f;
  loci_err err;
  must(file_map_open(a, &x, &err), &err);
  must(file_map_open(b, &y, &err), &err);
  must(st_open(a, &f, &err), &err);
  const st_tensor *t = tensor ? st_find(f, tensor) : NULL;
  size_t from = t ? (size_t)st_offset(f, t) : 0, to = t ? from + (size_t)t->bytes : 0;
  int64_t count = 0;
  assert_int_equal(x.size, y.size);
  for (size_t i = 0; i < x.size; i++) {
    if (x.data[i] == y.data[i]) continue;
    count++;
    if (i < from || i >= to) fail_msg("%s: byte %zu differs, outside of %s", b, i, tensor);
  }
  st_close(f);
  file_map_close(&x);
  file_map_close(&y);
  return count;
}

typedef struct fixture {
  const char *name, *file; /* the file with the matrix of layer 1 */
  double tolerance;        /* of logits, written against in memory, of the largest */
} fixture;

/* Without rounding nothing differs; bf16 has 8 bits, f16 has 11: the matrix is one of a dozen, so
 * its rounding is seen in the logits at about its own size. */
static const fixture fixtures[] = {
    {"llava-clip-llama", "model.safetensors", 0},
    {"llava-clip-llama-bf16", NULL, 0.02},
    {"bunny-siglip-phi", "model.safetensors", 0.003},
    {"text-phi", "model.safetensors", 0.003},
};

static void check_saved(const fixture *f) {
  loci_err err;
  loci_edit_saved *saved;
  char a[600], b[600];
  loci_model *m = open_model(f->name);
  loci_prompt *p = ask(m);
  loci_edit *e = solve(m, p, 1, "the");
  const loci_edit *edits[] = {e};
  must(loci_edit_save(m, edits, 1, place, NULL, NULL, &saved, &err), &err);
  assert_int_equal(saved->check_count, 1);
  assert_float_equal(saved->checks[0].p_before, e->facts[0].before.m.p, 1e-9);
  assert_float_equal(saved->checks[0].p_edited, e->facts[0].after.m.p, 1e-9);
  assert_true(fabs(saved->norm - e->norm) <= 1e-4 * e->norm);
  loci_model *back = open_at(place);
  loci_prompt *q = ask(back);
  must(loci_edit_apply(m, e, &err), &err);
  float *want = logits_of(m, p), *got = logits_of(back, q);
  double most = 0, apart = 0;
  for (int i = 0; i < model_decoder(m)->vocab; i++) {
    most = farther(most, want[i]);
    apart = fmax(apart, fabs((double)got[i] - (double)want[i]));
  }
  if (!(apart <= f->tolerance * most)) fail_msg("%s: logits %g of %g apart", f->name, apart, most);
  bool rounds = f->tolerance > 0;
  assert_true(rounds == (saved->rounding > 0) && rounds == (apart > 0));
  snprintf(a, sizeof a, "%s%s/%s", MODELS, f->name, f->file ? f->file : "");
  snprintf(b, sizeof b, "%s/%s", place, f->file ? f->file : "");
  if (f->file) assert_true(differences(a, b, e->tensor) > 0);
  loci_model_close(back);
  must(loci_edit_undo(place, NULL, NULL, &err), &err);
  if (f->file) assert_int_equal(differences(a, b, NULL), 0);
  back = open_at(place);
  const char *hash;
  must(model_hash(back, NULL, NULL, &hash, &err), &err);
  assert_string_equal(hash, e->hash);
  assert_int_equal(loci_edit_undo(place, NULL, NULL, &err), LOCI_EINVAL);
  loci_model_close(back);
  loci_free(saved);
  loci_free(e);
  loci_prompt_free(p);
  loci_prompt_free(q);
  loci_model_close(m);
  free(want);
  free(got);
  tree_remove(place);
  assert_nothing_left();
}

static void a_written_edit_is_the_one_in_memory(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) check_saved(&fixtures[i]);
}

/* Edits of two layers that stand in different files, one of the files left alone. */
static void shards_without_a_change_stay(void **state) {
  (void)state;
  static const char *const files[] = {"model-00001-of-00003.safetensors",
                                      "model-00002-of-00003.safetensors",
                                      "model-00003-of-00003.safetensors"};
  loci_err err;
  loci_edit_saved *saved;
  loci_model *m = open_model("llava-clip-llama-bf16");
  loci_prompt *p = ask(m);
  const loci_edit *edits[] = {solve(m, p, 0, "the"), solve(m, p, 2, "few")};
  must(loci_edit_save(m, edits, 2, place, NULL, NULL, &saved, &err), &err);
  assert_int_equal(saved->matrix_count, 2);
  int changed = 0, same = 0;
  for (int i = 0; i < 3; i++) {
    char a[600], b[600];
    file_map x, y;
    snprintf(a, sizeof a, "%sllava-clip-llama-bf16/%s", MODELS, files[i]);
    snprintf(b, sizeof b, "%s/%s", place, files[i]);
    must(file_map_open(a, &x, &err), &err);
    must(file_map_open(b, &y, &err), &err);
    assert_int_equal(x.size, y.size);
    if (memcmp(x.data, y.data, x.size) == 0)
      same++;
    else
      changed++;
    file_map_close(&x);
    file_map_close(&y);
  }
  assert_true(changed >= 1 && same >= 1);
  must(loci_edit_undo(place, NULL, NULL, &err), &err);
  loci_free(saved);
  for (int i = 0; i < 2; i++) loci_free((loci_edit *)(uintptr_t)edits[i]);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- refusals */

static void refuse(loci_model *m, const loci_edit *e, const char *dir, loci_progress_fn progress,
                   loci_status status, const char *sentence) {
  loci_edit_saved *saved;
  loci_err err = {0};
  assert_int_equal(loci_edit_save(m, &e, 1, dir, progress, NULL, &saved, &err), status);
  assert_null(saved);
  if (!strstr(err.msg, sentence)) fail_msg("\"%s\" does not say \"%s\"", err.msg, sentence);
}

static bool stop_at_writing(void *ctx, const char *word, double done, double total) {
  (void)ctx;
  (void)done;
  (void)total;
  return strcmp(word, "write") != 0;
}

/* A file may not grow as large as the weights: what a full disk does, too. */
static void no_room_for(loci_model *m, const loci_edit *e) {
  struct rlimit old, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = (struct rlimit){50000, old.rlim_max};
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  refuse(m, e, place, NULL, LOCI_ESYSTEM, "cannot be written");
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, handler);
}

static void a_failure_leaves_nothing(void **state) {
  (void)state;
  char inside[600], nowhere[160];
  loci_model *m = open_model("text-llama"), *other = open_model("text-phi");
  loci_prompt *p = ask(m);
  loci_edit *e = solve(m, p, 1, "few");
  refuse(m, e, place, stop_at_writing, LOCI_ECANCELLED, "cancelled");
  refuse(other, e, place, NULL, LOCI_EINVAL, "the edit is for a matrix of");
  refuse(m, e, work, NULL, LOCI_EIO, "exists already");
  snprintf(inside, sizeof inside, "%stext-llama/edited", MODELS);
  refuse(m, e, inside, NULL, LOCI_EINVAL, "is inside the checkpoint it is made from");
  snprintf(nowhere, sizeof nowhere, "%s/nowhere/edited", work);
  refuse(m, e, nowhere, NULL, LOCI_EIO, "there is no directory to make it in");
  no_room_for(m, e);
  assert_nothing_left();
  loci_free(e);
  loci_prompt_free(p);
  loci_model_close(m);
  loci_model_close(other);
}

/* f16 ends at 65504: an edit beyond is no edit. */
static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  loci_model *m = open_model("text-phi");
  loci_prompt *p = ask(m);
  loci_edit *e = solve(m, p, 1, "few");
  float *left = (float *)(uintptr_t)e->left;
  for (int64_t i = 0; i < e->width; i++) left[i] *= 1e7f;
  refuse(m, e, place, NULL, LOCI_EINVAL, "does not fit into f16");
  assert_nothing_left();
  loci_free(e);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* What was written is looked at as the model was: pictures as large, and as much seen of them. */
static void what_was_written_is_read_as_the_model_was(void **state) {
  (void)state;
  static const char *const constraint = "this building";
  static const struct {
    const char *name, *template_name;
    int layer;
    loci_model_opts asked;
  } all[] = {{"qwen2-vl", NULL, 2, {.max_pixels = 1024}},
             {"mllama", NULL, 2, {.gate_rows_hf = true}},
             {"qwen3-vl", NULL, 0, {.max_pixels = 1024}},
             /* what the picture adds to later layers comes after the change */
             {"qwen3-vl", "text:{question}{image}", 0, {0}}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    loci_model_opts o = all[i].asked;
    char dir[500];
    loci_model *m;
    loci_prompt *p;
    loci_edit_saved *saved;
    loci_err err;
    o.size = sizeof o;
    o.precision = LOCI_PRECISION_F32;
    o.threads = 1;
    snprintf(dir, sizeof dir, "%s%s", MODELS, all[i].name);
    must(loci_model_open(dir, &o, &m, &err), &err);
    loci_question q = {.size = sizeof q,
                       .image = LOCI_SOURCE_DIR "/tests/golden/images/photo.jpg",
                       .text = "In which city is this building?",
                       .template_name = all[i].template_name,
                       .constraints = &constraint,
                       .constraint_count = 1};
    must(loci_prompt_new(m, &q, &p, &err), &err);
    loci_edit *e = solve(m, p, all[i].layer, "few");
    must(loci_edit_save(m, (const loci_edit *const[]){e}, 1, place, NULL, NULL, &saved, &err),
         &err);
    const loci_edit_check *k = &saved->checks[0];
    /* the file is in f32: nothing is rounded */
    if (!(fabs(k->p_saved - k->p_edited) <= 1e-5 * k->p_edited))
      fail_msg("%s: %.9g in memory, %.9g written", all[i].name, k->p_edited, k->p_saved);
    /* before the first step a run that begins above the layer is the end of a whole one: f32 logits
     */
    double seen = e->facts[0].steps[0].p, whole = e->facts[0].before.m.p;
    if (!(fabs(seen - whole) <= 1e-4 * whole))
      fail_msg("%s: %.9g above the layer, %.9g in a whole run", all[i].name, seen, whole);
    loci_free(saved);
    loci_free(e);
    loci_prompt_free(p);
    loci_model_close(m);
    tree_remove(place);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_written_edit_is_the_one_in_memory, make_work, remove_work),
      cmocka_unit_test_setup_teardown(shards_without_a_change_stay, make_work, remove_work),
      cmocka_unit_test_setup_teardown(what_was_written_is_read_as_the_model_was, make_work,
                                      remove_work),
      cmocka_unit_test_setup_teardown(a_failure_leaves_nothing, make_work, remove_work),
      cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, make_work, remove_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

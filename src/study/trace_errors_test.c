/* Requests that make no sense and checkpoints whose numbers are broken: one sentence each. */
#include "study/traces_test.h"

#include <sys/inotify.h>

static loci_model *model;
static loci_prompt *prompt;

static int open_all(void **state) {
  (void)state;
  model = open_with("text-llama", LOCI_PRECISION_F32, 1);
  prompt = ask_about(model, NULL);
  return 0;
}

static int close_all(void **state) {
  (void)state;
  loci_prompt_free(prompt);
  loci_model_close(model);
  return 0;
}

static void assert_refused(loci_trace_opts o, loci_status expected, const char *says) {
  o.size = sizeof o;
  loci_err err = {LOCI_OK, ""};
  loci_trace *t = (loci_trace *)&err;
  loci_status st = loci_trace_new(model, prompt, &o, &t, &err);
  if (st != expected || !strstr(err.msg, says)) {
    fail_msg("expected \"%s\", got %s: %s", says, loci_status_name(st), err.msg);
  }
  assert_int_equal(err.code, st);
  assert_null(t);
  assert_null(strchr(err.msg, '\n'));
  assert_int_equal(loci_trace_new(model, prompt, &o, &t, NULL), expected);
}

static void layers_and_windows_are_checked(void **state) {
  (void)state;
  static const int zero[] = {1, 0}, wide[] = {6};
  assert_refused((loci_trace_opts){.first_layer = 5}, LOCI_EINVAL, "the model has layers 0 to 4");
  assert_refused((loci_trace_opts){.first_layer = -1}, LOCI_EINVAL, "layers -1 to");
  assert_refused((loci_trace_opts){.first_layer = 3, .layer_count = 3}, LOCI_EINVAL,
                 "layers 3 to 5: the model has layers 0 to 4");
  assert_refused((loci_trace_opts){.layer_count = -1}, LOCI_EINVAL, "the model has layers 0 to 4");
  assert_refused((loci_trace_opts){.layer_count = INT32_MAX, .first_layer = INT32_MAX}, LOCI_EINVAL,
                 "the model has layers 0 to 4");
  assert_refused((loci_trace_opts){.windows = zero, .window_count = 2}, LOCI_EINVAL,
                 "window 0: expected 1 to 5 layers");
  assert_refused((loci_trace_opts){.windows = wide, .window_count = 1}, LOCI_EINVAL,
                 "window 6: expected 1 to 5 layers");
}

static void sites_positions_and_directions_are_checked(void **state) {
  (void)state;
  static const loci_site resid = LOCI_SITE_RESID_PRE, mid = LOCI_SITE_RESID_MID;
  assert_refused((loci_trace_opts){.sites = &mid, .site_count = 1}, LOCI_EINVAL,
                 "mlp_out, attn_out, resid_post, resid_pre and z, not resid_mid");
  assert_refused((loci_trace_opts){.sites = &resid, .site_count = 1, .screen = 3}, LOCI_EINVAL,
                 "screening does not estimate resid_pre");
  assert_refused((loci_trace_opts){.positions = "here"}, LOCI_EINVAL, "unknown group \"here\"");
  assert_refused((loci_trace_opts){.positions = "each,,last"}, LOCI_EINVAL, "unknown group \"\"");
  assert_refused((loci_trace_opts){.positions = ""}, LOCI_EINVAL, "no positions are asked for");
  assert_refused((loci_trace_opts){.positions = "image"}, LOCI_EINVAL,
                 "the group image is empty: the ");
  assert_refused((loci_trace_opts){.direction = (loci_direction)4}, LOCI_EINVAL, "direction 4");
}

static void corruptions_are_checked(void **state) {
  (void)state;
  assert_refused((loci_trace_opts){.corrupt = "nois:3"}, LOCI_EINVAL, "did you mean noise?");
  assert_refused((loci_trace_opts){.corrupt = ""}, LOCI_EINVAL, "unknown corruption \"\"");
  assert_refused((loci_trace_opts){.corrupt = "noise:many"}, LOCI_EINVAL,
                 "is not a number above 0");
  assert_refused((loci_trace_opts){.corrupt = "noise:-1"}, LOCI_EINVAL, "is not a number above 0");
  assert_refused((loci_trace_opts){.corrupt = "noise:nan"}, LOCI_EINVAL, "is not a number above 0");
  assert_refused((loci_trace_opts){.corrupt = "noise:0x1p3"}, LOCI_EINVAL,
                 "is not a number above 0");
  assert_refused((loci_trace_opts){.corrupt = "noise: 1"}, LOCI_EINVAL, "is not a number above 0");
  assert_refused((loci_trace_opts){.corrupt = "noise:"}, LOCI_EINVAL, "needs a value: noise:F");
  assert_refused((loci_trace_opts){.corrupt = "swap"}, LOCI_EINVAL, "needs a value: swap:TEXT");
  assert_refused((loci_trace_opts){.corrupt = "mean:3"}, LOCI_EINVAL, "takes no value");
  assert_refused((loci_trace_opts){.corrupt = "swap:a long sentence of many words"}, LOCI_EINVAL,
                 "they must be equal");
  assert_refused((loci_trace_opts){.corrupt = "question"}, LOCI_EINVAL,
                 "needs a value: question:TEXT");
  assert_refused((loci_trace_opts){.corrupt = "question:What?"}, LOCI_EINVAL,
                 "they must be equal (or use replace:TEXT, or a donor)");
  assert_refused((loci_trace_opts){.corrupt = "question:" QUESTION}, LOCI_EINVAL,
                 "has the prompt's own tokens");
  assert_refused((loci_trace_opts){.corrupt = "noise:3", .seeds = -1}, LOCI_EINVAL, "-1 seeds");
  assert_refused((loci_trace_opts){.corrupt = "noise:3", .seeds = 10001}, LOCI_EINVAL,
                 "10001 seeds, expected 1 to 10000");
  assert_refused((loci_trace_opts){.constraint = 3}, LOCI_EINVAL,
                 "constraint 3: the question has 2");
  assert_refused((loci_trace_opts){.constraint = -1}, LOCI_EINVAL, "constraint -1");
  assert_refused((loci_trace_opts){.corrupt = "image-mean"}, LOCI_EINVAL,
                 "needs a prompt with an image");
  assert_refused((loci_trace_opts){.corrupt = "image:" OTHER_PICTURE}, LOCI_EINVAL,
                 "needs a prompt with an image");
  assert_refused((loci_trace_opts){.answer = ""}, LOCI_EINVAL, "the answer is empty");
}

static void a_swap_says_both_counts(void **state) {
  (void)state;
  loci_err err;
  loci_trace *t;
  loci_trace_opts o = {.size = sizeof o, .corrupt = "swap:a", .constraint = 1};
  assert_int_equal(loci_trace_new(model, prompt, &o, &t, &err), LOCI_EINVAL);
  int ours = 0, theirs = 0;
  const char *at = strstr(err.msg, "\"a\" has ");
  assert_non_null(at);
  assert_int_equal(sscanf(at, "\"a\" has %d token", &ours), 1);
  at = strstr(err.msg, "the constraint \"this building\" has ");
  assert_non_null(at);
  assert_int_equal(sscanf(at, "the constraint \"this building\" has %d;", &theirs), 1);
  assert_int_equal(theirs, prompt->info.constraints[0].count);
  assert_true(ours > 0 && ours != theirs);
}

static void a_trace_without_a_constraint_is_refused(void **state) {
  (void)state;
  loci_prompt *with = prompt;
  loci_err err;
  loci_question q = {.size = sizeof q, .text = QUESTION, .template_name = "raw"};
  must(loci_prompt_new(model, &q, &prompt, &err), &err);
  assert_refused((loci_trace_opts){0}, LOCI_EINVAL, "needs a constraint");
  loci_prompt_free(prompt);
  prompt = with;
}

/* ---------------------------------------------------------------- noise files */

static void write_noise(const char *path, const char *name, st_dtype type, int64_t seeds,
                        int64_t rows, int64_t width) {
  static float noise[3 * 64 * 64];
  st_tensor t = {.name = name, .dtype = type, .rank = 3, .shape = {seeds, rows, width}};
  t.data = (const uint8_t *)noise;
  t.bytes = seeds * rows * width * st_dtype_bytes(type);
  for (int i = 0; i < 3 * 64 * 64; i++) noise[i] = (float)(i % 7) - 3;
  loci_err err;
  must(st_write(path, &t, 1, NULL, &err), &err);
}

static void noise_files_are_checked(void **state) {
  (void)state;
  char path[] = "/tmp/loci-noise-test-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "nonsense", 8), 8);
  close(fd);
  loci_trace_opts o = {
      .size = sizeof o, .corrupt = "noise:1", .noise_path = path, .no_hash = true, .verify = 3};
  int rows = prompt->info.constraints[0].count + prompt->info.constraints[1].count;
  int D = model_decoder(model)->width;
  assert_refused(o, LOCI_EFORMAT, path);
  write_noise(path, "nois", ST_F32, 2, rows, D);
  assert_refused(o, LOCI_EFORMAT, "expected a tensor \"noise\", F32, of shape (seeds, rows, 48)");
  write_noise(path, "noise", ST_F16, 2, rows, D);
  assert_refused(o, LOCI_EFORMAT, "expected a tensor \"noise\"");
  write_noise(path, "noise", ST_F32, 2, rows, D - 1);
  assert_refused(o, LOCI_EFORMAT, "expected a tensor \"noise\"");
  write_noise(path, "noise", ST_F32, 2, rows + 1, D);
  assert_refused(o, LOCI_EFORMAT, "positions are corrupted");
  write_noise(path, "noise", ST_F32, 2, rows, D);
  loci_trace *t = trace_of(model, prompt, o);
  assert_true(t->corrupted.m.p != t->clean.m.p);
  assert_int_equal(t->verified, 3);
  loci_free(t);
  assert_int_equal(unlink(path), 0);
  assert_refused(o, LOCI_EIO, path);
}

/* Opened twice, a file could be another one the second time: room of the first, numbers of the
 * second. */
static void a_noise_file_is_opened_once(void **state) {
  (void)state;
  char path[] = "/tmp/loci-noise-test-XXXXXX";
  int rows = prompt->info.constraints[0].count + prompt->info.constraints[1].count, opened = 0;
  assert_int_equal(close(mkstemp(path)), 0);
  write_noise(path, "noise", ST_F32, 2, rows, model_decoder(model)->width);
  int events = inotify_init1(IN_NONBLOCK);
  assert_true(events >= 0 && inotify_add_watch(events, path, IN_OPEN | IN_CLOSE) >= 0);
  loci_free(trace_of(model, prompt,
                     (loci_trace_opts){.corrupt = "noise:1", .noise_path = path, .verify = 3}));
  struct inotify_event e;
  while (read(events, &e, sizeof e) == (ssize_t)sizeof e) opened += (e.mask & IN_OPEN) != 0;
  assert_int_equal(opened, 1);
  assert_int_equal(close(events), 0);
  assert_int_equal(unlink(path), 0);
}

/* ---------------------------------------------------------------- memory and cancelling */

static void too_little_memory_says_how_much_is_needed(void **state) {
  (void)state;
  int64_t all = model->memory;
  model->memory = 1 << 20;
  assert_refused((loci_trace_opts){0}, LOCI_ENOMEM, "MiB beside the weights, --memory allows 1");
  model->memory = all;
}

static bool stop_at(void *left, const char *stage, double done, double total) {
  assert_true(stage[0] && done >= 0 && done <= total);
  return --*(int *)left >= 0;
}

static void a_trace_can_be_cancelled_at_every_report(void **state) {
  (void)state;
  for (int after = 0; after < 5; after++) { /* a walk reports once a layer */
    int left = after;
    assert_refused((loci_trace_opts){.progress = stop_at, .progress_ctx = &left, .no_hash = true},
                   LOCI_ECANCELLED, "cancelled");
  }
}

/* The mean over a whole vocabulary takes long enough to be asked about. */
static bool stop_in_embedding(void *ctx, const char *stage, double done, double total) {
  (void)done, (void)total;
  *(int *)ctx += strcmp(stage, "embedding") == 0;
  return strcmp(stage, "embedding") != 0;
}

static void a_mean_of_the_vocabulary_can_be_cancelled(void **state) {
  (void)state;
  static const char *const kinds[] = {"mean", "noise:1"};
  for (int i = 0; i < 2; i++) {
    int asked = 0;
    assert_refused((loci_trace_opts){.corrupt = kinds[i],
                                     .progress = stop_in_embedding,
                                     .progress_ctx = &asked,
                                     .no_hash = true},
                   LOCI_ECANCELLED, "embedding");
    assert_int_equal(asked, 2); /* of two calls */
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_and_windows_are_checked),
      cmocka_unit_test(sites_positions_and_directions_are_checked),
      cmocka_unit_test(corruptions_are_checked),
      cmocka_unit_test(a_swap_says_both_counts),
      cmocka_unit_test(a_trace_without_a_constraint_is_refused),
      cmocka_unit_test(noise_files_are_checked),
      cmocka_unit_test(a_noise_file_is_opened_once),
      cmocka_unit_test(a_mean_of_the_vocabulary_can_be_cancelled),
      cmocka_unit_test(too_little_memory_says_how_much_is_needed),
      cmocka_unit_test(a_trace_can_be_cancelled_at_every_report),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}

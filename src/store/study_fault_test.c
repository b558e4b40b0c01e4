/* Whose fault a failure is, in each call that a study makes: every status of the library is put in
 * place of a call's own, and the study either goes on without that example or ends with that very
 * status and knows nothing about the example.  Measured again, its rows are those of a quiet run.
 *
 * The build turns each call of x into __wrap_x here, and __real_x into x. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store.h"
#include "study/corrupt.h"
#include "walk/walk.h"
#include "sized.h"

#include <cmocka.h>

enum { MOST_PLACES = 12 }; /* of one call: spread over all that are made */

static loci_model *model;
static char memory[] = "/dev/shm/loci-fault-XXXXXX", disk[] = "/tmp/loci-fault-XXXXXX";
static char data[64], path[64];

/* ---------------------------------------------------------------- the calls */

typedef enum place {
  EXAMPLE,
  SAMPLE,
  HASH,
  PROMPT,
  CORRUPT,
  WALK,
  PREPARE,
  STEP,
  EXEC,
  PLACES
} place;
static const char *const names[PLACES] = {"loci_examples_next",
                                          "loci_examples_sample",
                                          "model_hash",
                                          "loci_prompt_new",
                                          "corruption_make",
                                          "walk_run",
                                          "db_prepare",
                                          "db_step",
                                          "db_exec"};
static struct {
  bool armed, always;
  place where;
  int left; /* calls until the one that fails */
  int made[PLACES];
  loci_status status;
} fault_;

static bool strikes(place where) {
  fault_.made[where]++;
  if (!fault_.armed || where != fault_.where || fault_.left-- > 0) return false;
  fault_.armed = fault_.always;
  return true;
}
static loci_status struck(loci_err *err) { return (fail)(err, fault_.status, "struck"); }

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#define WRAP(where, name, parameters, arguments)                                                   \
  loci_status __real_##name parameters;                                                            \
  loci_status __wrap_##name parameters;                                                            \
  loci_status __wrap_##name parameters {                                                           \
    return strikes(where) ? struck(err) : __real_##name arguments;                                 \
  }
WRAP(EXAMPLE, loci_examples_next, (loci_examples * x, loci_example **out, loci_err *err),
     (x, out, err))
WRAP(SAMPLE, loci_examples_sample, (loci_examples * x, int n, uint64_t seed, loci_err *err),
     (x, n, seed, err))
WRAP(HASH, model_hash,
     (const loci_model *m, loci_progress_fn progress, void *ctx, const char **out, loci_err *err),
     (m, progress, ctx, out, err))
WRAP(CORRUPT, corruption_make,
     (const loci_prompt *p, const loci_trace_opts *opts, int answer, arena *mem, corruption *out,
      loci_err *err),
     (p, opts, answer, mem, out, err))
WRAP(PROMPT, loci_prompt_new,
     (const loci_model *m, const loci_question *q, loci_prompt **out, loci_err *err),
     (m, q, out, err))
WRAP(WALK, walk_run, (walk * w, const walk_hooks *hooks, loci_err *err), (w, hooks, err))
WRAP(PREPARE, db_prepare, (db * d, const char *sql, db_query **out, loci_err *err),
     (d, sql, out, err))
WRAP(STEP, db_step, (db_query * q, bool *row, loci_err *err), (q, row, err))
WRAP(EXEC, db_exec, (db * d, const char *sql, loci_err *err), (d, sql, err))
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* ---------------------------------------------------------------- a study */

static loci_status study_once(bool retry, loci_store_run_state *out, loci_err *err) {
  loci_store_run_opts opts = {
      .size = sizeof opts,
      .what = "trace,flow,knockout,lens,ask",
      .retry = retry,
      .study = SIZED(loci_study_opts, .template_name = "raw", .max_new = 2, .sample = 50),
      .trace = SIZED(loci_trace_opts, .layer_count = 1)};
  loci_examples *x;
  loci_store *s;
  TRY(loci_store_open(path, true, &s, err));
  loci_status st = loci_examples_open(data, &x, err);
  if (!st) st = loci_store_run(s, model, x, &opts, out, err);
  loci_examples_close(x);
  loci_store_close(s);
  return st;
}

/* A text out of the store; caller frees. */
static char *ask(const char *sql) {
  db *d;
  db_query *q;
  bool row;
  loci_err err;
  assert_int_equal(db_open(path, DB_READ, &d, &err), LOCI_OK);
  assert_int_equal(__real_db_prepare(d, sql, &q, &err), LOCI_OK);
  assert_int_equal(__real_db_step(q, &row, &err), LOCI_OK);
  char *text = strdup(row && db_text(q, 0) ? db_text(q, 0) : "");
  assert_non_null(text);
  db_finish(q);
  db_close(d);
  return text;
}

static void forget_store(void) {
  static const char *const endings[] = {"", "-wal", "-shm", "-writer"};
  char name[80];
  for (int i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "%s%s", path, endings[i]);
    unlink(name);
  }
}

/* Every number and every answer, in an order that is the same for the same rows. */
static char *all_rows(void) {
  return ask(
      "SELECT group_concat(t, ';') FROM (SELECT what || ' ' || line || ' ' || quantity || ' '"
      " || window || ' ' || place || ' ' || x || ' ' || ifnull(answer, '') AS t FROM value"
      " JOIN result USING (result) JOIN example USING (example) JOIN series USING (series)"
      " JOIN run ON run.run = result.run ORDER BY 1)");
}

/* Whether the failure may be taken for an example's: a line that is none, a prompt or a walk that
 * the example's own words make impossible. */
static bool may_drop(place where, loci_status status) {
  if (where == EXAMPLE) return status == LOCI_EFORMAT;
  return (where == PROMPT || where == CORRUPT || where == WALK) && status_is_own(status);
}

static void expect_quiet_rows(bool retry, const char *quiet, const char *what) {
  loci_store_run_state state;
  loci_err err = {0};
  if (study_once(retry, &state, &err)) fail_msg("%s, then again: %s", what, err.msg);
  char *rows = all_rows(), *dropped = ask("SELECT count(*) FROM result WHERE dropped IS NOT NULL");
  if (strcmp(rows, quiet) != 0) fail_msg("%s: other rows than a quiet run's", what);
  assert_string_equal(dropped, "0");
  free(rows);
  free(dropped);
}

static void strike(place where, int left, loci_status status, const char *quiet) {
  loci_store_run_state state;
  loci_err err = {0};
  char what[120];
  snprintf(what, sizeof what, "call %d of %s says %s", left + 1, names[where],
           loci_status_name(status));
  forget_store();
  fault_.armed = true;
  fault_.where = where;
  fault_.left = left;
  fault_.status = status;
  loci_status st = study_once(false, &state, &err);
  assert_false(fault_.armed);
  char *dropped = ask("SELECT count(*) FROM sqlite_master WHERE name = 'result'");
  bool made = dropped[0] == '1';
  free(dropped);
  dropped = made ? ask("SELECT count(*) FROM result WHERE dropped IS NOT NULL") : strdup("0");
  if (may_drop(where, status)) {
    if (st || strcmp(dropped, "0") == 0) fail_msg("%s: %s", what, st ? err.msg : "none dropped");
    free(dropped);
    return; /* what a dropped example is, is another test's */
  }
  if (st != status || err.code != status || !strstr(err.msg, "struck"))
    fail_msg("%s, the study %s: %s", what, loci_status_name(st), err.msg);
  if (strcmp(dropped, "0") != 0) fail_msg("%s: an example was dropped for it", what);
  free(dropped);
  expect_quiet_rows(false, quiet, what);
}

static void a_status_is_its_own_on_every_way_up(void **state) {
  loci_store_run_state run;
  loci_err err = {0};
  int made[PLACES];
  (void)state;
  forget_store();
  memset(fault_.made, 0, sizeof fault_.made);
  if (study_once(false, &run, &err)) fail_msg("%s", err.msg);
  memcpy(made, fault_.made, sizeof made);
  char *quiet = all_rows();
  assert_true(strlen(quiet) > 1000);
  for (int where = 0; where < PLACES; where++) {
    int step = made[where] / MOST_PLACES + 1;
    assert_true(made[where] > 0);
    for (int left = 0; left < made[where]; left += step)
      for (int status = LOCI_EINVAL; status <= LOCI_ESYSTEM; status++)
        strike(where, left, status, quiet);
  }
  free(quiet);
}

/* ---------------------------------------------------------------- files that are all refused */

static void write_examples(int n, const char *folder) {
  char text[4000];
  size_t used = 0;
  for (int i = 0; i < n; i++)
    used +=
        (size_t)snprintf(text + used, sizeof text - used,
                         "{\"question\":\"The city of Paris %d is in\",\"answers\":[\"France\"],"
                         "\"constraints\":[{\"text\":\"Paris\"}],\"image\":\"%s/%d.png\"}\n",
                         i, folder, i);
  if (file_write(data, text, used, NULL)) fail_msg("%s", data);
}

static void arm(place where, int left, loci_status status, bool always) {
  forget_store();
  fault_.armed = true;
  fault_.always = always;
  fault_.where = where;
  fault_.left = left;
  fault_.status = status;
}

static void a_dozen_of_one_kind_ends_the_run_and_is_forgotten(void **state) {
  static const place places[] = {PROMPT, WALK};
  (void)state;
  write_examples(14, "none");
  for (int i = 0; i < 2; i++) {
    loci_store_run_state run;
    loci_err err = {0};
    arm(places[i], 0, LOCI_EFORMAT, true);
    loci_status st = study_once(false, &run, &err);
    fault_.armed = fault_.always = false;
    if (st != LOCI_EFORMAT || !strstr(err.msg, "the first 12 examples were all refused"))
      fail_msg("%s: %s", names[places[i]], err.msg);
    char *kept = ask("SELECT count(*) FROM result");
    assert_string_equal(kept, "0");
    free(kept);
    if (study_once(false, &run, &err)) fail_msg("%s", err.msg);
    assert_int_equal(run.used, 14);
  }
}

/* The picture is no matter to a model of text; that it could not be read is made up. */
static void a_folder_that_went_is_not_the_examples_fault(void **state) {
  char folder[100], picture[120];
  (void)state;
  snprintf(folder, sizeof folder, "%s-pictures", data);
  snprintf(picture, sizeof picture, "%s/0.png", folder);
  assert_int_equal(mkdir(folder, 0700), 0);
  write_examples(3, folder);
  for (int there = 0; there < 2; there++) {
    loci_store_run_state run;
    loci_err err = {0};
    if (there && file_write(picture, "x", 1, &err)) fail_msg("%s", err.msg);
    arm(PROMPT, 1, LOCI_EIO, false);
    loci_status st = study_once(false, &run, &err);
    char *dropped = ask("SELECT count(*) FROM result WHERE dropped IS NOT NULL");
    if (st != (there ? LOCI_OK : LOCI_ESYSTEM)) fail_msg("%d: %s", there, err.msg);
    assert_string_equal(dropped, there ? "5" : "0"); /* of five kinds */
    free(dropped);
  }
  unlink(picture);
  rmdir(folder);
}

int main(void) {
  static const loci_model_opts opts = {
      .size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_status_is_its_own_on_every_way_up),
      cmocka_unit_test(a_dozen_of_one_kind_ends_the_run_and_is_forgotten),
      cmocka_unit_test(a_folder_that_went_is_not_the_examples_fault)};
  static const char text[] =
      "{\"question\":\"The city of Paris is in\",\"answers\":[\"France\"],\"constraints\":"
      "[{\"text\":\"Paris\"}]}\n"
      "{\"question\":\"The river of Rome is the\",\"answers\":[\"Tiber\"],\"constraints\":"
      "[{\"text\":\"Rome\"}]}\n";
  loci_err err = {0};
  const char *folder = mkdtemp(memory); /* a disk would be waited for at every transaction */
  if (!folder) folder = mkdtemp(disk);
  if (!folder) return 1;
  snprintf(data, sizeof data, "%s/x.jsonl", folder);
  snprintf(path, sizeof path, "%s/s.db", folder);
  if (file_write(data, text, sizeof text - 1, &err) ||
      loci_model_open(LOCI_SOURCE_DIR "/tests/golden/models/text-llama", &opts, &model, &err)) {
    fprintf(stderr, "%s\n", err.msg);
    return 1;
  }
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  loci_model_close(model);
  forget_store();
  unlink(data);
  rmdir(folder);
  return failed;
}

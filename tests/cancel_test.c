/* Long calls can be followed and stopped (loci_progress_fn): each is stopped at the first report,
 * at the second, and so on until it comes to its end.  A stop is LOCI_ECANCELLED and leaves nothing
 * behind, and after it the same call works.  No clock is asked: reports are counted. */
#include "model/model.h"
#include "sized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <math.h>

#define GOLDEN LOCI_SOURCE_DIR "/tests/golden/"
#define MODEL GOLDEN "models/llava-clip-llama"
#define PICTURE GOLDEN "images/scene-a.png"

static char folder[] = "/tmp/loci-cancel-test-XXXXXX";
static char data[64], store_path[64], out_path[64];
static loci_model *model;
static loci_prompt *prompt;
static loci_store *store;
static loci_err err;

typedef struct counter {
  int calls, stop_at; /* 0: never */
  bool backwards;     /* [done] beyond [total] was reported */
} counter;

static bool count(void *ctx, const char *stage, double done, double total) {
  counter *c = ctx;
  assert_non_null(stage);
  c->backwards |= total > 0 && done > total;
  return ++c->calls != c->stop_at;
}

static void must(loci_status st) {
  if (st) fail_msg("%s", err.msg);
}

/* ---------------------------------------------------------------- the calls */

static loci_status hash(counter *c) {
  loci_model *m; /* a model remembers its hash */
  const char *text = NULL;
  must(loci_model_open(MODEL, NULL, &m, &err));
  loci_status st = model_hash(m, count, c, &text, &err);
  assert_true((st == LOCI_OK) == (text != NULL));
  loci_model_close(m);
  return st;
}

static loci_status info(counter *c) {
  loci_model *m;
  loci_info *i;
  must(loci_model_open(MODEL, NULL, &m, &err));
  loci_status st = loci_info_new(m, count, c, &i, &err);
  assert_true((st == LOCI_OK) == (i != NULL));
  loci_free(i);
  loci_model_close(m);
  return st;
}

static loci_status ask_about_a_picture(counter *c) {
  loci_prompt *p;
  loci_status st = loci_prompt_new(model,
                                   SIZED(loci_question, .text = "What is it?", .image = PICTURE,
                                         .progress = count, .progress_ctx = c),
                                   &p, &err);
  assert_true((st == LOCI_OK) == (p != NULL));
  loci_prompt_free(p);
  return st;
}

static loci_status question_call(counter *c) {
  loci_prompt *p;
  loci_call call = {.size = sizeof call,
                    .what = "question",
                    .request = "{\"question\": \"What is it?\", \"image\": \"" PICTURE "\"}",
                    .model = model,
                    .progress = count,
                    .progress_ctx = c};
  loci_status st = loci_call_prompt(&call, NULL, 0, 0, &p, &err);
  assert_true((st == LOCI_OK) == (p != NULL));
  loci_prompt_free(p);
  return st;
}

static loci_status trace(counter *c) {
  loci_trace *t;
  loci_status st = loci_trace_new(
      model, prompt, SIZED(loci_trace_opts, .layer_count = 1, .progress = count, .progress_ctx = c),
      &t, &err);
  assert_true((st == LOCI_OK) == (t != NULL));
  loci_free(t);
  return st;
}

static loci_status edit_cost(counter *c) {
  loci_edit_cost *e;
  loci_status st = loci_edit_cost_run(model, 1, count, c, &e, &err);
  assert_true((st == LOCI_OK) == (e != NULL));
  loci_free(e);
  return st;
}

static loci_status merge(counter *c) {
  const char *const from[] = {store_path};
  loci_status st = loci_store_merge(from, 1, out_path, count, c, &err);
  assert_int_equal(access(out_path, F_OK) == 0, st == LOCI_OK);
  unlink(out_path);
  return st;
}

static loci_status state_of_store(counter *c) {
  loci_store_info *i;
  loci_status st = loci_store_info_new(store, count, c, &i, &err);
  assert_true((st == LOCI_OK) == (i != NULL));
  loci_free(i);
  return st;
}

static loci_status status_call(counter *c) {
  loci_result *r;
  loci_call call = {.size = sizeof call,
                    .what = "study status",
                    .store = store,
                    .progress = count,
                    .progress_ctx = c};
  loci_status st = loci_call_run(&call, &r, &err);
  assert_true((st == LOCI_OK) == (r != NULL));
  loci_free(r);
  return st;
}

#define FOLLOWED SIZED(loci_store_opts, .progress = count, .progress_ctx = c)

static loci_status average(counter *c) {
  loci_average *a;
  loci_status st = loci_store_average(store, FOLLOWED, &a, &err);
  assert_true((st == LOCI_OK) == (a != NULL));
  loci_free(a);
  return st;
}

static loci_status export(counter *c, const char *ending) {
  char path[80];
  snprintf(path, sizeof path, "%s%s", out_path, ending);
  loci_status st = loci_store_export(store, FOLLOWED, path, &err);
  assert_int_equal(access(path, F_OK) == 0, st == LOCI_OK);
  unlink(path);
  return st;
}
static loci_status export_csv(counter *c) { return export(c, ".csv"); }
static loci_status export_npz(counter *c) { return export(c, ".npz"); }

static loci_status report(counter *c) {
  char page[80];
  snprintf(page, sizeof page, "%s/index.html", out_path);
  loci_status st = loci_store_export(store, FOLLOWED, page, &err);
  assert_int_equal(access(page, F_OK) == 0, st == LOCI_OK);
  unlink(page);
  rmdir(out_path);
  return st;
}

static loci_status compare(counter *c) {
  loci_comparison *x;
  loci_status st = loci_store_compare(
      store, store, SIZED(loci_compare_opts, .progress = count, .progress_ctx = c), &x, &err);
  assert_true((st == LOCI_OK) == (x != NULL));
  loci_free(x);
  return st;
}

static loci_status auroc(counter *c) {
  char *text;
  loci_status st = loci_store_browse(
      store, SIZED(loci_store_browse_opts, .auroc = true, .progress = count, .progress_ctx = c),
      &text, &err);
  assert_true((st == LOCI_OK) == (text != NULL));
  loci_text_free(text);
  return st;
}

/* ---------------------------------------------------------------- the law */

static const struct {
  const char *name;
  loci_status (*call)(counter *c);
} calls[] = {{"hash", hash},
             {"info", info},
             {"prompt", ask_about_a_picture},
             {"trace", trace},
             {"cost", edit_cost},
             {"merge", merge},
             {"average", average},
             {"csv", export_csv},
             {"npz", export_npz},
             {"report", report},
             {"compare", compare},
             {"auroc", auroc},
             {"question", question_call},
             {"state", state_of_store},
             {"status", status_call}};

static void every_call_stops_wherever_it_is_told(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    counter all = {0};
    if (calls[i].call(&all)) fail_msg("%s: %s", calls[i].name, err.msg);
    if (all.calls == 0) fail_msg("%s: nobody is told", calls[i].name);
    if (all.backwards) fail_msg("%s: more was done than there is", calls[i].name);
    for (int n = 1; n <= all.calls; n += n < 12 ? 1 : 1 + all.calls / 8) {
      counter c = {.stop_at = n};
      loci_status st = calls[i].call(&c);
      if (st != LOCI_ECANCELLED)
        fail_msg("%s, stopped at report %d of %d: %s", calls[i].name, n, all.calls,
                 loci_status_name(st));
      if (c.calls != n) fail_msg("%s goes on after report %d: %d", calls[i].name, n, c.calls);
    }
    counter again = {0};
    if (calls[i].call(&again)) fail_msg("%s, once more: %s", calls[i].name, err.msg);
  }
}

/* ---------------------------------------------------------------- what they are called on */

static int write_examples(void) {
  FILE *f = fopen(data, "we");
  for (int i = 0; f && i < 3; i++)
    fprintf(f,
            "{\"question\": \"Where is this city %d?\", \"answers\": [\"x\"],"
            " \"constraints\": [{\"text\": \"this city\"}]}\n",
            i);
  return !f || fclose(f) != 0;
}

static int fill_store(void) {
  loci_examples *x;
  loci_store_run_state s;
  loci_study_opts study = {.size = sizeof study, .template_name = "raw", .max_new = 1};
  loci_store_run_opts o = {.size = sizeof o, .study = &study, .what = "knockout"};
  if (loci_store_open(store_path, true, &store, &err)) return -1;
  if (loci_examples_open(data, &x, &err)) return -1;
  loci_status st = loci_store_run(store, model, x, &o, &s, &err);
  loci_examples_close(x);
  return st || s.used != 3 ? -1 : 0;
}

static int set_up(void **state) {
  (void)state;
  static const char *const constraint[] = {"this city"};
  loci_question q = {.size = sizeof q,
                     .text = "Where is this city?",
                     .template_name = "raw",
                     .constraints = constraint,
                     .constraint_count = 1};
  if (!mkdtemp(folder)) return -1;
  snprintf(data, sizeof data, "%s/data.jsonl", folder);
  snprintf(store_path, sizeof store_path, "%s/store.db", folder);
  snprintf(out_path, sizeof out_path, "%s/out", folder);
  if (loci_model_open(MODEL, SIZED(loci_model_opts, .threads = 1), &model, &err)) return -1;
  if (loci_prompt_new(model, &q, &prompt, &err)) return -1;
  return write_examples() ? -1 : fill_store();
}

static int tear_down(void **state) {
  (void)state;
  loci_prompt_free(prompt);
  loci_store_close(store);
  loci_model_close(model);
  unlink(data);
  unlink(store_path);
  return rmdir(folder);
}

/* Every cell of a stopped trace is that of the whole one, or it is not there. */
static int64_t compare_cells(const loci_trace *part, const loci_trace *whole) {
  int64_t missing = 0;
  for (int g = 0; g < whole->grid_count; g++) {
    const loci_grid *a = &part->grids[g], *b = &whole->grids[g];
    for (int64_t i = 0; i < (int64_t)b->layer_count * b->column_count; i++) {
      if (isnan(a->cells[i].p)) {
        assert_true(isnan(a->ie[i]) && isnan(a->cells[i].kl));
        missing++;
      } else {
        assert_true(a->cells[i].p == b->cells[i].p && a->ie[i] == b->ie[i]);
      }
    }
  }
  return missing;
}

static void a_stopped_trace_keeps_the_cells_it_has(void **state) {
  loci_model *small; /* of several walks */
  loci_prompt *p;
  loci_trace *whole, *part;
  char *text;
  int kept = 0;
  (void)state;
  must(loci_model_open(MODEL, SIZED(loci_model_opts, .memory_bytes = 66 << 20), &small, &err));
  must(loci_prompt_new(small,
                       SIZED(loci_question, .text = "What is it?", .image = PICTURE,
                             .constraints = (const char *[]){"it"}, .constraint_count = 1),
                       &p, &err));
  must(loci_trace_new(small, p, SIZED(loci_trace_opts, .corrupt = "mean"), &whole, &err));
  assert_int_equal(whole->missing, 0);
  for (counter c = {.stop_at = 1};; c = (counter){.stop_at = c.stop_at + 1}) {
    loci_status st = loci_trace_new(small, p,
                                    SIZED(loci_trace_opts, .corrupt = "mean", .partial = true,
                                          .progress = count, .progress_ctx = &c),
                                    &part, &err);
    if (c.calls < c.stop_at) { /* it came to its end */
      must(st);
      assert_int_equal(part->missing, 0);
      loci_free(part);
      break;
    }
    assert_true((st == LOCI_ECANCELLED) == (part == NULL));
    if (!part) continue;
    assert_true(part->missing > 0);
    assert_int_equal(compare_cells(part, whole), part->missing);
    assert_non_null(strstr(part->notes[0], "stopped: "));
    must(loci_json(&part->result, &text, &err));
    assert_non_null(strstr(text, "\"missing\":"));
    loci_text_free(text);
    must(loci_draw(&part->result, NULL, &text, &err));
    loci_text_free(text);
    loci_free(part);
    kept++;
  }
  assert_true(kept > 0);
  loci_free(whole);
  loci_prompt_free(p);
  loci_model_close(small);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_call_stops_wherever_it_is_told),
                                     cmocka_unit_test(a_stopped_trace_keeps_the_cells_it_has)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

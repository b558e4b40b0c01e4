/* Path patching: every cell against two full forwards in which everything between sender and
 * receiver is held (verify.c), and the sum of what all senders add. */
#include "study/traces_test.h"

#include "study/path_patch.h"
#include "study/request.h"
#include "walk/walk.h"

static const loci_site sites[] = {LOCI_SITE_Z, LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT,
                                  LOCI_SITE_RESID_PRE};

/* All cells are recomputed, and none is left out that two full forwards would not give as zero. */
static void check_cells(const char *model, const char *image, loci_trace_opts o) {
  loci_model *m = open_with(model, LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, image);
  o.sites = sites;
  o.site_count = 4;
  o.verify = 1000000;
  loci_trace *t = trace_of(m, p, o);
  double most = 0;
  int64_t run = 0;
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    int64_t n = (int64_t)g->layer_count * g->column_count * (g->head_count ? g->head_count : 1);
    for (int64_t k = 0; k < n; k++) {
      run += !g->skipped[k];
      if (fabs(g->ie[k]) > most) most = fabs(g->ie[k]);
    }
  }
  assert_int_equal(t->verified, run);
  assert_true(run > 0 && most > 0);
  assert_true(t->cost.rows <= t->cost.formula + (int64_t)2 * p->info.length * 16);
  assert_string_equal(t->receiver, o.receiver);
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

static void cells_are_two_forwards(const char *model, const char *to, loci_direction direction) {
  check_cells(model, NULL, (loci_trace_opts){.receiver = to, .direction = direction});
}

static void every_cell_is_two_full_forwards(void **state) {
  (void)state;
  static const char *const receivers[][2] = {
      {"3.0.q", "2.0.q"}, {"3.1.k", "2.1.k"},
      {"2.1.v", "1.1.v"}, {"4.0.q", "3.0.q"}, /* the last layers */
      {"4.0.v", "3.0.k"}, {"logits", "logits"}};
  for (size_t i = 0; i < sizeof receivers / sizeof *receivers; i++) {
    cells_are_two_forwards("text-llama", receivers[i][0], LOCI_DENOISE);
    cells_are_two_forwards("text-phi", receivers[i][1], LOCI_BOTH);
    cells_are_two_forwards("text-gemma2", receivers[i][0], LOCI_BOTH);
  }
}

/* Layers 1 and 4 of mllama read the picture by cross-attention: a gate stands between a head and
 * the residual stream, and a corruption of the picture is one of what they read. */
static void gated_layers_send_what_their_gates_let_through(void **state) {
  (void)state;
  static const char *const receivers[] = {"logits", "5.0.q"};
  static const char *const corruptions[] = {NULL, "image-mean"};
  for (int i = 0; i < 4; i++) {
    check_cells("mllama", PICTURE,
                (loci_trace_opts){.receiver = receivers[i % 2],
                                  .corrupt = corruptions[i / 2],
                                  .positions = i % 2 ? "constraint-last,last" : "last",
                                  .direction = LOCI_BOTH});
  }
}

/* What is sent to a row of a picture, or of a prompt, is seen by the rows before it. */
static void senders_are_seen_by_rows_before_them(void **state) {
  (void)state;
  static const char *const models[] = {"gemma3", "paligemma"};
  static const char *const receivers[] = {"logits", "2.0.q", "3.1.v", "3.0.k"};
  for (int i = 0; i < 16; i++) {
    const char *to = receivers[i / 4];
    if (i % 2 && to[2] == '1') to = "3.0.v"; /* PaliGemma's heads share one */
    check_cells(models[i % 2], PICTURE,
                (loci_trace_opts){.receiver = to,
                                  .corrupt = i % 4 < 2 ? "image-mean" : "replace:Rome",
                                  .positions = "image,constraint,8,20,last",
                                  .direction = LOCI_BOTH});
  }
}

/* ---------------------------------------------------------------- following, stopping, memory */

typedef struct reports {
  int cells, verified, stop_at; /* of cells; 0: never */
} reports;

static bool count(void *ctx, const char *stage, double done, double total) {
  reports *r = ctx;
  assert_true(done <= total);
  r->verified += strcmp(stage, "verify") == 0;
  if (strcmp(stage, "cell") != 0) return true;
  return ++r->cells != r->stop_at;
}

static loci_status follow(const loci_model *m, const loci_prompt *p, int verify, reports *r,
                          loci_err *err) {
  loci_trace *t;
  loci_trace_opts o = {.size = sizeof o,
                       .receiver = "logits",
                       .sites = sites,
                       .site_count = 1,
                       .positions = "last",
                       .verify = verify,
                       .no_hash = true,
                       .progress = count,
                       .progress_ctx = r};
  loci_status st = loci_trace_new(m, p, &o, &t, err);
  loci_free(t);
  return st;
}

/* A head's contribution is a product with W_O, and a cell is verified by full forwards: each asks.
 */
static void what_takes_long_asks_whether_to_go_on(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_err err;
  reports all = {0};
  int cells = 3, layers = model_decoder(m)->layers;
  must(follow(m, p, cells, &all, &err), &err);
  assert_true(all.cells >= layers);
  assert_true(all.verified >= cells * layers);
  for (int at = 1; at <= all.cells; at++) {
    reports r = {.stop_at = at};
    assert_int_equal(follow(m, p, 0, &r, &err), LOCI_ECANCELLED);
    assert_int_equal(r.cells, at);
  }
  loci_prompt_free(p);
  loci_model_close(m);
}

/* What senders send stays beside every walk, and counts. */
static void tables_of_senders_are_counted(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_trace_opts o = {.size = sizeof o,
                       .receiver = "logits",
                       .corrupt = "noise:1",
                       .seeds = 400,
                       .sites = sites,
                       .site_count = 1,
                       .positions = "last"};
  int64_t T = p->info.length - p->info.constraints[0].first, all = m->memory;
  int64_t tables = (int64_t)401 * model_decoder(m)->layers * T * model_decoder(m)->width * 4;
  loci_trace *t;
  loci_err err;
  m->memory = walk_fixed_bytes(m, p->info.length) + tables / 2;
  assert_int_equal(loci_trace_new(m, p, &o, &t, &err), LOCI_ENOMEM);
  if (!strstr(err.msg, "what differs between the runs needs")) fail_msg("%s", err.msg);
  m->memory = all;
  loci_prompt_free(p);
  loci_model_close(m);
}

static void what_makes_no_sense_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *receiver, *sentence;
  } odd[] = {{"5.q", "expected \"logits\""},     {"1.0.z", "expected \"logits\""},
             {"1.0.qq", "expected \"logits\""},  {"", "expected \"logits\""},
             {"99.0.q", "the model has layers"}, {"1.99.q", "heads 0 to"},
             {"1.0.q", "not resid_post"}};
  static const loci_site after[] = {LOCI_SITE_RESID_POST};
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    loci_trace *t;
    loci_err err;
    loci_trace_opts o = {.size = sizeof o, .receiver = odd[i].receiver};
    if (i == 6) o.sites = after, o.site_count = 1;
    assert_int_equal(loci_trace_new(m, p, &o, &t, &err), LOCI_EINVAL);
    if (!strstr(err.msg, odd[i].sentence)) fail_msg("%s: %s", odd[i].receiver, err.msg);
  }
  loci_trace *t;
  loci_err err;
  loci_trace_opts o = {.size = sizeof o, .receiver = "1.0.q", .screen = 5};
  assert_int_equal(loci_trace_new(m, p, &o, &t, &err), LOCI_EINVAL);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- the sum rule */

/* With the final norm held as the corrupted run has it, logits are linear in the residual stream:
 * what all heads, all MLPs and the embedding add up to is the clean run's difference.  The parts
 * are added to the corrupted run's last residual one by one, with their cells' own changes. */
/* The last position's residual stream after the last layer, clean and with one path changed: [2 D].
 */
static void residuals(sweep *s, float *resid) {
  const decoder_config *c = model_decoder(s->m);
  int runs[2];
  loci_err err;
  walk *w;
  must(walk_new(s->m, &w, &err), &err);
  must(walk_root(w, target_input(&s->runs.target), &runs[0], &err), &err);
  must(walk_child(w, runs[0], &runs[1], &err), &err);
  must(s->runs.add_beside(s, w, 0, runs[1], &err), &err);
  for (int r = 0; r < 2; r++)
    must(walk_record_at(w, runs[r], LOCI_SITE_RESID_POST, c->layers - 1, (walk_span){s->T - 1, 1},
                        resid + r * c->width, &err),
         &err);
  must(walk_run(w, &(walk_hooks){0}, &err), &err);
  walk_free(w);
}

static void senders_add_up_to_the_residual(void **state) {
  (void)state;
  static const char *const models[] = {"text-llama", "text-phi"};
  for (int k = 0; k < 2; k++) {
    loci_model *m = open_with(models[k], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, NULL);
    const decoder_config *c = model_decoder(m);
    int L = c->layers, T = p->info.length;
    int64_t D = c->width;
    static const loci_site parts[] = {LOCI_SITE_Z, LOCI_SITE_MLP_OUT, LOCI_SITE_RESID_PRE};
    static const int windows[] = {1};
    loci_trace_opts o = {.size = sizeof o,
                         .receiver = "logits",
                         .corrupt = "mean",
                         .sites = parts,
                         .site_count = 3,
                         .windows = windows,
                         .window_count = 1,
                         .positions = "last"};
    arena *mem = arena_new();
    sweep s = {.p = p, .m = m, .opts = &o, .mem = mem, .T = T};
    loci_err err;
    must(trace_request_complete(&(request_of){.m = m, .p = p, .mem = mem}, &o, &err), &err);
    must(path_new(&s, &err), &err);
    must(target_make(p, NULL, mem, &s.runs.target, &err), &err);
    must(corruption_make(p, &o, -1, mem, &s.corrupted, &err), &err);
    s.first = s.corrupted.positions[0];
    must(sweep_runs(&s, &err), &err);
    must(sweep_grids(&s, &err), &err);
    must(path_prepare(&s, &err), &err);
    double *sum = arena_zarray(mem, D, double);
    float *resid = arena_array(mem, 2 * D, float);
    int counted = 0;
    for (int64_t i = 0; i < s.cell_count; i++) {
      const cell *x = &s.cells[i];
      if (x->site == LOCI_SITE_RESID_PRE && x->begin > 0) continue; /* the embedding alone */
      const float *d = path_change(&s, x, 0, 0, T - 1);
      for (int64_t f = 0; f < D; f++) sum[f] += (double)d[f];
      counted++;
    }
    /* the embedding of the last position is the same in both runs, and is a sender all the same */
    assert_int_equal(counted, L * (c->heads + 1) + 1);
    residuals(&s, resid);
    double size = 0;
    for (int64_t f = 0; f < D; f++) {
      double want = (double)resid[f] - (double)resid[D + f];
      size = fmax(size, fabs(want));
      /* sums of some thirty parts of norm 10 in f32 */
      if (fabs(sum[f] - want) > 2e-5) fail_msg("%s: %g, not %g", models[k], sum[f], want);
    }
    assert_true(size > 1e-3);
    path_after(&s, 0, 0);
    arena_free(mem);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cell_is_two_full_forwards),
      cmocka_unit_test(gated_layers_send_what_their_gates_let_through),
      cmocka_unit_test(senders_are_seen_by_rows_before_them),
      cmocka_unit_test(what_takes_long_asks_whether_to_go_on),
      cmocka_unit_test(tables_of_senders_are_counted),
      cmocka_unit_test(what_makes_no_sense_is_refused),
      cmocka_unit_test(senders_add_up_to_the_residual),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

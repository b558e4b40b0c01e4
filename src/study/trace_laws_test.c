/* Laws of a trace, on the small models: every cell is what full runs give, however the walk is
 * split; its cost is bounded; the same request gives the same bytes. */
#include "study/traces_test.h"

enum { ALL = 1 << 20 };
/* The same words, which every tokenizer here makes as many tokens of. */
#define OTHER_QUESTION "In which building is this city, and who made it?"

static const int windows[] = {1, 2, 3, 6};
static const loci_site four[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST,
                                 LOCI_SITE_Z};

/* Two models of each block kind, with and without an image, two in which rows see what comes after
 * them, and the requests they get. */
static const struct {
  const char *model, *image;
} worlds[] = {{"text-llama", NULL},          {"text-phi", NULL},  {"llava-clip-llama", PICTURE},
              {"llava-siglip-phi", PICTURE}, {"gemma3", PICTURE}, {"paligemma", PICTURE}};
enum { WORLDS = 6 };

static const struct {
  const char *what;
  loci_trace_opts o;
} requests[] = {
    {"the defaults", {0}},
    {"windows and heads",
     {.sites = four, .site_count = 4, .windows = windows, .window_count = 3, .positions = "last"}},
    {"heads one by one", {.sites = four + 3, .site_count = 1, .layer_count = 2, .first_layer = 2}},
    {"groups, both ways",
     {.positions = "constraint,constraint-last,after-constraint,last", .direction = LOCI_BOTH}},
    {"seeds of noise",
     {.corrupt = "noise:3", .seeds = 3, .seed = 5, .positions = "each", .layer_count = 2}},
    {"an answer of several tokens", {.answer = "the old city of stone", .direction = LOCI_BOTH}},
    {"the authors' conventions", {.authors = true, .windows = windows, .window_count = 2}},
    {"one constraint, the mean", {.constraint = 2, .corrupt = "mean"}},
    {"places in the picture and behind it", {.positions = "7,12,last", .direction = LOCI_BOTH}},
    {"another question", {.corrupt = "question:" OTHER_QUESTION, .direction = LOCI_BOTH}},
    {"the last layer, an answer",
     {.answer = "a city", .first_layer = 3, .windows = windows + 1, .window_count = 1}},
};
enum { REQUESTS = sizeof requests / sizeof requests[0] };

static loci_trace_opts request(int i, const loci_model *m) {
  loci_trace_opts o = requests[i].o;
  int L = model_decoder(m)->layers; /* 4 or 5: the widest window is cut to fit */
  if (o.window_count == 3 && windows[2] > L) o.window_count = 2;
  return o;
}

/* Nothing is skipped that a full run would not give; every other cell is run again in full. */
static void every_cell_is_what_a_full_run_gives_at_no_more_than_the_formula(void **state) {
  (void)state;
  for (int i = 0; i < WORLDS; i++) {
    loci_model *m = open_with(worlds[i].model, LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, worlds[i].image);
    for (int k = 0; k < REQUESTS; k++) {
      loci_trace_opts o = request(k, m);
      o.verify = ALL;
      loci_trace *t = trace_of(m, p, o);
      int64_t cells = 0;
      for (int g = 0; g < t->grid_count; g++) {
        for (int64_t c = 0; c < cells_of(&t->grids[g]); c++) cells += !t->grids[g].skipped[c];
      }
      assert_int_equal(t->verified, cells);
      assert_true(cells > 0);
      assert_true(t->verify_error < 1e-4);
      if (t->cost.rows > t->cost.formula || t->cost.rows < 1) {
        fail_msg("%s, %s: %lld rows, the formula says %lld", worlds[i].model, requests[k].what,
                 (long long)t->cost.rows, (long long)t->cost.formula);
      }
      assert_true(t->cost.flop > 0 && t->cost.flop < t->cost.naive_flop);
      loci_free(t);
    }
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

/* The memory limit is raised from too little until a trace goes through: many small walks. */
static void many_small_walks_give_the_numbers_of_one(void **state) {
  (void)state;
  for (int i = 0; i < WORLDS; i++) {
    loci_model *m = open_with(worlds[i].model, LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, worlds[i].image);
    for (int k = i % 2; k < REQUESTS; k += 2) {
      loci_trace_opts o = request(k, m);
      o.size = sizeof o;
      o.no_hash = true;
      int64_t all = m->memory;
      loci_trace *one = trace_of(m, p, o), *many = NULL;
      loci_err err;
      for (m->memory = 64 << 20; !many; m->memory += 64 << 10) {
        loci_status st = loci_trace_new(m, p, &o, &many, &err);
        if (st != LOCI_OK && st != LOCI_ENOMEM) fail_msg("%s", err.msg);
        assert_true((st == LOCI_OK) == (many != NULL));
      }
      m->memory = all;
      assert_true(many->cost.rows > one->cost.rows);
      double d = trace_distance(one, many);
      if (!(d <= 1e-4)) fail_msg("%s, %s: %g apart", worlds[i].model, requests[k].what, d);
      loci_free(one);
      loci_free(many);
    }
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

/* ---------------------------------------------------------------- the same again */

static void assert_same_bytes(const loci_trace *a, const loci_trace *b) {
  assert_int_equal(a->grid_count, b->grid_count);
  for (int g = 0; g < a->grid_count; g++) {
    const loci_grid *x = &a->grids[g], *y = &b->grids[g];
    size_t n = (size_t)cells_of(x);
    assert_int_equal(n, cells_of(y));
    assert_memory_equal(x->cells, y->cells, n * sizeof *x->cells);
    assert_memory_equal(x->ie, y->ie, n * sizeof *x->ie);
    assert_memory_equal(x->restoration, y->restoration, n * sizeof *x->restoration);
    assert_memory_equal(x->skipped, y->skipped, n * sizeof *x->skipped);
  }
  assert_memory_equal(&a->clean.m, &b->clean.m, sizeof a->clean.m);
  assert_memory_equal(&a->corrupted.m, &b->corrupted.m, sizeof a->corrupted.m);
  assert_int_equal(a->cost.rows, b->cost.rows);
}

static void the_same_request_gives_the_same_bytes(void **state) {
  (void)state;
  for (int threads = 1; threads <= 2; threads++) {
    loci_model *m = open_with("llava-siglip-phi", LOCI_PRECISION_F32, threads);
    loci_prompt *p = ask_about(m, PICTURE);
    for (int k = threads - 1; k < REQUESTS; k += 2) {
      loci_trace *a = trace_of(m, p, request(k, m)), *b = trace_of(m, p, request(k, m));
      assert_same_bytes(a, b);
      loci_free(a);
      loci_free(b);
    }
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

static void two_threads_give_the_numbers_of_one(void **state) {
  (void)state;
  loci_trace *t[2];
  loci_model *m[2];
  loci_prompt *p[2];
  loci_trace_opts o = {.size = sizeof o, .corrupt = "noise:3", .seeds = 2, .seed = 1};
  for (int i = 0; i < 2; i++) {
    m[i] = open_with("llava-siglip-phi", LOCI_PRECISION_F32, 1 + i);
    p[i] = ask_about(m[i], PICTURE);
    t[i] = trace_of(m[i], p[i], o);
  }
  assert_true(trace_distance(t[0], t[1]) < 1e-4);
  for (int i = 0; i < 2; i++) {
    loci_free(t[i]);
    loci_prompt_free(p[i]);
    loci_model_close(m[i]);
  }
}

static void another_seed_gives_other_noise(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_trace *a = trace_of(m, p, (loci_trace_opts){.corrupt = "noise:3", .seeds = 2, .seed = 1});
  loci_trace *b = trace_of(m, p, (loci_trace_opts){.corrupt = "noise:3", .seeds = 2, .seed = 2});
  assert_true(trace_distance(a, b) > 0);
  loci_free(a);
  loci_free(b);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* ---------------------------------------------------------------- single cells */

/* What is skipped is an exact zero, and what a skipped cell says is the run it would patch. */
static void skipped_cells_are_exact_zeros(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_trace *t = trace_of(m, p, (loci_trace_opts){.direction = LOCI_BOTH, .positions = "each"});
  int last = model_decoder(m)->layers - 1;
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    const loci_metrics *base = g->direction == LOCI_DENOISE ? &t->corrupted.m : &t->clean.m;
    for (int l = 0; l < g->layer_count; l++) {
      for (int c = 0; c < g->column_count; c++) {
        int64_t at = (int64_t)l * g->column_count + c;
        bool known = g->layers[l] == last && g->positions[c] < p->info.length - 1;
        assert_int_equal(g->skipped[at], known);
        if (!known) continue;
        assert_true(g->ie[at] == 0);
        assert_memory_equal(&g->cells[at], base, sizeof *base);
      }
    }
  }
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* The residual stream of the last position after the last layer is all there is to restore. */
static void restoring_the_end_of_the_stream_restores_everything(void **state) {
  (void)state;
  loci_model *m = open_with("text-phi", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_site site = LOCI_SITE_RESID_POST;
  loci_trace *t = trace_of(m, p,
                           (loci_trace_opts){.sites = &site,
                                             .site_count = 1,
                                             .positions = "last",
                                             .first_layer = model_decoder(m)->layers - 1,
                                             .direction = LOCI_BOTH});
  assert_true(fabs(t->grids[0].cells[0].p - t->clean.m.p) < 1e-6);
  assert_true(fabs(t->grids[0].cells[0].kl) < 1e-6);
  assert_true(fabs(t->grids[1].cells[0].p - t->corrupted.m.p) < 1e-6);
  assert_true(fabs(t->grids[1].cells[0].kl - t->corrupted.m.kl) < 1e-5);
  assert_true(fabs(t->clean.m.logit_diff - t->grids[0].cells[0].logit_diff) < 1e-4);
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* What goes into a layer is what came out of the one below: the same cells, to the last bit. */
static void restoring_what_goes_in_is_restoring_what_came_out(void **state) {
  (void)state;
  static const char *const models[] = {"text-phi", "text-llama"};
  static const loci_site in = LOCI_SITE_RESID_PRE, out = LOCI_SITE_RESID_POST;
  for (int k = 0; k < 2; k++) {
    loci_model *m = open_with(models[k], LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, NULL);
    loci_trace_opts o = {.sites = &in, .site_count = 1, .direction = LOCI_BOTH, .verify = 5};
    loci_trace *pre = trace_of(m, p, o);
    o.sites = &out;
    loci_trace *post = trace_of(m, p, o);
    assert_int_equal(pre->grid_count, post->grid_count);
    for (int i = 0; i < pre->grid_count; i++) {
      const loci_grid *a = &pre->grids[i], *b = &post->grids[i];
      int64_t column = cells_of(a) / model_decoder(m)->layers;
      for (int64_t c = column; c < cells_of(a); c++) {
        assert_true(fabs(a->cells[c].p - b->cells[c - column].p) < 1e-7);
        assert_true(fabs(a->cells[c].kl - b->cells[c - column].kl) < 1e-6);
      }
    }
    loci_free(pre);
    loci_free(post);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

/* Replacing a constraint by itself is no corruption: no effect, and no ratio of effects. */
/* The constraint is swapped for itself: the runs differ by rounding alone, and of an improbable
 * answer's p even that is far below 1e-6. */
static void without_a_total_effect_there_is_no_restoration(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_trace *t = trace_of(
      m, p,
      (loci_trace_opts){.corrupt = "swap:made", .constraint = 2, .answer = "Vienna", .verify = 5});
  assert_true(fabs(t->total_effect) < 1e-6);
  assert_true(t->note_count > 0);
  for (int i = 0; i < t->grid_count; i++) {
    for (int64_t k = 0; k < cells_of(&t->grids[i]); k++) {
      assert_true(isnan(t->grids[i].restoration[k]));
      assert_true(fabs(t->grids[i].ie[k]) < 1e-6);
    }
  }
  loci_free(t);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* The corrupted run is that of the other question's own prompt. */
static void another_question_is_answered_as_when_it_is_asked(void **state) {
  (void)state;
  for (int i = 0; i < WORLDS; i++) {
    loci_model *m = open_with(worlds[i].model, LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, worlds[i].image), *other;
    loci_trace *t = trace_of(m, p, (loci_trace_opts){.corrupt = "question:" OTHER_QUESTION});
    loci_question q = {.size = sizeof q,
                       .image = worlds[i].image,
                       .text = OTHER_QUESTION,
                       .template_name = worlds[i].image ? NULL : "raw"};
    loci_answer *a;
    loci_err err;
    must(loci_prompt_new(m, &q, &other, &err), &err);
    must(loci_ask(m, other, 1, NULL, NULL, &a, &err), &err);
    for (int k = 0; k < LOCI_TOP; k++) {
      assert_int_equal(t->corrupted.top[k].id, a->top[0][k].id);
      assert_float_equal(t->corrupted.top[k].p, a->top[0][k].p, 1e-5);
    }
    assert_true(fabs(t->total_effect) > 1e-3);
    loci_free(a);
    loci_free(t);
    loci_prompt_free(other);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

static void some_layers_are_those_rows_of_the_whole_grid(void **state) {
  (void)state;
  loci_model *m = open_with("text-llama", LOCI_PRECISION_F32, 1);
  loci_prompt *p = ask_about(m, NULL);
  loci_trace_opts o = {.size = sizeof o, .windows = windows + 2, .window_count = 1};
  loci_trace *all = trace_of(m, p, o);
  o.first_layer = 1;
  o.layer_count = 3;
  loci_trace *some = trace_of(m, p, o);
  for (int i = 0; i < all->grid_count; i++) {
    const loci_grid *a = &all->grids[i], *s = &some->grids[i];
    assert_int_equal(s->layer_count, 3);
    assert_int_equal(s->layers[0], 1);
    for (int64_t k = 0; k < cells_of(s); k++) {
      assert_true(fabs(a->cells[k + s->column_count].p - s->cells[k].p) < 1e-6);
    }
  }
  loci_free(all);
  loci_free(some);
  loci_prompt_free(p);
  loci_model_close(m);
}

/* All positions of what a layer ends with are all there is: the corrupted run becomes the clean
 * one. */
static void all_positions_of_the_stream_restore_everything(void **state) {
  (void)state;
  static const loci_site end[] = {LOCI_SITE_RESID_POST};
  for (int i = 0; i < WORLDS; i++) {
    loci_model *m = open_with(worlds[i].model, LOCI_PRECISION_F32, 1);
    loci_prompt *p = ask_about(m, worlds[i].image);
    loci_trace *t =
        trace_of(m, p, (loci_trace_opts){.sites = end, .site_count = 1, .positions = "all"});
    assert_int_equal(t->grid_count, 1);
    assert_int_equal(cells_of(&t->grids[0]), t->model->layers);
    assert_string_equal(t->grids[0].groups[0], "all");
    for (int64_t k = 0; k < cells_of(&t->grids[0]); k++)
      if (!t->grids[0].skipped[k]) assert_true(fabs(t->grids[0].cells[k].p - t->clean.m.p) < 1e-5);
    loci_free(t);
    loci_prompt_free(p);
    loci_model_close(m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cell_is_what_a_full_run_gives_at_no_more_than_the_formula),
      cmocka_unit_test(many_small_walks_give_the_numbers_of_one),
      cmocka_unit_test(the_same_request_gives_the_same_bytes),
      cmocka_unit_test(two_threads_give_the_numbers_of_one),
      cmocka_unit_test(another_seed_gives_other_noise),
      cmocka_unit_test(skipped_cells_are_exact_zeros),
      cmocka_unit_test(restoring_what_goes_in_is_restoring_what_came_out),
      cmocka_unit_test(restoring_the_end_of_the_stream_restores_everything),
      cmocka_unit_test(without_a_total_effect_there_is_no_restoration),
      cmocka_unit_test(another_question_is_answered_as_when_it_is_asked),
      cmocka_unit_test(some_layers_are_those_rows_of_the_whole_grid),
      cmocka_unit_test(all_positions_of_the_stream_restore_everything),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

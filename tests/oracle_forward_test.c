/* One forward pass against the reference: tokens, pixels, the vision tower, every site of every
 * layer, logits, greedy answers. */
#include "base/names.h"
#include "oracle_test.h"

/* ---------------------------------------------------------------- the prompt */

/* Byte offset of character [i] of UTF-8 text. */
static int64_t byte_of(const char *text, int i) {
  const char *s = text;
  while (i > 0 && *s) {
    s++;
    i -= ((unsigned char)*s & 0xC0) != 0x80;
  }
  assert_int_equal(i, 0);
  return s - text;
}

static void check_tokens(const oracle *o) {
  const loci_prompt_info *p = loci_prompt_get_info(o->prompt);
  const js_value *ids = oracle_member(o->json, "ids"), *tokens = oracle_member(o->json, "tokens");
  const js_value *spans = oracle_member(o->json, "char_spans");
  assert_string_equal(p->text, oracle_text(oracle_member(o->json, "prompt")));
  assert_int_equal(p->length, oracle_int(oracle_member(o->json, "T")));
  assert_int_equal(p->length, js_count(ids));
  for (int i = 0; i < p->length; i++) {
    const js_value *span = js_at(spans, i);
    assert_int_equal(p->tokens[i].id, oracle_int(js_at(ids, i)));
    assert_string_equal(p->tokens[i].text, oracle_text(js_at(tokens, i)));
    assert_int_equal(p->tokens[i].bytes[0], byte_of(p->text, oracle_int(js_at(span, 0))));
    assert_int_equal(p->tokens[i].bytes[1], byte_of(p->text, oracle_int(js_at(span, 1))));
  }
}

static void check_positions(const oracle *o) {
  const loci_prompt_info *p = loci_prompt_get_info(o->prompt);
  const js_value *image = js_get(o->json, "image_positions");
  const js_value *constraints = oracle_member(o->json, "constraint_positions");
  assert_int_equal(p->image_first, image ? oracle_int(js_at(image, 0)) : -1);
  const js_value *rows = js_get(o->json, "image_rows");
  if (image && rows) {
    assert_int_equal(p->image_count, js_count(rows));
    for (int i = 0; i < p->image_count; i++) {
      int at = p->image_positions ? p->image_positions[i] : p->image_first + i;
      assert_int_equal(at, oracle_int(js_at(rows, i)));
      assert_int_equal(layout_row_at(p, at), i);
      assert_int_equal(p->tokens[at].role, LOCI_ROLE_IMAGE);
    }
  } else if (image) {
    assert_int_equal(p->image_first + p->image_count, oracle_int(js_at(image, 1)));
  }
  assert_int_equal(p->constraint_count, js_count(constraints));
  for (int i = 0; i < p->constraint_count; i++) {
    const js_value *want = js_at(constraints, i), *asked = oracle_member(o->json, "constraints");
    const loci_constraint *c = &p->constraints[i];
    assert_string_equal(c->text, oracle_text(oracle_member(js_at(asked, i), "text")));
    assert_string_equal(c->kind, oracle_text(oracle_member(js_at(asked, i), "kind")));
    assert_int_equal(c->count, js_count(want));
    for (int k = 0; k < c->count; k++) {
      assert_int_equal(c->first + k, oracle_int(js_at(want, k)));
    }
  }
}

/* Where the rows stand, if the model tells that from their indices. */
static void check_places(const oracle *o) {
  const loci_prompt *p = o->prompt;
  const st_tensor *t = st_find(o->arrays, "position_ids");
  int T = p->info.length;
  assert_int_equal(t != NULL, p->places != NULL);
  if (!t || !p->places) return;
  assert_int_equal(t->dtype, ST_I64);
  assert_int_equal(t->bytes, 3 * T * 8);
  for (int i = 0; i < 3 * T; i++) {
    int64_t want;
    memcpy(&want, t->data + 8 * i, sizeof want);
    assert_int_equal(p->places[i % T].at[i / T], want);
  }
  if (js_get(o->json, "next_position")) {
    assert_int_equal(p->next_place, oracle_int(js_get(o->json, "next_position")));
  }
}

/* The same of rows outside of the sequence: ["tile 1", y, x], and -1, -1 of a tile's class row. */
static void check_sources(const oracle *o) {
  const js_value *cells = oracle_member(o->json, "image_cells");
  const loci_prompt_info *p = loci_prompt_get_info(o->prompt);
  const loci_image_view *v = p->image_views;
  assert_int_equal(p->source_count, js_count(cells));
  assert_int_equal(p->source_seen, oracle_int(oracle_member(o->json, "cross_visible_rows")));
  assert_int_equal(p->source_from, oracle_int(oracle_member(o->json, "cross_visible_from")));
  for (int i = 0; i < p->source_count; i++) {
    const js_value *at = js_at(cells, i);
    int tile = atoi(oracle_text(js_at(at, 0)) + 5), y = oracle_int(js_at(at, 1));
    int x = oracle_int(js_at(at, 2)), across = v->cols / v->tile;
    image_cell cell = layout_cell(v, 1, i);
    bool seen = y >= 0 && i < p->source_seen;
    assert_int_equal(cell.view, seen ? 0 : -1);
    if (!seen) continue;
    assert_int_equal(cell.row, tile / across * v->tile + y);
    assert_int_equal(cell.col, tile % across * v->tile + x);
    assert_int_equal(layout_row(v, cell.row, cell.col), i);
  }
}

/* Of a cell, its view: 1 in tiles; *row and *col are then in these as a whole. */
static int view_of(const loci_prompt_info *p, const char *kind, int *row, int *col) {
  int down, across, n = 0;
  if (strcmp(kind, "grid") == 0) return 1;
  if (sscanf(kind, "tile %d %d%n", &down, &across, &n) < 2 || kind[n]) return 0;
  *row += down * p->image_views[1].tile;
  *col += across * p->image_views[1].tile;
  return 1;
}

/* Which cell of which view every row shows: "image", "base", "global" and "thumbnail" are of the
 * first, "grid" and "tile 0 1" of the tiles, and "newline" ends one of their lines. */
static void check_cells(const oracle *o) {
  const js_value *cells = js_get(o->json, "image_cells");
  const loci_prompt_info *p = loci_prompt_get_info(o->prompt);
  int base[256], tiles[256], room[256], of_group = 0;
  if (p->source_count > 0) {
    check_sources(o);
    return;
  }
  for (int i = 0; i < js_count(cells); i++) {
    const char *kind = oracle_text(js_at(js_at(cells, i), 0));
    image_cell cell = layout_cell(p->image_views, p->image_view_count, i);
    bool ends = strcmp(kind, "newline") == 0;
    int row = oracle_int(js_at(js_at(cells, i), 1)), col = oracle_int(js_at(js_at(cells, i), 2));
    int view = ends ? 1 : view_of(p, kind, &row, &col);
    assert_int_equal(cell.view, view);
    assert_int_equal(cell.row, row);
    assert_int_equal(cell.col, ends ? p->image_views[view].cols : col);
    if (!ends) assert_int_equal(layout_row(&p->image_views[view], row, col), i);
    of_group += cell.view == 0;
  }
  if (p->image_view_count < 2) return;
  assert_true(p->length <= 256);
  bool last = p->image_views[0].first > 0; /* the whole stands after its tiles */
  assert_int_equal(group_positions(o->prompt, GROUP_IMAGE_BASE, 0, base), of_group);
  int n = group_positions(o->prompt, GROUP_IMAGE, 0, room);
  assert_int_equal(group_positions(o->prompt, GROUP_IMAGE_TILES, 0, tiles), n - of_group);
  assert_memory_equal(base, room + (last ? n - of_group : 0), sizeof(int) * (size_t)of_group);
  assert_memory_equal(tiles, room + (last ? 0 : of_group), sizeof(int) * (size_t)(n - of_group));
}

/* What the first layer reads of every row, and what the next ones add to it. */
static void check_parts(oracle *o, oracle_array rows) {
  const loci_prompt *p = o->prompt;
  const decoder_config *c = model_decoder(p->model);
  float *part = arena_array(o->mem, rows.count, float);
  assert_non_null(part);
  assert_int_equal(st_find(o->arrays, "deepstack") != NULL, c->deep > 0);
  for (int k = 0; k <= c->deep; k++) {
    for (int64_t i = 0; i < rows.count; i++) {
      part[i] = p->projected[i / c->width * input_width(c) + (int64_t)k * c->width + i % c->width];
    }
    const float *want = k > 0 ? oracle_get(o, "deepstack").data + (k - 1) * rows.count : rows.data;
    oracle_all_near(o, k > 0 ? "deepstack" : "projected", part, want, rows.count);
  }
}

static void check_image(oracle *o) {
  const loci_prompt *p = o->prompt;
  if (!prompt_picture(p)) return;
  oracle_array pixels = oracle_get(o, "pixel_values");
  oracle_array features = oracle_get(o, "vision_features"), rows = oracle_get(o, "projected");
  const vision_config *v = &p->model->weights->config.vision;
  int64_t feature_rows = vision_feature_rows(&p->model->weights->config, &p->picture.shape);
  assert_int_equal(features.count, feature_rows * p->feature_width);
  assert_int_equal(rows.count, p->image.count * model_decoder(p->model)->width);
  float *seen = arena_array(o->mem, pixels.count, float);
  assert_non_null(seen);
  if (v->image_size > 0) {
    assert_int_equal(pixels.count, image_values(&p->picture.shape));
    memcpy(seen, p->picture.pixels, (size_t)pixels.count * sizeof(float));
  } else {
    assert_int_equal(pixels.count, feature_rows * vision_patch_values(v));
    vision_patches(v, &p->picture, seen);
  }
  assert_memory_equal(seen, pixels.data, (size_t)pixels.count * sizeof(float));
  oracle_all_near(o, "vision_features", p->features, features.data, features.count);
  check_parts(o, rows);
}

/* ---------------------------------------------------------------- sites */

/* Slice [layer] of the reference's (L, n) against the n recorded numbers. */
static void check_layer(oracle *o, const loci_run *run, loci_site site, int layer) {
  loci_view got;
  loci_err err;
  oracle_array want = oracle_get(o, site_name(site));
  assert_ok(loci_run_get(run, site, layer, &got, &err), err);
  int64_t n = got.rows * got.cols;
  int L =
      site == LOCI_SITE_LOGITS || site == LOCI_SITE_FINAL_NORM ? 1 : o->prompt->model->info.layers;
  assert_int_equal(want.count, L * n);
  oracle_all_near(o, site_name(site), got.data, want.data + layer * n, n);
}

/* Where the reference has a layer of something that layers of cross-attention have of other sizes.
 */
typedef struct slice {
  char name[24];
  int64_t nth, layers;
} slice;

static slice slice_of(const oracle *o, loci_site site, int layer) {
  const loci_model *m = o->prompt->model;
  bool cross = oracle_is_cross(m, layer);
  slice s = {.nth = oracle_nth(m, layer, cross), .layers = oracle_nth(m, m->info.layers, cross)};
  snprintf(s.name, sizeof s.name, "%s%s", cross ? "cross." : "", site_name(site));
  return s;
}

static void check_pattern(oracle *o, const loci_run *run, int layer) {
  loci_view got;
  loci_err err;
  slice s = slice_of(o, LOCI_SITE_PATTERN, layer);
  oracle_array want = oracle_get(o, s.name);
  assert_ok(loci_run_get(run, LOCI_SITE_PATTERN, layer, &got, &err), err);
  int64_t n = got.rows * got.cols;
  assert_int_equal(want.count, s.layers * n);
  oracle_all_near(o, s.name, got.data, want.data + s.nth * n, n);
}

/* q, k, v: the reference has (L, heads, T, K), a run (T, heads, K); or P rows in place of T. */
static void check_heads(oracle *o, const loci_run *run, loci_site site, int layer, int heads) {
  loci_view got;
  loci_err err;
  slice s = slice_of(o, site, layer);
  oracle_array want = oracle_get(o, s.name);
  bool outside = site != LOCI_SITE_Q && oracle_is_cross(o->prompt->model, layer);
  int64_t T = outside ? o->prompt->info.source_count : o->prompt->info.length;
  int64_t K = o->prompt->model->info.head_dim;
  assert_ok(loci_run_get(run, site, layer, &got, &err), err);
  float *turned = arena_array(o->mem, heads * T * K, float);
  assert_non_null(turned);
  assert_int_equal(got.rows, T);
  assert_int_equal(got.cols, heads * K);
  assert_int_equal(want.count, s.layers * heads * T * K);
  for (int64_t h = 0; h < heads; h++) {
    for (int64_t t = 0; t < T; t++) {
      memcpy(turned + (h * T + t) * K, got.data + (t * heads + h) * K, (size_t)K * sizeof *turned);
    }
  }
  oracle_all_near(o, s.name, turned, want.data + s.nth * heads * T * K, heads * T * K);
}

static bool has_layers(loci_site site) {
  return site != LOCI_SITE_FINAL_NORM && site != LOCI_SITE_LOGITS;
}

static bool is_of_attention(loci_site site) {
  return site == LOCI_SITE_Q || site == LOCI_SITE_K || site == LOCI_SITE_V ||
         site == LOCI_SITE_PATTERN || site == LOCI_SITE_Z;
}

/* Parallel blocks have no resid_mid, and recording it is refused. */
static bool is_there(const loci_model *m, loci_site site) {
  return site != LOCI_SITE_RESID_MID || !model_decoder(m)->parallel;
}

/* A run over the case's prompt with every site of every layer recorded. */
static loci_run *record_all(const oracle *o) {
  const loci_model *m = o->prompt->model;
  loci_run *run;
  loci_err err;
  assert_ok(loci_run_new(m, o->prompt, &run, &err), err);
  for (loci_site site = 0; site < LOCI_SITE_COUNT; site++) {
    for (int l = 0; l < (has_layers(site) ? m->info.layers : 1); l++) {
      if (is_there(m, site)) assert_ok(loci_run_record(run, site, l, &err), err);
    }
  }
  assert_ok(loci_run_forward(run, NULL, NULL, &err), err);
  return run;
}

static void check_attention(oracle *o, const loci_run *run, int layer) {
  const loci_model_info *m = &o->prompt->model->info;
  check_heads(o, run, LOCI_SITE_Q, layer, m->heads);
  check_heads(o, run, LOCI_SITE_K, layer, m->kv_heads);
  check_heads(o, run, LOCI_SITE_V, layer, m->kv_heads);
  check_pattern(o, run, layer);
  check_layer(o, run, LOCI_SITE_Z, layer);
}

/* What the modules of a layer of cross-attention give before its gates: [raw] of the case. */
static void check_raw(oracle *o, const loci_run *run, loci_site site, const char *raw, int layer) {
  const loci_prompt *p = o->prompt;
  const cross_weights *w = &p->model->weights->layers[layer].cross;
  loci_view got;
  loci_err err;
  if (!oracle_is_cross(p->model, layer)) return;
  oracle_array want = oracle_get(o, raw);
  assert_ok(loci_run_get(run, site, layer, &got, &err), err);
  double factor = cross_factor(site == LOCI_SITE_MLP_OUT ? &w->mlp_gate : &w->attn_gate);
  for (int64_t i = 0; i < got.rows * got.cols; i++) {
    double x = factor * (double)want.data[layer * got.rows * got.cols + i];
    if (site == LOCI_SITE_MLP_OUT && i / got.cols < p->info.source_from) x = 0;
    oracle_near(o, raw, i, (double)got.data[i], x, ORACLE_TOLERANCE * want.largest);
  }
}

/* ---------------------------------------------------------------- answers */

/* The reference goes on after an end token; an answer ends there. */
static void check_answer(oracle *o) {
  const js_value *greedy = oracle_member(o->json, "greedy"), *top5 = oracle_member(o->json, "top5");
  const model_config *c = &o->prompt->model->weights->config;
  loci_answer *a;
  loci_err err;
  assert_ok(loci_ask(o->prompt->model, o->prompt, 20, NULL, NULL, &a, &err), err);
  assert_int_equal(js_count(greedy), 20);
  for (int i = 0; i < a->count; i++) assert_int_equal(a->ids[i], oracle_int(js_at(greedy, i)));
  bool ended = a->count == 20;
  for (int i = 0; i < c->n_eos; i++) ended = ended || a->ids[a->count - 1] == c->eos[i];
  assert_true(ended);
  for (int i = 0; i < LOCI_TOP; i++) {
    double p = oracle_real(js_at(oracle_member(top5, "p"), i));
    assert_int_equal(a->top[0][i].id, oracle_int(js_at(oracle_member(top5, "ids"), i)));
    const char *text = js_text_of(js_at(oracle_member(top5, "tokens"), i), NULL);
    assert_string_equal(a->top[0][i].text, text ? text : ""); /* null: beyond the vocabulary */
    oracle_near(o, "top5", i, a->top[0][i].p, p, oracle_room(0, p, 1));
  }
  loci_free(a);
}

/* ---------------------------------------------------------------- cases */

static void check_forward(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "forward"), heads = oracle_open(NULL, name, "forward-attention");
  check_tokens(&o);
  check_positions(&o);
  check_places(&o);
  check_image(&o);
  check_cells(&o);
  loci_run *run = record_all(&o);
  heads.prompt = o.prompt;
  for (loci_site site = 0; site < LOCI_SITE_COUNT; site++) {
    if (is_of_attention(site) || !is_there(m, site)) continue;
    for (int l = 0; l < (has_layers(site) ? m->info.layers : 1); l++) {
      check_layer(&o, run, site, l);
    }
  }
  for (int l = 0; l < m->info.layers; l++) {
    check_attention(&heads, run, l);
    check_raw(&o, run, LOCI_SITE_ATTN_OUT, "attn_raw", l);
    check_raw(&o, run, LOCI_SITE_MLP_OUT, "mlp_raw", l);
  }
  heads.prompt = NULL;
  loci_run_free(run);
  check_answer(&o);
  oracle_close(&heads);
  oracle_close(&o);
  loci_model_close(m);
}

static void check_two_constraints(const char *name) {
  loci_model *m = oracle_model(name);
  oracle o = oracle_open(m, name, "forward-multi");
  loci_run *run;
  loci_view got;
  loci_err err;
  check_tokens(&o);
  check_positions(&o);
  check_places(&o);
  check_image(&o);
  check_cells(&o);
  assert_ok(loci_run_new(m, o.prompt, &run, &err), err);
  assert_ok(loci_run_record(run, LOCI_SITE_LOGITS, 0, &err), err);
  assert_ok(loci_run_forward(run, NULL, NULL, &err), err);
  assert_ok(loci_run_get(run, LOCI_SITE_LOGITS, 0, &got, &err), err);
  oracle_array want = oracle_get(&o, "logits_last");
  assert_int_equal(want.count, got.cols);
  oracle_all_near(&o, "logits_last", got.data + (got.rows - 1) * got.cols, want.data, want.count);
  loci_run_free(run);
  check_answer(&o);
  oracle_close(&o);
  loci_model_close(m);
}

/* A case with the residual stream of every layer and the last logits. */
static void check_stream(loci_model *m, const char *kind) {
  oracle o = oracle_open(m, "mllama", kind);
  loci_run *run;
  loci_view got;
  loci_err err;
  check_tokens(&o);
  assert_ok(loci_run_new(m, o.prompt, &run, &err), err);
  assert_ok(loci_run_record(run, LOCI_SITE_LOGITS, 0, &err), err);
  for (int l = 0; l < m->info.layers; l++) {
    assert_ok(loci_run_record(run, LOCI_SITE_RESID_POST, l, &err), err);
  }
  assert_ok(loci_run_forward(run, NULL, NULL, &err), err);
  for (int l = 0; l < m->info.layers; l++) check_layer(&o, run, LOCI_SITE_RESID_POST, l);
  assert_ok(loci_run_get(run, LOCI_SITE_LOGITS, 0, &got, &err), err);
  oracle_array want = oracle_get(&o, "logits_last");
  oracle_all_near(&o, "logits_last", got.data + (got.rows - 1) * got.cols, want.data, want.count);
  loci_run_free(run);
  if (js_get(o.json, "greedy") && js_get(o.json, "top5")) check_answer(&o);
  oracle_close(&o);
}

/* Rows before the picture see nothing of it, as the model was trained. */
static void rows_before_a_picture_may_see_none(void **s) {
  loci_model_opts opts = {.size = sizeof opts, .precision = LOCI_PRECISION_F32, .threads = 1};
  loci_model *m;
  loci_err err;
  (void)s;
  assert_ok(loci_model_open("models/mllama", &opts, &m, &err), err);
  check_stream(m, "forward-meta");
  check_stream(m, "forward-noimage");
  loci_model_close(m);
}

/* Without a picture layers of cross-attention change nothing, recorded or passed over. */
static void without_a_picture_nothing_is_added(void **s) {
  loci_model *m = oracle_model("mllama");
  (void)s;
  check_stream(m, "forward-noimage");
  oracle o = oracle_open(m, "mllama", "forward-noimage");
  loci_run *run = record_all(&o);
  loci_view got;
  loci_err err;
  for (int l = 0; l < m->info.layers; l++) {
    if (!oracle_is_cross(m, l)) continue;
    assert_ok(loci_run_get(run, LOCI_SITE_ATTN_OUT, l, &got, &err), err);
    for (int64_t i = 0; i < got.rows * got.cols; i++) assert_true(got.data[i] == 0);
    assert_ok(loci_run_get(run, LOCI_SITE_MLP_OUT, l, &got, &err), err);
    for (int64_t i = 0; i < got.rows * got.cols; i++) assert_true(got.data[i] == 0);
  }
  loci_run_free(run);
  oracle_close(&o);
  loci_model_close(m);
}

#define TESTS(id, name, has_image, cases)                                                          \
  static void forward_of_##id(void **s) {                                                          \
    (void)s;                                                                                       \
    check_forward(name);                                                                           \
  }                                                                                                \
  static void two_constraints_of_##id(void **s) {                                                  \
    (void)s;                                                                                       \
    check_two_constraints(name);                                                                   \
  }
ORACLE_MODELS(TESTS)

#define ENTRIES(id, name, has_image, cases)                                                        \
  cmocka_unit_test(forward_of_##id), cmocka_unit_test(two_constraints_of_##id),

int main(void) {
  const struct CMUnitTest tests[] = {ORACLE_MODELS(ENTRIES)
                                         cmocka_unit_test(rows_before_a_picture_may_see_none),
                                     cmocka_unit_test(without_a_picture_nothing_is_added)};
  return cmocka_run_group_tests(tests, oracle_enter, NULL);
}

/* Prompt building (see prompt.h and docs/MATH.md, "A question").
 *
 * The template's text is tokenized with one <image> in it and the placeholder is repeated P times
 * afterwards, which gives the same ids as repeating it in the text; original LLaVA and Bunny
 * tokenize the pieces round <image> apart.  Byte ranges are those of the unexpanded text. */
#include "model/prompt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/options.h"
#include "base/size.h"
#include "base/utf8.h"
#include "checkpoint/reader.h"
#include "model/command.h"
#include "model/tokens.h"
#include "model/vision.h"
#include "model/wording.h"
#include "text/span.h"

bool embed_token(const loci_model *m, int id, float *out) {
  if (id < 0 || id >= m->weights->embed.rows) return false;
  const decoder_config *c = model_decoder(m);
  weight_row(&m->weights->embed, id, out);
  for (int64_t d = c->width; d < input_width(c); d++) out[d] = 0;
  for (int d = 0; c->embed_scale > 0 && d < c->width; d++) out[d] *= (float)c->embed_scale;
  return true;
}

loci_status prompt_check_model(const loci_prompt *p, const loci_model *m, loci_err *err) {
  if (p->model == m) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the prompt was made with another model (%s), not this one (%s)",
              p->model->info.path, m->info.path);
}

/* ---------------------------------------------------------------- image */

static loci_status load(const given_picture *of, image_rgb *out, loci_err *err) {
  if (!of->rgb) return image_load(of->name, out, err);
  int64_t bytes;
  if (of->width < 1 || of->height < 1 || !size_mul(of->width, of->height, &bytes) ||
      bytes > IMAGE_MAX_PIXELS)
    return fail(err, LOCI_EINVAL, "%s: a picture of %d x %d pixels, expected 1 to %d", of->name,
                of->width, of->height, IMAGE_MAX_PIXELS);
  bytes *= 3;
  *out = (image_rgb){.width = of->width, .height = of->height, .orientation = 1};
  out->pixels = malloc((size_t)bytes);
  if (!out->pixels) return fail_nomem(err, "reading the image");
  memcpy(out->pixels, of->rgb, (size_t)bytes);
  return LOCI_OK;
}

/* What the model sees of an image file. */
typedef struct view {
  int file_size[2]; /* width, height; given: the file's picture is first brought to it */
  seen_picture picture;
  float *features, *projected;
} view;

static loci_status load_pixels(const loci_model *m, const given_picture *of, view *v, float **raw,
                               loci_err *err) {
  const vision_config *c = &m->weights->config.vision;
  image_rgb im = {0}, sized = {0};
  TRY(load(of, &im, err));
  int w = v->file_size[0], h = v->file_size[1];
  loci_status st = m->info.turns_images ? image_orient(&im, of->name, err) : LOCI_OK;
  if (!st && w) st = image_scale(&im, w, h, &sized, err);
  const image_rgb *now = w ? &sized : &im;
  seen_picture *p = &v->picture;
  if (!st) st = image_process(&m->pixels, now, raw, &p->shape, err);
  int S = c->image_size;
  if (!st && S && (p->shape.height != S || p->shape.width != S)) {
    st = fail(err, LOCI_EFORMAT, "%s: the processor makes %d x %d, the vision tower reads %d x %d",
              of->name, p->shape.width, p->shape.height, S, S);
  }
  v->file_size[0] = now->width;
  v->file_size[1] = now->height;
  image_clear(&sized);
  image_clear(&im);
  return st;
}

static loci_status see_picture(const loci_model *m, const given_picture *of, const watch *w,
                               arena *mem, view *out, loci_err *err) {
  const char *path = of->name;
  const model_config *c = &m->weights->config;
  if (!c->has_vision) {
    return fail(err, LOCI_EINVAL, "%s: a text-only model has no use for an image (%s)",
                m->info.path, path);
  }
  if (m->pixels_problem.code) {
    return fail(err, m->pixels_problem.code, "%s", m->pixels_problem.msg);
  }
  float *raw = NULL;
  compute *a = NULL;
  loci_status st = load_pixels(m, of, out, &raw, err);
  if (st) goto done;
  seen_picture *p = &out->picture;
  int64_t n = image_values(&p->shape), rows = vision_feature_rows(c, &p->shape);
  float *pixels = arena_array(mem, n, float);
  out->features = arena_array(mem, rows * vision_feature_width(c), float);
  out->projected =
      arena_array(mem, (int64_t)layout_of(c, &p->shape).count * input_width(&c->text), float);
  if (!pixels || !out->features || !out->projected) {
    st = fail_nomem(err, "reading the image");
    goto done;
  }
  memcpy(pixels, raw, (size_t)n * sizeof *raw);
  p->pixels = pixels;
  TRY_DONE(compute_new(m->compute_type, m->threads, &a, err));
  TRY_DONE(vision_forward(a, m->weights, w, p, out->features, out->projected, err));
done:
  if (m->release) checkpoint_release_vision(m->weights);
  compute_free(a);
  free(raw);
  return st;
}

loci_status project_image(const loci_prompt *p, const char *path, const watch *w, arena *mem,
                          float **projected, loci_err *err) {
  view v = {0};
  if (model_keeps_sizes(p->model)) memcpy(v.file_size, p->file_size, sizeof v.file_size);
  TRY(see_picture(p->model, &(given_picture){.name = path}, w, mem, &v, err));
  *projected = v.projected;
  return LOCI_OK;
}

static bool copy_floats(arena *mem, float **out, const float *from, int64_t n) {
  *out = arena_array(mem, n, float);
  if (*out) memcpy(*out, from, (size_t)n * sizeof *from);
  return *out != NULL;
}

/* What the tower made of the same picture for another prompt. */
static loci_status see_again(const loci_prompt *from, arena *mem, view *out, loci_err *err) {
  const model_config *c = &from->model->weights->config;
  float *pixels;
  out->picture = from->picture;
  memcpy(out->file_size, from->file_size, sizeof out->file_size);
  int64_t rows = vision_feature_rows(c, &from->picture.shape);
  if (!copy_floats(mem, &pixels, from->picture.pixels, image_values(&from->picture.shape)) ||
      !copy_floats(mem, &out->features, from->features, rows * from->feature_width) ||
      !copy_floats(mem, &out->projected, from->projected,
                   (int64_t)from->image.count * input_width(&c->text)))
    return fail_nomem(err, "reading the image");
  out->picture.pixels = pixels;
  return LOCI_OK;
}

static loci_status look_at(loci_prompt *p, const given_picture *of, const loci_prompt *seen,
                           const watch *w, loci_err *err) {
  view v = {0};
  if (seen && seen->picture.pixels) {
    TRY(prompt_check_model(seen, p->model, err));
    TRY(see_again(seen, p->mem, &v, err));
  } else {
    TRY(see_picture(p->model, of, w, p->mem, &v, err));
  }
  p->picture = v.picture;
  memcpy(p->file_size, v.file_size, sizeof v.file_size);
  p->features = v.features;
  p->projected = v.projected;
  p->image = layout_of(&p->model->weights->config, &v.picture.shape);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- constraints */

/* Says what differs where something that looks like it is there. */
static loci_status no_constraint(const loci_prompt *p, const char *given, span s, loci_err *err) {
  likeness like;
  const char *question = p->info.question;
  int n = (int)s.length;
  if (!span_alike(p->mem, question, given, s.length, s.occurrence, &like)) {
    return fail(err, LOCI_EINVAL, "the constraint \"%.*s\" is not in the question \"%s\"%s", n,
                given, question, s.occurrence > 1 ? " that often" : "");
  }
  return fail(
      err, LOCI_EINVAL,
      "the constraint \"%.*s\" is not in the question, but \"%.*s\" is: %s; write it as the "
      "question has it",
      n, given, (int)(like.end - like.begin), question + like.begin, like.how);
}

static loci_status find_constraint(loci_prompt *p, const char *given, const prompt_text *text,
                                   loci_constraint *out, int64_t *place, loci_err *err) {
  const char *question = p->info.question;
  span found = span_find(question, given);
  size_t length = found.length;
  if (strspn(given, " \t\r\n") >= length) {
    return fail(err, LOCI_EINVAL, "a constraint is empty%s", length ? ": blanks alone" : "");
  }
  if (found.begin < 0) return no_constraint(p, given, found, err);
  TRY(template_place(text, question, found.begin, found.begin + (int64_t)length, place, err));
  int64_t begin = *place, end = begin + (int64_t)length;
  out->first = -1;
  out->count = 0;
  for (int i = 0; i < p->info.length; i++) {
    const int64_t *b = p->info.tokens[i].bytes;
    if ((b[0] > begin ? b[0] : begin) >= (b[1] < end ? b[1] : end)) continue;
    if (out->first < 0) out->first = i;
    out->count = i - out->first + 1;
  }
  if (out->first < 0) {
    return fail(err, LOCI_EINVAL, "the constraint \"%.*s\" has no token of its own", (int)length,
                given);
  }
  out->text = arena_strndup(p->mem, given, length);
  out->given = arena_strdup(p->mem, given);
  if (!out->text || !out->given) return fail_nomem(err, "reading the question");
  out->bytes[0] = found.begin;
  out->bytes[1] = found.begin + (int64_t)length;
  out->kind = constraint_kind(out->text, prompt_picture(p) != NULL);
  return LOCI_OK;
}

/* Every position's role, from the constraints and the image. */
static void set_roles(loci_prompt *p, loci_token *tokens) {
  int T = p->info.length, begin = T, end = 0;
  for (int i = 0; i < p->info.constraint_count; i++) {
    const loci_constraint *c = &p->info.constraints[i];
    if (c->first < begin) begin = c->first;
    if (c->first + c->count > end) end = c->first + c->count;
  }
  for (int i = 0; i < T; i++) {
    tokens[i].role = i < begin  ? LOCI_ROLE_BEFORE
                     : i == end ? LOCI_ROLE_AFTER_FIRST
                                : LOCI_ROLE_AFTER_MIDDLE;
    if (layout_row_at(&p->info, i) >= 0) tokens[i].role = LOCI_ROLE_IMAGE;
  }
  tokens[T - 1].role = LOCI_ROLE_LAST;
  for (int i = 0; i < p->info.constraint_count; i++) {
    const loci_constraint *c = &p->info.constraints[i];
    for (int k = 0; k < c->count; k++) {
      tokens[c->first + k].role = k + 1 == c->count ? LOCI_ROLE_CONSTRAINT_LAST
                                  : k == 0          ? LOCI_ROLE_CONSTRAINT_FIRST
                                                    : LOCI_ROLE_CONSTRAINT_MIDDLE;
    }
  }
}

/* ---------------------------------------------------------------- the sequence */

/* Fills info.tokens and the input rows from the expanded ids. */
static loci_status build_rows(loci_prompt *p, const token_rows *rows, loci_err *err) {
  const loci_model *m = p->model;
  int64_t W = input_width(model_decoder(m));
  int T = rows->count, image = 0;
  loci_token *tokens = arena_zarray(p->mem, T, loci_token);
  p->ids = arena_array(p->mem, T, int);
  p->embeds = arena_array(p->mem, (int64_t)T * W, float);
  if (!tokens || !p->ids || !p->embeds) return fail_nomem(err, "building the prompt");
  for (int i = 0; i < T; i++) {
    bool is_image = rows->image[i];
    const char *text =
        is_image && rows->ids[i] < 0 ? image_mark(m) : tokenizer_token(m->tokens, rows->ids[i]);
    tokens[i] = (loci_token){
        .id = rows->ids[i], .text = text ? text : "", .bytes = {rows->begin[i], rows->end[i]}};
    p->ids[i] = rows->ids[i];
    float *row = p->embeds + i * W;
    if (is_image && p->projected) {
      memcpy(row, p->projected + image++ * W, (size_t)W * sizeof *row);
    } else if (!embed_token(m, rows->ids[i], row)) {
      return fail(err, LOCI_EFORMAT,
                  "token %d (\"%s\") has no row in the embedding, which has %lld rows",
                  rows->ids[i], tokens[i].text, (long long)m->weights->embed.rows);
    }
  }
  p->info.tokens = tokens;
  p->info.length = T;
  return LOCI_OK;
}

loci_status prompt_sources(const loci_prompt *p, const float *rows, arena *mem,
                           const source_rows **out, loci_err *err) {
  const loci_model *m = p->model;
  source_rows like = {.count = p->info.source_count,
                      .seen = p->info.source_seen,
                      .from = p->info.source_from,
                      .before_see_all = m->asked.gate_rows_hf};
  return sources_new(m->compute_type, m->threads, m->weights, rows, like, mem, out, err);
}

/* Where the picture's rows stand, if text stands between them. */
static loci_status find_runs(loci_prompt *p, const token_rows *rows, loci_err *err) {
  int P = p->info.image_count, n = 0;
  bool together = true;
  int *at = arena_array(p->mem, P, int);
  if (!at) return fail_nomem(err, "building the prompt");
  for (int i = 0; i < rows->count; i++) {
    if (!rows->image[i]) continue;
    together = together && i == rows->image_first + n;
    at[n++] = i;
  }
  if (!together) p->info.image_positions = at;
  return LOCI_OK;
}

/* Of a picture that layers read by cross-attention: who sees what of it, and its keys and values.
 */
static loci_status place_sources(loci_prompt *p, int at, loci_err *err) {
  if (at < 0) return LOCI_OK;
  p->info.source_count = p->image.count;
  p->info.source_seen = view_rows(&p->image.views[0]);
  p->info.source_from = at;
  return prompt_sources(p, p->projected, p->mem, &p->sources, err);
}

/* A picture's cells all stand at the time at which it begins, each in its row and column counted
 * from there, and the text goes on after the largest of these numbers (Wang et al. 2024). */
loci_status prompt_place_rows(loci_prompt *p, loci_err *err) {
  const loci_image_view *g = p->image.views; /* the only one */
  int T = p->info.length, first = p->info.image_first, next = 0, count = p->image.count;
  mutual_rule rule = model_decoder(p->model)->mutual;
  if (rule == MUTUAL_PICTURE && first >= 0) p->mutual = (mutual_rows){first, first + count};
  if (rule == MUTUAL_PROMPT) p->mutual = (mutual_rows){0, T};
  if (!rope_has_places(model_decoder(p->model)) || first < 0) return LOCI_OK;
  p->places = arena_array(p->mem, T, rope_place);
  if (!p->places) return fail_nomem(err, "building the prompt");
  for (int i = 0; i < T; i++) {
    int cell = i - first, inside = cell >= 0 && cell < count;
    int down = inside ? cell / g->cols : 0, across = inside ? cell % g->cols : 0;
    p->places[i] = (rope_place){{next, next + down, next + across}};
    if (!inside) next++;
    if (cell == count - 1) next += g->rows > g->cols ? g->rows : g->cols;
  }
  p->next_place = next;
  return LOCI_OK;
}

loci_status prompt_places(const loci_prompt *p, int more, arena *mem, const rope_place **out,
                          loci_err *err) {
  int T = p->info.length;
  *out = NULL;
  if (!p->places) return LOCI_OK;
  rope_place *all = arena_array(mem, (int64_t)T + more, rope_place);
  if (!all) return fail_nomem(err, "placing the answer");
  memcpy(all, p->places, (size_t)T * sizeof *all);
  for (int i = 0; i < more; i++) {
    int at = p->next_place + i;
    all[T + i] = (rope_place){{at, at, at}};
  }
  *out = all;
  return LOCI_OK;
}

loci_status check_length(const loci_model *m, int64_t length, const char *what, loci_err *err) {
  const model_config *c = &m->weights->config;
  bool grows = c->text.rope.kind == ROPE_DYNAMIC && c->max_length == c->text.max_positions;
  if (length > c->max_length && !grows) {
    return fail(err, LOCI_EINVAL, "%s has %" PRId64 " positions, the model was made for %d", what,
                length, c->max_length);
  }
  return LOCI_OK;
}

static loci_status take_kind(const loci_question *q, int i, loci_constraint *out, loci_err *err) {
  const char *kind = i < q->kind_count ? q->kinds[i] : NULL;
  if (!kind || !*kind || strcmp(kind, "auto") == 0) return LOCI_OK;
  bool visual = strcmp(kind, "visual") == 0;
  if (!visual && strcmp(kind, "textual") != 0)
    return fail(err, LOCI_EINVAL, "a constraint is visual or textual, not \"%.40s\"", kind);
  out->kind = visual ? "visual" : "textual";
  return LOCI_OK;
}

static loci_status find_constraints(loci_prompt *p, const loci_question *q, const prompt_text *text,
                                    loci_err *err) {
  loci_constraint *found = arena_zarray(p->mem, q->constraint_count, loci_constraint);
  int64_t *places = arena_zarray(p->mem, q->constraint_count, int64_t);
  if (!found || !places) return fail_nomem(err, "building the prompt");
  for (int i = 0; i < q->constraint_count; i++) {
    TRY(find_constraint(p, q->constraints[i], text, &found[i], &places[i], err));
    TRY(take_kind(q, i, &found[i], err));
  }
  p->constraint_bytes = places;
  p->info.constraints = found;
  p->info.constraint_count = q->constraint_count;
  return LOCI_OK;
}

static loci_status build(loci_prompt *p, const loci_question *q, const given_picture *given,
                         loci_err *err) {
  const loci_model *m = p->model;
  prompt_text text;
  token_rows rows = {0};
  TRY(prompt_word(p, q, &text, err));
  p->info.image_path = q->image ? arena_strdup(p->mem, q->image) : NULL;
  p->feature_width = m->weights->config.has_vision ? vision_feature_width(&m->weights->config) : 0;
  if (q->image && !p->info.image_path) return fail_nomem(err, "building the prompt");
  watch w = {q->progress, q->progress_ctx};
  const given_picture file = {.name = q->image}, *of = given ? given : &file;
  if (q->image) TRY(look_at(p, of, q->seen, &w, err));
  TRY(expand_tokens(m, text.text, q->image ? &p->image : NULL, p->add_special, p->mem, &rows, err));
  p->info.image_first = rows.image_first;
  if (prompt_picture(p)) {
    const loci_image_view *last = &p->image.views[p->image.view_count - 1];
    p->info.image_count = rows.image_first >= 0 ? p->image.count : 0;
    p->info.grid_rows = last->rows;
    p->info.grid_cols = last->cols;
    p->info.image_view_count = p->image.view_count;
    p->info.image_views = p->image.views;
  }
  TRY(find_runs(p, &rows, err));
  TRY(build_rows(p, &rows, err));
  TRY(prompt_place_rows(p, err));
  TRY(place_sources(p, rows.image_at, err));
  if (p->info.length == 0) return fail(err, LOCI_EINVAL, "the prompt is empty");
  TRY(check_length(p->model, p->info.length, "the prompt", err));
  TRY(find_constraints(p, q, &text, err));
  set_roles(p, (loci_token *)(uintptr_t)p->info.tokens);
  return LOCI_OK;
}

/* What was asked for and its command, of the prompt as a result. */
static loci_status tell(loci_prompt *p, loci_err *err) {
  loci_result told = {.memory = p->mem};
  command_words words = command_of("tokens", p->model);
  TRY(request_tell(&words, request_of_prompt(p), &told, err));
  p->info.result.request = told.request;
  p->info.result.command = told.command;
  return LOCI_OK;
}

loci_status prompt_new(const loci_model *model, const loci_question *question,
                       const given_picture *given, loci_prompt **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(model, "model");
  NEEDS(question, "question");
  loci_question q;
  TRY(options_take(loci_question, &q, question, err));
  NEEDS(q.text, "text of a question");
  TRY(check_list(q.constraint_count, q.constraints, "constraints", err));
  TRY(check_list(q.kind_count, q.kinds, "kinds", err));
  for (int i = 0; i < q.constraint_count; i++) NEEDS(q.constraints[i], "constraint");
  TRY(model_check_process(model, err));
  loci_prompt *p = calloc(1, sizeof *p);
  if (!p) return fail_nomem(err, "building the prompt");
  p->model = model;
  p->info.result.kind = LOCI_KIND_PROMPT;
  p->mem = arena_new();
  if (given) q.image = given->name;
  p->is_given = given != NULL;
  loci_status st = p->mem ? build(p, &q, given, err) : fail_nomem(err, "building the prompt");
  if (!st) st = tell(p, err);
  if (st) {
    loci_prompt_free(p);
    return st;
  }
  *out = p;
  return LOCI_OK;
}

loci_status loci_prompt_new(const loci_model *model, const loci_question *question,
                            loci_prompt **out, loci_err *err) {
  return prompt_new(model, question, NULL, out, err);
}

void loci_prompt_free(loci_prompt *p) {
  if (!p) return;
  if (p->kept) p->give_up(p->kept);
  arena_free(p->mem);
  free(p);
}

const loci_prompt_info *loci_prompt_get_info(const loci_prompt *p) { return p ? &p->info : NULL; }

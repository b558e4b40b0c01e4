/* Corruptions (see corrupt.h): what each kind writes over the input rows of the constraint or the
 * image. Replacement follows the paper; noise follows ROME (Meng et al. 2022). */
#include "study/corrupt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/random.h"
#include "model/compute.h"
#include "checkpoint/safetensors.h"

typedef enum kind {
#define CORRUPTION(id, name, argument, on_image, meaning) id,
#include "loci_names.def"
} kind;

static const struct {
  const char *name, *argument; /* "": takes none */
  bool on_image;
} kinds[] = {
#define CORRUPTION(id, name, argument, on_image, meaning) {name, argument, on_image},
#include "loci_names.def"
};

typedef struct request {
  const loci_prompt *p;
  const loci_trace_opts *opts;
  kind kind;
  const char *text; /* after the colon */
  double factor;
  bool of_data; /* deviations of a data set's constraints */
  arena *mem;
  int count;     /* rows that are changed: of positions, or of the picture's that are seen */
  float *rows;   /* (seeds, count, width) */
  int64_t width; /* of an input row */
  const st_tensor *noise; /* (seeds, count, drawn) of a file; NULL: none */
  const int *ids;         /* (T) of another question's prompt */
  const float *others; /* (P, width) instead of those that are not seen; NULL: the prompt's own */
} request;

/* KIND or KIND:VALUE.  A value where none is taken, or none where one is, is a mistake and not a
 * default: the corruption decides what the whole map means. */
static loci_status parse_kind(request *r, const char *given, loci_err *err) {
  size_t n = strcspn(given, ":");
  int k;
  TRY(name_find(LOCI_NAMES_CORRUPTION, given, n, &k, err));
  const char *name = kinds[k].name, *argument = kinds[k].argument;
  r->kind = (kind)k;
  r->text = given[n] ? given + n + 1 : NULL;
  if (!*argument && r->text) return fail(err, LOCI_EINVAL, "corruption %s takes no value", name);
  if (*argument && (!r->text || !r->text[0]))
    return fail(err, LOCI_EINVAL, "corruption %s needs a value: %s:%s", name, name, argument);
  if (strcmp(argument, "F") != 0) return LOCI_OK;
  const char *end;
  bool is_number = plain_decimal(r->text, &r->factor, &end);
  r->of_data = is_number && r->kind == NOISE && strcmp(end, "s") == 0;
  if (is_number && !end[r->of_data] && r->factor > 0 && r->factor <= 1e6) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "corruption %s: \"%s\" is not a number above 0 and at most 1e6",
              name, r->text);
}

const char *corruption_field(const char *given) {
  if (strcmp(given, "swap") == 0) return "swap";
  return strcmp(given, "question") == 0 ? "corrupt_question" : NULL;
}

loci_status corruption_check(const char *given, bool each, loci_err *err) {
  bool own = strcmp(given, "replace") == 0 || (each && corruption_field(given));
  return own ? LOCI_OK : parse_kind(&(request){0}, given, err);
}

bool corruption_is_noise(const char *given) {
  return strncmp(given, "noise:", 6) == 0 || strncmp(given, "image-noise:", 12) == 0;
}

bool corruption_is_of_data(const char *given) {
  request r = {0};
  return strncmp(given, "noise:", 6) == 0 && !parse_kind(&r, given, NULL) && r.of_data;
}

/* ---------------------------------------------------------------- replacement */

/* Every corrupted constraint's n tokens become TEXT's tokens, repeated and cut to n (authors: the
 * first one only), so that positions never shift. */
static loci_status replace_rows(const request *r, corruption *c, loci_err *err) {
  const loci_model *m = r->p->model;
  stand_in with;
  for (int i = 0; i < r->p->info.constraint_count; i++) {
    const loci_constraint *k = &r->p->info.constraints[i];
    if (r->opts->constraint && r->opts->constraint != i + 1) continue;
    TRY(replacement_ids(r->p, k, r->text, r->mem, &with, err));
    if (r->kind == SWAP && with.count != k->count) {
      return fail(
          err, LOCI_EINVAL,
          "swap: \"%s\" has %d token%s, the constraint \"%s\" has %d; they must be equal (or use "
          "replace:TEXT)",
          r->text, with.count, with.count == 1 ? "" : "s", k->text, k->count);
    }
    if (r->kind == SWAP && c->differs < 0) c->differs = with.differs;
    if (c->first_id < 0) c->first_id = with.ids[0];
    for (int j = 0; j < k->count; j++) {
      int at = 0, id = with.ids[r->opts->authors ? 0 : j % with.count];
      while (c->positions[at] != k->first + j) at++;
      if (!embed_token(m, id, r->rows + at * r->width)) {
        return fail(err, LOCI_EFORMAT, "token %d has no row in the embedding", id);
      }
    }
  }
  return LOCI_OK;
}

/* Another question changes the positions at which its prompt has other tokens. */
static loci_status find_differing(request *r, int *positions, int *count, loci_err *err) {
  int *ids;
  TRY(question_ids(r->p, r->text, r->mem, &ids, err));
  r->ids = ids;
  *count = 0;
  for (int i = 0; i < r->p->info.length; i++) {
    if (ids[i] != r->p->ids[i]) positions[(*count)++] = i;
  }
  if (*count > 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "the question \"%s\" has the prompt's own tokens", r->text);
}

static loci_status exchange_rows(const request *r, const corruption *c, loci_err *err) {
  for (int i = 0; i < r->count; i++) {
    int id = r->ids[c->positions[i]];
    if (!embed_token(r->p->model, id, r->rows + i * r->width))
      return fail(err, LOCI_EFORMAT, "token %d has no row in the embedding", id);
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- means and noise */

enum { ASKED_ROWS = 1024 };

/* Mean (D) and population standard deviation of all entries of the embedding matrix, all rows, as
 * they are read: scaled where the model scales them. */
static loci_status embedding_moments(const request *r, float *mean, double *deviation,
                                     loci_err *err) {
  const watch w = {r->opts->progress, r->opts->progress_ctx};
  const loci_model *m = r->p->model;
  const weight *e = &m->weights->embed;
  int64_t D = e->cols;
  float *row = arena_array(r->mem, D, float);
  double *sum = arena_zarray(r->mem, D, double), all = 0, squares = 0;
  if (!row || !sum) return fail_nomem(err, "averaging the embedding");
  for (int64_t i = 0; i < e->rows; i++) {
    if (i % ASKED_ROWS == 0 && watch_stops(&w, "embedding", (double)i, (double)e->rows))
      return fail(err, LOCI_ECANCELLED, "cancelled while averaging the embedding");
    weight_row(e, i, row);
    for (int64_t d = 0; d < D; d++) {
      sum[d] += (double)row[d];
      squares += (double)row[d] * (double)row[d];
    }
  }
  for (int64_t d = 0; d < D; d++) {
    all += sum[d];
    if (mean) mean[d] = (float)(sum[d] / (double)e->rows);
  }
  double n = (double)e->rows * (double)D;
  double by = model_decoder(m)->embed_scale > 0 ? model_decoder(m)->embed_scale : 1;
  *deviation = by * sqrt(fmax(0, squares / n - all / n * (all / n)));
  for (int64_t d = 0; mean && d < D; d++) mean[d] *= (float)by;
  return LOCI_OK;
}

/* Mean (width) of the image's projected rows, and the population standard deviation of each of
 * their parts. */
static void image_moments(const request *r, float *mean, double *deviation) {
  const loci_prompt *p = r->p;
  int64_t P = p->sources ? p->info.source_seen : p->info.image_count;
  int64_t D = model_decoder(p->model)->width;
  double n = (double)P * (double)D;
  for (int64_t first = 0; first < r->width; first += D) {
    double all = 0, squares = 0;
    for (int64_t d = first; d < first + D; d++) {
      double sum = 0;
      for (int64_t i = 0; i < P; i++) {
        double x = (double)p->projected[i * r->width + d];
        sum += x;
        squares += x * x;
      }
      all += sum;
      mean[d] = (float)(sum / (double)P);
    }
    deviation[first / D] = sqrt(fmax(0, squares / n - all / n * (all / n)));
  }
}

/* Numbers of a row that get noise: an image's all, a token's that the first layer reads. */
static int64_t noisy_width(const request *r) {
  return kinds[r->kind].on_image ? r->width : model_decoder(r->p->model)->width;
}

/* rows := the prompt's own rows plus noise, drawn or read from a file. */
static void draw_noise(const request *r, const corruption *c, const double *deviation) {
  int64_t n = noisy_width(r), D = model_decoder(r->p->model)->width;
  for (int s = 0; s < c->seeds; s++) {
    random_source source = random_stream(r->opts->seed, (uint64_t)s);
    for (int64_t i = 0; i < r->count * n; i++) {
      double sigma = r->factor * deviation[i % n / D];
      float *row = r->rows + ((int64_t)s * r->count + i / n) * r->width;
      row[i % n] += (float)(sigma * random_gaussian(&source));
    }
  }
}

/* As many rows as are corrupted: a file for another span would corrupt the wrong positions without
 * a word. */
static loci_status check_noise(const request *r, const st_tensor *t, loci_err *err) {
  int64_t n = noisy_width(r);
  const char *path = r->opts->noise_path;
  if (!t || t->dtype != ST_F32 || t->rank != 3 || t->shape[2] != n || t->shape[0] < 1) {
    return fail(err, LOCI_EFORMAT,
                "%s: expected a tensor \"noise\", F32, of shape (seeds, rows, %lld)", path,
                (long long)n);
  }
  if (t->shape[0] > 10000) return fail(err, LOCI_EFORMAT, "%s: more than 10000 seeds", path);
  if (t->shape[1] == r->count) return LOCI_OK;
  return fail(err, LOCI_EFORMAT,
              "%s: the noise has %lld rows, %d %s are corrupted: expected (%lld, %d, %lld)", path,
              (long long)t->shape[1], r->count,
              kinds[r->kind].on_image && r->p->sources ? "rows of the picture" : "positions",
              (long long)t->shape[0], r->count, (long long)n);
}

/* Noise from a file is added as it is, unscaled: it is there so that another program's very
 * noise can be repeated. */
static void add_noise_file(const request *r) {
  const st_tensor *t = r->noise;
  int64_t n = noisy_width(r);
  for (int64_t i = 0; i < t->bytes / 4; i++) {
    float x;
    memcpy(&x, t->data + 4 * i, sizeof x);
    r->rows[i / n * r->width + i % n] += x;
  }
}

/* Written over copies of the clean rows, so that a kind that adds (noise) and kinds that replace
 * are one mechanism. */
static loci_status fill_rows(request *r, corruption *c, loci_err *err) {
  int64_t W = r->width;
  float *mean = arena_zarray(r->mem, W, float), *projected;
  double *deviation = arena_zarray(r->mem, 1 + model_decoder(r->p->model)->deep, double);
  watch w = {r->opts->progress, r->opts->progress_ctx};
  if (!mean || !deviation) return fail_nomem(err, "corrupting the prompt");
  switch (r->kind) {
    case REPLACE:
    case SWAP: return replace_rows(r, c, err);
    case QUESTION: return exchange_rows(r, c, err);
    case IMAGE:
      TRY(project_image(r->p, r->text, &w, r->mem, &projected, err));
      memcpy(r->rows, projected, (size_t)(r->count * W) * sizeof *projected);
      r->others = projected;
      return LOCI_OK;
    case NOISE:
      *deviation = r->opts->noise_deviation;
      if (!r->of_data) TRY(embedding_moments(r, mean, deviation, err));
      break;
    case MEAN: TRY(embedding_moments(r, mean, deviation, err)); break;
    default: image_moments(r, mean, deviation); break;
  }
  if (r->kind == MEAN || r->kind == IMAGE_MEAN) {
    for (int i = 0; i < r->count; i++) memcpy(r->rows + i * W, mean, (size_t)W * sizeof *mean);
  } else if (r->noise) {
    add_noise_file(r);
  } else {
    draw_noise(r, c, deviation);
  }
  return LOCI_OK;
}

/* The two ways in which there is nothing to corrupt, each with the option that mends it. */
static loci_status check_target(const request *r, loci_err *err) {
  if (kinds[r->kind].on_image && !prompt_picture(r->p)) {
    return fail(err, LOCI_EINVAL, "corruption %s needs a prompt with an image (-i)",
                kinds[r->kind].name);
  }
  if (r->count == 0) {
    return fail(err, LOCI_EINVAL,
                "corruption %s needs a constraint: the piece of the question to corrupt (-c)",
                kinds[r->kind].name);
  }
  return LOCI_OK;
}

/* What cross-attention reads in each corrupted run: the changed rows, then those that are not seen.
 */
static loci_status make_sources(const request *r, corruption *c, loci_err *err) {
  const loci_prompt *p = r->p;
  int64_t D = model_decoder(p->model)->width, P = p->info.source_count, n = r->count;
  float *rows = arena_array(r->mem, c->seeds * P * D, float);
  c->sources = arena_array(r->mem, c->seeds, const source_rows *);
  c->source_rows = rows;
  if (!rows || !c->sources) return fail_nomem(err, "corrupting the picture");
  for (int s = 0; s < c->seeds; s++, rows += P * D) {
    memcpy(rows, r->others ? r->others : p->projected, (size_t)(P * D) * sizeof *rows);
    memcpy(rows, r->rows + s * n * D, (size_t)(n * D) * sizeof *rows);
    TRY(prompt_sources(p, rows, r->mem, &c->sources[s], err));
  }
  return LOCI_OK;
}

/* Where the corrupted runs begin to differ, once rows have seen each other. */
static void find_first(const loci_prompt *p, corruption *c) {
  const decoder_config *d = model_decoder(p->model);
  c->first = c->sources ? sources_first(p->sources) : mutual_first(p->mutual, c->positions[0]);
  while (c->sources && !d->cross[c->layer]) c->layer++;
}

/* Several seeds are several corrupted runs, each with rows of its own; a kind without chance has
 * one. */
static loci_status make_rows(request *r, corruption *out, loci_err *err) {
  const loci_prompt *p = r->p;
  int64_t W = r->width;
  bool outside = kinds[r->kind].on_image && p->sources;
  if (r->noise) out->seeds = (int)r->noise->shape[0]; /* else the request's */
  r->rows = arena_array(r->mem, (int64_t)out->seeds * r->count * W, float);
  if (!r->rows) return fail_nomem(err, "corrupting the prompt");
  for (int s = 0; s < out->seeds; s++) {
    for (int i = 0; i < r->count; i++) {
      const float *own = outside ? p->projected + i * W : p->embeds + out->positions[i] * W;
      memcpy(r->rows + ((int64_t)s * r->count + i) * W, own, (size_t)W * sizeof *r->rows);
    }
  }
  out->rows = r->rows;
  TRY(fill_rows(r, out, err));
  if (outside) TRY(make_sources(r, out, err));
  find_first(p, out);
  return LOCI_OK;
}

/* A file of noise is opened once: what its size says is of the bytes that are read. */
static loci_status make(const loci_prompt *p, const loci_trace_opts *opts, const char *given,
                        arena *mem, corruption *out, loci_err *err) {
  request r = {.p = p, .opts = opts, .mem = mem, .width = input_width(model_decoder(p->model))};
  *out = (corruption){
      .kind = arena_strdup(mem, given), .first_id = -1, .differs = -1, .seeds = opts->seeds};
  int *positions = arena_array(mem, p->info.length, int);
  if (!out->kind || !positions) return fail_nomem(err, "corrupting the prompt");
  TRY(parse_kind(&r, given, err));
  group_kind group = kinds[r.kind].on_image ? GROUP_IMAGE : GROUP_CONSTRAINT;
  bool outside = kinds[r.kind].on_image && p->sources;
  if (r.kind == QUESTION) {
    TRY(find_differing(&r, positions, &out->count, err));
  } else {
    out->count = outside ? 0 : group_positions(p, group, opts->constraint, positions);
  }
  out->positions = positions;
  r.count = outside ? p->info.source_seen : out->count;
  TRY(check_target(&r, err));
  if (!opts->noise_path) return make_rows(&r, out, err);
  st_file *f;
  TRY(st_open(opts->noise_path, &f, err));
  r.noise = st_find(f, "noise");
  loci_status st = check_noise(&r, r.noise, err);
  if (!st) st = make_rows(&r, out, err);
  st_close(f);
  return st;
}

void corruption_lay(const corruption *c, int seed, const float *embeds, int length, int64_t width,
                    float *rows) {
  const float *changed = c->rows + (int64_t)seed * c->count * width;
  memcpy(rows, embeds, (size_t)(length * width) * sizeof *rows);
  for (int i = 0; i < c->count; i++)
    memcpy(rows + c->positions[i] * width, changed + i * width, (size_t)width * sizeof *rows);
}

bool corruption_is_default(const loci_trace_opts *opts) {
  return strcmp(opts->corrupt, "replace") == 0;
}

loci_status corruption_make(const loci_prompt *p, const loci_trace_opts *opts, int answer,
                            arena *mem, corruption *out, loci_err *err) {
  static const char *const usual[] = {CORRUPTION_USUAL, "replace:London", "replace:Tokyo",
                                      "replace:Rome"};
  if (!corruption_is_default(opts)) return make(p, opts, opts->corrupt, mem, out, err);
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
    TRY(make(p, opts, usual[i], mem, out, err));
    if (out->first_id != answer) return LOCI_OK;
  }
  return make(p, opts, usual[0], mem, out, err); /* all begin alike: with a blank of their own */
}

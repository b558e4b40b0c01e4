/* Opening a model (see model.h): the parts are opened in the order of the data's way, and a part
 * that only some commands need (chat template, image processor) keeps its complaint until it is
 * asked for. */
#include "model/changes.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "base/threads.h"
#include "device/devices.h"
#include "model/tokens.h"
#include "model/vision.h"
#include "tensor/product.h"

static loci_status choose_precision(loci_model *m, loci_precision wanted, loci_err *err) {
  checkpoint_sizes sizes = checkpoint_measure(m->weights);
  bool bf16 =
      wanted == LOCI_PRECISION_BF16 || (!m->device && wanted == LOCI_PRECISION_AUTO &&
                                        sizes.main_dtype != DTYPE_F32 && product_has_bf16());
  if (wanted == LOCI_PRECISION_BF16 && !product_has_bf16()) {
    return fail(err, LOCI_EUNSUPPORTED,
                "this CPU has no bf16 products (AVX-512 BF16 or AMX); use --precision f32");
  }
  m->compute_type = bf16 ? DTYPE_BF16 : DTYPE_F32;
  m->info.precision = dtype_name(m->compute_type);
  m->info.dtype = dtype_name(sizes.main_dtype);
  m->info.bytes = sizes.bytes;
  m->info.parameters = sizes.parameters;
  m->info.files = sizes.files;
  return LOCI_OK;
}

bool model_keeps_sizes(const loci_model *m) {
  const model_config *c = &m->weights->config;
  bool grid = !m->pixels_problem.code && m->pixels.grid != GRID_NONE;
  return c->has_vision &&
         (c->vision.image_size == 0 || c->tiles.count > 0 || c->vision.places > 0 || grid);
}

image_shape model_usual_shape(const loci_model *m) {
  const vision_config *v = &m->weights->config.vision;
  int cell = v->patch * v->merge, S = v->image_size;
  image_shape s = {.views = 1, .height = S, .width = S, .full_height = S, .full_width = S};
  if (!m->weights->config.has_vision) return (image_shape){0};
  if (!model_keeps_sizes(m)) return s;
  if (!m->pixels_problem.code && !image_shape_of(&m->pixels, 640, 480, &s, NULL)) return s;
  /* a model that sees, if only it could be told */
  s = (image_shape){.views = 1, .height = S, .width = S};
  if (S == 0 && cell > 0) { /* a multiple of what is merged */
    s.width = (640 + cell - 1) / cell * cell;
    s.height = (480 + cell - 1) / cell * cell;
  }
  return s;
}

/* Which layers read the picture by cross-attention. */
static loci_status list_cross_layers(loci_model *m, loci_err *err) {
  const decoder_config *d = model_decoder(m);
  if (!d->cross) return LOCI_OK;
  int *layers = arena_array(m->mem, d->layers, int), n = 0;
  if (!layers) return fail_nomem(err, "opening the model");
  for (int l = 0; l < d->layers; l++) {
    if (d->cross[l]) layers[n++] = l;
  }
  m->info.image_outside = true;
  m->info.cross_layer_count = n;
  m->info.cross_layers = layers;
  return LOCI_OK;
}

/* Of a picture that fills its tiles. */
static int most_tiles(const image_processor *p) {
  int longest = p->longest_edge < 4096 ? p->longest_edge + p->longest_edge % 2 : 4096;
  int side = p->resize_width > 0 ? (longest - 1) / p->resize_width + 1 : 0;
  int most = p->grid == GRID_NEAREST ? p->most_tiles : longest ? side * side : GRID_MOST;
  return most > 1 ? most : 0;
}

static loci_status fill_info(loci_model *m, loci_err *err) {
  const model_config *c = &m->weights->config;
  loci_model_info *i = &m->info;
  i->family = c->family;
  i->layout = layout_name(c->layout);
  i->text_model = c->text.model_type;
  i->vision_model = c->has_vision ? c->vision.model_type : NULL;
  i->template_name = m->chat_problem.code       ? NULL
                     : m->templates.has_default ? m->templates.items[0].name
                                                : c->default_template;
  i->tokenizer = tokenizer_kind(m->tokens);
  i->layers = c->text.layers;
  i->width = c->text.width;
  i->inner = c->text.inner;
  i->heads = c->text.heads;
  i->kv_heads = c->text.kv_heads;
  i->head_dim = c->text.head_dim;
  i->vocab = c->text.vocab;
  i->max_positions = c->text.max_positions;
  image_shape usual = model_usual_shape(m);
  i->image_rows = layout_of(c, &usual).count;
  TRY(list_cross_layers(m, err));
  for (int k = 0; k < c->tiles.count; k++) {
    const int *size = c->tiles.at[k];
    int tiles = size[0] / c->vision.image_size * (size[1] / c->vision.image_size);
    if (tiles > i->image_tiles) i->image_tiles = tiles;
  }
  i->image_size = c->has_vision ? c->vision.image_size : 0;
  if (c->vision.places) i->image_tiles = c->vision.places;
  if (m->pixels.grid != GRID_NONE) i->image_tiles = most_tiles(&m->pixels);
  if (!c->has_vision || i->image_size > 0 || m->pixels_problem.code) return LOCI_OK;
  i->min_pixels = m->pixels.min_pixels;
  i->max_pixels = m->pixels.max_pixels;
  return LOCI_OK;
}

/* The matrices of a walk are the device's to keep: what edits put in their place is not. */
static loci_status open_device(loci_model *m, const char *name, loci_err *err) {
  const char *usual = name ? NULL : getenv("LOCI_DEVICE");
  loci_err own;
  if (usual) name = *usual ? usual : NULL;
  loci_status st = device_open(name, &m->device, &own);
  if (st) return usual ? fail(err, st, "LOCI_DEVICE: %s", own.msg) : pass_on(&own, err);
  m->info.device = device_name(m->device);
  for (int l = 0; m->device && l < model_decoder(m)->layers; l++) {
    const decoder_layer *w = &m->weights->layers[l];
    const weight *all[] = {&w->q.w, &w->k.w, &w->v.w, &w->o.w, &w->gate.w, &w->up.w, &w->down.w};
    enum { MOST = sizeof all / sizeof *all };
    for (int i = 0; i < MOST; i++) TRY(device_keeps(m->device, all[i], l, i, err));
  }
  if (!m->device) return LOCI_OK;
  TRY(device_keeps(m->device, &m->weights->head.w, -1, 0, err));
  if (m->asked.precision == LOCI_PRECISION_BF16)
    return fail(err, LOCI_EUNSUPPORTED, "%s computes in f32, not in bf16 (--precision f32)",
                m->info.device);
  int64_t left = 0;
  char plan[200];
  TRY(device_plan(m->device, m->asked.memory_bytes, &left, plan, err));
  if (m->memory > left) m->memory = left;
  char note[320];
  snprintf(note, sizeof note, "gradients were computed by the processor: %s cannot compute them",
           m->info.device);
  if (m->weights->config.has_vision)
    snprintf(plan + strlen(plan), sizeof plan - strlen(plan), "; the processor reads pictures");
  m->info.device_plan = arena_strdup(m->mem, plan);
  if (!device_back(m->device)) m->back_note = arena_strdup(m->mem, note);
  bool ok = m->info.device_plan && (device_back(m->device) || m->back_note);
  return ok ? LOCI_OK : fail_nomem(err, "opening the model");
}

/* The processor must cut pictures as the tower reads them; --max-pixels is its own bound. */
static void check_cells(loci_model *m, const char *dir) {
  const vision_config *v = &m->weights->config.vision;
  image_processor *p = &m->pixels;
  int merge = v->image_size ? 0 : v->merge, frames = v->image_size ? 0 : v->frames;
  int patch = v->image_size ? 0 : v->patch;
  if (p->merge != merge || p->frames != frames || p->patch != patch) {
    fail(&m->pixels_problem, LOCI_EFORMAT,
         "%s: the image processor makes patches of %d pixels, %d frames, merged by %d, but the "
         "vision tower reads %d, %d and %d (0: pictures of one size)",
         dir, p->patch, p->frames, p->merge, patch, frames, merge);
  } else if (p->places != v->places || !tile_sizes_equal(&p->canvases, &v->canvases)) {
    fail(&m->pixels_problem, LOCI_EFORMAT,
         "%s: the image processor makes %d tiles of a picture, or puts them on other canvases than "
         "the "
         "vision tower, which reads %d (\"max_image_tiles\", \"supported_aspect_ratios\")",
         dir, p->places, v->places);
  } else if (!tile_sizes_equal(&p->tiles, &m->weights->config.tiles)) {
    fail(&m->pixels_problem, LOCI_EFORMAT,
         "%s: the image processor and config.json list other sizes of tiles "
         "(\"image_grid_pinpoints\")",
         dir);
  } else if (merge && m->asked.max_pixels > 0) {
    image_bound(p, m->asked.max_pixels, &m->pixels_problem);
  }
}

/* The processor must make the picture the tower was built for. */
static void check_processor(loci_model *m, const char *dir) {
  const image_processor *p = &m->pixels;
  int size = m->weights->config.vision.image_size;
  check_cells(m, dir);
  if (m->pixels_problem.code || size == 0) return;
  int w = p->crop ? p->crop_width : p->shortest_edge ? size : p->resize_width;
  int h = p->crop ? p->crop_height : p->shortest_edge ? size : p->resize_height;
  if (!p->resize && !p->crop) return;
  if (w != size || h != size) {
    fail(&m->pixels_problem, LOCI_EFORMAT,
         "%s: the image processor makes pictures of %d x %d, but the vision tower reads %d x %d",
         dir, w, h, size, size);
  }
}

/* The bound on pictures has to act. */
static loci_status check_max_pixels(const loci_model *m, const char *dir, loci_err *err) {
  const model_config *c = &m->weights->config;
  if (m->asked.max_pixels == 0 || (c->has_vision && c->vision.image_size == 0)) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "%s: %s, so there is no bound on a picture's pixels to be set (--max-pixels)", dir,
              c->has_vision ? "all pictures are brought to one size" : "a text-only model");
}

/* The rows before a picture are a question of cross-attention. */
static loci_status check_gate_rows(const loci_model *m, const char *dir, loci_err *err) {
  if (!m->asked.gate_rows_hf || model_decoder(m)->cross) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "%s: no layer reads the picture by cross-attention, so there are no rows to be gated "
              "(--gate-rows)",
              dir);
}

static loci_status open_components(loci_model *m, const char *dir, loci_precision wanted,
                                   loci_err *err) {
  const char *eyes = m->asked.mmproj, *pictures = eyes ? eyes : dir;
  TRY(checkpoint_open_with(dir, eyes, &m->weights, err));
  TRY(check_max_pixels(m, dir, err));
  TRY(check_gate_rows(m, dir, err));
  TRY(open_device(m, m->asked.device, err));
  TRY(choose_precision(m, wanted, err));
  TRY(tokenizer_open(dir, &m->tokens, err));
  TRY(image_mark_of(&m->weights->config, m->tokens, m->mem, &m->image_mark, err));
  loci_status st = template_list_read(dir, m->weights->config.has_vision, m->mem, &m->templates,
                                      &m->chat_problem);
  if (st && !status_is_own(st)) return pass_on(&m->chat_problem, err);
  if (m->weights->config.has_vision) {
    st = image_processor_read(pictures, &m->pixels, &m->pixels_problem);
    if (st && !status_is_own(st)) return pass_on(&m->pixels_problem, err);
    if (st == LOCI_OK) check_processor(m, pictures);
  }
  return LOCI_OK;
}

static int64_t half_of_memory(void) {
  int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? pages / 2 * size : (int64_t)1 << 30;
}

static loci_status take_note(loci_model *m, const char *note, loci_err *err) {
  if (m->info.note_count == MODEL_NOTES) return LOCI_OK;
  m->notes[m->info.note_count] = arena_strdup(m->mem, note);
  return m->notes[m->info.note_count++] ? LOCI_OK : fail_nomem(err, "opening the model");
}

/* Gathers what the parts found odd, as far as there is room. */
static loci_status gather_notes(loci_model *m, loci_err *err) {
  const char *note;
  m->info.notes = m->notes;
  for (int i = 0; (note = checkpoint_note(m->weights, i)) != NULL; i++)
    TRY(take_note(m, note, err));
  for (int i = 0; (note = tokenizer_note(m->tokens, i)) != NULL; i++) TRY(take_note(m, note, err));
  if (m->chat_problem.code) TRY(take_note(m, m->chat_problem.msg, err));
  if (m->pixels_problem.code) TRY(take_note(m, m->pixels_problem.msg, err));
  return LOCI_OK;
}

loci_status loci_model_open(const char *dir, const loci_model_opts *opts, loci_model **out,
                            loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(dir, "directory");
  loci_model_opts o;
  TRY(options_take(loci_model_opts, &o, opts, err));
  if (o.threads < 0 || o.threads > 1024) {
    return fail(err, LOCI_EINVAL, "threads: %d, expected 1 to 1024", o.threads);
  }
  if ((int)o.precision < 0 || o.precision > LOCI_PRECISION_BF16) {
    return fail(err, LOCI_EINVAL, "precision %d: there are auto, f32 and bf16", (int)o.precision);
  }
  if (o.max_pixels < 0) return fail(err, LOCI_EINVAL, "%lld pixels", (long long)o.max_pixels);
  if (o.memory_bytes < 0) {
    return fail(err, LOCI_EINVAL, "%lld bytes of memory", (long long)o.memory_bytes);
  }
  int threads = o.threads ? o.threads : omp_get_max_threads();
  TRY(threads_check(threads, err));
  loci_model *m = calloc(1, sizeof *m);
  if (!m) return fail_nomem(err, "opening the model");
  loci_status st = LOCI_OK;
  m->mem = arena_new();
  m->info.path = m->mem ? arena_strdup(m->mem, dir) : NULL;
  m->lazy_hash = m->mem ? arena_zarray(m->mem, 1, lazy_hash) : NULL;
  if (!m->info.path || !m->lazy_hash) {
    st = fail_nomem(err, "opening the model");
    goto done;
  }
  pthread_mutex_init(&m->lazy_hash->lock, NULL);
  m->asked = o;
  m->asked.mmproj = o.mmproj ? arena_strdup(m->mem, o.mmproj) : NULL;
  m->asked.device = o.device ? arena_strdup(m->mem, o.device) : NULL;
  if ((o.mmproj && !m->asked.mmproj) || (o.device && !m->asked.device)) {
    st = fail_nomem(err, "opening the model");
    goto done;
  }
  m->info.turns_images = o.turn_images;
  m->process = getpid();
  m->threads = threads;
  m->memory = o.memory_bytes > 0 ? o.memory_bytes : half_of_memory();
  TRY_DONE(open_components(m, dir, o.precision, err));
  m->release = o.memory_bytes > 0 && m->info.bytes > o.memory_bytes;
  TRY_DONE(fill_info(m, err));
  TRY_DONE(gather_notes(m, err));
  *out = m;
  m = NULL;
done:
  loci_model_close(m);
  return st;
}

void loci_model_close(loci_model *m) {
  if (!m) return;
  changes_free(m);
  device_close(m->device);
  checkpoint_close(m->weights);
  tokenizer_close(m->tokens);
  if (m->lazy_hash) pthread_mutex_destroy(&m->lazy_hash->lock);
  arena_free(m->mem);
  free(m);
}

const loci_model_info *loci_model_get_info(const loci_model *m) {
  return !m ? NULL : m->edited_info ? m->edited_info : &m->info;
}

const char *model_quantised(const loci_model_info *m) {
  return m && m->dtype && m->dtype[0] == 'Q' ? m->dtype : NULL;
}

/* Threads that share a model may ask at once: one reads, the others wait for it. */
loci_status model_hash(const loci_model *m, loci_progress_fn progress, void *ctx, const char **out,
                       loci_err *err) {
  lazy_hash *h = m->lazy_hash;
  loci_status st = LOCI_OK;
  *out = NULL;
  pthread_mutex_lock(&h->lock);
  if (!h->text[0]) st = checkpoint_hash(m->weights, progress, ctx, h->text, err);
  pthread_mutex_unlock(&h->lock);
  if (!st) *out = h->text;
  return st;
}

const char *model_known_hash(const loci_model *m) {
  lazy_hash *h = m->lazy_hash;
  pthread_mutex_lock(&h->lock);
  const char *text = h->text[0] ? h->text : "";
  pthread_mutex_unlock(&h->lock);
  return text;
}

loci_status model_check_process(const loci_model *m, loci_err *err) {
  if (m->threads > 1 && (m->process == 0 || m->process == getpid())) threads_used();
  if (m->threads <= 1 || m->process == 0 || m->process == getpid()) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "the model was opened with %d threads by the process that this one was forked from: "
              "threads do not follow a fork, so open it with one thread, or fork before",
              m->threads);
}

double model_layer_flop(const loci_model *m) {
  const decoder_config *c = model_decoder(m);
  double attention = (double)c->width * c->head_dim * (2.0 * c->heads + 2.0 * c->kv_heads);
  return 2 * (attention + (c->gated ? 3.0 : 2.0) * c->width * c->inner);
}

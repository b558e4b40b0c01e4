/* A set of heads, or of layers, restored together at a group's positions, and beside it random sets
 * of as many (see sets.h; docs/MATH.md, "Sets and controls").
 *
 * In a random set every unit of the tested one, a head or a layer, is replaced by one drawn from
 * the ten whose clean and corrupted values are most nearly as far apart, ||D_u|| over the group's
 * positions by the ratio of norms, of those that can change anything, are not in the tested set and
 * are not drawn yet.  All sets are cells of the sweep, so that controls cost branches. */
#include "study/sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "study/differences.h"

enum { MOST_UNITS = 256, NEAREST = 10 };
/* A stream of random numbers that no corruption's seed has. */
#define SETS_STREAM 0x73657473ULL

/* One set beside its controls: a row of cells of its own, the tested one first. */
typedef struct row {
  loci_grid of; /* direction, site, and the cells */
  const char *group;
  const int *positions;
  int position_count;
  unit *units;   /* (1 + controls, count) */
  double *norms; /* (1 + controls) */
  bool nothing;  /* restoring the set changes nothing: none of it is run */
} row;

struct sets {
  unit *units;
  int count, controls, row_count;
  bool heads;
  row *rows;
  differences d;
};

/* ---------------------------------------------------------------- reading */

static bool read_number(const char **at, int *out) {
  size_t n = strspn(*at, "0123456789");
  if (n < 1 || n > 6) return false;
  *out = atoi(*at);
  *at += n;
  return true;
}

/* "5.3", "7" or "3-5" of layers; *last the end. */
static bool read_item(const char **at, unit *out, int *last) {
  out->head = -1;
  if (!read_number(at, &out->layer)) return false;
  *last = out->layer;
  if (**at == '.') return ++*at && read_number(at, &out->head);
  if (**at == '-') return ++*at && read_number(at, last) && *last >= out->layer;
  return true;
}

static bool is_in(const unit *units, int n, unit u) {
  for (int i = 0; i < n; i++)
    if (units[i].layer == u.layer && units[i].head == u.head) return true;
  return false;
}

static loci_status check_unit(const char *text, const decoder_config *c, const unit *units, int n,
                              unit u, loci_err *err) {
  if (n == MOST_UNITS)
    return fail(err, LOCI_EINVAL, "set \"%.40s\": more than %d heads or layers", text, MOST_UNITS);
  if (is_in(units, n, u))
    return fail(err, LOCI_EINVAL, "set \"%.40s\": layer %d is there twice", text, u.layer);
  if (!c || (u.layer < c->layers && u.head < c->heads)) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "set \"%.40s\": the model has layers 0 to %d, heads 0 to %d", text,
              c->layers - 1, c->heads - 1);
}

loci_status sets_read(const char *text, const decoder_config *c, unit *units, int *count,
                      bool *heads, loci_err *err) {
  unit room[MOST_UNITS], u;
  const char *at = text;
  int last, n = 0;
  do {
    bool sound = read_item(&at, &u, &last) && (!*at || *at == ',');
    if (n == 0) *heads = u.head >= 0;
    if (!sound || *heads != (u.head >= 0))
      return fail(err, LOCI_EINVAL,
                  "set \"%.40s\": expected heads such as 5.3,6.1 (layer and head), or layers such "
                  "as 3-5,7",
                  text);
    for (; u.layer <= last; u.layer++) {
      TRY(check_unit(text, c, room, n, u, err));
      room[n++] = u;
    }
  } while (*at++ == ',');
  *count = n;
  if (units) memcpy(units, room, (size_t)n * sizeof *room);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- random sets */

/* ||D_u||, root of the mean over seeds of its square. */
static double norm_of(const sweep *s, const row *r, unit u) {
  const differences *d = &s->sets->d;
  int64_t K = model_decoder(s->m)->head_dim, n = u.head < 0 ? d->row[r->of.site] : K;
  double sum = 0;
  for (int seed = 0; seed < s->corrupted.seeds; seed++) {
    for (int i = 0; i < r->position_count; i++) {
      if (r->positions[i] < s->first) continue;
      const float *x = differences_row(d, r->of.site, seed, u.layer, r->positions[i] - s->first);
      if (u.head >= 0) x += u.head * K;
      for (int64_t k = 0; k < n; k++) sum += (double)x[k] * (double)x[k];
    }
  }
  return sqrt(sum / s->corrupted.seeds);
}

static double norm_of_set(const sweep *s, const row *r, const unit *units) {
  double sum = 0;
  for (int i = 0; i < s->sets->count; i++) {
    double x = norm_of(s, r, units[i]);
    sum += x * x;
  }
  return sqrt(sum);
}

static bool unit_matters(const sweep *s, const row *r, unit u) {
  for (int i = 0; i < r->position_count; i++)
    if (restoring_matters(s, r->of.site, r->positions[i], u.layer)) return true;
  return false;
}

/* What may be drawn: all that the trace's layers have. */
typedef struct pool {
  unit *of;
  double *size; /* log of the norm */
  bool *taken;
  int count;
} pool;

/* What a random set is drawn from: every unit that could reach the answer and is not of the set
 * itself. */
static loci_status pool_new(const sweep *s, const row *r, arena *mem, pool *out, loci_err *err) {
  const struct sets *x = s->sets;
  const loci_trace_opts *o = s->opts;
  int H = x->heads ? model_decoder(s->m)->heads : 1;
  int64_t n = (int64_t)o->layer_count * H;
  *out =
      (pool){arena_array(mem, n, unit), arena_array(mem, n, double), arena_zarray(mem, n, bool), 0};
  if (!out->of || !out->size || !out->taken) return fail_nomem(err, "drawing sets");
  for (int64_t i = 0; i < n; i++) {
    unit u = {o->first_layer + (int)(i / H), x->heads ? (int)(i % H) : -1};
    if (is_in(x->units, x->count, u) || !unit_matters(s, r, u)) continue;
    out->of[out->count] = u;
    out->size[out->count++] = log(norm_of(s, r, u) + 1e-30);
  }
  if (out->count >= x->count) return LOCI_OK;
  return fail(err, LOCI_EINVAL,
              "a set of %d leaves %d others to draw from, which is too few for random sets of as "
              "many",
              x->count, out->count);
}

/* One of the nearest that is not taken yet. */
static unit draw_like(pool *p, double size, random_source *r) {
  int nearest[NEAREST] = {0}, n = 0;
  for (int i = 0; i < p->count; i++) {
    if (p->taken[i]) continue;
    int at = n < NEAREST ? n++ : NEAREST;
    for (; at > 0; at--) {
      if (fabs(p->size[nearest[at - 1]] - size) <= fabs(p->size[i] - size)) break;
      if (at < NEAREST) nearest[at] = nearest[at - 1];
    }
    if (at < NEAREST) nearest[at] = i;
  }
  int chosen = nearest[random_below(r, n)];
  p->taken[chosen] = true;
  return p->of[chosen];
}

/* Controls of the set's own norms, unit by unit: a set of large outputs has more effect whatever
 * it says. */
static loci_status draw_sets(sweep *s, row *r, int number, loci_err *err) {
  struct sets *x = s->sets;
  arena *mem = arena_new();
  pool p = {0};
  loci_status st = mem ? pool_new(s, r, mem, &p, err) : fail_nomem(err, "drawing sets");
  random_source random = random_stream(s->opts->seed, SETS_STREAM + (uint64_t)number);
  memcpy(r->units, x->units, (size_t)x->count * sizeof *x->units);
  const watch asked = {s->opts->progress, s->opts->progress_ctx};
  double *wanted = st ? NULL : arena_array(mem, x->count, double);
  if (!st && !wanted) st = fail_nomem(err, "drawing sets");
  for (int i = 0; !st && i < x->count; i++) wanted[i] = log(norm_of(s, r, x->units[i]) + 1e-30);
  for (int k = 0; !st && k <= x->controls; k++) {
    unit *of = r->units + (int64_t)k * x->count;
    if (watch_stops(&asked, "sets", k, x->controls))
      st = fail(err, LOCI_ECANCELLED, "cancelled while drawing sets");
    if (k > 0) memset(p.taken, 0, (size_t)p.count);
    for (int i = 0; k > 0 && i < x->count; i++) of[i] = draw_like(&p, wanted[i], &random);
    r->norms[k] = norm_of_set(s, r, of);
  }
  arena_free(mem);
  return st;
}

/* ---------------------------------------------------------------- cells */

/* A set and its controls are cells of a grid with one layer, so that the sweep runs them like all
 * others. */
static loci_status row_new(sweep *s, row *r, const loci_grid *g, const char *group, loci_err *err) {
  const struct sets *x = s->sets;
  int64_t n = 1 + x->controls;
  group_kind kind;
  TRY(group_find(group, strlen(group), &kind, err));
  int *positions = arena_array(s->mem, s->T, int);
  loci_metrics *cells = arena_zarray(s->mem, n, loci_metrics);
  r->units = arena_array(s->mem, n * x->count, unit);
  r->norms = arena_zarray(s->mem, n, double);
  if (!positions || !cells || !r->units || !r->norms) return fail_nomem(err, "laying out sets");
  r->group = group;
  r->position_count = group_positions(s->p, kind, s->opts->constraint, positions);
  r->positions = positions;
  r->of = (loci_grid){.site = g->site,
                      .direction = g->direction,
                      .window = 1,
                      .layer_count = 1,
                      .column_count = (int)n,
                      .cells = cells};
  r->nothing = true;
  for (int i = 0; i < x->count; i++) r->nothing &= !unit_matters(s, r, x->units[i]);
  return LOCI_OK;
}

/* A row's sets after the cells that are there; its results go to its own cells. */
static void add_cells(sweep *s, const row *r, int grid) {
  const struct sets *x = s->sets;
  for (int k = 0; k <= x->controls && !r->nothing; k++) {
    cell c = {.grid = grid,
              .at = k,
              .site = r->of.site,
              .direction = r->of.direction,
              .head = -1,
              .positions = r->positions,
              .position_count = r->position_count,
              .units = r->units + (int64_t)k * x->count,
              .unit_count = x->count};
    c.begin = c.end = c.units[0].layer;
    for (int i = 0; i < x->count; i++) {
      if (c.units[i].layer < c.begin) c.begin = c.units[i].layer;
      if (c.units[i].layer >= c.end) c.end = c.units[i].layer + 1;
    }
    s->cells[s->cell_count++] = c;
  }
}

/* Room for what comes after the sweep's own grids and cells. */
static loci_status make_room(sweep *s, int rows, loci_err *err) {
  struct sets *x = s->sets;
  loci_grid *grids = arena_array(s->mem, s->grid_count + rows, loci_grid);
  cell *cells = arena_array(s->mem, s->cell_count + (int64_t)rows * (1 + x->controls), cell);
  x->rows = arena_zarray(s->mem, rows + 1, row);
  if (!grids || !cells || !x->rows) return fail_nomem(err, "laying out sets");
  memcpy(grids, s->grids, (size_t)s->grid_count * sizeof *grids);
  memcpy(cells, s->cells, (size_t)s->cell_count * sizeof *cells);
  s->grids = grids;
  s->cells = cells;
  return LOCI_OK;
}

/* Of each direction and site one, whatever windows there are. */
static bool has_row(const sweep *s, const loci_grid *g) {
  bool heads = g->site == LOCI_SITE_Z;
  return g->groups && heads == s->sets->heads && g->window == s->opts->windows[0];
}

/* Sets go after the trace's own grids, one row for each group of positions and site. */
static loci_status lay_out(sweep *s, loci_err *err) {
  struct sets *x = s->sets;
  bool asked[LOCI_SITE_COUNT] = {false};
  int rows = 0, grids = s->grid_count;
  for (int i = 0; i < grids; i++) {
    if (!has_row(s, &s->grids[i])) continue;
    rows += s->grids[i].column_count;
    asked[s->grids[i].site] = true;
  }
  if (rows == 0)
    return fail(
        err, LOCI_EINVAL,
        "a set of %s is restored at groups of positions, of %s: add them to --positions and "
        "--site",
        x->heads ? "heads" : "layers", x->heads ? "the site z" : "another site than z");
  TRY(differences_record(s, model_decoder(s->m)->layers, asked, &x->d, err));
  s->runs.cost.formula +=
      (int64_t)model_decoder(s->m)->layers *
      (s->runs.target.length + s->corrupted.seeds * (s->runs.target.length - s->first));
  TRY(make_room(s, rows, err));
  for (int i = 0; i < grids; i++) {
    for (int c = 0; has_row(s, &s->grids[i]) && c < s->grids[i].column_count; c++) {
      row *r = &x->rows[x->row_count];
      TRY(row_new(s, r, &s->grids[i], s->grids[i].groups[c], err));
      if (!r->nothing) TRY(draw_sets(s, r, x->row_count, err));
      s->grids[grids + x->row_count] = r->of;
      add_cells(s, r, grids + x->row_count++);
    }
  }
  return LOCI_OK;
}

loci_status sets_new(sweep *s, loci_err *err) {
  const loci_trace_opts *o = s->opts;
  if (!o->set) return LOCI_OK;
  struct sets *x = s->sets = arena_zarray(s->mem, 1, struct sets);
  if (!x) return fail_nomem(err, "reading a set");
  x->units = arena_array(s->mem, MOST_UNITS, unit);
  if (!x->units) return fail_nomem(err, "reading a set");
  x->controls = o->controls;
  TRY(sets_read(o->set, model_decoder(s->m), x->units, &x->count, &x->heads, err));
  if (s->path && x->heads && s->m->weights->layers[0].attn_norm.w.data)
    return fail(err, LOCI_EUNSUPPORTED,
                "a norm after this model's attention sees a layer's heads together: sets of heads "
                "cannot be sent on their own; leave out --receiver, or send one head at a time");
  return lay_out(s, err);
}

/* ---------------------------------------------------------------- what came of them */

/* p = (1 + controls with an effect as large) / (1 + controls): the set is one of its own controls.
 */
static loci_status fill_row(const sweep *s, const row *r, const loci_trace *t, loci_set *out,
                            loci_err *err) {
  const struct sets *x = s->sets;
  const loci_metrics *base = r->of.direction == LOCI_DENOISE ? &t->corrupted.m : &t->clean.m;
  int64_t n = r->nothing ? 1 : 1 + x->controls;
  int *layers = arena_array(s->mem, n * x->count, int);
  int *heads = x->heads ? arena_array(s->mem, n * x->count, int) : NULL;
  double *ie = arena_zarray(s->mem, n, double);
  if (!layers || (x->heads && !heads) || !ie) return fail_nomem(err, "reporting sets");
  int64_t far = 1;
  double sum = 0;
  for (int64_t i = 0; i < n * x->count; i++) {
    const unit *u = r->nothing ? &x->units[i] : &r->units[i];
    layers[i] = u->layer;
    if (heads) heads[i] = u->head;
  }
  for (int64_t k = 0; k < n; k++) {
    ie[k] = r->nothing ? 0 : r->of.cells[k].p - base->p;
    far += k > 0 && fabs(ie[k]) >= fabs(ie[0]);
    sum += k > 0 ? ie[k] : 0;
  }
  *out = (loci_set){.site = r->of.site,
                    .direction = r->of.direction,
                    .group = r->group,
                    .unit_count = x->count,
                    .layers = layers,
                    .heads = heads,
                    .m = r->nothing ? *base : r->of.cells[0],
                    .ie = ie[0],
                    .restoration =
                        fabs(t->total_effect) < LEAST_TOTAL ? (double)NAN : ie[0] / t->total_effect,
                    .norm = r->norms[0],
                    .control_count = (int)n - 1,
                    .control_layers = layers + x->count,
                    .control_heads = heads ? heads + x->count : NULL,
                    .control_ie = ie + 1,
                    .control_norm = r->norms + 1,
                    .control_mean = n > 1 ? sum / (double)(n - 1) : (double)NAN,
                    .p = (double)far / (double)n};
  return LOCI_OK;
}

loci_status sets_fill(sweep *s, loci_trace *t, loci_err *err) {
  const struct sets *x = s->sets;
  if (!x) return LOCI_OK;
  loci_set *all = arena_zarray(s->mem, x->row_count, loci_set);
  if (!all) return fail_nomem(err, "reporting sets");
  for (int i = 0; i < x->row_count; i++) TRY(fill_row(s, &x->rows[i], t, &all[i], err));
  t->sets = all;
  t->set_count = x->row_count;
  return LOCI_OK;
}

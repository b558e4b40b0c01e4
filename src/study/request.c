/* Requests completed, checked and described (see request.h). */
#include "study/request.h"

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/names.h"
#include "base/options.h"
#include "model/command.h"
#include "study/corrupt.h"
#include "study/layers.h"
#include "study/receiver.h"
#include "study/sets.h"
#include "study/study.h"

enum { USUAL_CONTROLS = 20, MOST_CONTROLS = 10000 };
enum { MAX_SEEDS = 10000, MAX_STEPS = 1000, USUAL_SEEDS = 10, USUAL_WINDOW = 3, MAX_PATHWAYS = 64 };

static const loci_site usual_sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT,
                                        LOCI_SITE_RESID_POST};
static const loci_site sender_sites[] = {LOCI_SITE_Z, LOCI_SITE_MLP_OUT};
static const loci_site donor_sites[] = {LOCI_SITE_RESID_POST};
static const int usual_windows[] = {1};
/* Of these only the ones the prompt has positions for. */
static const loci_edges default_pathways[] = {
    {"image", "constraint"}, {"image", "last"}, {"constraint", "last"}, {"last", "last"}};

/* ---------------------------------------------------------------- parts */

static loci_status check_layers(const request_of *of, int *first, int *count, loci_err *err) {
  if (of->m) return layers_check(*first, count, model_decoder(of->m)->layers, err);
  if (*first >= 0 && *count >= 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "%d layers from layer %d", *count, *first);
}

/* Constraints count from 1; 0: all of them. */
static loci_status check_constraint(const request_of *of, int k, loci_err *err) {
  if (k < 0 || (of->p && k > of->p->info.constraint_count))
    return fail(err, LOCI_EINVAL, "constraint %d: the question has %d", k,
                of->p ? of->p->info.constraint_count : 0);
  return LOCI_OK;
}

static bool has_group(const request_of *of, group_kind g, int which, int *room) {
  return group_positions(of->p, g, which, room) > 0;
}

/* By default each position, and of three groups those that the question has. */
static loci_status default_positions(const request_of *of, int which, const char **out,
                                     loci_err *err) {
  static const group_kind usual[] = {GROUP_CONSTRAINT, GROUP_AFTER_CONSTRAINT, GROUP_LAST};
  char text[80] = "each";
  int *room = arena_array(of->mem, of->p->info.length, int);
  if (!room) return fail_nomem(err, "reading a request");
  for (int i = 0; i < 3; i++) {
    size_t n = strlen(text);
    if (has_group(of, usual[i], which, room))
      snprintf(text + n, sizeof text - n, ",%s", group_name(usual[i]));
  }
  *out = arena_strdup(of->mem, text);
  return *out ? LOCI_OK : fail_nomem(err, "reading a request");
}

/* "each", groups, and numbers of positions where [numbers] are taken. */
static loci_status check_positions(const char *text, bool numbers, loci_err *err) {
  if (text && !*text && !numbers) return fail(err, LOCI_EINVAL, "no positions are asked for");
  for (bool more = text != NULL; more; text++) {
    size_t n = strcspn(text, ",");
    int group;
    bool number = numbers && n > 0 && strspn(text, "0123456789") >= n;
    if (!number && (n != 4 || memcmp(text, "each", n) != 0))
      TRY(name_find(LOCI_NAMES_GROUP, text, n, &group, err));
    text += n;
    more = *text == ',';
  }
  return LOCI_OK;
}

static void put_layers(js_value **to, int first, int count) {
  int range[2] = {first, first + count - 1};
  js_put(to, "layers", js_ints(range, 2));
}

/* ---------------------------------------------------------------- traces */

/* Only what is added to, or is, the residual stream can be restored cell by cell; an unknown
 * number is a caller's garbage. */
static loci_status check_sites(const loci_trace_opts *o, loci_err *err) {
  TRY(check_list(o->site_count, o->sites, "sites", err));
  for (int i = 0; i < o->site_count; i++) {
    loci_site s = o->sites[i];
    if (s == LOCI_SITE_RESID_PRE && o->screen > 0) {
      return fail(err, LOCI_EINVAL, "screening does not estimate resid_pre: trace it exactly");
    }
    if (s == LOCI_SITE_RESID_POST && o->receiver)
      return fail(err, LOCI_EINVAL,
                  "senders to a receiver are z, mlp_out, attn_out and resid_pre, not resid_post");
    if (s == LOCI_SITE_MLP_OUT || s == LOCI_SITE_ATTN_OUT || s == LOCI_SITE_RESID_POST ||
        s == LOCI_SITE_Z || s == LOCI_SITE_RESID_PRE)
      continue;
    return fail(err, LOCI_EINVAL,
                "a trace restores mlp_out, attn_out, resid_post, resid_pre and z, not %s",
                site_name(s));
  }
  return LOCI_OK;
}

static loci_status check_windows(const request_of *of, const loci_trace_opts *o, loci_err *err) {
  TRY(check_list(o->window_count, o->windows, "windows", err));
  for (int i = 0; i < o->window_count; i++) {
    int w = o->windows[i], most = of->m ? model_decoder(of->m)->layers : w;
    if (w < 1 || w > most)
      return fail(err, LOCI_EINVAL, "window %d: expected 1 to %d layers", w, most);
  }
  return LOCI_OK;
}

static loci_status check_screen(const loci_trace_opts *o, loci_err *err) {
  if (o->screen < 0) return fail(err, LOCI_EINVAL, "%d cells to run", o->screen);
  if (o->screen_steps < 0 || o->screen_steps > MAX_STEPS)
    return fail(err, LOCI_EINVAL, "%d steps of integrated gradients: expected 0 to %d",
                o->screen_steps, MAX_STEPS);
  if (o->audit < 0) return fail(err, LOCI_EINVAL, "%d cells to run at random", o->audit);
  if (o->screen == 0) return LOCI_OK;
  if (o->window_count != 1 || o->windows[0] != 1 || o->authors)
    return fail(err, LOCI_EINVAL, "screening estimates single layers: windows of 1 only");
  if (o->screen_metric > LOCI_METRIC_LOGIT_DIFF)
    return fail(err, LOCI_EINVAL, "screening estimates p, logp and logit_diff only");
  return LOCI_OK;
}

/* Only noise is drawn: from a seed, several times, or out of a file. */
static loci_status complete_noise(loci_trace_opts *o, loci_err *err) {
  bool noise = corruption_is_noise(o->corrupt);
  if (!noise && o->noise_path)
    return fail(err, LOCI_EINVAL, "a file of noise goes with noise:F and image-noise:F, not %s",
                o->corrupt);
  if (!noise && o->seeds > 1)
    return fail(err, LOCI_EINVAL, "%d seeds go with noise:F and image-noise:F, not %s", o->seeds,
                o->corrupt);
  if (!o->seeds) o->seeds = noise ? USUAL_SEEDS : 1;
  if (o->seeds < 1 || o->seeds > MAX_SEEDS)
    return fail(err, LOCI_EINVAL, "%d seeds, expected 1 to %d", o->seeds, MAX_SEEDS);
  return LOCI_OK;
}

/* Gradients say what reaches everything, and no residual stream is a sender in several layers. */
static loci_status complete_receiver(const request_of *of, loci_trace_opts *o, loci_err *err) {
  receiver to;
  if (!o->receiver) return LOCI_OK;
  TRY(receiver_read(o->receiver, of->m ? model_decoder(of->m) : NULL, &to, err));
  if (o->site_count == 0) o->sites = sender_sites, o->site_count = 2;
  for (int i = 0; i < o->site_count; i++) {
    bool wide = o->authors || o->window_count > 1 || (o->window_count == 1 && o->windows[0] > 1);
    if (o->sites[i] == LOCI_SITE_RESID_PRE && wide)
      return fail(err, LOCI_EINVAL, "resid_pre is a sender of one layer: windows of 1 only");
  }
  if (o->screen > 0)
    return fail(err, LOCI_EINVAL, "screening estimates what reaches everything, not one receiver");
  o->watch = NULL;
  o->partial = false;
  return LOCI_OK;
}

/* Nothing is corrupted, and values go one way. */
static loci_status complete_donor(const request_of *of, loci_trace_opts *o, loci_err *err) {
  const char *what = o->corrupt                                     ? "a corruption"
                     : o->receiver                                  ? "a receiver"
                     : o->screen > 0                                ? "screening"
                     : o->noise_path || o->seeds > 1                ? "noise"
                     : o->authors                                   ? "compat authors"
                     : o->direction && o->direction != LOCI_DENOISE ? "a direction"
                                                                    : NULL;
  if (what) return fail(err, LOCI_EINVAL, "%s does not go with a donor's values", what);
  if (o->site_count == 0) o->sites = donor_sites, o->site_count = 1;
  bool constraints = !of->p || (of->p->info.constraint_count > 0 &&
                                (!o->donor || o->donor->info.constraint_count > 0));
  if (!o->positions) o->positions = constraints ? "constraint-last,last" : "last";
  o->seeds = 1;
  o->watch = NULL;
  o->partial = false;
  return LOCI_OK;
}

/* Random sets beside one of heads, whose site is z unless sites are given, or of layers. */
static loci_status complete_set(const request_of *of, loci_trace_opts *o, loci_err *err) {
  static const loci_site head_sites[] = {LOCI_SITE_Z};
  int count;
  bool heads;
  if (!o->set && o->controls) return fail(err, LOCI_EINVAL, "controls go with a set");
  if (!o->set) return LOCI_OK;
  TRY(sets_read(o->set, of->m ? model_decoder(of->m) : NULL, NULL, &count, &heads, err));
  if (o->screen > 0 || o->donor || of->donors)
    return fail(err, LOCI_EINVAL, "a set goes with clean and corrupted runs of all cells");
  if (of->each && (!o->positions || strcmp(o->positions, "each") == 0))
    return fail(err, LOCI_EINVAL, "a set is restored at groups of positions: name some");
  if (heads && o->site_count == 0) o->sites = head_sites, o->site_count = 1;
  if (!o->controls) o->controls = USUAL_CONTROLS;
  if (o->controls < 0 || o->controls > MOST_CONTROLS)
    return fail(err, LOCI_EINVAL, "%d random sets: expected 1 to %d", o->controls, MOST_CONTROLS);
  o->watch = NULL;
  o->partial = false;
  return LOCI_OK;
}

loci_status trace_request_complete(const request_of *of, loci_trace_opts *o, loci_err *err) {
  bool donor = of->donors || o->donor;
  if (donor) TRY(complete_donor(of, o, err));
  if (!donor && o->donor_at) return fail(err, LOCI_EINVAL, "a place of a donor without a donor");
  if (!donor && !o->corrupt) o->corrupt = "replace";
  TRY(complete_set(of, o, err));
  TRY(complete_receiver(of, o, err));
  if (o->site_count == 0) o->sites = usual_sites, o->site_count = 3;
  if (o->window_count == 0) o->windows = usual_windows, o->window_count = 1;
  if (!o->direction) o->direction = LOCI_DENOISE;
  if (!o->positions && of->each) o->positions = "each";
  if (of->each) o->partial = false; /* an example that was stopped is measured again */
  if (o->screen == 0) o->screen_metric = LOCI_METRIC_P, o->screen_steps = 0, o->audit = 0;
  if (o->screen > 0 && o->audit == 0) o->audit = LOCI_AUDIT;
  if (!donor) TRY(corruption_check(o->corrupt, of->each, err));
  if (!donor) TRY(complete_noise(o, err));
  TRY(check_constraint(of, o->constraint, err));
  TRY(check_sites(o, err));
  TRY(check_windows(of, o, err));
  TRY(check_layers(of, &o->first_layer, &o->layer_count, err));
  if ((int)o->direction < 0 || o->direction > LOCI_BOTH)
    return fail(err, LOCI_EINVAL, "direction %d: there are denoise, noise and both",
                (int)o->direction);
  TRY(check_screen(o, err));
  if (o->verify < 0) return fail(err, LOCI_EINVAL, "%d cells to verify", o->verify);
  if (!o->positions && of->p) return default_positions(of, o->constraint, &o->positions, err);
  if (o->positions && !*o->positions) return fail(err, LOCI_EINVAL, "no positions are asked for");
  return check_positions(o->positions, !of->each, err);
}

/* As --method takes it. */
static void name_method(const loci_trace_opts *o, char out[64]) {
  char slopes[24] = "atp";
  if (o->screen_steps > 0) snprintf(slopes, sizeof slopes, "ig:%d", o->screen_steps);
  snprintf(out, 64, "exact");
  if (o->screen > 0) snprintf(out, 64, "screen:%d,%s,audit:%d", o->screen, slopes, o->audit);
}

static void put_cells(js_value **to, const loci_trace_opts *o) {
  js_value *sites = js_array();
  for (int i = 0; i < o->site_count; i++) js_push(&sites, js_text(site_name(o->sites[i])));
  js_put(to, "sites", sites);
  js_put(to, "window", js_ints(o->windows, o->window_count));
  put_layers(to, o->first_layer, o->layer_count);
  js_put(to, "positions", js_text(o->positions));
}

static void put_direction(js_value **to, const loci_trace_opts *o) {
  js_put(to, "direction", js_text(loci_name(LOCI_NAMES_DIRECTION, (int)o->direction - 1)));
}

static bool is_drawn(const loci_trace_opts *o) {
  return o->corrupt && corruption_is_noise(o->corrupt) && !o->noise_path;
}

static void put_noise(js_value **to, const loci_trace_opts *o) {
  if (!is_drawn(o)) return;
  js_put(to, "seeds", js_int(o->seeds));
  js_put(to, "seed", request_seed(o->seed));
}

void restored_request_describe(js_value **to, const loci_trace_opts *o, bool places) {
  js_put(to, "corrupt", js_text(o->corrupt));
  if (o->constraint > 0) js_put(to, "only", js_int(o->constraint));
  if (places) put_cells(to, o);
  put_direction(to, o);
  if (o->authors) js_put(to, "compat", js_text("authors"));
  if (o->noise_path) js_put(to, "noise", js_text(o->noise_path));
  if (is_drawn(o)) js_put(to, "seed", request_seed(o->seed)); /* of one draw alone */
}

void trace_request_describe(js_value **to, const loci_trace_opts *o) {
  char method[64];
  name_method(o, method);
  if (o->corrupt) js_put(to, "corrupt", js_text(o->corrupt));
  if (o->constraint > 0) js_put(to, "only", js_int(o->constraint));
  put_cells(to, o);
  put_direction(to, o);
  if (o->receiver) js_put(to, "receiver", js_text(o->receiver));
  if (o->set) js_put(to, "set", js_text(o->set));
  if (o->set) js_put(to, "controls", js_int(o->controls));
  if (o->answer) js_put(to, "answer", js_text(o->answer));
  if (o->authors) js_put(to, "compat", js_text("authors"));
  js_put(to, "method", js_text(method));
  if (o->screen > 0)
    js_put(to, "metric", js_text(loci_name(LOCI_NAMES_METRIC, (int)o->screen_metric)));
  if (o->noise_path) js_put(to, "noise", js_text(o->noise_path));
  if (o->screen > 0 || (o->set && !is_drawn(o))) js_put(to, "seed", request_seed(o->seed));
  put_noise(to, o);
}

static loci_status check_trace(const loci_trace_opts *opts, bool each, loci_err *err) {
  loci_trace_opts own;
  TRY(options_take(loci_trace_opts, &own, opts, err));
  return trace_request_complete(&(request_of){.each = each}, &own, err);
}

/* ---------------------------------------------------------------- knockouts */

bool pathways_are_default(const loci_knockout_opts *o) { return o->pathways == default_pathways; }

static loci_status complete_pathways(loci_knockout_opts *o, loci_err *err) {
  TRY(check_list(o->pathway_count, o->pathways, "pathways", err));
  if (o->pathway_count > MAX_PATHWAYS)
    return fail(err, LOCI_EINVAL, "%d pathways: expected 1 to %d", o->pathway_count, MAX_PATHWAYS);
  if (o->pathway_count == 0) o->pathways = default_pathways, o->pathway_count = 4;
  for (int i = 0; i < o->pathway_count; i++) {
    const char *ends[] = {o->pathways[i].from, o->pathways[i].to};
    int group;
    for (int k = 0; k < 2; k++)
      TRY(loci_name_find(LOCI_NAMES_GROUP, ends[k] ? ends[k] : "", &group, err));
  }
  return LOCI_OK;
}

loci_status knockout_request_complete(const request_of *of, loci_knockout_opts *o, loci_err *err) {
  int L = of->m ? model_decoder(of->m)->layers : 0;
  if (!o->window) o->window = USUAL_WINDOW;
  TRY(check_constraint(of, o->constraint, err));
  TRY(complete_pathways(o, err));
  if (o->controls < 0 || o->controls > MOST_CONTROLS)
    return fail(err, LOCI_EINVAL, "%d controls: expected 0 to %d", o->controls, MOST_CONTROLS);
  if (o->controls > 0 && o->window < 1)
    return fail(err, LOCI_EINVAL, "controls are of windows of a number of layers");
  if (o->window == LOCI_ALL_LAYERS) {
    if (o->first_layer || o->layer_count)
      return fail(err, LOCI_EINVAL, "a window of all layers has no centres");
    return LOCI_OK;
  }
  if (o->window != LOCI_ONWARD && (o->window < 1 || (of->m && o->window > 2 * L)))
    return fail(err, LOCI_EINVAL, "window %d: expected 1 to %d layers", o->window, 2 * L);
  return check_layers(of, &o->first_layer, &o->layer_count, err);
}

void knockout_request_describe(js_value **to, const loci_knockout_opts *o) {
  js_value *pathways = js_array();
  for (int i = 0; i < o->pathway_count; i++) {
    js_value *x = js_array();
    js_push(&x, js_text(o->pathways[i].from));
    js_push(&x, js_text(o->pathways[i].to));
    js_push(&pathways, x);
  }
  js_put(to, "pathways", pathways);
  if (o->constraint > 0) js_put(to, "only", js_int(o->constraint));
  js_put(to, "window",
         o->window == LOCI_ALL_LAYERS ? js_text("all")
         : o->window == LOCI_ONWARD   ? js_text("onward")
                                      : js_int(o->window));
  if (o->window != LOCI_ALL_LAYERS) put_layers(to, o->first_layer, o->layer_count);
  if (o->answer) js_put(to, "answer", js_text(o->answer));
  if (o->controls > 0) js_put(to, "controls", js_int(o->controls));
  if (o->controls > 0) js_put(to, "seed", request_seed(o->seed));
}

static loci_status check_knockout(const loci_knockout_opts *opts, loci_err *err) {
  loci_knockout_opts own;
  TRY(options_take(loci_knockout_opts, &own, opts, err));
  return knockout_request_complete(&(request_of){0}, &own, err);
}

/* ---------------------------------------------------------------- flows and lenses */

loci_status flow_request_complete(const request_of *of, loci_flow_opts *o, loci_err *err) {
  int group;
  if (!o->from != !o->to)
    return fail(err, LOCI_EINVAL, "a pathway needs both its ends, from and to");
  if (o->from) TRY(loci_name_find(LOCI_NAMES_GROUP, o->from, &group, err));
  if (o->to) TRY(loci_name_find(LOCI_NAMES_GROUP, o->to, &group, err));
  return check_layers(of, &o->first_layer, &o->layer_count, err);
}

void flow_request_describe(js_value **to, const loci_flow_opts *o) {
  if (o->from) js_put(to, "from", js_text(o->from));
  if (o->to) js_put(to, "to", js_text(o->to));
  put_layers(to, o->first_layer, o->layer_count);
  js_put(to, "heads", js_bool(o->heads));
}

static loci_status check_flow(const loci_flow_opts *opts, loci_err *err) {
  loci_flow_opts own;
  TRY(options_take(loci_flow_opts, &own, opts, err));
  return flow_request_complete(&(request_of){0}, &own, err);
}

loci_status lens_request_complete(const request_of *of, loci_lens_opts *o, loci_err *err) {
  if (!o->positions && of->p)
    o->positions = of->p->info.constraint_count > 0 ? "constraint-last,last" : "last";
  TRY(check_constraint(of, o->constraint, err));
  TRY(check_positions(o->positions, true, err));
  return check_layers(of, &o->first_layer, &o->layer_count, err);
}

void lens_request_describe(js_value **to, const loci_lens_opts *o) {
  js_put(to, "positions", js_text(o->positions));
  if (o->constraint > 0) js_put(to, "only", js_int(o->constraint));
  put_layers(to, o->first_layer, o->layer_count);
  if (o->answer) js_put(to, "answer", js_text(o->answer));
}

static loci_status check_lens(const loci_lens_opts *opts, loci_err *err) {
  loci_lens_opts own;
  TRY(options_take(loci_lens_opts, &own, opts, err));
  return lens_request_complete(&(request_of){0}, &own, err);
}

/* ---------------------------------------------------------------- predictions and scores */

loci_status predict_request_take(predict_request *own, const loci_predict_opts *given,
                                 loci_err *err) {
  TRY(options_take(loci_predict_opts, &own->o, given, err));
  TRY(options_take(loci_study_opts, &own->study, own->o.study, err));
  own->o.study = &own->study;
  return LOCI_OK;
}

loci_status score_request_take(score_request *own, const loci_score_opts *given, loci_err *err) {
  TRY(options_take(loci_score_opts, &own->o, given, err));
  TRY(options_take(loci_study_opts, &own->study, own->o.study, err));
  own->o.study = &own->study;
  return LOCI_OK;
}

static loci_status complete_study(loci_study_opts *o, loci_err *err) {
  if (o->sample < 0) return fail(err, LOCI_EINVAL, "a sample of %d examples", o->sample);
  if (o->limit < 0) return fail(err, LOCI_EINVAL, "%d examples to use", o->limit);
  if (o->max_new < 0) return fail(err, LOCI_EINVAL, "answers of %d tokens", o->max_new);
  o->max_new = study_max_new(o);
  return LOCI_OK;
}

/* Layers are chosen on one half of the examples unless they are given. */
loci_status predict_request_complete(const request_of *of, predict_request *r, loci_err *err) {
  TRY(complete_study(&r->study, err));
  if (r->o.first_layer == 0 && r->o.layer_count == 0) return LOCI_OK;
  if (r->o.layer_count == 0)
    return fail(err, LOCI_EINVAL, "no layers from layer %d on", r->o.first_layer);
  return check_layers(of, &r->o.first_layer, &r->o.layer_count, err);
}

void predict_request_describe(js_value **to, const loci_predict_opts *o) {
  if (o->layer_count > 0) put_layers(to, o->first_layer, o->layer_count);
}

loci_status score_request_complete(score_request *r, loci_err *err) {
  const loci_score_opts *o = &r->o;
  TRY(complete_study(&r->study, err));
  if ((int)o->choose < 0 || !loci_name(LOCI_NAMES_CHOICE, (int)o->choose))
    return fail(err, LOCI_EINVAL, "choice %d: there are letter, text and free", (int)o->choose);
  TRY(check_list(o->by_count, o->by, "fields", err));
  for (int i = 0; i < o->by_count; i++) NEEDS(o->by[i], "name of a field");
  if (o->by_count > SCORE_MOST_FIELDS)
    return fail(err, LOCI_EINVAL, "groups by %d fields, expected 0 to %d", o->by_count,
                SCORE_MOST_FIELDS);
  return LOCI_OK;
}

void score_request_describe(js_value **to, const loci_score_opts *o) {
  js_value *by = js_array();
  for (int i = 0; i < o->by_count; i++) js_push(&by, js_text(o->by[i]));
  js_put(to, "choice", js_text(loci_name(LOCI_NAMES_CHOICE, (int)o->choose)));
  js_put(to, "by", by);
}

/* ---------------------------------------------------------------- before there is a model */

static loci_status check_prediction(const loci_predict_opts *opts, loci_err *err) {
  predict_request own;
  TRY(predict_request_take(&own, opts, err));
  return predict_request_complete(&(request_of){0}, &own, err);
}

static loci_status check_score(const loci_score_opts *opts, loci_err *err) {
  score_request own;
  TRY(score_request_take(&own, opts, err));
  return score_request_complete(&own, err);
}

loci_status request_check(loci_kind kind, const void *opts, loci_err *err) {
  switch (kind) {
    case LOCI_KIND_TRACE: return check_trace(opts, false, err);
    case LOCI_KIND_AVERAGE: return check_trace(opts, true, err);
    case LOCI_KIND_KNOCKOUT: return check_knockout(opts, err);
    case LOCI_KIND_FLOW: return check_flow(opts, err);
    case LOCI_KIND_LENS: return check_lens(opts, err);
    case LOCI_KIND_PREDICTION: return check_prediction(opts, err);
    case LOCI_KIND_SCORE: return check_score(opts, err);
    default: return fail(err, LOCI_EINVAL, "results of kind %d have no options", (int)kind);
  }
}

/* The request of a trace: completed, checked and described (see request.h). */
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/names.h"
#include "model/command.h"
#include "study/corrupt.h"
#include "study/noise_data.h"
#include "study/receiver.h"
#include "study/request.h"
#include "study/request_parts.h"
#include "study/sets.h"

enum { USUAL_CONTROLS = 20 };
enum { MAX_SEEDS = 10000, MAX_STEPS = 1000, USUAL_SEEDS = 10 };

static const loci_site usual_sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT,
                                        LOCI_SITE_RESID_POST};
static const loci_site sender_sites[] = {LOCI_SITE_Z, LOCI_SITE_MLP_OUT};
static const loci_site donor_sites[] = {LOCI_SITE_RESID_POST};
static const int usual_windows[] = {1};

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

/* Only what is added to, or is, the residual stream can be restored cell by cell; an unknown
 * number is a caller's garbage. */
static loci_status check_sites(const loci_trace_opts *o, loci_err *err) {
  TRY(check_list(o->site_count, o->sites, "sites", err));
  for (int i = 0; i < o->site_count; i++) {
    loci_site s = o->sites[i];
    if (s == LOCI_SITE_RESID_PRE && o->screen > 0) {
      return fail(
          err, LOCI_EINVAL,
          "method: screening does not estimate resid_pre (--method exact does not have to)");
    }
    if (s == LOCI_SITE_RESID_POST && o->receiver)
      return fail(
          err, LOCI_EINVAL,
          "site: senders to --receiver are z, mlp_out, attn_out and resid_pre, not resid_post");
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

/* What a first-order estimate says nothing about is refused, before anything is run. */
static loci_status check_screen(const loci_trace_opts *o, loci_err *err) {
  if (o->screen < 0) return fail(err, LOCI_EINVAL, "%d cells to run", o->screen);
  if (o->screen_steps < 0 || o->screen_steps > MAX_STEPS)
    return fail(err, LOCI_EINVAL, "%d steps of integrated gradients: expected 0 to %d",
                o->screen_steps, MAX_STEPS);
  if (o->audit < 0) return fail(err, LOCI_EINVAL, "%d cells to run at random", o->audit);
  if (o->screen == 0) return LOCI_OK;
  if (o->window_count != 1 || o->windows[0] != 1 || o->authors)
    return fail(err, LOCI_EINVAL, "method: screening estimates single layers, --window 1 only");
  if (o->screen_metric > LOCI_METRIC_LOGIT_DIFF)
    return fail(err, LOCI_EINVAL, "metric: screening estimates p, logp and logit_diff only");
  return LOCI_OK;
}

/* Only noise is drawn: from a seed, several times, or out of a file. */
static loci_status complete_noise(loci_trace_opts *o, loci_err *err) {
  bool noise = corruption_is_noise(o->corrupt);
  if (!noise && o->noise_path)
    return fail(err, LOCI_EINVAL, "noise goes with --corrupt noise:F and image-noise:F, not %s",
                o->corrupt);
  if (!noise && o->seeds > 1)
    return fail(err, LOCI_EINVAL, "seeds goes with --corrupt noise:F and image-noise:F, not %s",
                o->corrupt);
  if (!o->seeds) o->seeds = noise ? USUAL_SEEDS : 1;
  if (o->seeds < 1 || o->seeds > MAX_SEEDS)
    return fail(err, LOCI_EINVAL, "%d seeds, expected 1 to %d", o->seeds, MAX_SEEDS);
  return LOCI_OK;
}

/* The deviation is found once, with the model; a study's own file is its own (noise_of_study). */
static loci_status complete_noise_data(const request_of *of, loci_trace_opts *o, loci_err *err) {
  const watch w = {o->progress, o->progress_ctx};
  bool of_data = o->corrupt && corruption_is_of_data(o->corrupt);
  if (!of_data && (o->noise_data || o->noise_deviation > 0))
    return fail(err, LOCI_EINVAL, "noise_data goes with --corrupt noise:Fs, such as noise:3s");
  if (!of_data || o->noise_deviation > 0) return LOCI_OK;
  if (!o->noise_data && !of->each)
    return fail(err, LOCI_EINVAL,
                "corrupt %s: of which constraints the deviation is, --noise-data FILE says",
                o->corrupt);
  if (!of->m || !o->noise_data) return LOCI_OK;
  return noise_deviation(of->m, o->noise_data, o->constraint, &w, &o->noise_deviation, err);
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
      return fail(err, LOCI_EINVAL,
                  "window: to --receiver resid_pre is a sender of one layer, 1 only");
  }
  if (o->screen > 0)
    return fail(err, LOCI_EINVAL,
                "method: screening estimates what reaches everything, not one --receiver");
  o->watch = NULL;
  o->partial = false;
  return LOCI_OK;
}

/* Nothing is corrupted, and values go one way. */
static loci_status complete_donor(const request_of *of, loci_trace_opts *o, loci_err *err) {
  const char *what = o->corrupt                                     ? "corrupt"
                     : o->receiver                                  ? "receiver"
                     : o->screen > 0                                ? "method"
                     : o->noise_path                                ? "noise"
                     : o->seeds > 1                                 ? "seeds"
                     : o->authors                                   ? "compat"
                     : o->direction && o->direction != LOCI_DENOISE ? "direction"
                                                                    : NULL;
  if (what)
    return fail(err, LOCI_EINVAL, "%s does not go with --donor and --donors: nothing is corrupted",
                what);
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
  if (!o->set && o->controls) return fail(err, LOCI_EINVAL, "controls goes with --set");
  if (!o->set) return LOCI_OK;
  TRY(sets_read(o->set, of->m ? model_decoder(of->m) : NULL, NULL, &count, &heads, err));
  if (o->screen > 0 || o->donor || of->donors)
    return fail(err, LOCI_EINVAL,
                "set goes with clean and corrupted runs of all cells, not with --method screen, "
                "--donor or --donors");
  if (of->each && (!o->positions || strcmp(o->positions, "each") == 0))
    return fail(err, LOCI_EINVAL,
                "set is restored at groups of positions: name some with --positions");
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
  if (!donor && o->donor_at)
    return fail(err, LOCI_EINVAL, "donor_at goes with --donor, or with --donors of a study");
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
  TRY(complete_noise_data(of, o, err));
  TRY(request_constraint(of, o->constraint, err));
  TRY(check_sites(o, err));
  TRY(check_windows(of, o, err));
  TRY(request_layers(of, &o->first_layer, &o->layer_count, err));
  if ((int)o->direction < 0 || o->direction > LOCI_BOTH)
    return fail(err, LOCI_EINVAL, "direction %d: there are denoise, noise and both",
                (int)o->direction);
  TRY(check_screen(o, err));
  if (o->verify < 0) return fail(err, LOCI_EINVAL, "%d cells to verify", o->verify);
  if (!o->positions && of->p) return default_positions(of, o->constraint, &o->positions, err);
  if (o->positions && !*o->positions) return fail(err, LOCI_EINVAL, "no positions are asked for");
  return request_positions(o->positions, !of->each, err);
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
  request_put_layers(to, o->first_layer, o->layer_count);
  js_put(to, "positions", js_text(o->positions));
}

static void put_direction(js_value **to, const loci_trace_opts *o) {
  js_put(to, "direction", js_text(loci_name(LOCI_NAMES_DIRECTION, (int)o->direction - 1)));
}

static bool is_drawn(const loci_trace_opts *o) {
  return o->corrupt && corruption_is_noise(o->corrupt) && !o->noise_path;
}

static void put_noise(js_value **to, const loci_trace_opts *o) {
  if (o->noise_data) js_put(to, "noise_data", js_text(o->noise_data));
  if (o->noise_deviation > 0) js_put(to, "noise_deviation", js_real(o->noise_deviation));
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

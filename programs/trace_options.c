/* Options of traces and knockouts (see trace_options.h). */
#include "trace_options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "values.h"
#include "typed_options.h"

int cli_refused(cli *c) {
  char why[sizeof c->err.msg];
  memcpy(why, c->err.msg, sizeof why);
  return cli_usage(c, "%s", why);
}

/* ---------------------------------------------------------------- traces */

/* A study shows single layers beside wider windows: what only these bring back is no layer's own.
 */
static void add_single(trace_lists *l, loci_trace_opts *o) {
  for (int i = 0; i < o->window_count; i++)
    if (l->windows[i] == 1) return;
  if (o->window_count == TRACE_WINDOWS) return;
  memmove(l->windows + 1, l->windows, (size_t)o->window_count * sizeof *l->windows);
  l->windows[0] = 1;
  o->window_count++;
}

static int read_windows(cli *c, bool each, trace_lists *l, loci_trace_opts *o) {
  char item[24];
  const char *list = args_get(&c->args, OPT_WINDOW);
  if (!list) return EXIT_DONE;
  o->windows = l->windows;
  while (value_next(&list, item, sizeof item)) {
    int n = o->window_count;
    if (n == TRACE_WINDOWS) return cli_usage(c, "--window takes at most %d windows", TRACE_WINDOWS);
    if (!value_int(item, 1, 10000, &l->windows[n]))
      return cli_bad_value(c, OPT_WINDOW, "numbers of layers such as 1,3");
    o->window_count++;
  }
  if (each && o->screen == 0) add_single(l, o);
  return EXIT_DONE;
}

/* What follows screen:K: how it estimates, and how much it checks. */
static bool read_screening(const char *list, loci_trace_opts *o) {
  char item[32];
  while (value_next(&list, item, sizeof item)) {
    bool sound = strcmp(item, "atp") == 0;
    if (sound) o->screen_steps = 0;
    if (strncmp(item, "ig:", 3) == 0) sound = value_int(item + 3, 1, 1000, &o->screen_steps);
    if (strncmp(item, "audit:", 6) == 0) sound = value_int(item + 6, 1, INT_MAX, &o->audit);
    if (!sound) return false;
  }
  return true;
}

/* exact, or screen[:K] with words of its own */
static int read_method(cli *c, loci_metric metric, loci_trace_opts *o) {
  static const char *const methods[] = {"exact", "screen"};
  const char *method = args_get(&c->args, OPT_METHOD);
  char count[16] = "";
  int i;
  if (!method || strcmp(method, "exact") == 0) return EXIT_DONE;
  size_t n = strcspn(method, ":,"), digits = method[n] == ':' ? strcspn(method + n + 1, ",") : 0;
  if (n != 6 || strncmp(method, "screen", n) != 0)
    return cli_word(c, OPT_METHOD, method, methods, LENGTH(methods), &i);
  const char *rest = method + n + (method[n] == ':' ? 1 + digits : 0);
  snprintf(count, sizeof count, "%.*s", (int)(digits < sizeof count ? digits : 0), method + n + 1);
  o->screen = LOCI_SCREEN;
  o->screen_steps = LOCI_SCREEN_STEPS;
  bool sound = method[n] != ':' || value_int(count, 1, INT_MAX, &o->screen);
  if (!sound || (*rest && !read_screening(rest + 1, o)))
    return cli_bad_value(c, OPT_METHOD,
                         "screen:K with K from 1 up, such as screen:150, and behind "
                         "it ig:STEPS or atp, and audit:N");
  o->screen_metric = metric == LOCI_METRIC_RESTORATION ? LOCI_METRIC_P : metric;
  return EXIT_DONE;
}

static int read_names(cli *c, loci_trace_opts *o) {
  static const char *const compats[] = {"authors"};
  const char *compat = args_get(&c->args, OPT_COMPAT);
  const char *direction = args_get(&c->args, OPT_DIRECTION);
  int code = EXIT_DONE, i = 0;
  if (compat) code = cli_word(c, OPT_COMPAT, compat, compats, 1, &i);
  o->authors = compat != NULL;
  if (!code && direction)
    code = cli_name(c, OPT_DIRECTION, LOCI_NAMES_DIRECTION, NULL, direction, &i);
  if (direction) o->direction = (loci_direction)(i + 1);
  return code;
}

int trace_read(cli *c, bool each, loci_metric metric, trace_lists *l, loci_trace_opts *o) {
  o->size = sizeof *o;
  o->corrupt = args_get(&c->args, OPT_CORRUPT);
  o->positions = args_get(&c->args, OPT_POSITIONS);
  o->noise_path = args_get(&c->args, OPT_NOISE);
  o->answer = args_get(&c->args, OPT_ANSWER);
  int code = cli_layers(c, &o->first_layer, &o->layer_count);
  if (!code) code = cli_sites(c, l->sites, &o->site_count);
  if (o->site_count > 0) o->sites = l->sites;
  if (!code) code = read_method(c, metric, o);
  if (!code) code = read_windows(c, each, l, o);
  if (!code) code = read_names(c, o);
  if (!code) code = cli_int(c, OPT_SEEDS, 1, MOST_SEEDS, &o->seeds);
  if (!code) code = cli_int(c, OPT_VERIFY, 1, 1000000, &o->verify);
  if (!code) code = cli_seed(c, &o->seed);
  if (!code && each) code = cli_int(c, OPT_ONLY, 1, 64, &o->constraint);
  if (code) return code;
  return loci_check(each ? LOCI_KIND_AVERAGE : LOCI_KIND_TRACE, o, &c->err) ? cli_refused(c)
                                                                            : EXIT_DONE;
}

/* ---------------------------------------------------------------- knockouts */

/* The groups of --from or --to, each once. */
static int read_groups(cli *c, option_id id, char names[CUT_GROUPS][CUT_NAME], int *count) {
  char item[CUT_NAME];
  const char *list = args_get(&c->args, id);
  *count = 0;
  while (value_next(&list, item, sizeof item)) {
    if (*count == CUT_GROUPS)
      return cli_usage(c, "--%s takes at most %d groups", option_get(id)->name, CUT_GROUPS);
    for (int i = 0; i < *count; i++)
      if (strcmp(names[i], item) == 0)
        return cli_usage(c, "--%s names %s twice", option_get(id)->name, item);
    memcpy(names[(*count)++], item, sizeof item);
  }
  return EXIT_DONE;
}

/* Every source with every query. */
static int read_pathways(cli *c, cut_lists *l, loci_knockout_opts *o) {
  int from, to, code = read_groups(c, OPT_FROM, l->from, &from);
  if (!code) code = read_groups(c, OPT_TO, l->to, &to);
  if (code || (from == 0 && to == 0)) return code;
  if (from == 0 || to == 0) return cli_usage(c, "--from and --to go together");
  for (int i = 0; i < from; i++)
    for (int k = 0; k < to; k++)
      l->pathways[o->pathway_count++] = (loci_edges){l->from[i], l->to[k]};
  o->pathways = l->pathways;
  return EXIT_DONE;
}

int cut_read(cli *c, cut_lists *l, loci_knockout_opts *o) {
  o->size = sizeof *o;
  const char *s = args_get(&c->args, OPT_WINDOW);
  bool all = s && strcmp(s, "all") == 0;
  int code = cli_layers(c, &o->first_layer, &o->layer_count);
  o->answer = args_get(&c->args, OPT_ANSWER);
  if (!code) code = read_pathways(c, l, o);
  if (!code && s && !all && !value_int(s, 1, 10000, &o->window))
    code = cli_bad_value(c, OPT_WINDOW, "a number of layers, or all");
  if (all) o->window = LOCI_ALL_LAYERS;
  if (!code) code = cli_int(c, OPT_ONLY, 1, 64, &o->constraint);
  if (code) return code;
  return loci_check(LOCI_KIND_KNOCKOUT, o, &c->err) ? cli_refused(c) : EXIT_DONE;
}

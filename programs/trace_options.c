/* Options of traces (see trace_options.h). */
#include "trace_options.h"

#include <string.h>

#include "values.h"
#include "words.h"

int trace_read_corruption(cli *c, loci_trace_opts *o) {
  static const char *const kinds[] = {"replace", "swap",        "noise",     "mean",
                                      "image",   "image-noise", "image-mean"};
  static const char *const values[] = {NULL,   "TEXT", "F", "",
                                       "FILE", "F",    ""}; /* "": none; NULL: may be left out */
  char kind[24];
  double level;
  const char *s = args_get(&c->args, OPT_CORRUPT), *value = s ? strchr(s, ':') : NULL;
  int i = 0;
  o->corrupt = s;
  if (!s) return EXIT_DONE;
  snprintf(kind, sizeof kind, "%.*s", (int)strcspn(s, ":"), s);
  while (i < LENGTH(kinds) && strcmp(kind, kinds[i]) != 0) i++;
  if (i == LENGTH(kinds)) {
    const char *near = loci_name_near(kind, kinds, LENGTH(kinds));
    if (near) return cli_usage(c, "--corrupt: \"%s\" is unknown; did you mean %s?", kind, near);
    return cli_bad_value(
        c, OPT_CORRUPT,
        "replace:TEXT, swap:TEXT, noise:F, mean, image:FILE, image-noise:F or image-mean");
  }
  bool own_text =
      c->command->bit & (STUDY_TRACE | STUDY_RUN) && strcmp(kind, "swap") == 0 && !value;
  if (own_text) return EXIT_DONE; /* each example's field "swap" */
  if (!values[i] && !value) o->corrupt = NULL;
  if (!values[i])
    return value && !value[1] ? cli_bad_value(c, OPT_CORRUPT, "replace:TEXT") : EXIT_DONE;
  if (!*values[i] && value) return cli_usage(c, "--corrupt %s takes no value", kind);
  if (*values[i] && (!value || !value[1]))
    return cli_usage(c, "--corrupt %s needs a value: %s:%s", kind, kind, values[i]);
  if (*values[i] == 'F' && !values[i][1] && !value_real(value + 1, &level))
    return cli_usage(c, "--corrupt %s: \"%.60s\" is not a number", kind, value + 1);
  return EXIT_DONE;
}

bool trace_is_noise(const loci_trace_opts *o) {
  const char *s = o->corrupt;
  return s && (strncmp(s, "noise", 5) == 0 || strncmp(s, "image-noise", 11) == 0);
}

int trace_read_sites(cli *c, trace_lists *l, loci_trace_opts *o) {
  int code = cli_sites(c, l->sites, &o->site_count);
  if (code || o->site_count == 0) return code;
  o->sites = l->sites;
  for (int i = 0; i < o->site_count; i++) {
    loci_site s = l->sites[i];
    bool traced = s == LOCI_SITE_MLP_OUT || s == LOCI_SITE_ATTN_OUT || s == LOCI_SITE_RESID_POST ||
                  s == LOCI_SITE_Z;
    if (!traced)
      return cli_usage(c, "--site: trace restores mlp_out, attn_out, resid_post and z, not %s",
                       loci_site_name(s));
  }
  return EXIT_DONE;
}

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

int trace_read_windows(cli *c, trace_lists *l, loci_trace_opts *o) {
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
  if (c->command->bit & (STUDY_TRACE | STUDY_RUN)) add_single(l, o);
  return EXIT_DONE;
}

int trace_read_places(cli *c, loci_trace_opts *o) {
  o->positions = args_get(&c->args, OPT_POSITIONS);
  return cli_int(c, OPT_ONLY, 1, 64, &o->constraint);
}

int cut_read_window(cli *c, loci_knockout_opts *o) {
  const char *s = args_get(&c->args, OPT_WINDOW);
  if (s && strcmp(s, "all") == 0) {
    o->window = LOCI_ALL_LAYERS;
    if (args_has(&c->args, OPT_LAYERS))
      return cli_usage(c, "--window all cuts every layer at once: it takes no --layers");
  } else if (s && !value_int(s, 1, 10000, &o->window)) {
    return cli_bad_value(c, OPT_WINDOW, "a number of layers, or all");
  }
  return EXIT_DONE;
}

/* Numbers, names and lists in the values of options (see typed_options.h). */
#include "typed_options.h"

#include <string.h>

#include "values.h"

int cli_int(cli *c, option_id id, int lowest, int highest, int *out) {
  char wanted[64];
  const char *s = args_get(&c->args, id);
  if (!s || value_int(s, lowest, highest, out)) return EXIT_DONE;
  snprintf(wanted, sizeof wanted, "a whole number from %d to %d", lowest, highest);
  return cli_bad_value(c, id, wanted);
}

int cli_seed(cli *c, uint64_t *out) {
  const char *s = args_get(&c->args, OPT_SEED);
  return !s || value_u64(s, out) ? EXIT_DONE : cli_bad_value(c, OPT_SEED, "a whole number");
}

int cli_precision(cli *c, loci_precision *out) {
  const char *s = args_get(&c->args, OPT_PRECISION);
  int i = LOCI_PRECISION_AUTO;
  if (s && loci_name_find(LOCI_NAMES_PRECISION, s, &i, NULL))
    return cli_bad_value(c, OPT_PRECISION, "auto, f32 or bf16"); /* f16 does not mean bf16 */
  *out = (loci_precision)i;
  return EXIT_DONE;
}

int cli_sites(cli *c, loci_site out[LOCI_SITE_COUNT], int *count) {
  char name[64];
  const char *list = args_get(&c->args, OPT_SITE);
  *count = 0;
  while (value_next(&list, name, sizeof name)) {
    int i;
    if (!*name) return cli_bad_value(c, OPT_SITE, "site names joined by commas");
    if (loci_name_find(LOCI_NAMES_SITE, name, &i, &c->err))
      return cli_usage(c, "--site: %s", c->err.msg);
    loci_site site = (loci_site)i;
    for (int k = 0; k < *count; k++)
      if (out[k] == site) return cli_usage(c, "--site names %s twice", name);
    out[(*count)++] = site;
  }
  return EXIT_DONE;
}

int cli_word(cli *c, option_id id, const char *given, const char *const *words, int n, int *out) {
  char all[192] = "";
  for (int i = 0; i < n; i++) {
    if (strcmp(given, words[i]) == 0) {
      *out = i;
      return EXIT_DONE;
    }
    size_t used = strlen(all);
    const char *joint = i == 0 ? "" : i == n - 1 ? " or " : ", ";
    snprintf(all + used, sizeof all - used, "%s%s", joint, words[i]);
  }
  const char *near = loci_name_near(given, words, n);
  if (near)
    return cli_usage(c, "--%s: \"%.60s\" is unknown; did you mean %s?", option_get(id)->name, given,
                     near);
  return cli_bad_value(c, id, all);
}

int cli_name(cli *c, option_id id, loci_names list, const char *extra, const char *given,
             int *out) {
  const char *words[MOST_NAMES], *name;
  int n = 0;
  if (extra) words[n++] = extra;
  for (int i = 0; n < MOST_NAMES && (name = loci_name(list, i)) != NULL; i++) words[n++] = name;
  int code = cli_word(c, id, given, words, n, out);
  if (extra) *out -= 1;
  return code;
}

int cli_metric(cli *c, loci_metric *out) {
  const char *s = args_get(&c->args, OPT_METRIC);
  int i = 0;
  int code = s ? cli_name(c, OPT_METRIC, LOCI_NAMES_METRIC, NULL, s, &i) : EXIT_DONE;
  *out = (loci_metric)i;
  return code;
}

int cli_layers(cli *c, int *first, int *count) {
  const char *s = args_get(&c->args, OPT_LAYERS);
  *first = *count = 0;
  if (!s || value_layers(s, first, count)) return EXIT_DONE;
  return cli_bad_value(c, OPT_LAYERS, "layers such as 3-5, 7 or all");
}

static int positive(cli *c, option_id id, double most, const char *wanted, double *out) {
  const char *s = args_get(&c->args, id);
  if (!s || (value_real(s, out) && *out > 0 && *out <= most)) return EXIT_DONE;
  return cli_bad_value(c, id, wanted);
}

/* Before any work: the library would refuse it when that is done. */
static int check_pixels(cli *c, const loci_draw_opts *o) {
  double pixels = o->width * (o->dpi > 0 ? o->dpi : LOCI_FIGURE_DPI);
  if (o->width == 0 ||
      (o->width >= 0.1 && pixels >= LOCI_FIGURE_LEAST && pixels <= LOCI_FIGURE_MOST))
    return EXIT_DONE;
  return cli_usage(
      c, "--width %g is %.0f pixels (--dpi): expected 0.1 inches or more, %d to %d pixels",
      o->width, pixels, LOCI_FIGURE_LEAST, LOCI_FIGURE_MOST);
}

int cli_look(cli *c, loci_draw_opts *out) {
  int code = positive(c, OPT_FIGURE_WIDTH, 200, "inches, such as 3.25", &out->width);
  if (!code) code = positive(c, OPT_FIGURE_SCALE, 1e6, "a number above 0", &out->scale);
  if (!code) code = cli_int(c, OPT_FIGURE_DPI, 1, 2400, &out->dpi);
  out->bare = args_has(&c->args, OPT_NO_TITLE);
  return code ? code : check_pixels(c, out);
}

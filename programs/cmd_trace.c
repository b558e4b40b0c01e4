/* loci trace: causal tracing.  Everything about the request is checked before the model is opened;
 * the grid is drawn for the terminal and written to every -o file by its ending.  Who looks on, at
 * a terminal or as a host, sees the strongest cells early, and a stop keeps what is done. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "values.h"
#include "typed_options.h"

/* -c TEXT, and --only K.  A -c that is a bare number means --only too, if the question has no such
 * text. */
static int read_constraints(cli *c, cli_constraints *all, int *only) {
  const char *question = args_get(&c->args, OPT_QUESTION), *s;
  const char *corrupt = args_get(&c->args, OPT_CORRUPT);
  int n = 0, k;
  *only = 0;
  for (int i = 0; (s = args_at(&c->args, OPT_CONSTRAINT, i)) != NULL; i++) {
    if (value_int(s, 1, 1000000, &k) && !strstr(question, s) &&
        args_at(&c->args, OPT_CONSTRAINT, 1)) {
      if (*only && *only != k)
        return cli_usage(c, "two different constraints to corrupt, %d and %d", *only, k);
      *only = k;
    } else {
      all->text[n++] = s;
    }
  }
  all->count = n;
  int code = cli_int(c, OPT_ONLY, 1, n > 0 ? n : 1, only);
  if (code) return code;
  bool image = corrupt && strncmp(corrupt, "image", 5) == 0;
  if (n == 0 && !image && !args_has(&c->args, OPT_DONOR))
    return cli_usage(c, "trace needs -c TEXT, the piece of the question to corrupt");
  if (*only > n)
    return cli_usage(c, "constraint %d was asked for, but %d %s given", *only, n,
                     n == 1 ? "is" : "are");
  return EXIT_DONE;
}

/* The strongest cell so far, before the progress line's stage. */
static void look(void *ctx, const loci_trace *t) {
  terminal *to = ctx;
  const loci_grid *best = NULL;
  int64_t at = 0;
  for (int i = 0; i < t->grid_count; i++) {
    const loci_grid *g = &t->grids[i];
    int64_t heads = g->head_count ? g->head_count : 1;
    for (int64_t k = 0; g->positions && k < g->layer_count * g->column_count * heads; k++) {
      if (!g->exact[k] || (best && fabs(g->ie[k]) <= fabs(best->ie[at]))) continue;
      best = g;
      at = k;
    }
  }
  if (!best || t->missing == t->planned) return;
  int64_t place = best->head_count ? at / best->head_count : at;
  int position = best->positions[place % best->column_count];
  snprintf(to->found, sizeof to->found, "%s %d \"%.24s\" %+.3f",
           loci_name(LOCI_NAMES_SITE, (int)best->site), best->layers[place / best->column_count],
           t->prompt->tokens[position].text, best->ie[at]);
}

static int trace(cli *c, cli_request *r, cli_constraints *all) {
  static const option_id but[] = {OPT_ONLY};
  loci_draw_opts draw = cli_draw_opts(c);
  int only;
  int code = cli_metric(c, &draw.metric);
  if (code) return code;
  call_begin(c, r, but, 1);
  code = read_constraints(c, all, &only);
  if (only > 0) call_put_int(r, "only", only);
  if (!c->host && c->term.progress && c->term.is_terminal) c->term.watch = look;
  if (c->term.watch) call_put_json(r, "partial", "true");
  if (!code) code = call_end(c, r);
  return code ? code : call_ask(c, r, all, &draw);
}

int cmd_trace(cli *c) {
  cli_request r = {0};
  cli_constraints all = {calloc((size_t)c->args.given_count + 1, sizeof *all.text), 0};
  if (!all.text) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  int code = trace(c, &r, &all);
  call_clear(&r);
  free(all.text);
  return code;
}

/* loci knockout, flow, lens: one question, measured by the call of that name.  What only the
 * command line knows is checked here, the request by the library, both before the model is opened.
 */
#include "calls.h"
#include "typed_options.h"

/* [most]: metrics that can be drawn, the first of the list; [sentence]: why no others. */
static int measure(cli *c, int most, const char *sentence) {
  static const option_id drawing[] = {OPT_METRIC};
  cli_request r;
  loci_draw_opts draw = cli_draw_opts(c);
  call_begin(c, &r, drawing, 1);
  int code = call_end(c, &r);
  if (!code) code = cli_metric(c, &draw.metric);
  if (!code && (int)draw.metric >= most)
    code = cli_usage(c, "--metric: %s, not %s", sentence,
                     loci_name(LOCI_NAMES_METRIC, (int)draw.metric));
  if (!code) code = call_ask(c, &r, NULL, &draw);
  call_clear(&r);
  return code;
}

int cmd_knockout(cli *c) {
  return measure(c, LOCI_METRIC_RESTORATION, "a knockout shows p, logp, logit_diff or kl");
}

int cmd_lens(cli *c) {
  return measure(c, LOCI_METRIC_LOGP + 1, "a lens draws p or logp of the target");
}

int cmd_flow(cli *c) {
  if (!args_has(&c->args, OPT_FROM) && !args_has(&c->args, OPT_TO) &&
      !args_has(&c->args, OPT_CONSTRAINT))
    return cli_usage(c, "flow needs -c TEXT, a piece of the question, or --from and --to");
  return measure(c, LOCI_METRIC_P + 1, "a flow has none");
}

/* loci data show: the questions of a file with their constraints marked. */
#include "data_common.h"
#include "typed_options.h"

static int show(cli *c, const loci_example *e, bool first) {
  char *text;
  loci_draw_opts draw = cli_draw_opts(c);
  bool bad = c->json ? loci_json(&e->result, &text, &c->err)
                     : loci_draw(&e->result, &draw, &text, &c->err);
  if (bad) return cli_failed(c);
  printf("%s%s", !c->json ? "" : first ? "\n " : ",\n ", text);
  loci_text_free(text);
  return cli_stopped(c);
}

/* Lines that are no example are named and passed over. */
static int show_all(cli *c, loci_examples *examples, int limit) {
  int code = EXIT_DONE;
  loci_example *e;
  for (int shown = 0; !code && (limit == 0 || shown < limit);) {
    loci_status st = loci_examples_next(examples, &e, &c->err);
    if (st == LOCI_EFORMAT) {
      fprintf(stderr, "loci: ");
      put_text(stderr, c->err.msg, c->term.utf8);
      fputc('\n', stderr);
      continue;
    }
    if (st) return cli_failed(c);
    if (!e) break;
    code = show(c, e, shown++ == 0);
    loci_free(e);
  }
  return code;
}

int cmd_data_show(cli *c) {
  loci_examples *examples;
  int limit = 0, sample = 0;
  uint64_t seed = 0;
  int code = cli_int(c, OPT_LIMIT, 1, 1000000000, &limit);
  if (!code) code = cli_int(c, OPT_SAMPLE, 1, 1000000000, &sample);
  if (!code) code = cli_seed(c, &seed);
  if (code) return code;
  if (loci_examples_open(c->args.rest[0], &examples, &c->err)) return cli_failed(c);
  if (sample && loci_examples_sample(examples, sample, seed, &c->err)) code = cli_failed(c);
  if (code) {
    loci_examples_close(examples);
    return code;
  }
  if (c->json)
    printf("{\"format\":\"loci.data-show/1\",\"version\":\"%s\",\"examples\":[", loci_version());
  code = show_all(c, examples, limit);
  if (c->json && !code) printf("]}\n");
  loci_examples_close(examples);
  return code;
}

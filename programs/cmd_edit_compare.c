/* loci edit compare: results of edit test beside each other, one table and one picture. */
#include "edit.h"

int cmd_edit_compare(cli *c) {
  loci_edit_tests *tests;
  loci_draw_opts draw = cli_draw_opts(c);
  char *text = NULL;
  const char *out;
  int code = EXIT_DONE;
  if (loci_edit_tests_read(c->args.rest, c->args.rest_count, &tests, &c->err)) return cli_failed(c);
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (loci_edit_tests_write(tests, out, &c->err)) code = cli_failed(c);
  bool bad = !code && (c->json ? loci_edit_tests_json(tests, &text, &c->err)
                               : loci_edit_tests_draw(tests, &draw, &text, &c->err));
  if (bad) code = cli_failed(c);
  if (!code) cli_show(c, text);
  loci_edit_tests_free(tests);
  return code;
}

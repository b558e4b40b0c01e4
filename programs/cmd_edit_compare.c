/* loci edit compare: results of edit test beside each other, one table and one picture. */
#include "edit_common.h"

int cmd_edit_compare(cli *c) {
  loci_result *tests;
  if (loci_read(LOCI_KIND_EDIT_TESTS, c->args.rest, c->args.rest_count, &tests, &c->err))
    return cli_failed(c);
  int code = cli_show_result(c, tests, NULL);
  loci_free(tests);
  return code;
}

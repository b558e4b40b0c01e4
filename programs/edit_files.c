/* Files of edits, read together (see edit_common.h). */
#include <stdlib.h>
#include <string.h>

#include "edit_common.h"

int edit_read_files(cli *c, const char *const *paths, int n, edit_files *out) {
  memset(out, 0, sizeof *out);
  out->at = calloc((size_t)n + 1, sizeof *out->at);
  if (!out->at) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  for (int i = 0; i < n; i++) {
    loci_result *edit;
    if (loci_read(LOCI_KIND_EDIT, &paths[i], 1, &edit, &c->err)) return cli_failed(c);
    out->at[out->count++] = (loci_edit *)edit;
  }
  return EXIT_DONE;
}

int edit_read_option(cli *c, edit_files *out) {
  const char **paths = calloc((size_t)c->args.given_count + 1, sizeof *paths);
  int n = 0;
  memset(out, 0, sizeof *out);
  if (!paths) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  int code = EXIT_DONE;
  for (; !code && (paths[n] = args_at(&c->args, OPT_EDIT, n)) != NULL; n++)
    for (int i = 0; !code && i < n; i++)
      if (strcmp(paths[i], paths[n]) == 0) code = cli_usage(c, "--edit names %s twice", paths[n]);
  if (!code) code = edit_read_files(c, paths, n, out);
  free(paths);
  return code;
}

void edit_free_files(edit_files *e) {
  for (int i = 0; i < e->count; i++) loci_free(e->at[i]);
  free(e->at);
}

/* An open file of examples (see example.h): blank lines are passed over, a line that is no example
 * is refused alone. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "data/example.h"

struct loci_examples {
  line_reader *lines;
  char *path, *folder;
};

loci_status loci_examples_open(const char *path, loci_examples **out, loci_err *err) {
  *out = NULL;
  loci_examples *x = calloc(1, sizeof *x);
  if (!x) return fail_nomem(err, path);
  loci_status st = LOCI_OK;
  x->path = strdup(path);
  x->folder = strndup(path, (size_t)(path_base(path) - path));
  if (!x->path || !x->folder) {
    st = fail_nomem(err, path);
    goto done;
  }
  size_t n = strlen(x->folder);
  if (n > 1) x->folder[n - 1] = 0; /* the slash; the root keeps its own */
  TRY_DONE(lines_open(path, EXAMPLE_LINE_MAX, &x->lines, err));
  *out = x;
  x = NULL;
done:
  loci_examples_close(x);
  return st;
}

void loci_examples_close(loci_examples *x) {
  if (!x) return;
  lines_close(x->lines);
  free(x->path);
  free(x->folder);
  free(x);
}

loci_status loci_examples_next(loci_examples *x, loci_example **out, loci_err *err) {
  const char *line;
  size_t n;
  *out = NULL;
  do {
    TRY(lines_next(x->lines, &line, &n, err));
    if (!line) return LOCI_OK;
  } while (strspn(line, " \t\r") == n);
  example_source from = {x->path, x->folder, lines_number(x->lines)};
  return example_parse(line, n, &from, out, err);
}

const char *examples_folder(const loci_examples *x) { return x->folder; }
const char *examples_path(const loci_examples *x) { return x->path; }
int64_t examples_line(const loci_examples *x) { return lines_number(x->lines); }
double examples_share(const loci_examples *x) { return lines_share(x->lines); }

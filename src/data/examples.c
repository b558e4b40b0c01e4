/* An open file of examples (see example.h): a JSON object a line, blank lines passed over; or, in a
 * file that ends in .json, one array of such objects, as benchmarks have them.  A line or an item
 * that is no example is refused alone. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "data/example.h"

enum { ARRAY_MAX = 1 << 28 }; /* bytes of a file that is one array */

struct loci_examples {
  line_reader *lines; /* NULL: */
  js_value *list;     /* an array, read up to item [at] */
  int64_t at;
  uint64_t fingerprint; /* of the line or item last read */
  char *path, *folder;
};

static loci_status open_array(loci_examples *x, loci_err *err) {
  TRY(js_parse_file(x->path, ARRAY_MAX, &x->list, err));
  if (js_kind_of(x->list) == JS_ARRAY) return LOCI_OK;
  return fail(err, LOCI_EFORMAT,
              "%s: must be an array of examples, found %s (a file of one object a line ends in "
              ".jsonl)",
              x->path, js_kind_name(js_kind_of(x->list)));
}

loci_status loci_examples_open(const char *path, loci_examples **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(path, "path");
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
  if (path_ends_with(path, ".json")) {
    TRY_DONE(open_array(x, err));
  } else {
    TRY_DONE(lines_open(path, EXAMPLE_LINE_MAX, &x->lines, err));
  }
  *out = x;
  x = NULL;
done:
  loci_examples_close(x);
  return st;
}

void loci_examples_close(loci_examples *x) {
  if (!x) return;
  lines_close(x->lines);
  js_free(x->list);
  free(x->path);
  free(x->folder);
  free(x);
}

static loci_status next_item(loci_examples *x, const js_value *item, loci_example **out,
                             loci_err *err) {
  char *text;
  example_source from = {x->path, x->folder, examples_unit(x), ++x->at};
  TRY(js_dump(item, &text, err));
  x->fingerprint = example_fingerprint(text, strlen(text));
  free(text);
  loci_status st = example_read(item, &from, out, err);
  if (!st) (*out)->fingerprint = x->fingerprint;
  return st;
}

loci_status loci_examples_next(loci_examples *x, loci_example **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(x, "examples");
  const char *line;
  size_t n;
  if (x->list) {
    const js_value *item = js_at(x->list, x->at);
    return item ? next_item(x, item, out, err) : LOCI_OK;
  }
  do {
    TRY(lines_next(x->lines, &line, &n, err));
    if (!line) return LOCI_OK;
  } while (strspn(line, " \t\r") == n);
  example_source from = {x->path, x->folder, examples_unit(x), lines_number(x->lines)};
  x->fingerprint = example_fingerprint(line, n);
  loci_status st = example_parse(line, n, &from, out, err);
  if (!st) (*out)->fingerprint = x->fingerprint;
  return st;
}

uint64_t examples_fingerprint(const loci_examples *x) { return x->fingerprint; }
const char *examples_folder(const loci_examples *x) { return x->folder; }
const char *examples_path(const loci_examples *x) { return x->path; }
int64_t examples_line(const loci_examples *x) { return x->list ? x->at : lines_number(x->lines); }
const char *examples_unit(const loci_examples *x) { return x->list ? "item" : "line"; }
double examples_share(const loci_examples *x) {
  return x->list ? (double)x->at / (double)js_count(x->list) : lines_share(x->lines);
}

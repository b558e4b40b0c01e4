/* An open file of examples (see example.h): a JSON object a line, blank lines passed over; or, in a
 * file that ends in .json, one array of such objects, as benchmarks have them.  A line or an item
 * that is no example is refused alone. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/lines.h"
#include "base/random.h"
#include "data/example.h"

enum { ARRAY_MAX = 1 << 28 }; /* bytes of a file that is one array */

struct loci_examples {
  line_reader *lines; /* NULL: */
  js_value *list;     /* an array, read up to item [at] */
  int64_t at;
  int64_t *chosen, chosen_count, passed; /* numbers of a sample, rising; NULL: all are read */
  uint64_t fingerprint;                  /* of the line or item last read */
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
    TRY_DONE(lines_refuse_array(x->lines, err));
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
  free(x->chosen);
  free(x);
}

/* ---------------------------------------------------------------- a sample */

typedef struct ticket {
  uint64_t key; /* at random, of seed and number */
  int64_t number;
} ticket;

/* The tickets with the smallest keys; up to twice as many while they are drawn. */
typedef struct draw {
  ticket *at;
  int64_t count, room, wanted;
  uint64_t seed;
} draw;

static int by_key(const void *a, const void *b) {
  const ticket *s = a, *t = b;
  if (s->key != t->key) return s->key < t->key ? -1 : 1;
  return (s->number > t->number) - (s->number < t->number);
}

static int by_number(const void *a, const void *b) {
  const int64_t *s = a, *t = b;
  return (*s > *t) - (*s < *t);
}

static void keep_smallest(draw *d) {
  if (d->at) qsort(d->at, (size_t)d->count, sizeof *d->at, by_key);
  if (d->count > d->wanted) d->count = d->wanted;
}

static loci_status add_ticket(draw *d, int64_t number, loci_err *err) {
  random_source r = random_stream(d->seed, (uint64_t)number);
  if (d->count == 2 * d->wanted) keep_smallest(d);
  if (d->count == d->room) {
    int64_t room = d->room ? 2 * d->room : 1024;
    ticket *more = realloc(d->at, (size_t)room * sizeof *more);
    if (!more) return fail_nomem(err, "drawing a sample");
    d->at = more;
    d->room = room;
  }
  d->at[d->count++] = (ticket){random_bits(&r), number};
  return LOCI_OK;
}

/* A line too long is one, too: it will be dropped by name. */
static loci_status draw_lines(loci_examples *x, draw *d, loci_err *err) {
  const char *line;
  size_t n;
  for (;;) {
    loci_status st = lines_next(x->lines, &line, &n, err);
    if (st && st != LOCI_EFORMAT) return st;
    if (!st && !line) return lines_rewind(x->lines, err);
    if (st || strspn(line, " \t\r") < n) TRY(add_ticket(d, lines_number(x->lines), err));
  }
}

loci_status loci_examples_sample(loci_examples *x, int count, uint64_t seed, loci_err *err) {
  NEEDS(x, "examples");
  if (count < 1) return fail(err, LOCI_EINVAL, "a sample of %d examples", count);
  if (examples_line(x) > 0 || x->chosen)
    return fail(err, LOCI_EINVAL, "a sample is drawn before the first example is read");
  draw d = {.wanted = count, .seed = seed};
  loci_status st = x->list ? LOCI_OK : lines_twice(x->lines, err);
  if (!st && !x->list) st = draw_lines(x, &d, err);
  for (int64_t i = 1; x->list && !st && i <= js_count(x->list); i++) st = add_ticket(&d, i, err);
  if (!st && d.count > 0) keep_smallest(&d);
  if (!st && !(x->chosen = malloc(((size_t)d.count + 1) * sizeof *x->chosen)))
    st = fail_nomem(err, x->path);
  for (int64_t i = 0; !st && i < d.count; i++) x->chosen[i] = d.at[i].number;
  if (!st) qsort(x->chosen, (size_t)d.count, sizeof *x->chosen, by_number);
  x->chosen_count = st ? 0 : d.count;
  free(d.at);
  return st;
}

/* Whether the line or item [number] is to be read; numbers rise. */
static bool is_chosen(loci_examples *x, int64_t number) {
  if (!x->chosen) return true;
  while (x->passed < x->chosen_count && x->chosen[x->passed] < number) x->passed++;
  return x->passed < x->chosen_count && x->chosen[x->passed] == number;
}

/* ---------------------------------------------------------------- one by one */

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
    while (x->at < js_count(x->list) && !is_chosen(x, x->at + 1)) x->at++;
    const js_value *item = js_at(x->list, x->at);
    return item ? next_item(x, item, out, err) : LOCI_OK;
  }
  do {
    loci_status st = lines_next(x->lines, &line, &n, err);
    if (st == LOCI_EFORMAT && !is_chosen(x, lines_number(x->lines))) continue;
    TRY(st);
    if (!line) return LOCI_OK;
  } while (!line || strspn(line, " \t\r") == n || !is_chosen(x, lines_number(x->lines)));
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

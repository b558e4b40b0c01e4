/* One column of a result by its path, as it lies there (see sink.h). */
#include <stdio.h>
#include <string.h>

#include "show/sinks.h"

enum { DEPTH = 16, PATH = 256 };

typedef struct finder {
  sink s;
  const char *wanted;
  loci_column *out;
  bool found;
  char path[PATH];      /* of the object or list that is open, with a dot after */
  size_t length[DEPTH]; /* of the path of each open level */
  int64_t items[DEPTH]; /* of each open list so far; -1: an object */
  int depth;
} finder;

static void value(sink *s, const char *key, const said *v) {
  finder *f = (finder *)s;
  (void)key;
  (void)v;
  if (f->items[f->depth] >= 0) f->items[f->depth]++;
}

static void begin(sink *s, const char *key, bool list) {
  finder *f = (finder *)s;
  char name[64];
  size_t n = f->length[f->depth];
  int more;
  if (f->items[f->depth] >= 0) {
    more = snprintf(f->path + n, PATH - n, "%lld.", (long long)f->items[f->depth]++);
  } else {
    more = snprintf(f->path + n, PATH - n, "%s.", sink_key(key, name));
  }
  n += (size_t)more;
  f->depth++;
  f->length[f->depth] = n < PATH ? n : PATH - 1;
  f->items[f->depth] = list ? 0 : -1;
}

static void end(sink *s) {
  finder *f = (finder *)s;
  f->depth--;
  f->path[f->length[f->depth]] = 0;
}

static void column(sink *s, const char *key, const loci_column *c, column_use use) {
  finder *f = (finder *)s;
  char name[64];
  size_t n = f->length[f->depth];
  (void)use;
  if (f->items[f->depth] >= 0) {
    snprintf(name, sizeof name, "%lld", (long long)f->items[f->depth]++);
  } else {
    sink_key(key, name);
  }
  if (f->found || strncmp(f->wanted, f->path, n) != 0 || strcmp(f->wanted + n, name) != 0) return;
  *f->out = *c;
  f->found = true;
}

static void table_is_over(sink *s) { (void)s; }

loci_status sink_column(describe_fn *describe, const void *result, const char *path,
                        loci_column *out, loci_err *err) {
  static const sink_ops ops = {value, begin, end, column, table_is_over, NULL};
  finder f = {.s = {.ops = &ops, .medium = SINK_COLUMN}, .wanted = path, .out = out};
  memset(out, 0, sizeof *out);
  f.items[0] = -1;
  describe(result, &f.s);
  if (f.found) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "\"%.200s\" is no column of this result", path);
}

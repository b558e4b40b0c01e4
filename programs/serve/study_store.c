/* Questions to a store (see study_store.h).  What the page sends are names of fields and values;
 * each is checked here, and none of it becomes SQL. */
#include "study_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "export.h"
#include "values.h"

struct study_store {
  pthread_mutex_t lock;
  loci_store *store;
  const char *name;
};

loci_status study_store_open(const char *path, study_store **out, loci_err *err) {
  study_store *s = calloc(1, sizeof *s);
  *out = NULL;
  if (!s) return cli_fail(err, LOCI_ENOMEM, "out of memory");
  loci_status st = loci_store_open(path, false, &s->store, err);
  if (st) {
    free(s);
    return st;
  }
  pthread_mutex_init(&s->lock, NULL);
  const char *slash = strrchr(path, '/');
  s->name = slash && slash[1] ? slash + 1 : path;
  *out = s;
  return LOCI_OK;
}

void study_store_close(study_store *s) {
  if (!s) return;
  loci_store_close(s->store);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

const char *study_store_name(const study_store *s) { return s->name; }

/* ---------------------------------------------------------------- fields */

static loci_status bad_value(const struct form_field *x, const char *wanted, loci_err *err) {
  return cli_fail(err, LOCI_EINVAL, "%s wants %s, not \"%.40s\"", x->name, wanted, x->value);
}

static loci_status read_count(const struct form_field *x, int least, int64_t *out, loci_err *err) {
  int value;
  if (!value_int(x->value, least, INT32_MAX, &value)) return bad_value(x, "a whole number", err);
  *out = value;
  return LOCI_OK;
}

static loci_status read_which(const struct form_field *x, loci_browse *out, loci_err *err) {
  static const char *const names[] = {"all", "right", "wrong", "dropped"};
  for (int i = 0; i < LENGTH(names); i++) {
    if (strcmp(x->value, names[i]) != 0) continue;
    *out = (loci_browse)i;
    return LOCI_OK;
  }
  return bad_value(x, "all, right, wrong or dropped", err);
}

/* A sentence that begins with the field, as those of bad values do (form_named). */
static loci_status unknown(const char *name, loci_err *err) {
  static const char *const known[] = {"run",   "result", "first", "which", "count",
                                      "least", "text",   "sql",   "sort",  "store"};
  const char *near = loci_name_near(name, known, LENGTH(known));
  return near ? cli_fail(err, LOCI_EINVAL,
                         "%.40s: a store is not asked by this; did you mean \"%s\"?", name, near)
              : cli_fail(err, LOCI_EINVAL, "%.40s: a store is not asked by this", name);
}

static loci_status read_field(const struct form_field *x, loci_store_browse_opts *o,
                              loci_err *err) {
  int64_t count = 0;
  loci_status st = LOCI_OK;
  if (!x->value[0] || strcmp(x->name, "store") == 0)
    return LOCI_OK; /* left empty; which one it is */
  if (strcmp(x->name, "run") == 0) return read_count(x, 0, &o->run, err);
  if (strcmp(x->name, "result") == 0) return read_count(x, 0, &o->result, err);
  if (strcmp(x->name, "first") == 0) return read_count(x, 0, &o->first, err);
  if (strcmp(x->name, "which") == 0) return read_which(x, &o->which, err);
  if (strcmp(x->name, "count") == 0) {
    st = read_count(x, 1, &count, err);
    o->count = (int)count;
  } else if (strcmp(x->name, "least") == 0) {
    if (!value_real(x->value, &o->least_effect)) st = bad_value(x, "a number", err);
  } else if (strcmp(x->name, "text") == 0) {
    o->text = x->value;
  } else if (strcmp(x->name, "sql") == 0) {
    o->sql = x->value;
  } else if (strcmp(x->name, "sort") == 0) {
    o->descending = x->value[0] == '-';
    o->sort = x->value + o->descending;
  } else {
    st = unknown(x->name, err);
  }
  return st;
}

/* ---------------------------------------------------------------- questions */

/* Until the server is told to end. */
static bool goes_on(void *ctx, const char *stage, double done, double total) {
  (void)ctx;
  (void)stage;
  (void)done;
  (void)total;
  return !terminal_signal();
}

static loci_status runs(study_store *s, char **out, loci_err *err) {
  loci_store_info *info;
  if (loci_store_info_new(s->store, goes_on, NULL, &info, err)) return err->code;
  loci_status st = loci_json(&info->result, out, err);
  loci_free(info);
  return st;
}

static loci_status average(study_store *s, const loci_store_browse_opts *asked, char **out,
                           loci_err *err) {
  loci_store_opts o = {.size = sizeof o,
                       .run = asked->run,
                       .least_effect = asked->least_effect,
                       .progress = goes_on};
  loci_average *a;
  if (loci_store_average(s->store, &o, &a, err)) return err->code;
  loci_status st = loci_json(&a->result, out, err);
  loci_free(a);
  return st;
}

loci_status study_store_ask(study_store *s, const char *what, const form *f, char **out,
                            loci_err *err) {
  loci_store_browse_opts o = {.size = sizeof o, .progress = goes_on};
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < f->count; i++) st = read_field(&f->at[i], &o, err);
  if (st) return st;
  pthread_mutex_lock(&s->lock);
  if (o.sql && strcmp(what, "sql") != 0) {
    st = cli_fail(err, LOCI_EINVAL, "sql: %.40s takes none", what);
  } else if (strcmp(what, "runs") == 0) {
    st = runs(s, out, err);
  } else if (strcmp(what, "examples") == 0) {
    st = loci_store_browse(s->store, &o, out, err);
  } else if (strcmp(what, "sql") == 0) {
    st = o.sql ? loci_store_browse(s->store, &o, out, err)
               : cli_fail(err, LOCI_EINVAL, "sql wants a SELECT");
  } else if (strcmp(what, "auroc") == 0) {
    o.auroc = true;
    st = loci_store_browse(s->store, &o, out, err);
  } else if (strcmp(what, "average") == 0) {
    st = average(s, &o, out, err);
  } else {
    st = cli_fail(err, LOCI_EINVAL, "a store is not asked for \"%.40s\"", what);
  }
  pthread_mutex_unlock(&s->lock);
  return st;
}

typedef struct csv {
  study_store *s;
  int run;
} csv;

static loci_status write_csv(const void *ctx, const char *path) {
  const csv *x = ctx;
  loci_store_opts o = {.size = sizeof o, .run = x->run};
  return loci_store_export(x->s->store, &o, path, NULL);
}

char *study_store_csv(study_store *s, int run, size_t *size) {
  pthread_mutex_lock(&s->lock);
  char *bytes = export_file(write_csv, &(csv){s, run}, "csv", size);
  pthread_mutex_unlock(&s->lock);
  return bytes;
}

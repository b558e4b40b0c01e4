/* Named arrays of what is said (see sink.h), into an NPZ or a safetensors file: tables and their
 * axes, and the prompt's tokens.  What has a name already is not said again. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "show/array_list.h"
#include "show/sinks.h"

enum { DEPTH = 16, NOTES = 12, USUAL_ARRAYS = 64 };

typedef struct arrays_sink {
  sink s;
  array_list list;
  char stems[DEPTH][96]; /* of each open object; "": none */
  int depth;
  const char *notes[2 * NOTES + 1]; /* metadata: key, value, .., NULL */
  int note_count;
} arrays_sink;

void arrays_under(sink *s, const char *stem) {
  arrays_sink *a = (arrays_sink *)s;
  snprintf(a->stems[a->depth], sizeof a->stems[0], "%s", stem);
}

void arrays_note(sink *s, const char *key, const char *text) {
  arrays_sink *a = (arrays_sink *)s;
  if (a->note_count == NOTES || a->list.failed) return;
  char *copy = arena_strdup(a->list.mem, text);
  a->list.failed = !copy;
  a->notes[2 * a->note_count] = key;
  a->notes[2 * a->note_count++ + 1] = copy;
}

static void value(sink *s, const char *key, const said *v) {
  (void)s;
  (void)key;
  (void)v;
}

static void begin(sink *s, const char *key, bool list) {
  arrays_sink *a = (arrays_sink *)s;
  (void)key;
  (void)list;
  memcpy(a->stems[a->depth + 1], a->stems[a->depth], sizeof a->stems[0]);
  a->depth++;
}

static void end(sink *s) { ((arrays_sink *)s)->depth--; }

static st_dtype dtype_of(loci_type type) {
  return type == LOCI_TYPE_REAL    ? ST_F64
         : type == LOCI_TYPE_FLOAT ? ST_F32
         : type == LOCI_TYPE_BOOL  ? ST_U8
                                   : ST_I64;
}

/* The cells from [axis] on, one after the other; returns where the next ones go. */
static char *copy_cells(const loci_column *c, int axis, const char *p, char *out) {
  if (axis < c->rank && axis < LOCI_AXES) {
    for (int64_t i = 0; i < c->axes[axis].size; i++)
      out = copy_cells(c, axis + 1, p + i * c->strides[axis], out);
    return out;
  }
  int64_t whole = c->type == LOCI_TYPE_INT ? *(const int *)(const void *)p : 0;
  size_t n = c->type == LOCI_TYPE_REAL    ? sizeof(double)
             : c->type == LOCI_TYPE_FLOAT ? sizeof(float)
             : c->type == LOCI_TYPE_BOOL  ? 1
                                          : sizeof whole;
  memcpy(out, c->type == LOCI_TYPE_INT ? (const char *)&whole : p, n);
  return out + n;
}

static void column(sink *s, const char *key, const loci_column *c, column_use use) {
  arrays_sink *a = (arrays_sink *)s;
  const char *stem = a->stems[a->depth];
  char name[160], own[64];
  int64_t shape[LOCI_AXES];
  if (use == COLUMN_LIST) return;
  bool names = c->type == LOCI_TYPE_TEXT;
  snprintf(name, sizeof name, "%s%s%s", stem, stem[0] ? "." : "",
           names ? "names" : sink_key(key, own));
  if (a->list.failed || array_list_has(&a->list, name)) return;
  if (names) {
    array_list_names(&a->list, name, c->data, (int)c->axes[0].size);
    return;
  }
  for (int i = 0; i < c->rank; i++) shape[i] = c->axes[i].size;
  char *out = array_list_add(&a->list, name, dtype_of(c->type), shape, c->rank);
  if (out) copy_cells(c, 0, c->data, out);
}

static void table_is_over(sink *s) { (void)s; }

/* tokens.ids, tokens.bytes */
static void add_prompt(array_list *list, const loci_prompt_info *p) {
  int64_t shape[2] = {p->length, 2};
  int64_t *ids = array_list_add(list, "tokens.ids", ST_I64, shape, 1);
  int64_t *ranges = array_list_add(list, "tokens.bytes", ST_I64, shape, 2);
  for (int i = 0; ids && ranges && i < p->length; i++) {
    ids[i] = p->tokens[i].id;
    ranges[2 * (int64_t)i] = p->tokens[i].bytes[0];
    ranges[2 * (int64_t)i + 1] = p->tokens[i].bytes[1];
  }
}

/* How it was made: in the metadata where a file has some. */
static void add_again(arrays_sink *a, const loci_result *r, bool npz) {
  const char *texts[] = {r->request, r->command && r->command[0] ? r->command : NULL};
  static const char *const names[] = {ARRAY_REQUEST, ARRAY_COMMAND};
  for (int i = 0; i < 2; i++) {
    if (!texts[i]) continue;
    if (npz) {
      array_list_text(&a->list, names[i], texts[i]);
    } else {
      arrays_note(&a->s, names[i], texts[i]);
    }
  }
}

loci_status sink_arrays(describe_fn *describe, const void *result, const char *path,
                        loci_err *err) {
  static const sink_ops ops = {value, begin, end, column, table_is_over, NULL};
  arrays_sink a = {.s = {.ops = &ops, .medium = SINK_ARRAYS}};
  array_list_init(&a.list, USUAL_ARRAYS);
  describe(result, &a.s);
  a.list.failed |= a.s.failed;
  if (a.s.prompt && !a.list.failed) add_prompt(&a.list, a.s.prompt);
  add_again(&a, result, path_ends_with(path, ".npz"));
  return array_list_write(&a.list, path, a.notes, err);
}

/* Answers by picture and question (see vqa.h).  The files stay mapped; of each annotation only
 * its place is kept, and it is read when somebody asks. */
#include "data/vqa.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "data/example.h"
#include "data/json_items.h"
#include "data/key_set.h"

enum { MOST_FILES = 16, ENOUGH = 3 };

/* question: key is a hash of picture and wording, value the question's id.  annotation: key is the
 * question's id, value the place in the file.  image: the same by the picture's id. */
typedef struct entry {
  uint64_t key;
  int64_t value;
  uint32_t size, file;
} entry;

typedef struct entry_list {
  entry *items;
  int64_t count, room;
} entry_list;

struct vqa_files {
  file_map maps[MOST_FILES];
  const char *paths[MOST_FILES]; /* borrowed */
  int files;
  entry_list questions, annotations, images;
};

static loci_status add(entry_list *l, entry e, loci_err *err) {
  if (l->count == l->room) {
    int64_t room = l->room ? 2 * l->room : 1024;
    entry *more = realloc(l->items, (size_t)room * sizeof *more);
    if (!more) return fail_nomem(err, "reading annotations");
    l->items = more;
    l->room = room;
  }
  l->items[l->count++] = e;
  return LOCI_OK;
}

/* One spelling for all that differ in case, articles and punctuation, with the picture. */
static loci_status question_key(int64_t image, const char *question, uint64_t *key, loci_err *err) {
  char number[24], *plain;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "reading questions");
  snprintf(number, sizeof number, "%" PRId64, image);
  loci_status st = answer_normalise(question, mem, &plain, err);
  if (!st) *key = key_hash(key_hash(4, number), plain);
  arena_free(mem);
  return st;
}

/* A whole number, also as a text of digits. */
static bool read_id(const js_value *v, int64_t *out) {
  const char *s = js_text_of(v, NULL);
  size_t n = s ? strlen(s) : 0;
  if (js_int_of(v, out)) return true;
  if (n == 0 || n > 18 || strspn(s, "0123456789") != n) return false;
  *out = strtoll(s, NULL, 10);
  return true;
}

/* An answer's text: the item itself, or its "answer". */
static const char *answer_text(const js_value *item) {
  return js_text_of(js_kind_of(item) == JS_TEXT ? item : js_get(item, "answer"), NULL);
}

static loci_status add_item(vqa_files *v, const char *key, const js_value *item, const char *at,
                            size_t n, loci_err *err) {
  const char *path = v->paths[v->files - 1], *text = js_text_of(js_get(item, "question"), NULL);
  int64_t image, id;
  uint64_t hash;
  if (!read_id(js_get(item, "question_id"), &id))
    return fail(err, LOCI_EFORMAT, "%s: an item of \"%s\" has no whole number \"question_id\"",
                path, key);
  if (strcmp(key, "annotations") == 0) {
    int64_t begin = at - (const char *)v->maps[v->files - 1].data;
    const js_value *answers = js_get(item, "answers");
    if (js_kind_of(answers) != JS_ARRAY)
      return fail(err, LOCI_EFORMAT,
                  "%s: annotation of question %" PRId64 " has no list \"answers\"", path, id);
    if (js_count(answers) > 0 && !answer_text(js_at(answers, 0)))
      return fail(err, LOCI_EFORMAT,
                  "%s: annotation of question %" PRId64
                  ": \"answers\" must be strings or objects with \"answer\"",
                  path, id);
    return add(&v->annotations, (entry){(uint64_t)id, begin, (uint32_t)n, (uint32_t)v->files - 1},
               err);
  }
  if (!text || !read_id(js_get(item, "image_id"), &image))
    return fail(err, LOCI_EFORMAT, "%s: question %" PRId64 " lacks \"question\" or \"image_id\"",
                path, id);
  TRY(question_key(image, text, &hash, err));
  return add(&v->questions, (entry){hash, id, 0, 0}, err);
}

static loci_status add_image(vqa_files *v, const js_value *item, const char *at, size_t n,
                             loci_err *err) {
  int64_t id;
  if (!js_int_of(js_get(item, "id"), &id) || !js_text_of(js_get(item, "file_name"), NULL))
    return fail(err, LOCI_EFORMAT, "%s: an item of \"images\" lacks \"id\" or \"file_name\"",
                v->paths[v->files - 1]);
  int64_t begin = at - (const char *)v->maps[v->files - 1].data;
  return add(&v->images, (entry){(uint64_t)id, begin, (uint32_t)n, (uint32_t)v->files - 1}, err);
}

static loci_status take_item(void *ctx, const char *key, const char *item, size_t n,
                             loci_err *err) {
  vqa_files *v = ctx;
  js_value *parsed;
  bool image = strcmp(key, "images") == 0;
  if (!image && strcmp(key, "questions") != 0 && strcmp(key, "annotations") != 0) return LOCI_OK;
  if (n > EXAMPLE_LINE_MAX)
    return fail(err, LOCI_EFORMAT, "%s: an item of \"%s\" has %zu bytes", v->paths[v->files - 1],
                key, n);
  TRY(js_parse(item, n, v->paths[v->files - 1], &parsed, err));
  loci_status st =
      image ? add_image(v, parsed, item, n, err) : add_item(v, key, parsed, item, n, err);
  js_free(parsed);
  return st;
}

/* By key; the one read first of those alike stands first. */
static int compare(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  if (x->file != y->file) return x->file < y->file ? -1 : 1;
  return (x->value > y->value) - (x->value < y->value);
}

static void sort(entry_list *l) {
  if (l->count > 0) qsort(l->items, (size_t)l->count, sizeof *l->items, compare);
}

static const entry *find(const entry_list *l, uint64_t key) {
  int64_t from = 0, to = l->count;
  while (from < to) {
    int64_t middle = from + (to - from) / 2;
    if (l->items[middle].key < key) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from < l->count && l->items[from].key == key ? &l->items[from] : NULL;
}

/* The files into a new object, sorted. */
static loci_status read_files(const char *const *paths, int count, vqa_files **out, loci_err *err) {
  *out = NULL;
  if (count > MOST_FILES)
    return fail(err, LOCI_EINVAL, "%d files of answers, at most %d are read", count, MOST_FILES);
  vqa_files *v = calloc(1, sizeof *v);
  if (!v) return fail_nomem(err, "reading annotations");
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < count; i++) {
    v->paths[i] = paths[i];
    st = file_map_open(paths[i], &v->maps[i], err);
    if (st) break;
    v->files++;
    st = json_each_item(&v->maps[i], paths[i], take_item, v, err);
  }
  if (st) {
    vqa_close(v);
    return st;
  }
  sort(&v->questions);
  sort(&v->annotations);
  sort(&v->images);
  *out = v;
  return LOCI_OK;
}

loci_status vqa_open(const char *const *paths, int count, vqa_files **out, loci_err *err) {
  TRY(read_files(paths, count, out, err));
  bool asked = (*out)->questions.count > 0;
  if (asked && (*out)->annotations.count > 0) return LOCI_OK;
  vqa_close(*out);
  *out = NULL;
  return fail(err, LOCI_EINVAL,
              "%s: there are no %s: answers are found through a file of questions (picture and "
              "wording) and one of annotations",
              paths[0], asked ? "\"annotations\"" : "\"questions\"");
}

loci_status vqa_open_images(const char *path, vqa_files **out, loci_err *err) {
  TRY(read_files(&path, 1, out, err));
  if ((*out)->images.count > 0) return LOCI_OK;
  vqa_close(*out);
  *out = NULL;
  return fail(err, LOCI_EFORMAT, "%s: there are no \"images\" in it", path);
}

void vqa_close(vqa_files *v) {
  if (!v) return;
  for (int i = 0; i < v->files; i++) file_map_close(&v->maps[i]);
  free(v->questions.items);
  free(v->annotations.items);
  free(v->images.items);
  free(v);
}

typedef struct tally {
  const char *answer;
  int votes, first;
} tally;

static int more_votes(const void *a, const void *b) {
  const tally *x = a, *y = b;
  return x->votes != y->votes ? y->votes - x->votes : x->first - y->first;
}

/* What each of the people answered: an object with "answer", or the text itself. */
static loci_status read_votes(const js_value *list, arena *mem, vqa_answers *out, loci_err *err) {
  int64_t n = js_count(list);
  out->votes = arena_zarray(mem, n + 1, const char *);
  if (!out->votes) return fail_nomem(err, "reading annotations");
  for (int64_t i = 0; i < n; i++) {
    const char *text = answer_text(js_at(list, i));
    if (!text) continue;
    const char *copy = arena_strdup(mem, text);
    if (!copy) return fail_nomem(err, "reading annotations");
    out->votes[out->vote_count++] = copy;
  }
  return LOCI_OK;
}

/* How often each answer was given, most frequent first; an empty one is none. */
static loci_status count_votes(const vqa_answers *from, arena *mem, tally **out, int *count,
                               loci_err *err) {
  *count = 0;
  *out = arena_zarray(mem, from->vote_count + 1, tally);
  if (!*out) return fail_nomem(err, "reading annotations");
  for (int i = 0; i < from->vote_count; i++) {
    const char *text = from->votes[i];
    int k = 0;
    if (!*text) continue;
    while (k < *count && strcmp((*out)[k].answer, text) != 0) k++;
    if (k == *count) (*out)[(*count)++] = (tally){text, 0, k};
    (*out)[k].votes++;
  }
  if (*count > 0) qsort(*out, (size_t)*count, sizeof **out, more_votes);
  return LOCI_OK;
}

static loci_status choose(const js_value *list, arena *mem, vqa_answers *out, loci_err *err) {
  tally *t;
  int n;
  TRY(read_votes(list, mem, out, err));
  TRY(count_votes(out, mem, &t, &n, err));
  out->divided = n > 0 && t[0].votes < ENOUGH;
  int least = out->divided ? t[0].votes : ENOUGH;
  out->items = arena_zarray(mem, n + 1, const char *);
  if (!out->items) return fail_nomem(err, "reading annotations");
  for (int i = 0; i < n && t[i].votes >= least; i++) out->items[out->count++] = t[i].answer;
  return LOCI_OK;
}

loci_status vqa_find_answers(vqa_files *v, int64_t image, const char *question, arena *mem,
                             vqa_answers *out, loci_err *err) {
  uint64_t key = 0;
  js_value *item;
  *out = (vqa_answers){0};
  TRY(question_key(image, question, &key, err));
  const entry *q = find(&v->questions, key);
  const entry *a = q ? find(&v->annotations, (uint64_t)q->value) : NULL;
  if (!a) return LOCI_OK;
  const char *text = (const char *)v->maps[a->file].data + a->value;
  TRY(js_parse(text, a->size, v->paths[a->file], &item, err));
  loci_status st = choose(js_get(item, "answers"), mem, out, err);
  js_free(item);
  return st;
}

loci_status vqa_file_name(const vqa_files *v, int64_t image, arena *mem, const char **name,
                          loci_err *err) {
  js_value *item;
  const entry *e = find(&v->images, (uint64_t)image);
  *name = NULL;
  if (!e) return LOCI_OK;
  TRY(js_parse((const char *)v->maps[e->file].data + e->value, e->size, v->paths[e->file], &item,
               err));
  *name = arena_strdup(mem, js_text_of(js_get(item, "file_name"), NULL));
  js_free(item);
  return *name ? LOCI_OK : fail_nomem(err, "looking for pictures");
}

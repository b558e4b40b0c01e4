/* Lists of edits in JSON as edit sets: what VLKEB (Huang et al. 2024) and MMEdit (E-VQA, E-IC;
 * Cheng et al. 2023) publish, as their loaders read it.  A file is one array of records:
 *
 *   src, alt             the question and the new answer       question, target
 *   pred                 the old answer                        kept as it is
 *   image                the picture                           image
 *   rephrase             the question in other words           rephrase
 *   image_rephrase       another picture of the same           same_entity_images
 *   m_loc, m_loc_q/_a    another picture with its question     unrelated
 *   loc, loc_ans         a question without a picture          text_only
 *   port_new             [{port_type, "Q&A": {Question, Answer}}], on the edit's picture:
 * portability
 *
 * Any other member is kept under its name.  What edit sets have and these lack is left out, and
 * named: a member that a record lacks at the record, what no record has once for the file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fixed.h"
#include "data/import.h"
#include "data/questions.h"

enum { RECORDS_MAX = 1 << 28 }; /* bytes of the file */

static const char *const members[] = {"src",     "alt",     "image",   "rephrase", "image_rephrase",
                                      "m_loc",   "m_loc_q", "m_loc_a", "loc",      "loc_ans",
                                      "port_new"};
enum { MEMBERS = sizeof members / sizeof *members, NEEDED = 2 };

/* Fields of edit sets, to say which of them no record filled. */
static const char *const fields[] = {
    "constraints", "rephrase", "same_entity_images", "same_image",  "other_images",
    "unrelated",   "similar",  "text_only",          "portability", "fact_check"};
enum { FIELDS = sizeof fields / sizeof *fields };

/* One record on its way to a line. */
typedef struct record {
  importer *m;
  const js_value *from;
  js_value *line;
  const char *image; /* the path found; NULL: none */
  loci_err *err;
} record;

/* ---------------------------------------------------------------- values */

/* A member that is there has to be what the format says: else the record is refused, and the file
 * goes on. */
static loci_status wrong(const record *r, const char *member, const char *expected) {
  return fail(r->err, LOCI_EFORMAT, "\"%s\" must be %s", member, expected);
}

/* NULL where it is not there. */
static loci_status text_of(const record *r, const js_value *v, const char *member,
                           const char **out) {
  size_t n;
  *out = NULL;
  if (!v) return LOCI_OK;
  const char *s = js_text_of(v, &n);
  if (!s || strlen(s) != n) return wrong(r, member, "a string");
  if (s[strspn(s, " \t\r\n")]) *out = s;
  return LOCI_OK;
}

static loci_status member_text(const record *r, const char *member, const char **out) {
  return text_of(r, js_get(r->from, member), member, out);
}

/* A string, or the first of a list of strings, as some of the files have it. */
static loci_status first_text(const record *r, const char *member, const char **out) {
  const js_value *v = js_get(r->from, member);
  if (v && js_kind_of(v) == JS_ARRAY) v = js_at(v, 0);
  return text_of(r, v, member, out);
}

/* Where the picture of that name is, in the row's arena; NULL: there is no name. */
static loci_status find_picture(const record *r, const char *member, const char **out,
                                bool *there) {
  const char *name;
  *there = false;
  TRY(member_text(r, member, &name));
  *out = name;
  if (!name) return LOCI_OK;
  TRY(pictures_find(r->m->images, name, r->m->mem, out, there, r->err));
  if (*there) return LOCI_OK;
  place at = {.line = r->m->from.line, .field = member};
  return report_add(r->m->check.found, LINT_IMAGE_UNKNOWN, &at, r->err, "there is no file %.200s",
                    *out);
}

/* ---------------------------------------------------------------- lists */

static js_value *one_text(const char *text) {
  js_value *list = js_array();
  js_push(&list, js_text(text));
  return list;
}

/* {"image", "question", "answers"}; [image], [answer] NULL: without. */
static js_value *one_question(const char *image, const char *question, const char *answer) {
  js_value *o = js_object();
  if (image) js_put(&o, "image", js_text(image));
  js_put(&o, "question", js_text(question));
  if (answer) js_put(&o, "answers", one_text(answer));
  return o;
}

static void put_list(record *r, const char *field, js_value *item) {
  js_value *list = js_array();
  js_push(&list, item);
  js_put(&r->line, field, list);
}

static loci_status put_wordings(record *r) {
  const char *other, *picture;
  bool there;
  TRY(first_text(r, "rephrase", &other));
  if (other) js_put(&r->line, "rephrase", one_text(other));
  TRY(find_picture(r, "image_rephrase", &picture, &there));
  if (picture) js_put(&r->line, "same_entity_images", one_text(picture));
  return LOCI_OK;
}

/* A question without its picture is another one, so neither is kept alone. */
static loci_status put_locality(record *r) {
  const char *question, *answer, *picture;
  bool there;
  TRY(find_picture(r, "m_loc", &picture, &there));
  TRY(member_text(r, "m_loc_q", &question));
  TRY(first_text(r, "m_loc_a", &answer));
  if (picture && question) put_list(r, "unrelated", one_question(picture, question, answer));
  TRY(member_text(r, "loc", &question));
  TRY(first_text(r, "loc_ans", &answer));
  if (question) put_list(r, "text_only", one_question(NULL, question, answer));
  return LOCI_OK;
}

static loci_status put_step(const record *r, const js_value *v, js_value **list) {
  const char *question, *answer, *type;
  const js_value *both = js_get(v, "Q&A"), *kind = js_get(v, "port_type");
  int64_t hops;
  char digits[24];
  if (js_kind_of(v) != JS_OBJECT || js_kind_of(both) != JS_OBJECT)
    return wrong(r, "port_new", "a list of objects with \"Q&A\"");
  TRY(text_of(r, js_get(both, "Question"), "Question", &question));
  TRY(text_of(r, js_get(both, "Answer"), "Answer", &answer));
  if (!question || !answer) return wrong(r, "Q&A", "a Question with its Answer");
  js_value *o = one_question(r->image, question, answer);
  if (kind && js_int_of(kind, &hops)) {
    snprintf(digits, sizeof digits, "%" PRId64, hops);
    js_put(&o, "hops", js_text(digits));
  } else if (kind && !text_of(r, kind, "port_type", &type) && type) {
    js_put(&o, "hops", js_text(type));
  }
  js_push(list, o);
  return LOCI_OK;
}

static loci_status put_portability(record *r) {
  const js_value *v = js_get(r->from, "port_new");
  if (!v) return LOCI_OK;
  if (js_kind_of(v) != JS_ARRAY) return wrong(r, "port_new", "a list of objects with \"Q&A\"");
  js_value *list = js_array();
  loci_status st = LOCI_OK;
  for (int64_t i = 0; !st && i < js_count(v); i++) st = put_step(r, js_at(v, i), &list);
  if (!st && !list) st = fail_nomem(r->err, "importing edits");
  if (st || js_count(list) == 0) {
    js_free(list);
    return st;
  }
  js_put(&r->line, "portability", list);
  return LOCI_OK;
}

/* ---------------------------------------------------------------- a record */

static bool is_member(const char *key) {
  for (int i = 0; i < MEMBERS; i++)
    if (strcmp(key, members[i]) == 0) return true;
  return false;
}

static loci_status put_others(record *r) {
  const char *key;
  const js_value *v;
  for (void *it = js_first(r->from, &key, &v); it; it = js_next(r->from, it, &key, &v)) {
    if (is_member(key) || js_get(r->line, key) || js_kind_of(v) == JS_NULL) continue;
    js_put(&r->line, key, js_copy(v));
  }
  return LOCI_OK;
}

static loci_status put_first(record *r) {
  const char *question, *target;
  char id[64];
  int64_t given;
  bool there;
  const js_value *own = js_get(r->from, "id");
  TRY(member_text(r, "src", &question));
  TRY(first_text(r, "alt", &target));
  if (!question || !target) return wrong(r, question ? "alt" : "src", "there");
  bool has = own && (js_int_of(own, &given) || js_text_of(own, NULL));
  snprintf(id, sizeof id, "%s-%" PRId64, r->m->f->name, r->m->from.line);
  js_put(&r->line, "id", has ? js_copy(own) : js_text(id));
  TRY(find_picture(r, "image", &r->image, &there));
  if (r->image) js_put(&r->line, "image", js_text(r->image));
  r->m->counts->pictured += there;
  js_put(&r->line, "question", js_text(question));
  js_put(&r->line, "target", js_text(target));
  js_put(&r->line, "set", js_text(r->m->f->name));
  return LOCI_OK;
}

static loci_status make_line(record *r) {
  if (js_kind_of(r->from) != JS_OBJECT)
    return fail(r->err, LOCI_EFORMAT, "must be an object with \"src\" and \"alt\", found %s",
                js_kind_name(js_kind_of(r->from)));
  TRY(put_first(r));
  TRY(put_wordings(r));
  TRY(put_locality(r));
  TRY(put_portability(r));
  TRY(put_others(r));
  return r->line ? LOCI_OK : fail_nomem(r->err, "importing edits");
}

/* What the record lacks that others of its kind have. */
static loci_status note_lacking(const record *r) {
  for (int i = NEEDED; i < MEMBERS; i++) {
    bool port = strcmp(members[i], "port_new") == 0; /* of VLKEB alone */
    if (js_get(r->from, members[i]) || (port && strcmp(r->m->f->name, "vlkeb") != 0)) continue;
    place at = {.line = r->m->from.line, .field = members[i]};
    TRY(report_add(r->m->check.found, LINT_RECORD_LACKS, &at, r->err,
                   "is not there, and what is made of it is left out"));
  }
  return LOCI_OK;
}

static loci_status import_record(importer *m, const js_value *from, bool filled[FIELDS]) {
  loci_err why = {0};
  record r = {.m = m, .from = from, .line = js_object(), .err = &why};
  m->mem = arena_new();
  loci_status st = m->mem ? make_line(&r) : fail_nomem(&why, "importing edits");
  if (st == LOCI_EFORMAT) {
    place at = {.line = m->from.line};
    st = report_add(m->check.found, LINT_NOT_A_ROW, &at, m->err, "%s",
                    report_plain(why.msg, m->path, m->from.line));
  } else if (st) {
    st = pass_on(&why, m->err);
  } else {
    r.err = m->err;
    for (int i = 0; i < FIELDS; i++) filled[i] |= js_get(r.line, fields[i]) != NULL;
    st = note_lacking(&r);
    if (!st) st = import_line(m, r.line);
  }
  js_free(r.line);
  arena_free(m->mem);
  return st;
}

/* Once, at the first line: fields of edit sets that the whole file has nothing for. */
static loci_status note_unfilled(importer *m, const bool filled[FIELDS]) {
  place at = {.line = 1};
  char text[200] = "";
  size_t n = 0;
  for (int i = 0; i < FIELDS; i++)
    if (!filled[i])
      n = fixed_add(text, sizeof text, n, "%s%s%s", n ? ", " : "", fields[i],
                    i == 0 ? " (data annotate proposes them)" : "");
  if (n == 0) return LOCI_OK;
  return report_add(m->check.found, LINT_SET_LACKS, &at, m->err, "no record has %s", text);
}

loci_status import_records(importer *m) {
  js_value *list;
  bool filled[FIELDS] = {false};
  TRY(js_parse_file(m->path, RECORDS_MAX, &list, m->err));
  int64_t n = js_count(list);
  loci_status st = LOCI_OK;
  m->from.unit = "item";
  if (js_kind_of(list) != JS_ARRAY)
    st = fail(m->err, LOCI_EFORMAT, "%s: must be an array of records, found %s", m->path,
              js_kind_name(js_kind_of(list)));
  for (int64_t i = 0; !st && i < n; i++) {
    int64_t before = report_errors(m->check.found);
    m->from.line = i + 1;
    m->counts->read++;
    st = import_record(m, js_at(list, i), filled);
    m->counts->bad += report_errors(m->check.found) > before;
    if (!st && i % 64 == 63 && m->o->progress &&
        !m->o->progress(m->o->progress_ctx, "import", (double)i, (double)n))
      st = fail(m->err, LOCI_ECANCELLED, "stopped");
  }
  if (!st && n > 0) st = note_unfilled(m, filled);
  js_free(list);
  return st;
}

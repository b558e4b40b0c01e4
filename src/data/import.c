/* Tables of questions (CSV) as files of examples, and the call for lists of edits (import.h).  What
 * a table's columns mean is one line of [formats]; every row becomes a parsed line, goes through
 * the same checks and repairs as a line of a file (check.h), and is written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/file.h"
#include "base/fixed.h"
#include "base/names.h"
#include "data/choice.h"
#include "data/import.h"

static const format formats[] = {
    {"okvqa", {"", "image_url", "question", NULL, "main_entity", NULL, NULL, NULL}, .visual = true},
    {"known",
     {"", "image_url", "question", NULL, "main_entity", "subject", NULL, NULL},
     .visual = true},
    {"movies",
     {"", "image_url", "question", NULL, "main_entity", "director", NULL, NULL},
     .visual = true},
    {"evqa",
     {NULL, "|dataset_image_ids", "question", "|answer", NULL, "wikipedia_title", NULL, NULL},
     .others = true},
    {"csv",
     {"id", "image", "question", "answer", "constraint", "entity", "set", "target"},
     .others = true},
    {.name = "vlkeb", .records = true},
    {.name = "mmedit", .records = true},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static loci_status no_memory(const importer *m) { return fail_nomem(m->err, "importing a table"); }

/* ---------------------------------------------------------------- columns */

static loci_status find_format(const char *name, const format **out, loci_err *err) {
  const char *names[FORMATS];
  for (int i = 0; i < FORMATS; i++) {
    names[i] = formats[i].name;
    if (strcmp(name, formats[i].name) != 0) continue;
    *out = &formats[i];
    return LOCI_OK;
  }
  int near = nearest_name(name, names, FORMATS);
  if (near >= 0)
    return fail(err, LOCI_EINVAL, "unknown kind of file \"%.60s\"; did you mean %s?", name,
                names[near]);
  return fail(err, LOCI_EINVAL,
              "unknown kind of file \"%.60s\": okvqa, known, movies, evqa, csv, vlkeb or mmedit",
              name);
}

/* What a plain table's pictures and answers are called elsewhere (VQAv2, A-OKVQA, pandas). */
static const char *const other_names[][3] = {
    [IMAGE] = {"image_id", "image_path", "image_url"},
    [ANSWERS] = {"multiple_choice_answer", "direct_answers"}};

static int find_other_name(const importer *m, role r) {
  int found = -1;
  for (size_t i = 0; r <= ANSWERS && i < 3 && found < 0; i++) {
    if (other_names[r][i]) found = csv_column(m->table, other_names[r][i]);
  }
  return found;
}

/* The column of a role; a plain table may also have "answers" or "constraints", with | between. */
static int find_column(const importer *m, role r, bool *many) {
  const char *name = m->f->columns[r];
  char plural[32];
  *many = false;
  if (!name) return -1;
  *many = name[0] == '|';
  int found = csv_column(m->table, name + *many);
  if (found >= 0 || strcmp(m->f->name, "csv") != 0) return found;
  if (r == ANSWERS || r == CONSTRAINTS) {
    snprintf(plural, sizeof plural, "%.30ss", name);
    found = csv_column(m->table, plural);
    *many = found >= 0;
  }
  return found >= 0 ? found : find_other_name(m, r);
}

/* Says what columns there are, and which of them may be meant. */
static loci_status lacks_column(importer *m, const char *wanted) {
  const char *names[CSV_COLUMNS_MAX];
  int n = csv_columns(m->table), same = -1;
  char list[200] = "";
  size_t used = 0;
  for (int i = 0; i < n; i++) {
    names[i] = csv_column_name(m->table, i);
    if (strcasecmp(names[i], wanted) == 0) same = i;
    if (used + strlen(names[i]) + 3 > sizeof list) continue;
    used = fixed_add(list, sizeof list, used, "%s%s", used ? ", " : "", names[i]);
  }
  int near = same >= 0 ? same : nearest_name(wanted, names, n);
  return fail(m->err, LOCI_EFORMAT,
              "%s: a table of the kind %s has a column \"%s\"%s%s%s; the columns are %s", m->path,
              m->f->name, wanted, near >= 0 ? ", did you mean \"" : "",
              near >= 0 ? names[near] : "", near >= 0 ? "\"?" : "", list);
}

static loci_status find_columns(importer *m) {
  bool plain = strcmp(m->f->name, "csv") == 0;
  for (int r = 0; r < ROLES; r++) {
    m->columns[r] = find_column(m, (role)r, &m->many[r]);
    if (m->columns[r] >= 0 || !m->f->columns[r]) continue;
    if (r == ID || (plain && r != QUESTION)) continue;
    return lacks_column(m, m->f->columns[r] + (m->f->columns[r][0] == '|'));
  }
  return LOCI_OK;
}

/* What programs write for nothing. */
static bool is_nothing(const char *text) {
  static const char *const words[] = {"nan",  "NaN",  "NAN",  "<NA>", "NaT", "None",
                                      "null", "NULL", "#N/A", "N/A",  "n/a"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(text, words[i]) == 0) return true;
  }
  return false;
}

static const char *cell(const importer *m, const char *const *row, role r) {
  const char *text = m->columns[r] >= 0 ? row[m->columns[r]] : "";
  return is_nothing(text) ? "" : text;
}

/* Cells that say nan, None and the like are empty, and it is told. */
static loci_status note_nothings(importer *m, const char *const *row) {
  for (int r = 0; r < ROLES; r++) {
    if (m->columns[r] < 0 || !is_nothing(row[m->columns[r]])) continue;
    place at = {.line = m->from.line, .field = csv_column_name(m->table, m->columns[r])};
    TRY(report_add(m->check.found, LINT_CELL_NOTHING, &at, m->err, "\"%s\" is read as nothing",
                   row[m->columns[r]]));
  }
  return LOCI_OK;
}

/* ---------------------------------------------------------------- one row */

/* array(['Kyiv'], dtype=object), set(['Kyiv']), tensor([1, 2]): what a program printed. */
static bool is_call(const char *s) {
  size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._");
  return n > 0 && s[n] == '(' && s[n + 1] && strchr("[({'\"", s[n + 1]) && strrchr(s, ')');
}

/* A cell that is a list as Python or JSON writes one, "['Kyiv', 'Kiev']"; *count is -1 where it is
 * none.  What looks like a list and is none is told. */
static loci_status cell_list(importer *m, const char *text, role r, const char *const **items,
                             int *count) {
  const char *begin = text + strspn(text, " \t");
  *count = -1;
  if (!*begin || (!strchr("[({", *begin) && !is_call(begin))) return LOCI_OK;
  loci_status st = choice_list(text, m->mem, items, count, NULL);
  if (st == LOCI_ENOMEM) return no_memory(m);
  bool empty = !st && *count == 0 && *begin != '['; /* a text that begins with a bracket */
  if (!st && !empty) return LOCI_OK;
  *count = -1;
  if (*begin == '(' || empty) return LOCI_OK;
  place at = {.line = m->from.line, .field = csv_column_name(m->table, m->columns[r])};
  return report_add(m->check.found, LINT_CELL_LIST, &at, m->err,
                    "looks like a list and is taken as one text: %.80s", text);
}

/* The next piece of a cell of several values, copied; NULL after the last. */
static char *next_piece(importer *m, const char **rest, bool many) {
  if (!**rest) return NULL;
  size_t n = many ? strcspn(*rest, "|") : strlen(*rest);
  char *piece = arena_strndup(m->mem, *rest, n);
  *rest += n + (many && (*rest)[n] == '|');
  return piece;
}

static void put_id(importer *m, js_value **line, const char *const *row) {
  char id[128];
  const char *given = cell(m, row, ID);
  if (!*given) return;
  if (m->f->columns[ID][0]) { /* the table's own */
    js_put(line, "id", js_text(given));
    return;
  }
  snprintf(id, sizeof id, "%s-%.100s", m->f->name, given);
  js_put(line, "id", js_text(id));
}

/* The file of a picture that the table has by its number; else the name itself. */
static loci_status find_listed(importer *m, const char *name, const char **out) {
  const char *file;
  char *end;
  long long number = strtoll(name, &end, 10);
  if (*end || end == name) return LOCI_OK;
  TRY(vqa_file_name(m->names, number, m->mem, &file, m->err));
  if (file) *out = file;
  return LOCI_OK;
}

/* The first picture that is there is the example's; further ones show the same. */
static loci_status put_images(importer *m, js_value **line, const char *const *row) {
  const char *rest, *chosen = NULL;
  TRY(pictures_cell(cell(m, row, IMAGE), m->mem, &rest, m->err));
  js_value *more = js_array();
  char *name;
  bool found = false;
  while ((name = next_piece(m, &rest, m->many[IMAGE])) != NULL) {
    const char *path, *listed = name;
    bool there = false;
    loci_status st = m->names ? find_listed(m, name, &listed) : LOCI_OK;
    if (!st) st = pictures_find(m->images, listed, m->mem, &path, &there, m->err);
    if (st) {
      js_free(more);
      return st;
    }
    if (found && there) js_push(&more, js_text(path));
    if (!chosen || (there && !found)) chosen = path;
    found |= there;
  }
  if (chosen) js_put(line, "image", js_text(chosen));
  if (js_count(more) > 0) {
    js_put(line, "same_entity_images", more);
  } else {
    js_free(more);
  }
  m->counts->pictured += found;
  if (found || !chosen) return LOCI_OK;
  place at = {.line = m->from.line, .field = "image"};
  return report_add(m->check.found, LINT_IMAGE_UNKNOWN, &at, m->err, "there is no file %.200s",
                    chosen);
}

/* "COCO_val2014_000000297147.jpg" is picture 297147; -1: no number. */
static int64_t picture_number(const char *name) {
  const char *base = path_base(name);
  size_t n = strcspn(base, "."), from = n;
  while (from > 0 && base[from - 1] >= '0' && base[from - 1] <= '9') from--;
  return n == from || n - from > 18 ? -1 : strtoll(base + from, NULL, 10);
}

static js_value *json_texts_of(const char *const *items, int count) {
  js_value *list = js_array();
  for (int i = 0; i < count; i++) js_push(&list, js_text(items[i]));
  return list;
}

/* The answers into [list]; *found is what each person said, too. */
static loci_status find_votes(importer *m, js_value **list, vqa_answers *found,
                              const char *const *row) {
  place at = {.line = m->from.line, .field = "answers"};
  int64_t number = picture_number(cell(m, row, IMAGE));
  if (number >= 0)
    TRY(vqa_find_answers(m->votes, number, cell(m, row, QUESTION), m->mem, found, m->err));
  if (found->count == 0)
    return report_add(m->check.found, LINT_ANSWER_UNKNOWN, &at, m->err,
                      "no annotation of picture %" PRId64 " has this question", number);
  for (int i = 0; i < found->count; i++) js_push(list, js_text(found->items[i]));
  return found->divided ? report_add(m->check.found, LINT_ANSWER_DIVIDED, &at, m->err,
                                     "no answer was given three times; the most frequent stand")
                        : LOCI_OK;
}

/* "a&&b": both belong to the answer. */
static const char *joined(char *text) {
  for (char *p = text; (p = strstr(p, "&&")) != NULL; p += 2) memcpy(p, ", ", 2);
  return text;
}

static loci_status put_answers(importer *m, js_value **line, const char *const *row) {
  const char *rest = cell(m, row, ANSWERS);
  const char *const *items = NULL;
  int count = 0;
  vqa_answers found = {0};
  TRY(cell_list(m, rest, ANSWERS, &items, &count));
  js_value *list = json_texts_of(items, count);
  loci_status st = LOCI_OK;
  char *piece;
  while (count < 0 && (piece = next_piece(m, &rest, m->many[ANSWERS])) != NULL)
    js_push(&list, js_text(m->many[ANSWERS] ? joined(piece) : piece));
  if (m->votes) st = find_votes(m, &list, &found, row);
  m->counts->answered += js_count(list) > 0;
  if (js_count(list) > 0) {
    js_put(line, "answers", list);
  } else {
    js_free(list);
  }
  if (found.vote_count > 1) js_put(line, "votes", json_texts_of(found.votes, found.vote_count));
  return st;
}

static void put_constraint(const importer *m, js_value **list, const char *text) {
  js_value *o = js_object();
  js_put(&o, "text", js_text(text));
  if (m->f->visual) js_put(&o, "kind", js_text("visual"));
  js_push(list, o);
}

static loci_status put_constraints(importer *m, js_value **line, const char *const *row) {
  const char *rest = cell(m, row, CONSTRAINTS);
  const char *const *items;
  int count;
  TRY(cell_list(m, rest, CONSTRAINTS, &items, &count));
  js_value *list = js_array();
  char *piece;
  for (int i = 0; i < count; i++) put_constraint(m, &list, items[i]);
  while (count < 0 && (piece = next_piece(m, &rest, m->many[CONSTRAINTS])) != NULL) {
    put_constraint(m, &list, piece);
  }
  if (js_count(list) > 0) {
    js_put(line, "constraints", list);
  } else {
    js_free(list);
  }
  return LOCI_OK;
}

static void put_text(importer *m, js_value **line, const char *const *row, role r,
                     const char *key) {
  const char *text = cell(m, row, r);
  if (*text) js_put(line, key, js_text(text));
}

static void put_other_columns(importer *m, js_value **line, const char *const *row) {
  for (int i = 0; m->f->others && i < csv_columns(m->table); i++) {
    bool has_role = false;
    const char *name = csv_column_name(m->table, i);
    for (int r = 0; r < ROLES; r++) has_role |= m->columns[r] == i;
    if (!has_role && *name && *row[i] && *line && !js_get(*line, name))
      js_put(line, name, js_text(row[i]));
  }
}

static loci_status make_line(importer *m, const char *const *row, js_value **line) {
  *line = js_object();
  put_id(m, line, row);
  loci_status st = put_images(m, line, row);
  put_text(m, line, row, QUESTION, "question");
  if (!st) st = put_answers(m, line, row);
  if (!st) st = put_constraints(m, line, row);
  if (!st) st = note_nothings(m, row);
  put_text(m, line, row, ENTITY, "entity");
  if (m->f->columns[SET]) {
    put_text(m, line, row, SET, "set");
  } else {
    js_put(line, "set", js_text(m->f->name));
  }
  put_text(m, line, row, TARGET, "target");
  put_other_columns(m, line, row);
  if (!st && !*line) st = no_memory(m);
  return st;
}

static loci_status import_row(importer *m, const char *const *row) {
  js_value *line = NULL;
  m->mem = arena_new();
  loci_status st = m->mem ? make_line(m, row, &line) : no_memory(m);
  if (!st) st = import_line(m, line);
  js_free(line);
  arena_free(m->mem);
  return st;
}

/* ---------------------------------------------------------------- the table */

static loci_status refuse_row(importer *m, const char *why) {
  place at = {.line = m->from.line};
  return report_add(m->check.found, LINT_NOT_A_ROW, &at, m->err, "%s",
                    report_plain(why, m->path, m->from.line));
}

static loci_status next_row(importer *m, bool *more) {
  const char *const *row;
  loci_err why = {0};
  loci_status st = csv_next(m->table, &row, &why);
  int64_t before = report_errors(m->check.found);
  m->from.line = csv_line(m->table);
  *more = st == LOCI_EFORMAT || row;
  if (st && st != LOCI_EFORMAT) return fail(m->err, st, "%s", why.msg);
  if (!*more) return LOCI_OK;
  m->counts->read++;
  st = st ? refuse_row(m, why.msg) : import_row(m, row);
  m->counts->bad += report_errors(m->check.found) > before;
  return st;
}

static loci_status import_all(importer *m) {
  bool more = true;
  while (more) {
    TRY(next_row(m, &more));
    if (m->counts->read % 64 || !m->o->progress) continue;
    if (!m->o->progress(m->o->progress_ctx, "import", csv_share(m->table), 1))
      return fail(m->err, LOCI_ECANCELLED, "stopped");
  }
  return LOCI_OK;
}

static loci_status open_table(importer *m) {
  TRY(csv_open(m->path, &m->table, m->err));
  TRY(find_columns(m));
  m->check.unconstrained = m->columns[CONSTRAINTS] < 0;
  m->check.unanswered = m->columns[ANSWERS] < 0 && m->o->answer_count == 0;
  return LOCI_OK;
}

static loci_status open_all(importer *m, const char *out, char **folder) {
  size_t n = (size_t)(path_base(m->path) - m->path);
  TRY(find_format(m->o->format ? m->o->format : "csv", &m->f, m->err));
  *folder = n ? strndup(m->path, n) : strdup(".");
  m->check.before = key_set_new();
  if (!*folder || !m->check.before) return no_memory(m);
  TRY(report_new("import", m->path, out, &m->check.found, m->err));
  m->counts = report_view(m->check.found);
  m->check.unconstrained = m->check.unanswered = m->f->records;
  if (!m->f->records) TRY(open_table(m));
  TRY(pictures_open(m->o->images ? m->o->images : *folder, out, &m->images, m->err));
  if (m->o->answer_count > 0) TRY(vqa_open(m->o->answers, m->o->answer_count, &m->votes, m->err));
  if (m->o->image_list) TRY(vqa_open_images(m->o->image_list, &m->names, m->err));
  return out_file_open(out, &m->out, m->err);
}

static loci_status tell(const importer *m) {
  const loci_import_opts *o = m->o;
  command_words words = {
      .name = "data import", .file = o->format ? o->format : "csv", .second = m->path};
  js_value *request = js_object(), *answers = js_array();
  for (int i = 0; i < o->answer_count; i++) js_push(&answers, js_text(o->answers[i]));
  if (o->images) js_put(&request, "images", js_text(o->images));
  js_put(&request, "answer_files", answers);
  if (o->image_list) js_put(&request, "image_list", js_text(o->image_list));
  if (o->raw) js_put(&request, "raw", js_bool(true));
  return report_tell(m->check.found, &words, request, m->err);
}

loci_status loci_data_import(const char *path, const char *to, const loci_import_opts *opts,
                             loci_data_report **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  NEEDS(path, "path");
  NEEDS(to, "path to write");
  loci_import_opts own;
  TRY(options_take(loci_import_opts, &own, opts, err));
  importer m = {.o = &own, .path = path, .err = err};
  char *folder = NULL;
  loci_status st;
  m.from = (example_source){path, "", "line", 0};
  m.check.no_images = true; /* looked for by name here */
  m.check.raw = m.o->raw;
  TRY_DONE(open_all(&m, to, &folder));
  TRY_DONE(m.f->records ? import_records(&m) : import_all(&m));
  TRY_DONE(tell(&m));
  st = out_file_keep(m.out, err);
  m.out = NULL;
  if (st) goto done;
  *out = report_done(m.check.found);
  m.check.found = NULL;
done:
  out_file_drop(m.out);
  vqa_close(m.votes);
  vqa_close(m.names);
  pictures_close(m.images);
  csv_close(m.table);
  key_set_free(m.check.before);
  loci_free(m.check.found);
  free(folder);
  return st;
}

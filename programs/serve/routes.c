/* Routes (see routes.h):
 *
 *   GET    /, /page/FILE              the page
 *   GET    /api/hello                 models, version, stores, limits, what is edited
 *   POST   /api/models/N/open         model N of hello takes the place of the one that is open
 *   POST   /api/store/runs, examples, average, auroc, sql     a form (study_store.h) -> JSON
 *   POST   /api/propose               a form with a question -> constraints it may have
 *   GET    /api/store/N/run.csv       all numbers of run N; ?store=K of store K
 *   POST   /api/pictures              bytes of a picture -> {"picture": id}
 *   GET    /api/pictures/ID           the bytes again
 *   POST   /api/edits                 bytes of an .edit -> {"job": n}, as if n had solved it
 *   POST   /api/jobs                  a form (board.h) -> {"job": n}, and of a brief one the rest
 *   GET    /api/jobs, /api/jobs/N     states of all, of one
 *   GET    /api/jobs/N/events         parts and states as they come, as an event stream
 *                                     ?after=K: but the first K parts
 *   GET    /api/jobs/N/result.json    what loci COMMAND --json prints; .csv .png ...: what -o makes
 *   POST   /api/jobs/N/save.png       the same into the folder of --save-to -> {"saved": name}
 *   DELETE /api/jobs/N                cancel
 *   POST   /api/jobs/N/apply, /revert the edit that it solved, on the model in memory
 *
 * What is refused says why: {"error": {"code", "message", "field"}}, the field of the form that it
 * is about, or null. */
#include "routes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "proposals.h"
#include "saved.h"
#include "values.h"

static const char json_type[] = "application/json", bytes_type[] = "application/octet-stream";

static page_answer json_answer(int status, char *text, size_t size) {
  return (page_answer){.status = status, .type = json_type, .bytes = text, .size = size};
}

/* What was written to a memory stream. */
static page_answer written(int status, FILE *f, char **text, const size_t *size) {
  if (f && fclose(f) == 0) return json_answer(status, *text, *size);
  return json_answer(status, NULL, 0);
}

static page_answer error_about(int status, const char *code, const char *message,
                               const char *field) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (f) {
    fputs("{\"error\":{\"code\":", f);
    put_json_string(f, code);
    fputs(",\"message\":", f);
    put_json_string(f, message);
    fputs(",\"field\":", f);
    if (field && *field) put_json_string(f, field);
    if (!field || !*field) fputs("null", f);
    fputs("}}\n", f);
  }
  return written(status, f, &text, &n);
}

page_answer route_error(int status, const char *code, const char *message) {
  return error_about(status, code, message, NULL);
}

static page_answer refused(const board_answer *a) {
  return error_about(a->status, a->code, a->message, a->field);
}

static page_answer named_number(int status, const char *name, int number) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (f) fprintf(f, "{\"%s\":%d}\n", name, number);
  return written(status, f, &text, &n);
}

static page_answer named_text(const char *name, const char *value) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (f) {
    fprintf(f, "{\"%s\":", name);
    put_json_string(f, value);
    fputs("}\n", f);
  }
  return written(200, f, &text, &n);
}

/* ---------------------------------------------------------------- models and what is there */

static void put_limits(FILE *f) {
  fprintf(f, "{\"form_bytes\":%d,\"picture_bytes\":%d,\"edit_bytes\":%d,\"pictures\":%d}",
          FORM_BYTES, PICTURE_BYTES, EDIT_BYTES, MOST_PICTURES);
}

static page_answer hello(const page_parts *p) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return json_answer(200, NULL, 0);
  fprintf(f, "{\"version\":\"%s\",\"model\":", loci_version());
  models_put(p->models, f);
  board_edition now = p->board ? board_edition_of(p->board) : (board_edition){0};
  fprintf(f, ",\"edited\":%d,\"edition\":%d,\"store\":%s,\"stores\":[", now.applied, now.edition,
          p->store_count ? "true" : "false");
  for (int i = 0; i < p->store_count; i++) {
    if (i) fputc(',', f);
    put_json_string(f, study_store_name(p->stores[i]));
  }
  fputs("],\"save_to\":", f);
  if (p->save_to) put_json_string(f, p->save_to);
  if (!p->save_to) fputs("null", f);
  fputs(",\"limits\":", f);
  put_limits(f);
  fputs("}\n", f);
  return written(200, f, &text, &n);
}

static page_answer open_model(const page_parts *p, int id) {
  board_answer b = models_open(p->models, id, p->board, p->pictures);
  return b.code[0] ? refused(&b) : hello(p);
}

/* ---------------------------------------------------------------- pictures */

static page_answer add_picture(const page_parts *p, const page_ask *a) {
  char id[PICTURE_ID];
  loci_err err = {0};
  if (gallery_add(p->pictures, a->body, a->size, id, &err))
    return route_error(err.code == LOCI_ENOMEM ? 507 : 422, "picture", err.msg);
  return named_text("picture", id);
}

static page_answer send_picture(const page_parts *p, const char *id) {
  char path[PICTURE_PATH], *bytes = NULL;
  struct stat info = {0};
  int fd = gallery_open(p->pictures, id, path);
  if (fd < 0) return route_error(404, "picture", "the picture is not here any more: drop it again");
  if (fstat(fd, &info) == 0) bytes = malloc((size_t)info.st_size + 1);
  if (bytes && pread(fd, bytes, (size_t)info.st_size, 0) != info.st_size) {
    free(bytes);
    bytes = NULL;
  }
  close(fd);
  return (page_answer){200, bytes_type, bytes, (size_t)info.st_size, 0};
}

/* ---------------------------------------------------------------- jobs */

static page_answer of_board(const board_answer *a, const char *name, int number) {
  return a->code[0] ? refused(a) : named_number(a->status, name, number);
}

static page_answer add_job(const page_parts *p, const page_ask *a) {
  int id;
  size_t n = 0;
  board_answer b = board_add(p->board, a->body, a->size, &id);
  if (b.code[0]) return refused(&b);
  char *text = board_told(p->board, id, &n);
  return json_answer(b.status, text, n);
}

static page_answer add_edit(const page_parts *p, const page_ask *a) {
  int id;
  board_answer b = board_add_edit(p->board, a->body, a->size, &id);
  return of_board(&b, "job", id);
}

static page_answer all_states(const page_parts *p) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (f) board_put_states(p->board, f);
  return written(200, f, &text, &n);
}

static page_answer one_state(const page_parts *p, int job) {
  char *text = board_state(p->board, job);
  if (!text) return route_error(404, "job", "there is no such job (any more)");
  return json_answer(200, text, strlen(text));
}

static page_answer result(const page_parts *p, int job, const char *ending) {
  size_t n = 0;
  char *text = board_result(p->board, job, ending, &n);
  if (!text) return route_error(404, "job", "it has no such result (any more): ask again");
  return (page_answer){200, strcmp(ending, "json") == 0 ? json_type : bytes_type, text, n, 0};
}

static page_answer save(const page_parts *p, int job, const char *ending) {
  char what[SAVED_NAME], name[SAVED_NAME];
  size_t n = 0;
  loci_err err = {0};
  if (!p->save_to) return route_error(404, "save", "loci serve was started without --save-to DIR");
  char *bytes = board_name(p->board, job, what) ? board_result(p->board, job, ending, &n) : NULL;
  if (!bytes) return route_error(404, "job", "it has no such result (any more): ask again");
  loci_status st = saved_write(p->save_folder, what, ending, bytes, n, name, &err);
  free(bytes);
  return st ? route_error(507, "save", err.msg) : named_text("saved", name);
}

static page_answer apply(const page_parts *p, int job, bool on) {
  board_answer b = board_apply(p->board, job, on);
  return b.code[0] ? refused(&b) : hello(p);
}

static page_answer of_job(const page_parts *p, const page_ask *a, int job, const char *rest) {
  bool get = strcmp(a->method, "GET") == 0, post = strcmp(a->method, "POST") == 0;
  if (get && !*rest) return one_state(p, job);
  if (get && strcmp(rest, "/events") == 0) return (page_answer){.status = 200, .follow = job};
  if (get && strncmp(rest, "/result.", 8) == 0) return result(p, job, rest + 8);
  if (post && strncmp(rest, "/save.", 6) == 0) return save(p, job, rest + 6);
  if (post && strcmp(rest, "/apply") == 0) return apply(p, job, true);
  if (post && strcmp(rest, "/revert") == 0) return apply(p, job, false);
  if (get || post || *rest) return route_error(404, "path", "there is nothing here");
  board_answer b = board_cancel(p->board, job);
  return of_board(&b, "job", job);
}

/* ---------------------------------------------------------------- forms about stores and questions
 */

static page_answer ask_store(const page_parts *p, const char *what, const form *f) {
  char *text = NULL;
  loci_err err = {0};
  const char *number = form_get(f, "store");
  int at = 0;
  if (number && *number && !value_int(number, 0, MOST_STORES, &at)) at = MOST_STORES;
  if (at >= p->store_count) return error_about(404, "store", "there is no such store", "store");
  loci_status st = study_store_ask(p->stores[at], what, f, &text, &err);
  const char *field = form_named(f, err.msg);
  if (!field && strcmp(what, "sql") == 0) field = what;
  return st ? error_about(422, "store", err.msg, field) : json_answer(200, text, strlen(text));
}

static page_answer propose(const form *f) {
  size_t n = 0;
  const char *question = form_get(f, "question");
  if (question && f->count > 1)
    return error_about(422, "question", "a question is all that is taken",
                       f->at[f->at[0].value == question].name);
  char *text = question ? proposals_for(question, &n) : NULL;
  if (!text)
    return error_about(422, "question", "nothing can be proposed for this question", "question");
  return json_answer(200, text, n);
}

/* [what]: of a store; NULL: a question's proposals. */
static page_answer with_form(const page_parts *p, const page_ask *a, const char *what) {
  form f;
  const char *why;
  if (what && !p->store_count)
    return route_error(404, "store", "loci serve was started without --store");
  bool read = form_read(a->body, a->size, &f, &why);
  page_answer got = !read  ? route_error(400, "form", why)
                    : what ? ask_store(p, what, &f)
                           : propose(&f);
  form_clear(&f);
  return got;
}

static page_answer store_csv(const page_parts *p, int store, int run) {
  size_t n = 0;
  char *text = store < p->store_count ? study_store_csv(p->stores[store], run, &n) : NULL;
  if (!text) return route_error(404, "store", "there is no such run");
  return (page_answer){200, bytes_type, text, n, 0};
}

/* ---------------------------------------------------------------- all */

/* "/api/jobs/12/events" -> 12 and "/events"; 0: it is none. */
static int number_of(const char *path, const char *head, const char **rest) {
  size_t begin = strlen(head);
  if (strncmp(path, head, begin) != 0) return 0;
  const char *s = path + begin;
  size_t digits = strspn(s, "0123456789");
  if (digits < 1 || digits > 9) return 0;
  *rest = s + digits;
  return atoi(s);
}

page_answer route_ask(const page_parts *p, const page_ask *a) {
  bool get = strcmp(a->method, "GET") == 0, post = strcmp(a->method, "POST") == 0;
  const char *rest = "", *file = "", *open = "", *path = a->path;
  int job = number_of(path, "/api/jobs/", &rest), run = number_of(path, "/api/store/", &file),
      model = number_of(path, "/api/models/", &open);
  if (get && strcmp(path, "/api/hello") == 0) return hello(p);
  if (post && strncmp(path, "/api/store/", 11) == 0) return with_form(p, a, path + 11);
  if (run && get && strcmp(file, "/run.csv") == 0) return store_csv(p, a->store, run);
  if (post && strcmp(path, "/api/propose") == 0) return with_form(p, a, NULL);
  if (!p->board) return route_error(404, "model", "loci serve was started without a model");
  if (post && model && strcmp(open, "/open") == 0) return open_model(p, model);
  if (post && strcmp(path, "/api/pictures") == 0) return add_picture(p, a);
  if (get && strncmp(path, "/api/pictures/", 14) == 0) return send_picture(p, path + 14);
  if (post && strcmp(path, "/api/edits") == 0) return add_edit(p, a);
  if (post && strcmp(path, "/api/jobs") == 0) return add_job(p, a);
  if (get && strcmp(path, "/api/jobs") == 0) return all_states(p);
  if (job) return of_job(p, a, job, rest);
  return route_error(404, "path", "there is nothing here");
}

size_t route_room(const char *path) {
  if (strcmp(path, "/api/pictures") == 0) return PICTURE_BYTES;
  return strcmp(path, "/api/edits") == 0 ? EDIT_BYTES : FORM_BYTES;
}

/* Forms to options (see page_request.h). */
#include "page_request.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "values.h"

enum { MOST_QUESTION = 8 << 10, MOST_CONSTRAINTS = 8 };

/* What the page computes; the rest of loci reads or writes files. */
static bool is_served(command_id id) {
  return id == COMMAND_INFO || id == COMMAND_IMAGE || id == COMMAND_TOKENS || id == COMMAND_ASK ||
         id == COMMAND_TRACE || id == COMMAND_FLOW || id == COMMAND_LENS ||
         id == COMMAND_KNOCKOUT || id == COMMAND_EDIT_SOLVE || id == COMMAND_EDIT_TEST;
}

/* Options whose values name no file and say nothing about this machine. */
static bool is_offered(option_id id) {
  static const option_id list[] = {
      OPT_QUESTION, OPT_CONSTRAINT, OPT_KIND,     OPT_TEMPLATE, OPT_NO_CHAT,   OPT_SYSTEM,
      OPT_DATE,     OPT_MAX_NEW,    OPT_ANSWER,   OPT_CORRUPT,  OPT_ONLY,      OPT_SITE,
      OPT_FROM,     OPT_TO,         OPT_WINDOW,   OPT_LAYERS,   OPT_POSITIONS, OPT_METRIC,
      OPT_METHOD,   OPT_COMPAT,     OPT_SEEDS,    OPT_SEED,     OPT_EACH_HEAD, OPT_DIRECTION,
      OPT_TARGET,   OPT_LAYER,      OPT_STEPS,    OPT_LR,       OPT_LAMBDA,    OPT_MAX_NORM,
      OPT_STOP_P,   OPT_REPHRASE,   OPT_EACH_KEY, OPT_KL};
  for (int i = 0; i < LENGTH(list); i++)
    if (list[i] == id) return true;
  return false;
}

/* Values that would be paths: a template's file, a picture to corrupt with. */
static bool names_a_file(option_id id, const char *value) {
  return (id == OPT_TEMPLATE && strncmp(value, "file:", 5) == 0) ||
         (id == OPT_CORRUPT && strncmp(value, "image:", 6) == 0);
}

/* Refuses a field. */
static bool PRINTF(3, 4) refuse(refusal *no, const char *field, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(no->why, sizeof no->why, format, list);
  va_end(list);
  no->field = field;
  return false;
}

/* The field that a job of another one names it by; "": there is none. */
static const char *of_job(command_id id) {
  return id == COMMAND_EDIT_TEST ? "edit" : id == COMMAND_TRACE ? "continue" : "";
}

/* An unknown field, with the one that was probably meant. */
static bool unknown(const char *name, command_id of, refusal *no) {
  const char *known[OPT_COUNT + 3] = {"picture", "edition", of_job(of)};
  int n = 3;
  for (int i = 0; i < OPT_COUNT; i++)
    if (is_offered((option_id)i) && option_is_taken((option_id)i, of))
      known[n++] = option_get((option_id)i)->name;
  const char *near = loci_name_near(name, known, n);
  return near ? refuse(no, name, "%s takes no \"%.60s\" here; did you mean \"%s\"?",
                       commands[of].name, name, near)
              : refuse(no, name, "%s takes no \"%.60s\" here", commands[of].name, name);
}

/* Longer ones than anybody types keep a machine busy, and a page in tokens that nobody reads. */
static bool is_within(option_id id, const char *value, const args *given, refusal *no) {
  if (id == OPT_QUESTION && strlen(value) > MOST_QUESTION)
    return refuse(no, "question", "the question is longer than %d bytes", MOST_QUESTION);
  if (id == OPT_CONSTRAINT && args_at(given, id, MOST_CONSTRAINTS - 1))
    return refuse(no, "constraint", "more than %d constraints", MOST_CONSTRAINTS);
  return true;
}

static bool add_option(const struct form_field *x, command_id of, args *out, refusal *no) {
  option_id id = OPT_COUNT;
  for (int i = 0; i < OPT_COUNT; i++)
    if (strcmp(option_get((option_id)i)->name, x->name) == 0 && is_offered((option_id)i) &&
        option_is_taken((option_id)i, of))
      id = (option_id)i;
  if (id == OPT_COUNT) return unknown(x->name, of, no);
  const option *o = option_get(id);
  if (names_a_file(id, x->value))
    return refuse(no, x->name, "--%s: the page opens no files", o->name);
  if (!o->many && o->argument && args_has(out, id))
    return refuse(no, x->name, "--%s is given twice", o->name);
  if (!is_within(id, x->value, out, no)) return false;
  out->given[out->given_count].id = id;
  out->given[out->given_count++].value = x->value;
  return true;
}

static bool add_picture(gallery *p, const char *id, page_request *out) {
  out->picture = gallery_open(p, id, out->path);
  if (out->picture < 0) return false;
  if (out->command->id == COMMAND_EDIT_TEST) return true;
  out->args.given[out->args.given_count].id = OPT_IMAGE;
  out->args.given[out->args.given_count++].value = out->path;
  return true;
}

/* [again]: there is one of its name before it. */
static bool add_field(const struct form_field *x, bool again, gallery *p, page_request *out,
                      refusal *no) {
  bool tests = out->command->id == COMMAND_EDIT_TEST;
  bool of = strcmp(x->name, of_job(out->command->id)) == 0;
  bool asked = tests && strcmp(x->name, "question") == 0;
  if (of || asked || strcmp(x->name, "what") == 0 || strcmp(x->name, "edition") == 0) {
    if (again) return refuse(no, x->name, "\"%s\" is given twice", x->name);
    if (of && !value_int(x->value, 0, INT32_MAX, &out->of))
      return refuse(no, x->name, "\"%s\" wants the number of a job", x->name);
    if (asked) out->question = x->value;
    return !asked || is_within(OPT_QUESTION, x->value, &out->args, no);
  }
  if (strcmp(x->name, "picture") != 0) return add_option(x, out->command->id, &out->args, no);
  if (out->picture >= 0 || !(tests || option_is_taken(OPT_IMAGE, out->command->id)))
    return refuse(no, x->name, "one picture, and where the command takes one");
  if (add_picture(p, x->value, out)) return true;
  no->code = "picture";
  return refuse(no, x->name, "the picture is not here any more: drop it again");
}

static bool not_served(const char *what, refusal *no) {
  const char *served[COMMAND_COUNT];
  int n = 0;
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (is_served((command_id)i)) served[n++] = commands[i].name;
  const char *near = what ? loci_name_near(what, served, n) : NULL;
  if (!what) return refuse(no, "what", "\"what\" is missing, the command to run");
  return near ? refuse(no, "what", "\"%.40s\" is nothing the page computes; did you mean \"%s\"?",
                       what, near)
              : refuse(no, "what", "\"%.40s\" is nothing the page computes", what);
}

static bool needs(const page_request *r, refusal *no) {
  const char *missing = NULL;
  for (const option_id *id = r->command->needed; !missing && *id != OPT_COUNT; id++)
    if (*id != OPT_MODEL && !args_has(&r->args, *id))
      missing = *id == OPT_IMAGE ? "picture" : option_get(*id)->name;
  if (r->command->id == COMMAND_EDIT_TEST)
    missing = !r->question ? "question" : r->of <= 0 ? "edit" : NULL;
  return !missing || refuse(no, missing, "%s needs \"%s\"", r->command->name, missing);
}

bool request_read(const form *f, gallery *p, page_request *out, refusal *no) {
  const char *what = form_get(f, "what");
  *out = (page_request){.command = what ? command_find(what) : NULL, .picture = -1, .data = -1};
  *no = (refusal){.code = "request"};
  if (!out->command || !is_served(out->command->id)) return not_served(what, no);
  out->args.given = calloc((size_t)f->count + 1, sizeof *out->args.given);
  out->args.rest = calloc(2, sizeof *out->args.rest);
  if (!out->args.given || !out->args.rest) return refuse(no, NULL, "out of memory");
  for (int i = 0; i < f->count; i++)
    if (!add_field(&f->at[i], form_get(f, f->at[i].name) != f->at[i].value, p, out, no))
      return false;
  return needs(out, no);
}

static void put_question(FILE *f, const page_request *r) {
  fputs("{\"question\": ", f);
  put_json_string(f, r->question);
  if (r->picture >= 0) fprintf(f, ", \"image\": \"%s\"", r->path);
}

bool request_write_data(page_request *r, const char *target) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return false;
  put_question(f, r);
  fputs(", \"target\": ", f);
  put_json_string(f, target);
  fputs(", \"unrelated\": [", f);
  put_question(f, r);
  fputs("}]}\n", f);
  if (fclose(f) == 0) r->data = gallery_file(text, n, r->data_path);
  free(text);
  r->args.rest[0] = r->data_path;
  r->args.rest_count = 1;
  return r->data >= 0;
}

void request_clear(page_request *r) {
  args_clear(&r->args);
  if (r->picture >= 0) close(r->picture);
  if (r->data >= 0) close(r->data);
  r->picture = r->data = -1;
}

/* Forms to options (see page_request.h). */
#include "page_request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "values.h"

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

static bool add_option(const struct form_field *x, command_id of, args *out, char *why,
                       size_t size) {
  option_id id = OPT_COUNT;
  for (int i = 0; i < OPT_COUNT; i++)
    if (strcmp(option_get((option_id)i)->name, x->name) == 0 && is_offered((option_id)i) &&
        option_is_taken((option_id)i, of))
      id = (option_id)i;
  if (id == OPT_COUNT) {
    snprintf(why, size, "%s takes no \"%.60s\" here", commands[of].name, x->name);
    return false;
  }
  if (names_a_file(id, x->value)) {
    snprintf(why, size, "--%s: the page opens no files", option_get(id)->name);
    return false;
  }
  if (!option_get(id)->many && option_get(id)->argument && args_has(out, id)) {
    snprintf(why, size, "--%s is given twice", option_get(id)->name);
    return false;
  }
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

static bool add_field(const struct form_field *x, gallery *p, page_request *out, const char **code,
                      char *why, size_t size) {
  bool tests = out->command->id == COMMAND_EDIT_TEST;
  const char *of = tests ? "edit" : out->command->id == COMMAND_TRACE ? "continue" : "";
  if (strcmp(x->name, "what") == 0 || strcmp(x->name, "edition") == 0) return true;
  if (strcmp(x->name, of) == 0) {
    if (value_int(x->value, 0, INT32_MAX, &out->of)) return true;
    snprintf(why, size, "\"%s\" wants the number of a job", of);
    return false;
  }
  if (tests && strcmp(x->name, "question") == 0) {
    out->question = x->value;
    return true;
  }
  if (strcmp(x->name, "picture") != 0)
    return add_option(x, out->command->id, &out->args, why, size);
  if (out->picture >= 0 || !(tests || option_is_taken(OPT_IMAGE, out->command->id))) {
    snprintf(why, size, "one picture, and where the command takes one");
    return false;
  }
  if (add_picture(p, x->value, out)) return true;
  *code = "picture";
  snprintf(why, size, "the picture is not here any more: drop it again");
  return false;
}

bool request_read(const form *f, gallery *p, page_request *out, const char **code, char *why,
                  size_t size) {
  const char *what = form_get(f, "what");
  *out = (page_request){.command = what ? command_find(what) : NULL, .picture = -1, .data = -1};
  *code = "request";
  if (!out->command || !is_served(out->command->id)) {
    snprintf(why, size, "\"%.40s\" is nothing the page computes", what ? what : "");
    return false;
  }
  out->args.given = calloc((size_t)f->count + 1, sizeof *out->args.given);
  out->args.rest = calloc(2, sizeof *out->args.rest);
  if (!out->args.given || !out->args.rest) {
    snprintf(why, size, "out of memory");
    return false;
  }
  for (int i = 0; i < f->count; i++)
    if (!add_field(&f->at[i], p, out, code, why, size)) return false;
  if (out->command->id == COMMAND_EDIT_TEST && (!out->question || out->of <= 0)) {
    snprintf(why, size, "a test needs a \"question\" and an \"edit\", the number of a job");
    return false;
  }
  for (const option_id *id = out->command->needed; *id != OPT_COUNT; id++) {
    if (*id == OPT_MODEL || args_has(&out->args, *id)) continue;
    snprintf(why, size, "%s needs \"%s\"", out->command->name, option_get(*id)->name);
    return false;
  }
  return true;
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

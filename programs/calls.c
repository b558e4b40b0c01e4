/* From a command line to a request, and the commands that are no more than a call (see calls.h).
 */
#include "calls.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "study_common.h"

/* ---------------------------------------------------------------- members */

/* Of the model, of the prompt's picture and pieces, of the program and of pictures it makes. */
static const option_id elsewhere[] = {
    OPT_MODEL,        OPT_MMPROJ,  OPT_PRECISION, OPT_EXIF,       OPT_THREADS,      OPT_MEMORY,
    OPT_MAX_PIXELS,   OPT_IMAGE,   OPT_QUESTION,  OPT_CONSTRAINT, OPT_KIND,         OPT_TEMPLATE,
    OPT_NO_CHAT,      OPT_EDIT,    OPT_DATA,      OPT_STORE,      OPT_OUT,          OPT_JSON,
    OPT_NO_PROGRESS,  OPT_QUIET,   OPT_COLOR,     OPT_HELP,       OPT_FIGURE_WIDTH, OPT_FIGURE_DPI,
    OPT_FIGURE_SCALE, OPT_NO_TITLE};

static bool is_among(option_id id, const option_id *list, int n) {
  for (int i = 0; i < n; i++)
    if (list[i] == id) return true;
  return false;
}

/* "max-new" as the member max_new. */
static void put_name(cli_request *r, const char *name) {
  fputs(", \"", r->to);
  for (; *name; name++) fputc(*name == '-' ? '_' : *name, r->to);
  fputs("\": ", r->to);
}

void call_begin(cli *c, cli_request *r, const option_id *but, int n) {
  const args *a = &c->args;
  memset(r, 0, sizeof *r);
  r->to = open_memstream(&r->text, &r->size);
  if (!r->to) return;
  fprintf(r->to, "{\"hash\": %s", cli_no_hash(c) ? "false" : "true");
  for (int i = 0; i < a->given_count; i++) {
    option_id id = a->given[i].id;
    const option *o = option_get(id);
    if (is_among(id, elsewhere, LENGTH(elsewhere)) || is_among(id, but, n)) continue;
    a->given[i].read = true;
    put_name(r, o->name);
    if (!o->argument) fputs("true", r->to);
    if (o->argument) put_json_string(r->to, a->given[i].value);
  }
  if (cli_template(c)) call_put_text(r, "template", cli_template(c));
}

void call_put_int(cli_request *r, const char *name, int64_t value) {
  if (!r->to) return;
  put_name(r, name);
  fprintf(r->to, "%" PRId64, value);
}

void call_put_text(cli_request *r, const char *name, const char *value) {
  if (!r->to) return;
  put_name(r, name);
  put_json_string(r->to, value);
}

void call_put_texts(cli_request *r, const char *name, const char *const *values, int n) {
  if (!r->to) return;
  put_name(r, name);
  for (int i = 0; i < n; i++) {
    fputs(i ? ", " : "[", r->to);
    put_json_string(r->to, values[i]);
  }
  fputs(n ? "]" : "[]", r->to);
}

void call_put_json(cli_request *r, const char *name, const char *json) {
  if (!r->to) return;
  put_name(r, name);
  fputs(json, r->to);
}

/* ---------------------------------------------------------------- what the library says */

int call_refused(cli *c) {
  char why[sizeof c->err.msg];
  memcpy(why, c->err.msg, sizeof why);
  size_t n = strcspn(why, " :");
  for (int i = 0; i < OPT_COUNT; i++) {
    const char *name = option_get((option_id)i)->name;
    size_t k = 0;
    while (k < n && name[k] && (name[k] == why[k] || (name[k] == '-' && why[k] == '_'))) k++;
    if (k < n || name[k] || !option_is_taken((option_id)i, c->command->id)) continue;
    return cli_usage(c, "--%s%s", name, why + n);
  }
  return cli_usage(c, "%s", why);
}

int call_end(cli *c, cli_request *r) {
  if (r->to) fputc('}', r->to);
  if (r->to && fclose(r->to)) r->text = NULL;
  r->to = NULL;
  if (!r->text) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  loci_call call = call_of(c, r, NULL);
  if (loci_call_run(&call, NULL, &c->err) == LOCI_OK) return EXIT_DONE;
  return c->err.code == LOCI_EINVAL ? call_refused(c) : cli_failed(c);
}

void call_clear(cli_request *r) {
  if (r->to) fclose(r->to);
  free(r->text);
}

loci_call call_of(cli *c, const cli_request *r, loci_model *model) {
  return (loci_call){.size = sizeof(loci_call),
                     .what = c->command->name,
                     .request = r->text,
                     .model = model,
                     .progress = terminal_progress,
                     .progress_ctx = &c->term,
                     .watch = c->term.watch,
                     .watch_ctx = c->term.host ? c->term.host_ctx : &c->term,
                     .so_far = c->host ? c->host->so_far : NULL,
                     .watch_steps = c->host ? c->host->steps : NULL,
                     .watch_answer = c->host ? c->host->answer : NULL};
}

/* ---------------------------------------------------------------- commands */

int call_measure(cli *c, const loci_call *call, loci_result **out) {
  int code = loci_call_run(call, out, &c->err) ? cli_failed(c) : EXIT_DONE;
  terminal_progress_end(&c->term);
  return code;
}

/* A trace that was stopped: what was done is written; that it is not all is said beside it. */
static int say_missing(const loci_result *r) {
  const loci_trace *t = (const loci_trace *)r;
  if (r->kind != LOCI_KIND_TRACE || t->missing == 0) return EXIT_DONE;
  fprintf(stderr, "loci: stopped: %lld of %lld cells were run\n",
          (long long)(t->planned - t->missing), (long long)t->planned);
  return 128 + terminal_signal();
}

int call_ask(cli *c, const cli_request *r, const cli_constraints *only,
             const loci_draw_opts *draw) {
  loci_model *model;
  loci_prompt *prompt;
  loci_result *result;
  int code = cli_open_prompt(c, only, &model, &prompt);
  if (code) return code;
  loci_call call = call_of(c, r, model);
  call.prompts = (const loci_prompt *const[]){prompt};
  call.prompt_count = 1;
  code = call_measure(c, &call, &result);
  if (!code) code = cli_show_result(c, result, draw);
  if (!code && !c->host) code = say_missing(result);
  cli_close_prompt(c, result, model, prompt);
  return code;
}

static int call_examples(cli *c, const cli_request *r, loci_model *model, loci_result **out) {
  loci_call call = call_of(c, r, model);
  call.path = c->args.rest[0];
  return call_measure(c, &call, out);
}

int call_command(cli *c, int (*show)(cli *c, loci_result *result)) {
  cli_request r;
  loci_model *model = NULL;
  loci_result *result = NULL;
  call_begin(c, &r, NULL, 0);
  int code = call_end(c, &r);
  if (!code) code = study_open(c, &model);
  if (!code) code = call_examples(c, &r, model, &result);
  if (!code) code = show(c, result);
  loci_free(result);
  cli_close_model(c, model);
  call_clear(&r);
  return code;
}

static int show_plainly(cli *c, loci_result *result) { return cli_show_result(c, result, NULL); }

int cmd_examples(cli *c) { return call_command(c, show_plainly); }

/* loci edit solve: the change that brings a new answer, or many, into a small file.  The model is
 * only read. */
#include <stdlib.h>
#include <string.h>

#include "edit.h"
#include "values.h"
#include "words.h"

enum { MOST_PROMPTS = 1000 };

/* One request with the prompts it owns. */
typedef struct wish {
  loci_prompt *prompt;
  prompt_list more; /* wordings and pictures that take part */
  char *target;
} wish;

typedef struct request {
  loci_edit_opts opts;
  int prompts, renderings; /* of each request, at most */
  prompt_list keep;
  wish *wishes;
  int count, room;
} request;

/* ---------------------------------------------------------------- options */

static int check_options(cli *c) {
  static const option_id own[] = {OPT_QUESTION, OPT_CONSTRAINT, OPT_IMAGE,
                                  OPT_TARGET,   OPT_REPHRASE,   OPT_AVERAGE};
  if (!args_has(&c->args, OPT_REQUESTS)) {
    if (args_has(&c->args, OPT_QUESTION) && args_has(&c->args, OPT_CONSTRAINT) &&
        args_has(&c->args, OPT_TARGET))
      return EXIT_DONE;
    return cli_usage(c, "edit solve needs -q TEXT, -c TEXT and --target TEXT, or --requests FILE");
  }
  for (int i = 0; i < LENGTH(own); i++)
    if (args_has(&c->args, own[i]))
      return cli_usage(c, "--requests names the questions: it takes no --%s",
                       option_get(own[i])->name);
  return EXIT_DONE;
}

/* ---------------------------------------------------------------- requests */

static int out_of_memory(cli *c) {
  cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
  return cli_failed(c);
}

static void free_wishes(request *r) {
  for (int i = 0; i < r->count; i++) {
    loci_prompt_free(r->wishes[i].prompt);
    prompt_list_clear(&r->wishes[i].more);
    free(r->wishes[i].target);
  }
  free(r->wishes);
  prompt_list_clear(&r->keep);
}

/* Whether the constraint (without "@2") is in the text. */
static bool has_constraint(const char *text, const char *constraint) {
  char word[512];
  const char *at = strrchr(constraint, '@');
  size_t n = at && at > constraint && value_int(at + 1, 1, 1000, &(int){0})
                 ? (size_t)(at - constraint)
                 : strlen(constraint);
  snprintf(word, sizeof word, "%.*s", (int)n, constraint);
  return strstr(text, word) != NULL;
}

/* The question in other words and on other pictures. */
typedef struct others {
  const char *const *rephrase, *const *pictures;
  int rephrase_count, picture_count;
} others;

/* The prompts of one request: the question, the wordings that have its constraint, as far as
 * --prompts goes, and pictures as far as --renderings goes. */
static int add_wish(cli *c, request *r, const loci_model *m, loci_question q, others more,
                    const char *target) {
  if (r->count == r->room) {
    int room = r->room ? 2 * r->room : 16;
    wish *wider = realloc(r->wishes, (size_t)room * sizeof *wider);
    if (!wider) return out_of_memory(c);
    r->wishes = wider;
    r->room = room;
  }
  wish *w = &r->wishes[r->count++];
  memset(w, 0, sizeof *w);
  w->target = strdup(target);
  if (!w->target) return out_of_memory(c);
  if (loci_prompt_new(m, &q, &w->prompt, &c->err)) return cli_failed(c);
  const char *question = q.text;
  int code = EXIT_DONE;
  for (int i = 0; !code && i < more.rephrase_count && w->more.count + 1 < r->prompts; i++) {
    if (!has_constraint(more.rephrase[i], q.constraints[0])) continue;
    q.text = more.rephrase[i];
    code = prompt_list_add(c, &w->more, m, &q, NULL);
  }
  q.text = question;
  for (int i = 0; !code && i < more.picture_count && i < r->renderings; i++) {
    q.image = more.pictures[i];
    code = prompt_list_add(c, &w->more, m, &q, NULL);
  }
  return code ? code : cli_stopped(c);
}

static int read_one(cli *c, request *r, const loci_model *m) {
  const char *constraint = args_get(&c->args, OPT_CONSTRAINT);
  const char *rephrase[MOST_PROMPTS];
  int n = 0;
  loci_question q = {.image = args_get(&c->args, OPT_IMAGE),
                     .text = args_get(&c->args, OPT_QUESTION),
                     .template_name = cli_template(c),
                     .system = args_get(&c->args, OPT_SYSTEM),
                     .date = args_get(&c->args, OPT_DATE),
                     .constraints = &constraint,
                     .constraint_count = 1};
  while (n < MOST_PROMPTS && (rephrase[n] = args_at(&c->args, OPT_REPHRASE, n)) != NULL) n++;
  for (int i = 0; i < n; i++) {
    if (!has_constraint(rephrase[i], constraint))
      return cli_usage(c, "--rephrase \"%.80s\" does not have the constraint \"%.80s\"",
                       rephrase[i], constraint);
  }
  if (!args_has(&c->args, OPT_PROMPTS)) r->prompts = 1 + n;
  int code = add_wish(c, r, m, q, (others){.rephrase = rephrase, .rephrase_count = n},
                      args_get(&c->args, OPT_TARGET));
  return code ? code : edit_read_questions(c, OPT_AVERAGE, m, q.image, &r->wishes[0].more);
}

static int add_example(cli *c, request *r, const loci_model *m, const loci_example *x) {
  const char *path = args_get(&c->args, OPT_REQUESTS);
  const char *missing = !x->target ? "target" : x->constraint_count == 0 ? "constraint" : NULL;
  if (missing) {
    cli_fail(&c->err, LOCI_EFORMAT, "%s:%lld: no %s: an edit needs one", path, (long long)x->line,
             missing);
    return cli_failed(c);
  }
  bool sees = loci_model_get_info(m)->image_rows > 0; /* a text model is asked without */
  loci_question q = {.image = sees ? x->image : NULL,
                     .text = x->question,
                     .template_name = cli_template(c),
                     .system = args_get(&c->args, OPT_SYSTEM),
                     .date = args_get(&c->args, OPT_DATE),
                     .constraints = x->constraints,
                     .constraint_count = 1};
  others more = {x->rephrase, x->same_entity, x->rephrase_count, sees ? x->same_entity_count : 0};
  return add_wish(c, r, m, q, more, x->target);
}

static int read_many(cli *c, request *r, const loci_model *m) {
  const char *path = args_get(&c->args, OPT_REQUESTS);
  loci_examples *file;
  loci_example *x = NULL;
  int code = EXIT_DONE;
  if (loci_examples_open(path, &file, &c->err)) return cli_failed(c);
  for (;;) {
    if (loci_examples_next(file, &x, &c->err)) code = cli_failed(c);
    if (code || !x) break;
    code = add_example(c, r, m, x);
    loci_free(x);
    if (code) break;
  }
  loci_examples_close(file);
  if (!code && r->count == 0) {
    cli_fail(&c->err, LOCI_EFORMAT, "%s: no request in it", path);
    code = cli_failed(c);
  }
  return code;
}

/* ---------------------------------------------------------------- output */

static void put_line(const cli *c, const char *label, const char *text) {
  printf("%-10s", label);
  put_wrapped(stdout, text, &(wrap){10, 10, c->term.columns, c->term.utf8});
}

/* "Kyiv  0.000012 -> Lima  0.98" and how it came about, of one request. */
static void show_one(const cli *c, const loci_edit *e) {
  const loci_edit_fact *f = &e->facts[0];
  char line[256];
  int last = f->step_count - 1;
  put_line(c, "question", f->question);
  put_line(c, "target", f->target);
  if (f->answer_before) put_line(c, "before", f->answer_before);
  if (f->answer_after) put_line(c, "after", f->answer_after);
  snprintf(line, sizeof line, "%.4g before, %.4g after (log p %.2f, %.2f)", f->before.m.p,
           f->after.m.p, f->before.m.logp, f->after.m.logp);
  put_line(c, "p(target)", line);
  snprintf(line, sizeof line, "%d: loss %.3f to %.3f, p %.4g to %.4g", last, f->steps[0].loss,
           f->steps[last].loss, f->steps[0].p, f->steps[last].p);
  put_line(c, "steps", line);
}

static void show_many(const cli *c, const loci_edit *e) {
  int brought = 0, wide = c->term.columns - 42 < 12 ? 12 : c->term.columns - 42;
  printf("%3s  ", "");
  put_cell(stdout, "question", wide, c->term.utf8);
  printf("  %-12s %8s %8s\n", "target", "p before", "after");
  for (int i = 0; i < e->fact_count; i++) {
    const loci_edit_fact *f = &e->facts[i];
    printf("%3d  ", i + 1);
    put_cell(stdout, f->question, wide, c->term.utf8);
    printf("  ");
    put_cell(stdout, f->target, 12, c->term.utf8);
    printf(" %8.4f %8.4f\n", f->before.m.p, f->after.m.p);
    brought += f->after.top[0].id == f->target_ids[0];
  }
  printf("%d of %d targets begin the answer now\n", brought, e->fact_count);
}

static void show(const cli *c, const loci_edit *e) {
  char line[256];
  if (e->fact_count == 1) show_one(c, e);
  if (e->fact_count > 1) show_many(c, e);
  snprintf(line, sizeof line, "layer %d, rank %lld, norm %.4g, in %.1f s", e->layer,
           (long long)e->rank, e->norm, e->cost.seconds);
  put_line(c, "update", line);
}

static int write_all(cli *c, const loci_edit *e) {
  char *json;
  const char *out;
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (cli_ends_with(out, ".edit") && loci_write(&e->result, out, NULL, &c->err))
      return cli_failed(c);
  if (loci_json(&e->result, &json, &c->err)) return cli_failed(c);
  if (!c->json) show(c, e);
  int code = cli_write_json(c, json);
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    cli_say_written(c, out);
  return code;
}

static int solve(cli *c, const request *r, loci_model *m) {
  int code = EXIT_DONE;
  loci_edit *e = NULL;
  loci_edit_request *asked = calloc((size_t)r->count, sizeof *asked);
  if (!asked) return out_of_memory(c);
  for (int i = 0; i < r->count; i++) {
    const wish *w = &r->wishes[i];
    asked[i].prompt = w->prompt;
    asked[i].rephrased = (const loci_prompt *const *)w->more.at;
    asked[i].rephrased_count = w->more.count;
    asked[i].target = w->target;
  }
  if (loci_edit_solve(m, asked, r->count, &r->opts, &e, &c->err)) code = cli_failed(c);
  term_progress_end(&c->term);
  if (!code) code = write_all(c, e);
  loci_free(e);
  free(asked);
  return code;
}

int cmd_edit_solve(cli *c) {
  request r;
  loci_model *m = NULL;
  memset(&r, 0, sizeof r);
  int code = check_options(c);
  r.prompts = 1;
  if (!code) code = edit_opts(c, &r.opts);
  if (!code) code = cli_int(c, OPT_PROMPTS, 1, MOST_PROMPTS, &r.prompts);
  if (!code) code = cli_int(c, OPT_RENDERINGS, 0, MOST_PROMPTS, &r.renderings);
  if (!code) code = cli_open_model(c, &m);
  if (!code)
    code = edit_read_questions(c, OPT_KEEP_FILE, m, args_get(&c->args, OPT_IMAGE), &r.keep);
  r.opts.keep = (const loci_prompt *const *)r.keep.at;
  r.opts.keep_count = r.keep.count;
  if (!code) code = args_has(&c->args, OPT_REQUESTS) ? read_many(c, &r, m) : read_one(c, &r, m);
  if (!code) code = solve(c, &r, m);
  free_wishes(&r);
  edit_opts_clear(&r.opts);
  loci_model_close(m);
  return code;
}

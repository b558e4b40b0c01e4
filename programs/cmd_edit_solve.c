/* loci edit solve: the change that brings a new answer, or many, into a small file.  The model is
 * only read. */
#include <stdlib.h>
#include <string.h>

#include "edit_common.h"
#include "prefixes.h"
#include "values.h"
#include "typed_options.h"

enum { MOST_PROMPTS = 1000 };

/* One request with the prompts it owns. */
typedef struct one_request {
  loci_prompt *prompt;
  prompt_list more; /* wordings and pictures that take part */
  char *target;
  char *name;    /* "requests.jsonl:3"; NULL: the only one */
  char *refused; /* "image: nope.png: No such file": what is wrong with it, or NULL */
} one_request;

typedef struct solving {
  const cli *c;
  int prompts, renderings; /* of each request, at most */
  prefixes before;         /* texts before each question */
  prompt_list keep;
  one_request *requests;
  int count, room;
} solving;

/* ---------------------------------------------------------------- options */

static int check_options(cli *c) {
  const args *a = &c->args;
  if (args_has(a, OPT_REQUESTS) ||
      (args_has(a, OPT_QUESTION) && args_has(a, OPT_CONSTRAINT) && args_has(a, OPT_TARGET)))
    return EXIT_DONE;
  return cli_usage(c, "edit solve needs -q TEXT, -c TEXT and --target TEXT, or --requests FILE");
}

/* ---------------------------------------------------------------- requests */

static int out_of_memory(cli *c) {
  cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
  return cli_failed(c);
}

static void empty_request(one_request *w) {
  loci_prompt_free(w->prompt);
  prompt_list_clear(&w->more);
  w->prompt = NULL;
}

static void free_requests(solving *r) {
  for (int i = 0; i < r->count; i++) {
    empty_request(&r->requests[i]);
    free(r->requests[i].target);
    free(r->requests[i].name);
    free(r->requests[i].refused);
  }
  free(r->requests);
  prompt_list_clear(&r->keep);
  prefixes_clear(&r->before);
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

static one_request *next_request(solving *r) {
  if (r->count == r->room) {
    int room = r->room ? 2 * r->room : 16;
    one_request *wider = realloc(r->requests, (size_t)room * sizeof *wider);
    if (!wider) return NULL;
    r->requests = wider;
    r->room = room;
  }
  one_request *w = &r->requests[r->count++];
  memset(w, 0, sizeof *w);
  return w;
}

/* Which field of a line spoils its prompt: found by asking without it. */
static const char *spoiling_field(const loci_model *m, loci_question q) {
  loci_prompt *p = NULL;
  loci_err unsaid;
  q.constraint_count = 0;
  const char *field = loci_prompt_new(m, &q, &p, &unsaid) ? "question" : "constraints[0].text";
  loci_prompt_free(p);
  if (strcmp(field, "question") != 0 || !q.image) return field;
  p = NULL;
  q.image = NULL;
  if (loci_prompt_new(m, &q, &p, &unsaid) == LOCI_OK) field = "image";
  loci_prompt_free(p);
  return field;
}

/* The question after each of the texts of --prefixes. */
static loci_status add_prefixed(const solving *r, const loci_model *m, loci_question q,
                                one_request *w, loci_err *err) {
  const char *question = q.text, *constraint = q.constraints[0];
  loci_status st = LOCI_OK;
  for (int i = 0; !st && i < r->before.count; i++) {
    char *text, *where;
    st = prefixes_apply(r->before.at[i], question, constraint, &text, &where, err);
    q.text = text;
    q.constraints = (const char *const[]){where};
    if (!st && text) st = prompt_list_put(&w->more, m, &q, err);
    free(text);
    free(where);
  }
  return st;
}

/* The prompts of one request: the question, the wordings that have its constraint, as far as
 * --prompts goes, pictures as far as --renderings goes, and the question after each prefix.  After
 * a failure *field (of 40 bytes) is the field of the line that caused it. */
static loci_status fill_request(const solving *r, const loci_model *m, loci_question q, others more,
                                one_request *w, char *field, loci_err *err) {
  loci_status st = loci_prompt_new(m, &q, &w->prompt, err);
  if (st) snprintf(field, 40, "%s", spoiling_field(m, q));
  const char *question = q.text, *image = q.image;
  for (int i = 0; !st && i < more.rephrase_count && w->more.count + 1 < r->prompts; i++) {
    if (!has_constraint(more.rephrase[i], q.constraints[0])) continue;
    q.text = more.rephrase[i];
    st = prompt_list_put(&w->more, m, &q, err);
    if (st) snprintf(field, 40, "rephrase[%d]", i);
  }
  q.text = question;
  for (int i = 0; !st && i < more.picture_count && i < r->renderings; i++) {
    q.image = more.pictures[i];
    st = prompt_list_put(&w->more, m, &q, err);
    if (st) snprintf(field, 40, "same_entity_images[%d]", i);
  }
  q.image = image;
  return st ? st : add_prefixed(r, m, q, w, err);
}

/* Of a line, not of the machine or of who said stop. */
static bool is_of_line(loci_status st) {
  return st == LOCI_EINVAL || st == LOCI_EIO || st == LOCI_EFORMAT || st == LOCI_EUNSUPPORTED;
}

static int refuse(cli *c, one_request *w, const char *field, const char *why) {
  char text[sizeof c->err.msg + 48];
  empty_request(w);
  snprintf(text, sizeof text, "%s%s%s", field, *field ? ": " : "", why);
  w->refused = strdup(text);
  return w->refused ? EXIT_DONE : out_of_memory(c);
}

/* A request more; one that is a line of a file, with a [name], may be refused by its own fault. */
static int add_request(cli *c, solving *r, const loci_model *m, loci_question q, others more,
                       const char *target, const char *name) {
  char field[40] = "";
  one_request *w = next_request(r);
  if (w) w->target = strdup(target);
  if (w && name) w->name = strdup(name);
  if (!w || !w->target || (name && !w->name)) return out_of_memory(c);
  loci_status st = fill_request(r, m, q, more, w, field, &c->err);
  if (st && name && is_of_line(st)) return refuse(c, w, field, c->err.msg);
  return st ? cli_failed(c) : cli_stopped(c);
}

static int read_one(cli *c, solving *r, const loci_model *m) {
  const char *constraint = args_get(&c->args, OPT_CONSTRAINT);
  const char *rephrase[MOST_PROMPTS];
  int n = 0;
  loci_question q = cli_question(c);
  q.image = args_get(&c->args, OPT_IMAGE);
  q.text = args_get(&c->args, OPT_QUESTION);
  q.constraints = &constraint;
  q.constraint_count = 1;
  const char *kind = args_get(&c->args, OPT_KIND);
  q.kinds = &kind;
  q.kind_count = kind ? 1 : 0;
  while (n < MOST_PROMPTS && (rephrase[n] = args_at(&c->args, OPT_REPHRASE, n)) != NULL) n++;
  for (int i = 0; i < n; i++) {
    if (!has_constraint(rephrase[i], constraint))
      return cli_usage(c, "--rephrase \"%.80s\" does not have the constraint \"%.80s\"",
                       rephrase[i], constraint);
  }
  if (!args_has(&c->args, OPT_PROMPTS)) r->prompts = 1 + n;
  int code = add_request(c, r, m, q, (others){.rephrase = rephrase, .rephrase_count = n},
                         args_get(&c->args, OPT_TARGET), NULL);
  return code ? code : edit_read_questions(c, OPT_AVERAGE, m, q.image, &r->requests[0].more);
}

static int add_example(cli *c, solving *r, const loci_model *m, const loci_example *x) {
  char name[LOCI_PATH_SIZE + 32];
  snprintf(name, sizeof name, "%s:%lld", args_get(&c->args, OPT_REQUESTS), (long long)x->line);
  const char *missing = !x->target ? "target" : x->constraint_count == 0 ? "constraint" : NULL;
  if (missing) {
    char why[64];
    one_request *w = next_request(r);
    if (w) w->name = strdup(name);
    snprintf(why, sizeof why, "no %s: an edit needs one", missing);
    return w && w->name ? refuse(c, w, "", why) : out_of_memory(c);
  }
  bool sees = loci_model_get_info(m)->image_rows > 0; /* a text model is asked without */
  loci_question q = cli_question(c);
  q.image = sees ? x->image : NULL;
  q.text = x->question;
  q.constraints = x->constraints;
  q.constraint_count = 1;
  others more = {x->rephrase, x->same_entity, x->rephrase_count, sees ? x->same_entity_count : 0};
  return add_request(c, r, m, q, more, x->target, name);
}

/* A line that is no example: the sentence begins with the file's name, often with the line. */
static int add_broken(cli *c, solving *r) {
  const char *path = args_get(&c->args, OPT_REQUESTS), *why = c->err.msg;
  size_t n = strlen(path);
  one_request *w = next_request(r);
  if (!w) return out_of_memory(c);
  if (strncmp(why, path, n) == 0 && why[n] == ':') {
    size_t digits = strspn(why + n + 1, "0123456789");
    if (digits) n += 1 + digits;
    w->name = strndup(why, n);
    if (!w->name) return out_of_memory(c);
    why += n + strspn(why + n, ": ");
  }
  return refuse(c, w, "", why);
}

static int read_many(cli *c, solving *r, const loci_model *m) {
  const char *path = args_get(&c->args, OPT_REQUESTS);
  loci_examples *file;
  loci_example *x = NULL;
  int code = EXIT_DONE;
  if (loci_examples_open(path, &file, &c->err)) return cli_failed(c);
  do {
    loci_status st = loci_examples_next(file, &x, &c->err);
    if (st == LOCI_EFORMAT) {
      code = add_broken(c, r);
      continue;
    }
    if (st) code = cli_failed(c);
    if (!code && x) code = add_example(c, r, m, x);
    loci_free(x);
    if (!x) break;
  } while (!code);
  loci_examples_close(file);
  if (!code && r->count == 0) {
    cli_fail(&c->err, LOCI_EFORMAT, "%.300s: no request in it", path);
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
  if (!f->reached) {
    snprintf(line, sizeof line, "no: %.240s", f->hint);
    put_line(c, "reached", line);
  }
}

static void show_many(const cli *c, const loci_edit *e) {
  int reached = 0, wide = c->term.columns - 42 < 12 ? 12 : c->term.columns - 42;
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
    if (!f->reached) {
      printf("     ");
      put_wrapped(stdout, f->hint, &(wrap){5, 5, c->term.columns, c->term.utf8});
    }
    reached += f->reached;
  }
  printf("%d of %d targets reached\n", reached, e->fact_count);
}

static void show(const cli *c, const loci_edit *e) {
  char line[256];
  if (e->fact_count == 1) show_one(c, e);
  if (e->fact_count > 1) show_many(c, e);
  if (e->note) put_line(c, "note", e->note);
  for (int i = 0; i < e->part_count; i++) {
    const loci_edit_part *p = &e->parts[i];
    char room[64] = "", took[32] = "";
    if (p->free_count >= 0)
      snprintf(room, sizeof room, ", in %lld free directions of %lld", (long long)p->free_count,
               (long long)e->inner);
    if (i + 1 == e->part_count) snprintf(took, sizeof took, ", in %.1f s", e->cost.seconds);
    snprintf(line, sizeof line, "layer %d, rank %lld, norm %.4g%s%s", p->layer, (long long)p->rank,
             p->norm, room, took);
    put_line(c, i ? "" : "update", line);
  }
}

/* What was asked for and is not there now, in a sentence for each request that was refused and one
 * for all targets that were missed; the edit is written all the same. */
static int say_missed(const cli *c, const loci_edit *e) {
  int missed = 0;
  for (int i = 0; i < e->fact_count; i++) missed += !e->facts[i].reached;
  for (int i = 0; i < e->dropped_count; i++) {
    const loci_edit_dropped *d = &e->dropped[i];
    fputs("loci: ", stderr);
    if (d->name) put_text(stderr, d->name, c->term.utf8);
    if (!d->name) fprintf(stderr, "request %d", d->request + 1);
    fputs(": ", stderr);
    put_text(stderr, d->reason, c->term.utf8);
    fputs("; left out\n", stderr);
  }
  if (missed == 1 && e->fact_count == 1)
    fprintf(stderr, "loci: the target is not reached\n");
  else if (missed)
    fprintf(stderr, "loci: %d of %d targets are not reached\n", missed, e->fact_count);
  return missed + e->dropped_count ? EXIT_FAILED : EXIT_DONE;
}

static int write_all(cli *c, const loci_edit *e) {
  const char *out;
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (cli_ends_with(out, ".edit") && loci_write(&e->result, out, NULL, &c->err))
      return cli_failed(c);
  if (!c->json) show(c, e);
  int code = cli_write_json(c, &e->result);
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    cli_say_written(c, out);
  return code ? code : say_missed(c, e);
}

/* A plain question is its own name; all that comes from files, or is more than one, is named by the
 * options that brought it. */
static void name_requests(cli *c, cli_request *r) {
  static const option_id more[] = {OPT_REQUESTS, OPT_REPHRASE,  OPT_PREFIXES,
                                   OPT_AVERAGE,  OPT_KEEP_FILE, OPT_COVARIANCE},
                         all[] = {OPT_REQUESTS,  OPT_IMAGE,      OPT_QUESTION, OPT_CONSTRAINT,
                                  OPT_TARGET,    OPT_REPHRASE,   OPT_PREFIXES, OPT_AVERAGE,
                                  OPT_KEEP_FILE, OPT_COVARIANCE, OPT_PROMPTS,  OPT_RENDERINGS};
  const char *covariance = args_get(&c->args, OPT_COVARIANCE);
  for (int i = 0; i < LENGTH(more); i++)
    if (args_has(&c->args, more[i]) &&
        (more[i] != OPT_COVARIANCE || strcmp(covariance, "none") != 0)) {
      edit_put_words(c, r, all, LENGTH(all));
      return;
    }
}

/* The options of solving; what is asked for comes after, when there are prompts. */
static void begin(cli *c, cli_request *r) {
  static const option_id own[] = {OPT_TARGET,   OPT_REQUESTS,  OPT_REPHRASE,
                                  OPT_PREFIXES, OPT_PROMPTS,   OPT_RENDERINGS,
                                  OPT_AVERAGE,  OPT_KEEP_FILE, OPT_COVARIANCE};
  call_begin(c, r, own, LENGTH(own));
  edit_put_covariances(c, r);
  name_requests(c, r);
}

static void put_member(FILE *to, const char *name, const char *text) {
  if (!text) return;
  fprintf(to, ", \"%s\": ", name);
  put_json_string(to, text);
}

/* Numbers from [first] on. */
static void put_numbers(FILE *to, int first, int count) {
  for (int i = 0; i < count; i++) fprintf(to, "%s%d", i ? ", " : "[", first + i);
  fputs(count ? "]" : "[]", to);
}

/* The requests by numbers of the call's prompts, which lie in the order of the requests, the kept
 * ones after them. */
static void put_requests(const solving *s, cli_request *r) {
  int next = 0;
  call_put_json(r, "requests", "[");
  for (int i = 0; r->to && i < s->count; i++) {
    const one_request *w = &s->requests[i];
    fprintf(r->to, "%s{\"prompt\": %d, \"rephrased\": ", i ? ", " : "", w->prompt ? next : 0);
    if (w->prompt) next++;
    put_numbers(r->to, next, w->more.count);
    next += w->more.count;
    put_member(r->to, "target", w->target ? w->target : "");
    put_member(r->to, "name", w->name);
    put_member(r->to, "refused", w->refused);
    fputs("}", r->to);
  }
  if (!r->to) return;
  fputs("], \"keep\": ", r->to);
  put_numbers(r->to, next, s->keep.count);
  if (args_has(&s->c->args, OPT_REQUESTS)) fputs(", \"drop\": true", r->to);
}

/* All prompts in that order; NULL: out of memory. */
static const loci_prompt **list_prompts(const solving *s, int *count) {
  int n = s->keep.count, at = 0;
  for (int i = 0; i < s->count; i++) n += 1 + s->requests[i].more.count;
  const loci_prompt **all = calloc((size_t)n + 1, sizeof *all);
  for (int i = 0; all && i < s->count; i++) {
    const one_request *w = &s->requests[i];
    if (w->prompt) all[at++] = w->prompt;
    for (int k = 0; k < w->more.count; k++) all[at++] = w->more.at[k];
  }
  for (int i = 0; all && i < s->keep.count; i++) all[at++] = s->keep.at[i];
  *count = at;
  return all;
}

static int show_edit(cli *c, loci_edit *e) {
  if (!c->host) return write_all(c, e);
  int code = cli_show_result(c, &e->result, NULL);
  c->host->keep(c->host->ctx, &e->result); /* which owns it from here */
  return code;
}

static int solve(cli *c, const solving *s, loci_model *m) {
  cli_request r;
  loci_result *e = NULL;
  int n;
  const loci_prompt **prompts = list_prompts(s, &n);
  if (!prompts) return out_of_memory(c);
  begin(c, &r);
  put_requests(s, &r);
  int code = call_end(c, &r);
  loci_call call = call_of(c, &r, m);
  call.prompts = prompts;
  call.prompt_count = n;
  if (!code) code = call_measure(c, &call, &e);
  if (!code) code = show_edit(c, (loci_edit *)e);
  if (!c->host) loci_free(e);
  free((void *)prompts);
  call_clear(&r);
  return code;
}

/* The options alone, before there is a model. */
static int check_request(cli *c) {
  cli_request r;
  begin(c, &r);
  int code = call_end(c, &r);
  call_clear(&r);
  return code;
}

int cmd_edit_solve(cli *c) {
  solving s = {.c = c, .prompts = 1};
  loci_model *m = NULL;
  const char *before = args_get(&c->args, OPT_PREFIXES);
  int code = check_options(c);
  if (!code) code = check_request(c);
  if (!code && before && prefixes_read(before, &s.before, &c->err)) code = cli_failed(c);
  if (!code) code = cli_int(c, OPT_PROMPTS, 1, MOST_PROMPTS, &s.prompts);
  if (!code) code = cli_int(c, OPT_RENDERINGS, 0, MOST_PROMPTS, &s.renderings);
  if (!code) code = cli_open_model(c, &m);
  if (!code)
    code = edit_read_questions(c, OPT_KEEP_FILE, m, args_get(&c->args, OPT_IMAGE), &s.keep);
  if (!code) code = args_has(&c->args, OPT_REQUESTS) ? read_many(c, &s, m) : read_one(c, &s, m);
  if (!code) code = solve(c, &s, m);
  free_requests(&s);
  cli_close_model(c, m);
  return code;
}

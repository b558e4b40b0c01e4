/* Shared pieces of the edit commands (see edit_common.h). */
#include "edit_common.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"
#include "typed_options.h"

enum { MOST_STEPS = 100000, MOST_LAYERS = 100000 };

/* A number, >= 0; [zero] is what 0 means to the library, where 0 is the default. */
static int read_real(cli *c, option_id id, double zero, double *out) {
  const char *s = args_get(&c->args, id);
  if (!s) return EXIT_DONE;
  if (!value_real(s, out)) return cli_bad_value(c, id, "a number that is not negative");
  if (*out == 0) *out = zero;
  return EXIT_DONE;
}

/* Where fine-tuning asks for the target's tokens. */
static int read_place(cli *c, bool *at_last) {
  static const char *const places[] = {"answer", "last"};
  const char *given = args_get(&c->args, OPT_FT_AT);
  int i = 0;
  int code = given ? cli_word(c, OPT_FT_AT, given, places, LENGTH(places), &i) : EXIT_DONE;
  *at_last = i == 1;
  return code;
}

static int read_settings(cli *c, loci_edit_settings *s) {
  int code = cli_int(c, OPT_STEPS, 1, MOST_STEPS, &s->steps);
  if (!code) code = read_real(c, OPT_LR, 0, &s->lr);
  if (!code && args_has(&c->args, OPT_LR) && s->lr == 0)
    code = cli_bad_value(c, OPT_LR, "a number above 0");
  if (!code) code = read_real(c, OPT_WEIGHT_DECAY, -1, &s->weight_decay);
  if (!code) code = read_real(c, OPT_LAMBDA, -1, &s->lambda);
  if (!code) code = read_real(c, OPT_MAX_NORM, 0, &s->max_norm);
  if (!code) code = read_real(c, OPT_STOP_P, 0, &s->stop_p);
  if (!code && s->stop_p > 1) code = cli_bad_value(c, OPT_STOP_P, "a probability");
  if (!code) code = read_real(c, OPT_KL, 0, &s->kl);
  if (!code) code = read_real(c, OPT_EPS, 0, &s->eps);
  if (!code && args_has(&c->args, OPT_EPS) && s->eps == 0)
    code = cli_bad_value(c, OPT_EPS, "a number above 0");
  if (!code) code = read_real(c, OPT_KEEP_WEIGHT, 0, &s->keep_weight);
  if (!code) code = read_real(c, OPT_STOP_LOSS, -1, &s->stop_loss);
  if (!code) code = read_real(c, OPT_RIDGE, -1, &s->ridge);
  if (!code) code = read_place(c, &s->at_last);
  s->each_key = args_has(&c->args, OPT_EACH_KEY);
  s->average_loss = args_has(&c->args, OPT_AVERAGE_LOSS);
  s->without_constraint = args_has(&c->args, OPT_WITHOUT_CONSTRAINT);
  return code;
}

static int read_method(cli *c, loci_edit_opts *out, loci_edit_settings *settings) {
  const char *path = args_get(&c->args, OPT_COVARIANCE), *preset = args_get(&c->args, OPT_PRESET);
  int i, code = EXIT_DONE;
  out->method = args_get(&c->args, OPT_METHOD);
  if (out->method) code = cli_name(c, OPT_METHOD, LOCI_NAMES_METHOD, NULL, out->method, &i);
  out->no_covariance = path && strcmp(path, "none") == 0;
  if (out->no_covariance) path = NULL;
  loci_result *covariance = NULL;
  if (!code && path && loci_read(LOCI_KIND_COVARIANCE, &path, 1, &covariance, &c->err))
    code = cli_failed(c);
  out->covariance = (const loci_covariance *)covariance;
  if (!code && preset) code = cli_name(c, OPT_PRESET, LOCI_NAMES_PRESET, NULL, preset, &i);
  if (!code && preset && loci_edit_preset(preset, out, settings, &c->err)) code = cli_failed(c);
  if (code) return code;
  bool wants = out->method && (!strcmp(out->method, "rome") || !strcmp(out->method, "memit"));
  bool has = out->covariance || out->no_covariance;
  if (wants && !has) return cli_usage(c, "--method %s needs --covariance FILE", out->method);
  if (!wants && has) return cli_usage(c, "only --method rome and memit take a --covariance");
  return EXIT_DONE;
}

int edit_words(cli *c, const option_id *ids, int n, loci_edit_opts *out) {
  char **words = calloc((size_t)c->args.given_count + 1, sizeof *words);
  out->words = (const char *const *)words;
  for (int i = 0; words && i < n; i++) {
    const char *value, *name = option_get(ids[i])->name;
    for (int k = 0; (value = args_at(&c->args, ids[i], k)) != NULL; k++) {
      if (ids[i] == OPT_COVARIANCE && out->no_covariance) continue; /* no file, and said already */
      size_t room = strlen(name) + strlen(value) + sizeof "--=";
      char *word = malloc(room);
      if (!word) break;
      snprintf(word, room, "--%s=%s", name, value);
      words[out->word_count++] = word;
    }
    if (value) words = NULL;
  }
  if (words) return EXIT_DONE;
  cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
  return cli_failed(c);
}

void edit_opts_clear(loci_edit_opts *opts) {
  for (int i = 0; i < opts->word_count; i++) free((char *)(uintptr_t)opts->words[i]);
  free((void *)(uintptr_t)opts->words);
  loci_free((loci_covariance *)(uintptr_t)opts->covariance);
}

int edit_opts(cli *c, loci_edit_opts *out, loci_edit_settings *settings) {
  const char *compat = args_get(&c->args, OPT_COMPAT);
  out->size = sizeof *out;
  settings->size = sizeof *settings;
  out->settings = settings;
  out->has_layer = args_has(&c->args, OPT_LAYER);
  int code = cli_int(c, OPT_LAYER, 0, MOST_LAYERS, &out->layer);
  if (!code) code = read_settings(c, settings);
  if (!code && compat && strcmp(compat, "authors") != 0)
    code = cli_bad_value(c, OPT_COMPAT, "authors");
  if (!code) code = read_method(c, out, settings);
  settings->authors = compat != NULL;
  out->progress = terminal_progress;
  out->progress_ctx = &c->term;
  return code;
}

/* ---------------------------------------------------------------- prompts */

loci_status prompt_list_put(prompt_list *list, const loci_model *m, const loci_question *q,
                            loci_err *err) {
  if (list->count == list->room) {
    int room = list->room ? 2 * list->room : 8;
    loci_prompt **more = realloc(list->at, (size_t)room * sizeof *more);
    if (!more) return cli_fail(err, LOCI_ENOMEM, "out of memory");
    list->at = more;
    list->room = room;
  }
  loci_status st = loci_prompt_new(m, q, &list->at[list->count], err);
  if (!st) list->count++;
  return st;
}

void prompt_list_clear(prompt_list *list) {
  for (int i = 0; i < list->count; i++) loci_prompt_free(list->at[i]);
  free(list->at);
  memset(list, 0, sizeof *list);
}

static int add_question(cli *c, const loci_model *m, const char *image, const loci_example *x,
                        prompt_list *out) {
  const loci_model_info *info = loci_model_get_info(m);
  loci_question q = {.size = sizeof q,
                     .image = info->image_rows == 0 ? NULL
                              : x->image            ? x->image
                                                    : image,
                     .text = x->question,
                     .template_name = cli_template(c),
                     .system = args_get(&c->args, OPT_SYSTEM),
                     .date = args_get(&c->args, OPT_DATE),
                     .progress = terminal_progress,
                     .progress_ctx = &c->term,
                     .constraints = x->constraints,
                     .constraint_count = 1};
  if (x->constraint_count == 0) return EXIT_DONE;
  loci_status st = prompt_list_put(out, m, &q, &c->err);
  return st && st != LOCI_EINVAL ? cli_failed(c) : cli_stopped(c);
}

int edit_read_questions(cli *c, option_id id, const loci_model *m, const char *image,
                        prompt_list *out) {
  const char *path = args_get(&c->args, id);
  int before = out->count;
  loci_examples *file;
  loci_example *x = NULL;
  int code = EXIT_DONE;
  if (!path) return EXIT_DONE;
  if (loci_examples_open(path, &file, &c->err)) return cli_failed(c);
  for (;;) {
    if (loci_examples_next(file, &x, &c->err)) code = cli_failed(c);
    if (code || !x) break;
    code = add_question(c, m, image, x, out);
    loci_free(x);
    if (code) break;
  }
  loci_examples_close(file);
  if (!code && out->count == before) {
    cli_fail(&c->err, LOCI_EINVAL, "%s: no question with a constraint in it for --%s", path,
             option_get(id)->name);
    code = cli_failed(c);
  }
  return code;
}

/* Model and prompt, as the common options name them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "edit_common.h"
#include "values.h"
#include "typed_options.h"

static bool is_device(const char *s) {
  const char *number = strncmp(s, "opencl:", 7) == 0 ? s + 7 : "";
  return strcmp(s, "cpu") == 0 || strcmp(s, "opencl") == 0 ||
         (*number && strspn(number, "0123456789") == strlen(number));
}

int cli_model_opts(cli *c, loci_model_opts *out) {
  memset(out, 0, sizeof *out);
  out->size = sizeof *out;
  const char *memory = args_get(&c->args, OPT_MEMORY);
  out->threads = c->threads;
  out->mmproj = args_get(&c->args, OPT_MMPROJ);
  bool elsewhere = args_takes(&c->args, c->command->id, OPT_DEVICE);
  out->device = elsewhere ? args_get(&c->args, OPT_DEVICE) : "cpu"; /* whatever LOCI_DEVICE says */
  static const char *const ways[] = {"ignore", "turn"};
  const char *exif = args_get(&c->args, OPT_EXIF);
  static const char *const gates[] = {"meta", "hf"};
  const char *gate_rows = args_get(&c->args, OPT_GATE_ROWS);
  int pixels = 0, way = 0, code = cli_precision(c, &out->precision);
  if (!code && exif) code = cli_word(c, OPT_EXIF, exif, ways, 2, &way);
  out->turn_images = way == 1;
  if (!code && gate_rows) code = cli_word(c, OPT_GATE_ROWS, gate_rows, gates, 2, &way);
  out->gate_rows_hf = gate_rows && way == 1;
  if (!code && out->device && !is_device(out->device))
    code = cli_bad_value(c, OPT_DEVICE, "cpu, opencl or opencl:N");
  if (!code) code = cli_int(c, OPT_THREADS, 1, MOST_THREADS, &out->threads);
  if (!code) code = cli_int(c, OPT_MAX_PIXELS, 1, INT32_MAX, &pixels);
  out->max_pixels = pixels;
  if (!code && memory && !value_size(memory, &out->memory_bytes))
    code = cli_bad_value(c, OPT_MEMORY, "a size such as 512M or 4G");
  return code;
}

int cli_model_path(cli *c, char *out) {
  option_id id = args_has(&c->args, OPT_WITH_MODEL) ? OPT_WITH_MODEL : OPT_MODEL;
  return loci_model_find(args_get(&c->args, id), out, &c->err) ? cli_failed(c) : EXIT_DONE;
}

/* Opening has no progress callback: a Ctrl-C then is noticed after it. */
int cli_stopped(cli *c) {
  if (!terminal_signal()) return EXIT_DONE;
  cli_fail(&c->err, LOCI_ECANCELLED, "stopped");
  return cli_failed(c);
}

/* The edits of --edit, each on top of those before it. */
static int apply_edits(cli *c, loci_model *m) {
  if (c->command->id == COMMAND_EDIT_TEST || !args_has(&c->args, OPT_EDIT)) return EXIT_DONE;
  int code = edit_read_option(c, &c->edits);
  for (int i = 0; !code && i < c->edits.count; i++)
    if (loci_edit_apply(m, c->edits.at[i], &c->err)) code = cli_failed(c);
  return code;
}

void cli_put_day(const loci_prompt_info *p) {
  if (p->date) printf("the template writes the day: %s\n", p->date);
}

const char *cli_template(const cli *c) {
  return args_has(&c->args, OPT_NO_CHAT) ? "raw" : args_get(&c->args, OPT_TEMPLATE);
}

int cli_open_model(cli *c, loci_model **out) {
  char path[LOCI_PATH_SIZE];
  loci_model_opts opts;
  *out = c->host ? c->host->model : NULL;
  if (args_has(&c->args, OPT_NO_CHAT) && args_has(&c->args, OPT_TEMPLATE))
    return cli_usage(c, "--no-chat is --template raw: give one of the two");
  if (*out) return EXIT_DONE;
  int code = cli_model_opts(c, &opts);
  if (!code) code = cli_model_path(c, path);
  if (code) return code;
  if (loci_model_open(path, &opts, out, &c->err)) return cli_failed(c);
  code = apply_edits(c, *out);
  return code ? code : cli_stopped(c);
}

void cli_close_model(const cli *c, loci_model *m) {
  if (!c->host) loci_model_close(m);
}

void cli_close_prompt(const cli *c, void *result, loci_model *m, loci_prompt *p) {
  if (c->host) {
    if (result) c->host->keep(c->host->ctx, result);
    return;
  }
  loci_free(result);
  loci_prompt_free(p);
  loci_model_close(m);
}

static loci_status make_prompt(cli *c, loci_model *m, const loci_question *q, loci_prompt **out) {
  if (c->host) return c->host->prompt(c->host->ctx, q, out, &c->err);
  return loci_prompt_new(m, q, out, &c->err);
}

loci_question cli_question(cli *c) {
  return (loci_question){.size = sizeof(loci_question),
                         .template_name = cli_template(c),
                         .system = args_get(&c->args, OPT_SYSTEM),
                         .date = args_get(&c->args, OPT_DATE),
                         .progress = terminal_progress,
                         .progress_ctx = &c->term};
}

int cli_open_prompt(cli *c, const cli_constraints *only, loci_model **model, loci_prompt **prompt) {
  loci_question q = cli_question(c);
  size_t most = (size_t)c->args.given_count + 1;
  const char **all = calloc(2 * most, sizeof *all);
  *model = NULL;
  *prompt = NULL;
  if (!all) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  const char **kinds = all + most;
  q.image = args_get(&c->args, OPT_IMAGE);
  q.text = args_get(&c->args, OPT_QUESTION);
  while ((all[q.constraint_count] = args_at(&c->args, OPT_CONSTRAINT, q.constraint_count)) != NULL)
    q.constraint_count++;
  q.constraints = only ? only->text : all;
  if (only) q.constraint_count = only->count;
  while ((kinds[q.kind_count] = args_at(&c->args, OPT_KIND, q.kind_count)) != NULL) q.kind_count++;
  q.kinds = kinds;
  int code =
      q.kind_count > q.constraint_count
          ? cli_usage(c, "--kind is of a -c: %d for %d of them", q.kind_count, q.constraint_count)
          : cli_open_model(c, model);
  if (!code && make_prompt(c, *model, &q, prompt)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = cli_stopped(c);
  free(all);
  if (!code) return code;
  cli_close_prompt(c, NULL, *model, *prompt);
  *prompt = NULL;
  *model = NULL;
  return code;
}

/* loci record: one forward pass, and the values of any site at any layer into a safetensors file.
 */
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "typed_options.h"

typedef struct record {
  loci_site sites[LOCI_SITE_COUNT];
  int site_count, first, layers;
} record;

/* Sites after the last layer have no layer of their own. */
static bool is_layerless(loci_site site) {
  return site == LOCI_SITE_FINAL_NORM || site == LOCI_SITE_LOGITS;
}

static int resolve_layers(cli *c, const loci_model *model, record *r) {
  int layers = loci_model_get_info(model)->layers;
  if (r->layers == 0) r->layers = layers;
  if (r->first + r->layers <= layers) return EXIT_DONE;
  cli_fail(&c->err, LOCI_EINVAL, "--layers %.40s: the model has layers 0-%d",
           args_get(&c->args, OPT_LAYERS), layers - 1);
  return cli_failed(c);
}

static loci_status ask_for(const record *r, loci_run *run, loci_err *err) {
  for (int s = 0; s < r->site_count; s++) {
    int n = is_layerless(r->sites[s]) ? 1 : r->layers,
        first = is_layerless(r->sites[s]) ? 0 : r->first;
    for (int l = 0; l < n; l++) {
      loci_status st = loci_run_record(run, r->sites[s], first + l, err);
      if (st) return st;
    }
  }
  return LOCI_OK;
}

static void put_json(const cli *c, const record *r, int positions) {
  const char *out;
  printf("{\"format\": \"loci.record/1\", \"version\": \"%s\", \"positions\": %d, \"sites\": [",
         loci_version(), positions);
  for (int s = 0; s < r->site_count; s++)
    printf("%s\"%s\"", s ? ", " : "", loci_name(LOCI_NAMES_SITE, r->sites[s]));
  printf("], \"layers\": [");
  for (int l = 0; l < r->layers; l++) printf("%s%d", l ? ", " : "", r->first + l);
  printf("], \"files\": [");
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++) {
    fputs(i ? ", " : "", stdout);
    put_json_string(stdout, out);
  }
  printf("]}\n");
}

static void show(cli *c, const record *r, int positions) {
  const char *out;
  struct stat s;
  char size[32];
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++) {
    cli_say_written(c, out);
    printf("%d site%s, %d layer%s, %d positions", r->site_count, r->site_count == 1 ? "" : "s",
           r->layers, r->layers == 1 ? "" : "s", positions);
    if (stat(out, &s) == 0 && S_ISREG(s.st_mode))
      printf(", %s", size_text((double)s.st_size, size));
    printf("\n");
  }
}

static int record_run(cli *c, const record *r, const loci_model *model, const loci_prompt *prompt) {
  loci_run *run = NULL;
  const char *out;
  int code = EXIT_DONE;
  if (loci_run_new(model, prompt, &run, &c->err) || ask_for(r, run, &c->err) ||
      loci_run_forward(run, terminal_progress, &c->term, &c->err))
    code = cli_failed(c);
  terminal_progress_end(&c->term);
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (loci_run_write(run, out, &c->err)) code = cli_failed(c);
  loci_run_free(run);
  return code;
}

int cmd_record(cli *c) {
  record r;
  loci_model *model;
  loci_prompt *prompt;
  memset(&r, 0, sizeof r);
  if (!args_has(&c->args, OPT_SITE) || !args_has(&c->args, OPT_OUT))
    return cli_usage(c, "record needs --site SITE[,SITE] and -o FILE.safetensors");
  int code = cli_sites(c, r.sites, &r.site_count);
  if (!code) code = cli_layers(c, &r.first, &r.layers);
  if (!code) code = cli_open_prompt(c, NULL, &model, &prompt);
  if (code) return code;
  int positions = loci_prompt_get_info(prompt)->length;
  code = resolve_layers(c, model, &r);
  if (!code) code = record_run(c, &r, model, prompt);
  if (!code && c->json) put_json(c, &r, positions);
  if (!code && !c->json) show(c, &r, positions);
  loci_prompt_free(prompt);
  loci_model_close(model);
  return code;
}

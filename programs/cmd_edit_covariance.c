/* loci edit covariance: how a layer's keys vary over a file of questions, which rome and memit
 * spare.
 */
#include <string.h>

#include "edit_common.h"
#include "study_common.h"
#include "typed_options.h"

static void show(const cli *c, const loci_covariance *k) {
  printf("layer %d, %lld x %lld: %lld keys of %d question%s", k->layer, (long long)k->inner,
         (long long)k->inner, (long long)k->keys, k->prompts, k->prompts == 1 ? "" : "s");
  if (k->sample.dropped_count > 0) printf("; %d could not be used", k->sample.dropped_count);
  printf("\n");
  if (k->keys < k->inner) printf("fewer keys than dimensions: more questions would be better\n");
  (void)c;
}

static int write_all(cli *c, const loci_covariance *k) {
  const char *out;
  for (int i = 0; (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    if (cli_ends_with(out, ".safetensors") && loci_write(&k->result, out, NULL, &c->err))
      return cli_failed(c);
  if (!c->json) show(c, k);
  int code = cli_write_json(c, &k->result);
  for (int i = 0; !code && (out = args_at(&c->args, OPT_OUT, i)) != NULL; i++)
    cli_say_written(c, out);
  return code;
}

int cmd_edit_covariance(cli *c) {
  loci_study_opts opts;
  loci_examples *examples = NULL;
  loci_model *m = NULL;
  loci_covariance *k = NULL;
  int layer = 0;
  memset(&opts, 0, sizeof opts);
  opts.size = sizeof opts;
  int code = study_opts(c, &opts);
  if (!code) code = cli_int(c, OPT_LAYER, 0, 100000, &layer);
  if (!code && loci_examples_open(c->args.rest[0], &examples, &c->err)) code = cli_failed(c);
  if (!code) code = cli_open_model(c, &m);
  if (!code && loci_covariance_new(m, examples, layer, &opts, &k, &c->err)) code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code) code = write_all(c, k);
  loci_free(k);
  loci_examples_close(examples);
  loci_model_close(m);
  return code;
}

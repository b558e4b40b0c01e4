/* loci edit covariance: how a layer's keys vary over a file of questions, which rome and memit
 * spare.
 */
#include "edit_common.h"
#include "calls.h"

static void show(const cli *c, const loci_covariance *k) {
  printf("layer %d, %lld x %lld: %lld keys of %d question%s", k->layer, (long long)k->inner,
         (long long)k->inner, (long long)k->keys, k->prompts, k->prompts == 1 ? "" : "s");
  if (k->sample.dropped_count > 0) printf("; %d could not be used", k->sample.dropped_count);
  printf("\n");
  if (k->keys < k->inner) printf("fewer keys than dimensions: more questions would be better\n");
  (void)c;
}

static int write_all(cli *c, loci_result *made) {
  const loci_covariance *k = (const loci_covariance *)made;
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

int cmd_edit_covariance(cli *c) { return call_command(c, write_all); }

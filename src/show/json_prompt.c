/* A prompt as JSON ("loci.tokens/1"): the expanded sequence as the model reads it. */
#include "show/formats.h"
#include "show/json_parts.h"

loci_status prompt_json(const void *result, char **out, loci_err *err) {
  const loci_prompt_info *p = result;
  js_value *o = json_result("tokens");
  js_put(&o, "prompt", json_prompt(p));
  js_put(&o, "constraints", json_constraints(p));
  return json_print_lines(o, out, err);
}

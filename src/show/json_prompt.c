/* A prompt as JSON ("loci.tokens/1"): the expanded sequence as the model reads it. */
#include "show/json_parts.h"

loci_status loci_prompt_json(const loci_prompt *prompt, char **out, loci_err *err) {
  const loci_prompt_info *p = loci_prompt_get_info(prompt);
  js_value *o = json_result("tokens");
  js_put(&o, "prompt", json_prompt(p));
  js_put(&o, "constraints", json_constraints(p));
  return json_print_lines(o, out, err);
}

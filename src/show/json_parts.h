/* Pieces that several JSON results share.  Field names and their order are docs/FORMATS.md's. */
#ifndef LOCI_SHOW_JSON_PARTS_H
#define LOCI_SHOW_JSON_PARTS_H

#include "base/json.h"

/* {"format": "loci.[command]/1", "version": ...}, to be continued. */
js_value *json_result(const char *command);
/* {"text", "tokens": [...], "image": {...} or null} */
js_value *json_prompt(const loci_prompt_info *p);
js_value *json_constraints(const loci_prompt_info *p);
/* {"path", "family", ..., "hash"}, and "edits" if the model has any; [hash] may be NULL or empty:
 * null. */
js_value *json_model(const loci_model_info *m, const char *hash);
/* "request" and "command" of a result, into *to; null where there is none. */
void json_put_request(js_value **to, const loci_result *r);
/* {"ids", "text", "given"} */
js_value *json_target(const int *ids, int count, const char *text, bool given);
/* {"p", "logp", ..., "top"}; [whole]: the target is a whole answer, so that its first token has
 * numbers of its own; [kl]: there is a run to compare with. */
js_value *json_outcome(const loci_outcome *r, bool whole, bool kl);
js_value *json_cost(const loci_cost *c);
js_value *json_candidate(const loci_candidate *c);
/* [{"id", "text", "p"}] without the empty places at the end (text NULL). */
js_value *json_top(const loci_candidate *top, int count);

/* Prints and frees [v] with a member or an array row on each line: read by people and by diff. */
loci_status json_print_lines(js_value *v, char **out, loci_err *err);

#endif

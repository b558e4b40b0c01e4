/* Pieces that several JSON results share.  Field names and their order are docs/FORMATS.md's. */
#ifndef LOCI_SHOW_JSON_PARTS_H
#define LOCI_SHOW_JSON_PARTS_H

#include "base/json.h"

/* {"format": "loci.[command]/1", "version": ...}, to be continued. */
js_value *json_result(const char *command);
/* {"text", "tokens": [...], "image": {...} or null} */
js_value *json_prompt(const loci_prompt_info *p);
js_value *json_constraints(const loci_prompt_info *p);
/* [{"id", "text", "p"}] without the empty places at the end (text NULL). */
js_value *json_top(const loci_candidate *top, int count);

/* Prints and frees [v] with a member or an array row on each line: read by people and by diff. */
loci_status json_print_lines(js_value *v, char **out, loci_err *err);

#endif

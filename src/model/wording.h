/* A question as the text that the model reads (docs/FORMATS.md, "Prompts"). */
#ifndef LOCI_MODEL_WORDING_H
#define LOCI_MODEL_WORDING_H

#include "model/prompt.h"

/* Fills p->info's text, question, system, date and template name, and p->add_special; *out knows
 * where in the text the question stands. */
loci_status prompt_word(loci_prompt *p, const loci_question *q, prompt_text *out, loci_err *err);
/* The template that a name stands for with this model, in [mem]. */
loci_status wording_template(const loci_model *m, const char *name, arena *mem,
                             prompt_template *out, loci_err *err);
/* "2026-01-31"; NULL: 2026-01-01. */
loci_status wording_day(const char *date, jinja_day *out, loci_err *err);

#endif

/* What the terminal reports of several results share: the question, answers, what it cost. */
#ifndef LOCI_SHOW_TERM_PARTS_H
#define LOCI_SHOW_TERM_PARTS_H

#include "show/label.h"
#include "show/term.h"

term term_of(const loci_draw_opts *o, arena *mem);
/* The words of a formatted text of at most 511 bytes. */
void term_format(term *t, term_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Text in a column of [width], 63 bytes at most. */
void term_cell(term *t, term_style style, const char *text, int width);
/* A token as people read it; "" once memory is out. */
const char *term_token(term *t, label_spelling spelling, const char *token);
/* The edits of the model, a line each. */
void term_edits(term *t, const loci_model_info *m);
/* What a result is about: the question, the prompt's tokens, and the model's edits. */
void term_question(term *t, label_spelling spelling, const loci_prompt_info *p,
                   const loci_model_info *m);
/* The prompt's tokens; constraints are coloured, or in brackets where there is no colour. */
void term_tokens(term *t, label_spelling spelling, const loci_prompt_info *p);
/* A run's best answers with their probabilities, behind what stands on the line. */
void term_outcome(term *t, label_spelling spelling, const loci_outcome *o);
/* Seconds, rows and products; how many times more if done [unit] by unit. */
void term_cost(term *t, const loci_cost *c, const char *unit);

#endif

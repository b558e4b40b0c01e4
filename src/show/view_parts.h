/* What several views say alike: question, answers, cost, sample, numbers in words. */
#ifndef LOCI_SHOW_VIEW_PARTS_H
#define LOCI_SHOW_VIEW_PARTS_H

#include "show/view.h"

label_spelling view_spelling(const loci_prompt_info *p);
/* A token as people read it; "" once memory is out. */
const char *view_token(views *v, label_spelling spelling, const char *token);
/* What a result is about: the question, the prompt's tokens, the model's edits. */
void view_question(views *v, const loci_prompt_info *p, const loci_model_info *m);
/* A run's best answers with their probabilities, after what was said. */
void view_outcome(views *v, label_spelling spelling, const loci_candidate top[LOCI_TOP]);
/* The target's token as a fact, to be continued. */
void view_target(views *v, label_spelling spelling, const char *target);
void view_notes(views *v, const char *const *notes, int count);
/* Seconds, rows, products; how many times more if done [unit] by unit.  To be continued. */
void view_cost(views *v, const loci_model_info *m, const loci_cost *c, const char *unit);
/* "flags, bf16, seed 0, loci 0.1.0" and the edits, below a picture; [seed] NULL: there is none. */
void view_made_by(views *v, const loci_model_info *m, const char *precision, const uint64_t *seed);
/* Why examples were dropped, most frequent reasons first; what the sample is. */
void view_sample(views *v, const loci_sample *s);
/* "0.63 (0.52 - 0.74)", with a sign in front if [sign]; "-" where there is no value. */
const char *interval_text(const loci_interval *i, bool sign, bool ascii, char out[80]);
/* The same with as many decimals as its size asks for. */
const char *mean_text(const loci_interval *i, bool ascii, char out[80]);
/* A name with arrows as arrows ("a -> b"). */
const char *view_arrows(views *v, const char *name);

#endif

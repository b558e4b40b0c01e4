/* What may help where an edit does not reach its target: where on the way from the optimisation to
 * the edited model it was lost. */
#include <stdio.h>

#include "edit/edit.h"

/* More of it found a value than the update brings. */
static bool is_lost_in_update(const problem *q, double found) {
  return !method_tunes(q->method) && found > 0.3 && q->fact->after.m.p < found / 2;
}

static bool is_held_back(const problem *q) {
  double most = q->set->max_norm * q->fact->value_norm;
  return !method_tunes(q->method) && most > 0 && q->fact->delta_norm > 0.999 * most;
}

const char *edit_hint(const problem *q) {
  const loci_edit_fact *f = q->fact;
  double found = f->steps[f->step_count - 1].p;
  char text[400];
  if (q->set->authors) {
    snprintf(text, sizeof text,
             "the released settings hold the change below %g of the value: leave out "
             "--compat authors, or give a larger --max-norm",
             q->set->max_norm);
  } else if (is_lost_in_update(q, found)) {
    snprintf(
        text, sizeof text,
        "the value brings it (p %.3g), the update does not (p %.3g): a smaller --lambda, fewer "
        "requests or kept questions in one matrix, or another --layer",
        found, f->after.m.p);
  } else if (is_held_back(q)) {
    snprintf(text, sizeof text,
             "the change is as large as --max-norm %g allows: a larger one, or another --layer "
             "(edit curve shows which)",
             q->set->max_norm);
  } else {
    snprintf(
        text, sizeof text,
        "p is %.3g after %d steps: more --steps, a larger --lr, or another --layer (edit curve "
        "shows which)",
        found, f->step_count - 1);
  }
  return arena_strdup(q->mem, text);
}

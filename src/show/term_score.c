/* Accuracy for a terminal: of all examples, and of the groups. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/study_parts.h"

enum { N_W = 8, RIGHT_W = 8, ACCURACY_W = 21, NAME_LEAST = 8 };

static void put_counts(term *t, int n, int right, const loci_interval *accuracy) {
  char text[48];
  snprintf(text, sizeof text, "%*d", N_W - 2, n);
  term_cell(t, TERM_DIM, text, N_W);
  snprintf(text, sizeof text, "%*d", RIGHT_W - 3, right);
  term_cell(t, TERM_DIM, text, RIGHT_W);
  term_put(t, TERM_PLAIN, interval_text(accuracy, false, t->ascii, text));
  term_newline(t);
}

/* A name in its column, cut if need be. */
static void put_name(term *t, term_style style, const char *name, int width) {
  char *label = label_text(t->mem, name);
  if (label && t->ascii) label = label_ascii(t->mem, label);
  if (label) label = label_cut(t->mem, label, width - 2, t->ascii);
  t->out.failed |= !label;
  if (label) term_cell(t, style, label, width);
}

static int name_width(const term *t, const loci_score *s) {
  int width = NAME_LEAST, most = t->width - N_W - RIGHT_W - ACCURACY_W;
  if (most > 30) most = 30;
  for (int i = 0; i < s->group_count; i++) {
    int n = s->groups[i].value ? (int)strlen(s->groups[i].value) + 4 : 6;
    if (n > width) width = n;
  }
  return width > most ? most : width;
}

static void put_table(term *t, const loci_score *s) {
  int width = name_width(t, s);
  term_cell(t, TERM_DIM, "", width);
  term_cell(t, TERM_DIM, "     n", N_W);
  term_cell(t, TERM_DIM, "right", RIGHT_W);
  term_cell(t, TERM_DIM, "accuracy (95 %)", 0);
  term_newline(t);
  for (int i = 0; i < s->group_count; i++) {
    const loci_score_group *g = &s->groups[i];
    if (i == 0 || strcmp(g->field, s->groups[i - 1].field) != 0) {
      put_name(t, TERM_DIM, g->field, width);
      term_newline(t);
    }
    term_put(t, TERM_PLAIN, "  ");
    put_name(t, TERM_PLAIN, g->value ? g->value : "(none)", width - 2);
    put_counts(t, g->n, g->right, &g->accuracy);
  }
  term_cell(t, TERM_BOLD, "all", width);
  put_counts(t, s->sample.used, s->right, &s->accuracy);
}

const char *score_title(const loci_score *s, char out[160]) {
  static const char *const ways[] = {"the most likely option's letter", "the most likely option",
                                     "a free answer"};
  int choices = s->sample.used - s->free_count;
  if (choices == 0) {
    snprintf(out, 160, "%d questions, answered freely", s->sample.used);
  } else if (s->free_count == 0) {
    snprintf(out, 160, "%d questions with options, answered by %s", choices, ways[s->choose]);
  } else {
    snprintf(out, 160, "%d questions: %d answered freely, %d by %s", s->sample.used, s->free_count,
             choices, ways[s->choose]);
  }
  return out;
}

loci_status score_draw(const void *result, const loci_draw_opts *opts, char **out, loci_err *err) {
  const loci_score *s = result;
  char title[160];
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing a score");
  term t = term_of(&o, mem);
  term_words(&t, TERM_BOLD, score_title(s, title));
  if (!isnan(s->chance)) term_format(&t, TERM_DIM, "(guessing: %.2f)", s->chance);
  term_newline(&t);
  term_newline(&t);
  put_table(&t, s);
  term_newline(&t);
  term_dropped(&t, &s->sample);
  term_sample(&t, &s->sample);
  loci_status st = bytes_take(&t.out, out, NULL, err);
  arena_free(mem);
  return st;
}

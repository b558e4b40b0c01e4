/* Shared pieces of study reports (see study_parts.h). */
#include "show/study_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "show/json_parts.h"

/* ---------------------------------------------------------------- JSON */

js_value *json_interval(const loci_interval *i) {
  if (isnan(i->value)) return js_null();
  js_value *o = js_object();
  js_put(&o, "value", js_real(i->value));
  js_put(&o, "lo", js_real(i->lo));
  js_put(&o, "hi", js_real(i->hi));
  return o;
}

js_value *json_reals(const double *x, int64_t n) {
  js_value *a = js_array();
  for (int64_t i = 0; i < n; i++) js_push(&a, js_real(x[i]));
  return a;
}

js_value *json_example(int64_t line, const char *id) {
  js_value *o = js_object();
  js_put(&o, "line", js_int(line));
  js_put(&o, "id", js_text(id));
  return o;
}

void json_put_sample(js_value **to, const loci_sample *s) {
  js_value *o = js_object(), *dropped = js_array();
  js_put(&o, "path", js_text(s->path));
  js_put(&o, "template", js_text(s->template_name));
  js_put(&o, "precision", js_text(s->precision));
  js_put(&o, "seed", js_int((int64_t)s->seed));
  js_put(&o, "used", js_int(s->used));
  for (int i = 0; i < s->dropped_count; i++) {
    js_value *d = json_example(s->dropped[i].line, s->dropped[i].id);
    js_put(&d, "kind", js_text(s->dropped[i].kind));
    js_put(&d, "reason", js_text(s->dropped[i].reason));
    js_push(&dropped, d);
  }
  js_put(&o, "dropped", dropped);
  js_put(&o, "seconds", js_real(s->seconds));
  js_put(to, "model", json_model(s->model, s->hash));
  js_put(to, "sample", o);
}

/* ---------------------------------------------------------------- words */

const char *interval_text(const loci_interval *i, bool sign, bool ascii, char out[48]) {
  const char *to = sign ? ", " : ascii ? " - " : " \xE2\x80\x93 ";
  if (isnan(i->value)) {
    snprintf(out, 48, "-");
    return out;
  }
  int n = snprintf(out, 48, sign ? "%+.2f" : "%.2f", i->value);
  if (isnan(i->lo)) return out;
  n += snprintf(out + n, 48 - (size_t)n, " (");
  n += snprintf(out + n, 48 - (size_t)n, sign ? "%+.2f" : "%.2f", i->lo);
  n += snprintf(out + n, 48 - (size_t)n, "%s", to);
  n += snprintf(out + n, 48 - (size_t)n, sign ? "%+.2f" : "%.2f", i->hi);
  snprintf(out + n, 48 - (size_t)n, ")");
  return out;
}

const char *mean_text(const loci_interval *i, bool ascii, char out[80]) {
  double size = fmax(fabs(i->value), isnan(i->lo) ? 0 : fmax(fabs(i->lo), fabs(i->hi)));
  int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  int n = snprintf(out, 80, "%.*f", decimals, i->value);
  if (isnan(i->lo)) return out;
  snprintf(out + n, 80 - (size_t)n, " (%.*f%s%.*f)", decimals, i->lo,
           ascii ? " - " : " \xE2\x80\x93 ", decimals, i->hi);
  return out;
}

char *chart_words(arena *mem, const char *name) {
  const char *arrow = strstr(name, "->");
  if (!arrow) return label_text(mem, name);
  size_t n = strlen(name);
  char *joined = arena_alloc(mem, (int64_t)n + 2, 1);
  if (!joined) return NULL;
  snprintf(joined, n + 2, "%.*s\xE2\x86\x92%s", (int)(arrow - name), name, arrow + 2);
  return label_text(mem, joined);
}

enum { KINDS = 8 };

void term_dropped(term *t, const loci_sample *s) {
  const loci_dropped *first[KINDS];
  int count[KINDS], kinds = 0;
  for (int i = 0; i < s->dropped_count; i++) {
    int k = 0;
    while (k < kinds && strcmp(first[k]->kind, s->dropped[i].kind) != 0) k++;
    if (k == KINDS) continue;
    if (k == kinds) {
      first[kinds] = &s->dropped[i];
      count[kinds++] = 0;
    }
    count[k]++;
  }
  if (kinds == 0) return;
  term_format(t, TERM_BOLD, "%d dropped", s->dropped_count);
  term_newline(t);
  for (int k = 0; k < kinds; k++) {
    t->indent = 4;
    term_put(t, TERM_PLAIN, "  ");
    term_format(t, TERM_PLAIN, "%d %s,", count[k], first[k]->kind);
    term_format(t, TERM_DIM, "the first in line %" PRId64 "%s", first[k]->line,
                strcmp(first[k]->reason, first[k]->kind) != 0 ? ":" : "");
    if (strcmp(first[k]->reason, first[k]->kind) != 0) term_words(t, TERM_DIM, first[k]->reason);
    term_newline(t);
  }
  t->indent = 0;
}

static void describe(const loci_sample *s, char out[512]) {
  snprintf(out, 512, "%.120s, %s, %.120s, template %s, seed %" PRIu64 ", loci %s",
           label_model(s->model), s->precision, path_base(s->path), s->template_name, s->seed,
           LOCI_VERSION);
}

void term_sample(term *t, const loci_sample *s) {
  char text[512];
  describe(s, text);
  term_words(t, TERM_DIM, text);
  if (s->used > 0)
    term_format(t, TERM_DIM, "(%.1f s, %.2f s an example)", s->seconds, s->seconds / s->used);
  term_newline(t);
  term_edits(t, s->model);
}

void plot_sample(plot_page *p, const loci_sample *s, double *y) {
  char text[512];
  describe(s, text);
  plot_page_add(p, &plot_note_font, text, 2, y);
  plot_page_edits(p, s->model, y);
}

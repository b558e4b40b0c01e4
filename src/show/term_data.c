/* What was found in a file of examples, for a terminal: a line for each error, and for the first
 * notes of each kind, as compilers write them, then a table of the kinds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "show/formats.h"
#include "show/term_parts.h"

enum { KIND_W = 27, COUNT_W = 7, NOTES = 10 };

/* Errors all; of a kind of notes that goes on and on, the first ones. */
static bool is_shown(const loci_data_report *r, const loci_finding *f, int64_t *shown) {
  bool all = f->error || strcmp(r->what, "annotate") == 0;
  for (int k = 0; !all && k < r->kind_count; k++) {
    if (strcmp(r->kinds[k].name, f->kind) == 0) return shown[k]++ < NOTES;
  }
  return true;
}

static void put_finding(term *t, const loci_data_report *r, const loci_finding *f) {
  term_format(t, TERM_BOLD, "%.300s:%" PRId64 ":", r->path, f->line);
  if (f->field) term_format(t, TERM_PLAIN, "%.200s:", f->field);
  term_words(t, TERM_PLAIN, f->message);
  if (f->repaired && *f->repaired) {
    term_word(t, TERM_DIM,
              r->fixed || strcmp(r->what, "annotate") == 0 ? "\xE2\x86\x92" : "\xE2\x86\x92?");
    term_words(t, TERM_ACCENT, f->repaired);
  }
  term_format(t, f->error ? TERM_ACCENT : TERM_DIM, "[%s%s]", f->error ? "error: " : "", f->kind);
  term_newline(t);
}

/* Each with memory of its own: there may be many. */
static loci_status put_findings(term *t, const loci_data_report *r, loci_err *err) {
  arena *mem = t->mem;
  int64_t *shown = arena_zarray(mem, r->kind_count, int64_t);
  if (!shown) return fail_nomem(err, "drawing what was found");
  t->indent = 4;
  for (int64_t i = 0; i < r->finding_count; i++) {
    if (!is_shown(r, &r->findings[i], shown)) continue;
    t->mem = arena_new();
    if (!t->mem) return fail_nomem(err, "drawing what was found");
    put_finding(t, r, &r->findings[i]);
    arena_free(t->mem);
  }
  t->mem = mem;
  t->indent = 0;
  if (r->finding_count > 0) term_newline(t);
  return LOCI_OK;
}

static void put_kinds(term *t, const loci_data_report *r) {
  for (int i = 0; i < r->kind_count; i++) {
    const loci_finding_kind *k = &r->kinds[i];
    char text[64];
    snprintf(text, sizeof text, "%*" PRId64 " ", COUNT_W, k->count);
    term_put(t, TERM_BOLD, text);
    snprintf(text, sizeof text, "%-*s", KIND_W, k->name);
    term_put(t, k->error ? TERM_ACCENT : TERM_PLAIN, text);
    t->indent = COUNT_W + 1;
    term_words(t, TERM_DIM, k->meaning);
    if (!k->error && k->count > NOTES && strcmp(r->what, "annotate") != 0)
      term_format(t, TERM_PLAIN, "(the first %d above; --json and -o F.json name all)", NOTES);
    if (k->repaired > 0 && strcmp(r->what, "annotate") != 0)
      term_format(t, TERM_PLAIN, "(%" PRId64 " %s)", k->repaired,
                  r->fixed ? "repaired" : "can be repaired: --fix");
    term_newline(t);
  }
  t->indent = 0;
  if (r->kind_count > 0) term_newline(t);
}

static void put_counts(term *t, const loci_data_report *r) {
  bool import = strcmp(r->what, "import") == 0;
  term_format(t, TERM_BOLD, "%" PRId64 " %s read,", r->read, import ? "rows" : "examples");
  if (import)
    term_format(t, TERM_PLAIN, "%" PRId64 " with a picture, %" PRId64 " with answers,", r->pictured,
                r->answered);
  if (r->out) term_format(t, TERM_PLAIN, "%" PRId64 " written,", r->written);
  term_format(t, r->bad ? TERM_ACCENT : TERM_PLAIN, "%" PRId64 " with errors", r->bad);
  if (r->out) term_word(t, TERM_PLAIN, "that stay");
  term_newline(t);
  if (r->compared == 0) return;
  term_format(t, TERM_BOLD, "%.3f the same as the constraint that is there,",
              (double)r->exact / (double)r->compared);
  term_format(t, TERM_PLAIN,
              "token F1 %.3f, on the %" PRId64
              " examples whose constraint is a piece of the question",
              r->token_f1, r->compared);
  term_newline(t);
}

loci_status data_report_draw(const void *result, const loci_draw_opts *opts, char **out,
                             loci_err *err) {
  const loci_data_report *r = result;
  loci_draw_opts o = opts ? *opts : (loci_draw_opts){0};
  *out = NULL;
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "drawing what was found");
  term t = term_of(&o, mem);
  loci_status st = put_findings(&t, r, err);
  if (st) {
    bytes_clear(&t.out);
  } else {
    put_kinds(&t, r);
    put_counts(&t, r);
    st = bytes_take(&t.out, out, NULL, err);
  }
  arena_free(mem);
  return st;
}

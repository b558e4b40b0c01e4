/* A tokenizer in memory: making an empty one, what it owns, and giving it back (see build.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/build.h"

loci_status tokenizer_new(tokenizer **out, loci_err *err) {
  tokenizer *t = calloc(1, sizeof *t);
  *out = NULL;
  if (!t) return fail_nomem(err, "opening a tokenizer");
  t->model.unk = -1;
  t->kind = "BPE";
  t->mem = arena_new();
  if (!t->mem) {
    free(t);
    return fail_nomem(err, "opening a tokenizer");
  }
  *out = t;
  return LOCI_OK;
}

void tokenizer_close(tokenizer *t) {
  if (!t) return;
  for (int i = 0; i < t->regex_count; i++) regex_free(t->regexes[i]);
  arena_free(t->mem);
  free(t);
}

/* A note that finds no room is dropped: it is no error. */
void tokenizer_add_note(tokenizer *t, const char *format, ...) {
  if (t->note_count == NOTE_LIMIT) return;
  loci_err e;
  va_list args;
  va_start(args, format);
  vsnprintf(e.msg, sizeof e.msg, format, args);
  va_end(args);
  loci_err clean;
  (void)fail(&clean, LOCI_OK, "%s", e.msg);
  const char *note = arena_strdup(t->mem, clean.msg);
  if (note) t->notes[t->note_count++] = note;
}

loci_status tokenizer_keep_regex(tokenizer *t, regex *re, loci_err *err) {
  if (t->regex_count == 2 * STEP_LIMIT) {
    regex_free(re);
    return fail(err, LOCI_EUNSUPPORTED, "more than %d regular expressions in a tokenizer",
                2 * STEP_LIMIT);
  }
  t->regexes[t->regex_count++] = re;
  return LOCI_OK;
}

loci_status pattern_gpt2(tokenizer *t, pattern *out, const char *what, loci_err *err) {
  static const char gpt2[] =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  regex *re;
  TRY(regex_new(gpt2, sizeof gpt2 - 1, what, &re, err));
  *out = (pattern){NULL, 0, re};
  return tokenizer_keep_regex(t, re, err);
}

/* What a checkpoint has that is odd and harmless: sentences that the readers leave, for whoever
 * opens it to hand on. */
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "checkpoint/files.h"
#include "checkpoint/weights.h"

void files_note(checkpoint_files *files, const char *format, ...) {
  char text[512];
  va_list args;
  if (files->n_notes == MAX_NOTES) return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  utf8_make_printable(text);
  const char *note = arena_strdup(files->mem, text);
  if (note) files->notes[files->n_notes++] = note;
}

const char *checkpoint_note(const checkpoint *c, int i) {
  if (i < 0) return NULL;
  if (i < c->config.n_notes) return c->config.notes[i];
  i -= c->config.n_notes;
  return i < c->files->n_notes ? c->files->notes[i] : NULL;
}

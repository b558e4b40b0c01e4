/* The last step of every import (see import.h): a line is checked, repaired, and written unless it
 * is no example.  Tables and lists of records end here alike. */
#include <stdlib.h>
#include <string.h>

#include "data/import.h"

static loci_status write_line(importer *m, const js_value *line) {
  char *text;
  TRY(js_dump(line, &text, m->err));
  loci_status st = out_file_write(m->out, text, strlen(text), m->err);
  if (!st) st = out_file_write(m->out, "\n", 1, m->err);
  m->counts->written++;
  free(text);
  return st;
}

loci_status import_line(importer *m, js_value *line) {
  bool keep, changed;
  TRY(check_example(&m->check, line, &m->from, &keep, &changed, m->err));
  return keep ? write_line(m, line) : LOCI_OK;
}

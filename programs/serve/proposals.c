/* Proposals for one question (see proposals.h).  The library reads and writes files of examples, so
 * the question becomes one of a line. */
#include "proposals.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "export.h"

static loci_status annotate(const void *question, const char *path) {
  char in[160];
  loci_data_report *report = NULL;
  loci_annotate_opts o = {.size = sizeof o, .out = path};
  snprintf(in, sizeof in, "%s.in", path);
  FILE *f = fopen(in, "w");
  if (!f) return LOCI_EIO;
  fputs("{\"question\": ", f);
  put_json_string(f, question);
  fputs("}\n", f);
  loci_status st = fclose(f) ? LOCI_EIO : loci_data_annotate(in, &o, &report, NULL);
  loci_free(report);
  unlink(in);
  return st;
}

char *proposals_for(const char *question, size_t *size) {
  return export_file(annotate, question, "jsonl", size);
}

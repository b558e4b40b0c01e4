/* Proposals for one question (see proposals.h).  The library reads and writes files of examples, so
 * the question becomes one of a line. */
#include "proposals.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "export.h"
#include "gallery.h"

static loci_status annotate(const void *question, const char *path) {
  char in[PICTURE_PATH], *text = NULL;
  size_t n;
  loci_data_report *report = NULL;
  loci_annotate_opts o = {.size = sizeof o, .out = path};
  FILE *f = open_memstream(&text, &n);
  if (!f) return LOCI_ENOMEM;
  fputs("{\"question\": ", f);
  put_json_string(f, question);
  fputs("}\n", f);
  int fd = fclose(f) ? -1 : gallery_file(text, n, in);
  loci_status st = fd < 0 ? LOCI_ENOMEM : loci_data_annotate(in, &o, &report, NULL);
  loci_free(report);
  free(text);
  if (fd >= 0) close(fd);
  return st;
}

char *proposals_for(const char *question, size_t *size) {
  return export_file(annotate, question, "jsonl", size);
}

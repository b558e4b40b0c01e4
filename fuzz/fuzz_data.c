/* Bytes as a file of examples, or as a table and (after a NUL) the answers to it: checked,
 * repaired, annotated (by weights after a NUL, too), imported.  The first byte chooses; what was
 * repaired once is repaired. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loci.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const formats[] = {"okvqa", "known", "movies", "evqa", "csv", "vlkeb", "mmedit"};
enum { LINT = 5, ANNOTATE, KEEP, VLKEB, MMEDIT, WEIGHTS, CHOICES };
static char in[80], also[80], out[80], again[80];

static void name_files(void) {
  const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  long us = (long)getpid();
  snprintf(in, sizeof in, "%s/loci-fuzz-%ld.in", folder, us);
  snprintf(also, sizeof also, "%s/loci-fuzz-%ld.also", folder, us);
  snprintf(out, sizeof out, "%s/loci-fuzz-%ld-out.jsonl", folder, us);
  snprintf(again, sizeof again, "%s/loci-fuzz-%ld-again.jsonl", folder, us);
}

static void put(const char *path, const uint8_t *bytes, size_t n) {
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) exit(1);
}

static void need(loci_status st, const loci_err *err) {
  if (st && (err->code == LOCI_OK || err->msg[0] == 0)) abort();
}

static void lint(void) {
  loci_data_report *r;
  loci_err err = {0};
  loci_lint_opts o = {.size = sizeof o, .no_images = true, .out = out};
  loci_status st = loci_data_lint(in, &o, &r, &err);
  need(st, &err);
  if (st) return;
  int64_t written = r->written;
  loci_free(r);
  o.out = again;
  if (written == 0 || loci_data_lint(out, &o, &r, &err)) return;
  if (r->read != written || r->written != written) abort();
  for (int i = 0; i < r->kind_count; i++)
    if (r->kinds[i].repaired) abort();
  loci_free(r);
}

/* Into [in] and, after a NUL, [also]; false: there is none. */
static bool part(const uint8_t *bytes, size_t n) {
  const uint8_t *end = n > 0 ? memchr(bytes, 0, n) : NULL;
  size_t first = end ? (size_t)(end - bytes) : n;
  put(in, bytes, first);
  if (end) put(also, end + 1, n - first - 1);
  return end != NULL;
}

static void annotate(bool keep, const char *weights) {
  loci_data_report *r;
  loci_err err = {0};
  loci_annotate_opts o = {.size = sizeof o,
                          .out = out,
                          .keep = keep,
                          .compare = !keep,
                          .why = true,
                          .weights = weights};
  loci_status st = loci_data_annotate(in, &o, &r, &err);
  need(st, &err);
  if (!st) loci_free(r);
}

static void import(const char *format, const uint8_t *bytes, size_t n) {
  const char *const answers[] = {also};
  loci_data_report *r;
  loci_err err = {0};
  loci_import_opts o = {.size = sizeof o, .format = format, .answers = answers};
  o.answer_count = part(bytes, n) ? 1 : 0;
  loci_status st = loci_data_import(in, out, &o, &r, &err);
  need(st, &err);
  if (!st) loci_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  if (n < 1) return 0;
  name_files();
  int which = bytes[0] % CHOICES;
  if (which == WEIGHTS) annotate(true, part(bytes + 1, n - 1) ? also : NULL);
  if (which == VLKEB || which == MMEDIT) import(formats[which - VLKEB + LINT], bytes + 1, n - 1);
  if (which < LINT) import(formats[which], bytes + 1, n - 1);
  put(in, bytes + 1, n - 1);
  if (which == LINT) lint();
  if (which == ANNOTATE || which == KEEP) annotate(which == KEEP, NULL);
  unlink(in);
  unlink(also);
  unlink(out);
  unlink(again);
  return 0;
}

/* Bytes as comma-separated values: records have a field for each column, every call goes on after
 * the one before, and what is refused says where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  csv_reader *r;
  loci_err err = {0};
  FILE *file = tmpfile();
  if (!file || fwrite(bytes, 1, n, file) != n) abort();
  rewind(file);
  if (csv_open_stream(file, "f.csv", &r, &err)) {
    if (r || !strstr(err.msg, "f.csv")) abort();
    return 0;
  }
  int64_t before = 0;
  size_t length = 0;
  for (;;) {
    const char *const *fields;
    if (csv_next(r, &fields, &err)) {
      if (err.code != LOCI_EFORMAT || !strstr(err.msg, "f.csv, line ")) abort();
    } else if (!fields) {
      break;
    } else {
      for (int i = 0; i < csv_columns(r); i++) length += strlen(fields[i]);
    }
    if (csv_line(r) <= before) abort();
    before = csv_line(r);
  }
  if (length > n) abort();
  csv_close(r);
  return 0;
}

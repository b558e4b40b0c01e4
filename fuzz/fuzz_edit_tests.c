/* Bytes as a result of edit test, in JSON: what is accepted can be drawn and written. */
#include <string.h>

#include "fuzz_file.h"
#include "edit/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  loci_edit_tests *t;
  loci_err err = {0};
  char *text;
  const char *path = fuzz_file(bytes, n, ".json");
  const char *const both[] = {path, path};
  if (edit_tests_read(both, 2, &t, &err)) {
    if (t || err.code == LOCI_OK || err.msg[0] == 0) abort();
  } else {
    if (!loci_json(&t->result, &text, &err)) loci_text_free(text);
    if (!loci_draw(&t->result, NULL, &text, &err)) loci_text_free(text);
    loci_free(t);
  }
  unlink(path);
  return 0;
}

/* Bytes as an edit's file: what is accepted has finite factors of its own shape, and can be shown
 * and written again. */
#include <math.h>
#include <string.h>

#include "fuzz_file.h"
#include "edit/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  loci_edit *e;
  loci_err err = {0};
  char *text;
  const char *path = fuzz_file(bytes, n, ".edit");
  if (edit_read(path, &e, &err)) {
    if (e || err.code == LOCI_OK || !strstr(err.msg, path)) abort();
  } else {
    double sum = 0;
    for (int64_t i = 0; i < e->width * e->rank; i++) sum += fabs((double)e->left[i]);
    for (int64_t i = 0; i < e->inner * e->rank; i++) sum += fabs((double)e->right[i]);
    if (!isfinite(sum)) abort();
    if (!loci_json(&e->result, &text, &err)) loci_text_free(text);
    loci_free(e);
  }
  unlink(path);
  return 0;
}

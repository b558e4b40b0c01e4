/* Bytes as a file of covariances: what is accepted is finite and can be read as far as it says. */
#include <math.h>
#include <string.h>

#include "fuzz_file.h"
#include "edit/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  loci_covariance *c;
  loci_err err = {0};
  char *text;
  const char *path = fuzz_file(bytes, n, ".safetensors");
  if (covariance_read(path, &c, &err)) {
    if (c || err.code == LOCI_OK || !strstr(err.msg, path)) abort();
  } else {
    if (!loci_json(&c->result, &text, &err)) loci_text_free(text);
    loci_free(c);
  }
  unlink(path);
  return 0;
}

/* Bytes as a file of examples, line by line: whatever is accepted must be whole, whatever is
 * refused must say where.  Answers are compared with themselves. */
#include <stdlib.h>
#include <string.h>

#include "data/example.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const loci_example *e) {
  bool same;
  if (!e->question || !e->question[0]) abort();
  for (int i = 0; i < e->constraint_count; i++) {
    if (!e->constraints[i] || !e->constraints[i][0]) abort();
  }
  for (int i = 0; i < e->same_entity_count; i++) {
    if (!e->same_entity[i] || !e->same_entity[i][0]) abort();
  }
  for (int i = 0; i < e->field_count; i++) {
    if (!e->fields[i].value || !example_field(e, e->fields[i].name)) abort();
  }
  for (int i = 0; i < e->answer_count; i++) {
    if (answer_matches(e->answers[i], e->answers, e->answer_count, &same, NULL)) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  const char *text = (const char *)bytes;
  example_source from = {"f.jsonl", "folder", "line", 0};
  while (n > 0) {
    const char *end = memchr(text, '\n', n);
    size_t size = end ? (size_t)(end - text) : n;
    loci_example *e;
    loci_err err = {0};
    from.line++;
    if (example_parse(text, size, &from, &e, &err)) {
      if (e || err.code == LOCI_OK || !strstr(err.msg, "f.jsonl")) abort();
    } else {
      check(e);
    }
    loci_free(e);
    size += end != NULL;
    text += size;
    n -= size;
  }
  return 0;
}

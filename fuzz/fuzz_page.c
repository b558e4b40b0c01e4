/* Bytes as what a browser sends: a form, and lines as path, host, origin, site and token of a
 * request.  Whatever the gate lets in is for this machine and has the token; a form that is read
 * has names and values without NUL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/form.h"
#include "serve/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char token[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void check_form(const char *s, size_t n) {
  form f;
  const char *why;
  size_t length = 0;
  if (form_read(s, n, &f, &why)) {
    for (int i = 0; i < f.count; i++) length += strlen(f.at[i].name) + strlen(f.at[i].value) + 1;
    if (length > n + 1 || f.count > FORM_FIELDS) abort();
  } else if (!*why) {
    abort();
  }
  form_clear(&f);
}

/* The next line of the text, NULL where it is empty or none. */
static const char *next(char **at) {
  char *line = *at;
  if (!line) return NULL;
  char *end = strchr(line, '\n');
  if (end) *end++ = 0;
  *at = end;
  return *line ? line : NULL;
}

static void check_gate(char *text) {
  gate_request r = {.hosts = 1};
  r.method = next(&text);
  r.path = next(&text);
  r.host = next(&text);
  r.origin = next(&text);
  r.fetch_site = next(&text);
  r.authorization = next(&text);
  if (!r.method || !r.path) return;
  gate_answer a = gate_check(&r, token);
  if (a.code) {
    if (a.status < 400 || a.status > 499 || !*a.message) abort();
    return;
  }
  if (!r.host || strstr(r.path, "..") || strchr(r.path, '%')) abort();
  if (strncmp(r.path, "/api/", 5) != 0) return;
  if (!r.authorization || strcmp(r.authorization + 7, token) != 0) abort();
  if (r.origin && strcmp(r.origin + 7, r.host) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char *text = malloc(n + 1);
  if (!text) return 0;
  memcpy(text, bytes, n);
  text[n] = 0;
  check_form(text, n);
  check_gate(text);
  free(text);
  return 0;
}

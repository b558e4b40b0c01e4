/* Forms (see form.h): decoded in place, in one copy of the text. */
#include "form.h"

#include <stdlib.h>
#include <string.h>

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Decodes s in place up to its NUL; a NUL that is encoded would end a text in its middle. */
static bool decode(char *s) {
  char *to = s;
  for (; *s; s++) {
    char c = *s;
    if (c == '+') c = ' ';
    if (*s == '%') {
      int high = digit(s[1]), low = high < 0 ? -1 : digit(s[2]);
      if (low < 0 || high + low == 0) return false;
      c = (char)(high * 16 + low);
      s += 2;
    }
    *to++ = c;
  }
  *to = 0;
  return true;
}

static bool read_field(form *f, char *s, const char **why) {
  char *value = strchr(s, '=');
  if (f->count == FORM_FIELDS) {
    *why = "more than 64 fields";
    return false;
  }
  if (value) *value++ = 0;
  if (!value || !decode(s) || !decode(value)) {
    *why = "the form is not name=value&name=value, encoded as browsers do";
    return false;
  }
  f->at[f->count].name = s;
  f->at[f->count++].value = value;
  return true;
}

bool form_read(const char *s, size_t n, form *out, const char **why) {
  *out = (form){.text = malloc(n + 1)};
  *why = "out of memory";
  if (!out->text) return false;
  memcpy(out->text, s, n);
  out->text[n] = 0;
  *why = "the form holds a NUL character";
  if (strlen(out->text) != n) return false;
  for (char *field = out->text; n > 0 && field;) {
    char *next = strchr(field, '&');
    if (next) *next++ = 0;
    if (!read_field(out, field, why)) return false;
    field = next;
  }
  return true;
}

void form_clear(form *f) {
  free(f->text);
  f->text = NULL;
  f->count = 0;
}

const char *form_get(const form *f, const char *name) {
  for (int i = 0; i < f->count; i++)
    if (strcmp(f->at[i].name, name) == 0) return f->at[i].value;
  return NULL;
}

const char *form_named(const form *f, const char *sentence) {
  const char *word = strncmp(sentence, "--", 2) == 0 ? sentence + 2 : sentence;
  size_t n = strcspn(word, " :");
  for (int i = 0; i < f->count; i++) {
    const char *name = f->at[i].name;
    size_t k = 0;
    while (k < n && (name[k] == word[k] || (name[k] == '-' && word[k] == '_'))) k++;
    if (n > 0 && k == n && !name[k]) return name;
  }
  return NULL;
}

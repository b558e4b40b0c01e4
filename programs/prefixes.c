/* Texts before a question (see prefixes.h). */
#include "prefixes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "text_in.h"
#include "values.h"

enum { MOST = 1000, MOST_BYTES = 1 << 16 }; /* lines; of one */

static loci_status no_memory(loci_err *err) { return cli_fail(err, LOCI_ENOMEM, "out of memory"); }

static loci_status add_line(prefixes *p, const char *line, const char *path, loci_err *err) {
  if (p->count == MOST) return cli_fail(err, LOCI_EINVAL, "%.300s: more than %d lines", path, MOST);
  if ((p->count & (p->count - 1)) == 0) { /* at 0, 1, 2, 4, ... there is no room left */
    size_t room = p->count ? 2 * (size_t)p->count : 1;
    char **wider = realloc(p->at, room * sizeof *wider);
    if (!wider) return no_memory(err);
    p->at = wider;
  }
  p->at[p->count] = strdup(line);
  return p->at[p->count] ? (p->count++, LOCI_OK) : no_memory(err);
}

/* The lines that are more than blanks. */
static loci_status read_lines(FILE *in, const char *path, prefixes *out, loci_err *err) {
  char line[MOST_BYTES + 1];
  size_t n;
  for (long long number = 1;; number++) {
    loci_status st = text_in_line(in, path, number, line, MOST_BYTES, &n, err);
    if (st || n == 0) return st;
    if (memchr(line, 0, n))
      return cli_fail(err, LOCI_EFORMAT, "%.200s, line %lld: a NUL character", path, number);
    line[strcspn(line, "\r\n")] = 0;
    if (line[strspn(line, " \t")]) st = add_line(out, line, path, err);
    if (st) return st;
  }
}

loci_status prefixes_read(const char *path, prefixes *out, loci_err *err) {
  memset(out, 0, sizeof *out);
  FILE *in = text_in_open(path, err);
  if (!in) return err->code;
  loci_status st = read_lines(in, path, out, err);
  if (!st && out->count == 0) st = cli_fail(err, LOCI_EINVAL, "%.300s: no text in it", path);
  fclose(in);
  return st;
}

void prefixes_clear(prefixes *p) {
  for (int i = 0; i < p->count; i++) free(p->at[i]);
  free(p->at);
  memset(p, 0, sizeof *p);
}

/* How often [n] bytes of [word] are in the text. */
static int count_of(const char *text, const char *word, size_t n) {
  int count = 0;
  for (const char *at = text; *at; at++) count += strncmp(at, word, n) == 0;
  return count;
}

/* "Vienna", "Vienna@2": how long the text is, and which one is meant. */
static size_t split(const char *constraint, int *which) {
  const char *at = strrchr(constraint, '@');
  *which = 1;
  if (at && at > constraint && value_int(at + 1, 1, 1000, which)) return (size_t)(at - constraint);
  return strlen(constraint);
}

loci_status prefixes_apply(const char *line, const char *question, const char *constraint,
                           char **out_question, char **out_constraint, loci_err *err) {
  const char *hole = strstr(line, "{}");
  int which, before = hole ? (int)(hole - line) : (int)strlen(line);
  size_t n = split(constraint, &which), room = strlen(line) + strlen(question) + 2;
  *out_question = *out_constraint = NULL;
  if (hole == line && !line[2]) return LOCI_OK;
  const char *blank = !hole && before && line[before - 1] != ' ' ? " " : "";
  *out_question = malloc(room);
  *out_constraint = malloc(n + 16);
  if (!*out_question || !*out_constraint) return no_memory(err);
  snprintf(*out_question, room, "%.*s%s%s%s", before, line, blank, question, hole ? hole + 2 : "");
  char *head = strndup(line, (size_t)before);
  if (!head) return no_memory(err);
  which += count_of(head, constraint, n);
  free(head);
  snprintf(*out_constraint, n + 16, which > 1 ? "%.*s@%d" : "%.*s", (int)n, constraint, which);
  return LOCI_OK;
}

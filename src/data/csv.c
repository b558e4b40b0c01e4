/* Records of comma-separated values (see csv.h): one state machine over the bytes.  A record stands
 * in one buffer, a 0 byte behind each field. */
#include "data/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/kind.h"
#include "base/utf8.h"

enum { FIRST_ROOM = 4096 };

struct csv_reader {
  FILE *file;
  char *path, *text; /* text: the record's fields, each with its 0 byte */
  size_t size, room;
  size_t starts[CSV_COLUMNS_MAX];
  const char *fields[CSV_COLUMNS_MAX];
  char **names;
  int count, columns; /* fields of this record; of every record */
  int64_t line, first_line;
  double seen, all; /* bytes; all 0: not known */
};

/* How a field ended, or why the record is refused. */
typedef enum ending { END_FIELD, END_RECORD, END_FILE, END_WRONG, END_MEMORY } ending;

static int next_byte(csv_reader *r) {
  int c = getc(r->file);
  if (c != EOF) r->seen++;
  return c;
}

static bool put(csv_reader *r, int c) {
  if (r->size == r->room) {
    size_t room = r->room ? 2 * r->room : FIRST_ROOM;
    char *text = realloc(r->text, room);
    if (!text) return false;
    r->text = text;
    r->room = room;
  }
  r->text[r->size++] = (char)c;
  return true;
}

/* What stands behind a field: c has been read. */
static ending separator(csv_reader *r, int c, const char **wrong) {
  if (c == ',') return END_FIELD;
  if (c == '\r') {
    int next = next_byte(r);
    if (next != '\n') {
      if (next != EOF) ungetc(next, r->file);
      *wrong = "a carriage return without a line feed";
      return END_WRONG;
    }
    c = next;
  }
  if (c == '\n') r->line++;
  return c == EOF ? END_FILE : END_RECORD;
}

static ending read_quoted(csv_reader *r, const char **wrong) {
  for (;;) {
    int c = next_byte(r);
    if (c == '"') {
      c = next_byte(r);
      if (c == ',' || c == '\r' || c == '\n' || c == EOF) return separator(r, c, wrong);
      if (c != '"') {
        if (c != EOF) ungetc(c, r->file);
        *wrong = "text behind a closing quote";
        return END_WRONG;
      }
    } else if (c == EOF || c == 0) {
      *wrong = c == 0 ? "a NUL character" : "a quote that is never closed";
      return END_WRONG;
    }
    if (c == '\n') r->line++;
    if (r->size >= CSV_RECORD_MAX) {
      *wrong = "a record of more than 1 MiB (is a quote never closed?)";
      return END_WRONG;
    }
    if (!put(r, c)) return END_MEMORY;
  }
}

static ending read_plain(csv_reader *r, int c, const char **wrong) {
  for (; c != ',' && c != '\r' && c != '\n' && c != EOF; c = next_byte(r)) {
    *wrong = c == '"'                    ? "a quote inside a field that has none round it"
             : c == 0                    ? "a NUL character"
             : r->size >= CSV_RECORD_MAX ? "a record of more than 1 MiB"
                                         : NULL;
    if (*wrong) return END_WRONG;
    if (!put(r, c)) return END_MEMORY;
  }
  return separator(r, c, wrong);
}

/* One record into r->text; how it ended. */
static ending read_record(csv_reader *r, const char **wrong) {
  ending end = END_FIELD;
  r->count = 0;
  r->size = 0;
  r->first_line = r->line;
  while (end == END_FIELD) {
    if (r->count == CSV_COLUMNS_MAX) {
      *wrong = "a record of more than 1024 fields";
      return END_WRONG;
    }
    r->starts[r->count++] = r->size;
    int c = next_byte(r);
    end = c == '"' ? read_quoted(r, wrong) : read_plain(r, c, wrong);
    if (end == END_WRONG || end == END_MEMORY) return end;
    if (!put(r, 0)) return END_MEMORY;
  }
  return end;
}

static void skip_line(csv_reader *r) {
  int c;
  while ((c = next_byte(r)) != EOF && c != '\n') {
  }
  if (c == '\n') r->line++;
}

static bool is_empty(const csv_reader *r) { return r->count == 1 && r->text[0] == 0; }

/* The next record that is not an empty line; r->count 0 at the end. */
static loci_status next_record(csv_reader *r, loci_err *err) {
  const char *wrong = NULL;
  ending end;
  do {
    end = read_record(r, &wrong);
  } while (end == END_RECORD && is_empty(r));
  if (end == END_MEMORY) return fail_nomem(err, r->path);
  if (ferror(r->file)) return fail_errno(err, errno, "%s", r->path);
  if (end == END_WRONG) {
    skip_line(r);
    return fail(err, LOCI_EFORMAT, "%s, line %" PRId64 ": %s", r->path, r->first_line, wrong);
  }
  if (end == END_FILE && is_empty(r)) r->count = 0;
  if (!utf8_is_valid(r->text, r->count ? r->size : 0)) {
    return fail(err, LOCI_EFORMAT, "%s, line %" PRId64 ": is not UTF-8", r->path, r->first_line);
  }
  for (int i = 0; i < r->count; i++) r->fields[i] = r->text + r->starts[i];
  return LOCI_OK;
}

static loci_status read_names(csv_reader *r, loci_err *err) {
  int mark[3] = {next_byte(r), 0, 0};
  if (mark[0] == 0xEF) { /* a byte order mark, or nothing that could be read */
    mark[1] = next_byte(r);
    mark[2] = next_byte(r);
    if (mark[1] != 0xBB || mark[2] != 0xBF)
      return fail(err, LOCI_EFORMAT, "%s, line 1: is not UTF-8", r->path);
  } else if (mark[0] != EOF) {
    ungetc(mark[0], r->file);
  }
  TRY(next_record(r, err));
  if (r->count == 0) return fail(err, LOCI_EFORMAT, "%s: is empty: no names of columns", r->path);
  r->names = calloc((size_t)r->count, sizeof *r->names);
  if (!r->names) return fail_nomem(err, r->path);
  for (; r->columns < r->count; r->columns++) {
    const char *name = r->fields[r->columns];
    if (name[0] && csv_column(r, name) >= 0) {
      return fail(err, LOCI_EFORMAT, "%s, line %" PRId64 ": two columns are named \"%.60s\"",
                  r->path, r->first_line, name);
    }
    if (!(r->names[r->columns] = strdup(name))) return fail_nomem(err, r->path);
  }
  return LOCI_OK;
}

loci_status csv_open_stream(FILE *file, const char *name, csv_reader **out, loci_err *err) {
  struct stat about;
  *out = NULL;
  csv_reader *r = calloc(1, sizeof *r);
  if (!r) {
    fclose(file);
    return fail_nomem(err, name);
  }
  r->file = file;
  r->line = 1;
  r->path = strdup(name);
  loci_status st = r->path ? LOCI_OK : fail_nomem(err, name);
  int fd = fileno(file);
  if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) r->all = (double)about.st_size;
  if (!st) st = kind_refuse_stream(file, name, "a table", err);
  if (!st) st = read_names(r, err);
  if (st) {
    csv_close(r);
  } else {
    *out = r;
  }
  return st;
}

loci_status csv_open(const char *path, csv_reader **out, loci_err *err) {
  *out = NULL;
  FILE *file = fopen(path, "re");
  if (!file) return fail_errno(err, errno, "%s", path);
  return csv_open_stream(file, path, out, err);
}

void csv_close(csv_reader *r) {
  if (!r) return;
  fclose(r->file);
  for (int i = 0; r->names && i < r->columns; i++) free(r->names[i]);
  free(r->names);
  free(r->path);
  free(r->text);
  free(r);
}

loci_status csv_next(csv_reader *r, const char *const **fields, loci_err *err) {
  *fields = NULL;
  TRY(next_record(r, err));
  if (r->count == 0) return LOCI_OK;
  if (r->count != r->columns) {
    return fail(err, LOCI_EFORMAT, "%s, line %" PRId64 ": %d fields, but there are %d columns",
                r->path, r->first_line, r->count, r->columns);
  }
  *fields = r->fields;
  return LOCI_OK;
}

int64_t csv_line(const csv_reader *r) { return r->first_line; }
int csv_columns(const csv_reader *r) { return r->columns; }
const char *csv_column_name(const csv_reader *r, int i) { return r->names[i]; }
double csv_share(const csv_reader *r) { return r->all > 0 ? r->seen / r->all : 0; }

int csv_column(const csv_reader *r, const char *name) {
  for (int i = 0; i < r->columns; i++) {
    if (r->names[i] && strcmp(r->names[i], name) == 0) return i;
  }
  return -1;
}

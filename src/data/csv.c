/* Records of comma-separated values (see csv.h): one state machine over the bytes.  A record stands
 * in one buffer, a 0 byte after each field. */
#include "data/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/kind.h"
#include "base/lines.h"
#include "base/utf8.h"

enum { FIRST_ROOM = 4096, HEADER_MOST = 1 << 16 };

struct csv_reader {
  FILE *file;
  char separator;
  char *ahead; /* the first line, read to see what separates it; then the file goes on */
  size_t ahead_size, ahead_at;
  bool from_ahead;   /* the last byte came from there */
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
  r->from_ahead = r->ahead_at < r->ahead_size;
  int c = r->from_ahead ? (unsigned char)r->ahead[r->ahead_at++] : getc(r->file);
  if (c != EOF) r->seen++;
  return c;
}

/* The byte that next_byte gave last comes again. */
static void give_back(csv_reader *r, int c) {
  if (c == EOF) return;
  if (r->from_ahead) {
    r->ahead_at--;
  } else {
    ungetc(c, r->file);
  }
  r->seen--;
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

/* What stands after a field: c has been read. */
static ending separator(csv_reader *r, int c, const char **wrong) {
  if (c == r->separator) return END_FIELD;
  if (c == '\r') {
    int next = next_byte(r);
    if (next != '\n') {
      give_back(r, next);
      *wrong = "a carriage return without a line feed; lines end in a line feed (mac2unix)";
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
      if (c == r->separator || c == '\r' || c == '\n' || c == EOF) return separator(r, c, wrong);
      if (c != '"') {
        give_back(r, c);
        *wrong = "text after a closing quote";
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
  for (; c != r->separator && c != '\r' && c != '\n' && c != EOF; c = next_byte(r)) {
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

/* False: the line has no end. */
static bool skip_line(csv_reader *r) {
  int c = 0;
  for (int seen = 0; c != EOF && c != '\n'; seen++) {
    if (seen == LINE_ENDLESS) return false;
    c = next_byte(r);
  }
  if (c == '\n') r->line++;
  return true;
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
    if (!skip_line(r))
      return fail(err, LOCI_ESYSTEM, "%s: line %" PRId64 " has no end", r->path, r->line);
    return fail(err, LOCI_EFORMAT, "%s, line %" PRId64 ": %s", r->path, r->first_line, wrong);
  }
  if (end == END_FILE && is_empty(r)) r->count = 0;
  if (!utf8_is_valid(r->text, r->count ? r->size : 0)) {
    return fail(err, LOCI_EFORMAT,
                "%s, line %" PRId64
                ": is not UTF-8; save the table as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8)",
                r->path, r->first_line);
  }
  for (int i = 0; i < r->count; i++) r->fields[i] = r->text + r->starts[i];
  return LOCI_OK;
}

/* The first line of names, quoted line breaks included, into r->ahead. */
static loci_status look_ahead(csv_reader *r, loci_err *err) {
  bool quoted = false;
  size_t n = 0;
  int c = 0;
  r->ahead = malloc(HEADER_MOST + 1);
  if (!r->ahead) return fail_nomem(err, r->path);
  while (n < HEADER_MOST && (c = getc(r->file)) != EOF) {
    r->ahead[n++] = (char)c;
    if (c == '"') quoted = !quoted;
    if (c == '\n' && !quoted) break;
  }
  r->ahead[n] = 0;
  r->ahead_size = n;
  return LOCI_OK;
}

/* What stands most often between the names; a comma if nothing does. */
static char separator_of(const char *line, size_t n) {
  static const char known[] = ",;\t|";
  size_t counts[sizeof known] = {0}, best = 0;
  bool quoted = false;
  for (size_t i = 0; i < n; i++) {
    if (line[i] == '"') quoted = !quoted;
    const char *at = quoted || !line[i] ? NULL : strchr(known, line[i]);
    if (at) counts[at - known]++;
  }
  for (size_t k = 1; known[k]; k++) {
    if (counts[k] > counts[best]) best = k;
  }
  return known[best];
}

/* An object, or an array of objects, texts or arrays: read as a table, a quote would be wrong. */
static bool is_json(const char *line) {
  static const char blanks[] = " \t\r\n";
  line += strspn(line, blanks);
  const char *next = line + (*line != 0);
  next += strspn(next, blanks);
  if (*line == '{') return *next == '"' || *next == 0;
  return *line == '[' && (*next == 0 || strchr("[{\"", *next));
}

/* After a byte order mark: Excel's "sep=;" line says what separates, else the line of names. */
static loci_status find_separator(csv_reader *r, loci_err *err) {
  static const char mark[] = "\xEF\xBB\xBF";
  TRY(look_ahead(r, err));
  if (r->ahead_size > 0 && (unsigned char)r->ahead[0] == 0xEF) {
    if (r->ahead_size < 3 || memcmp(r->ahead, mark, 3) != 0)
      return fail(err, LOCI_EFORMAT, "%s, line 1: is not UTF-8", r->path);
    r->ahead_at = 3;
  }
  const char *line = r->ahead + r->ahead_at;
  size_t n = r->ahead_size - r->ahead_at;
  if (is_json(line))
    return fail(
        err, LOCI_EFORMAT,
        "%s: JSON, not a table; a file of one object a line is read as it is: loci data lint",
        r->path);
  size_t quote = n > 0 && line[0] == '"'; /* some programs write it as a field */
  const char *named = line + quote;
  if (n >= quote + 5 && strncasecmp(named, "sep=", 4) == 0 &&
      strspn(named + 5, (char[]){named[4], ' ', '"', '\r', '\n', 0}) >= n - quote - 5) {
    bool can = named[4] == '\t' || (named[4] >= ' ' && named[4] <= '~' && named[4] != '"');
    if (!can) /* as a char 0xFF equals EOF, and the file would never end */
      return fail(err, LOCI_EFORMAT,
                  "%s, line 1: sep= wants one character such as , or ; that is no quote", r->path);
    r->separator = named[4];
    r->line++;
    r->ahead_at = r->ahead_size;
    return LOCI_OK;
  }
  r->separator = separator_of(line, n);
  return LOCI_OK;
}

static loci_status read_names(csv_reader *r, loci_err *err) {
  TRY(find_separator(r, err));
  r->seen = (double)r->ahead_at;
  TRY(next_record(r, err));
  if (r->count == 0) return fail(err, LOCI_EFORMAT, "%s: is empty: no names of columns", r->path);
  r->names = calloc((size_t)r->count, sizeof *r->names);
  if (!r->names) return fail_nomem(err, r->path);
  for (; r->columns < r->count; r->columns++) {
    char *name = r->text + r->starts[r->columns];
    name += strspn(name, " \t");
    for (size_t n = strlen(name); n > 0 && strchr(" \t", name[n - 1]); n--) name[n - 1] = 0;
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
  FILE *file = strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
  if (!file) return file_absent(path, errno, err);
  return csv_open_stream(file, path, out, err);
}

void csv_close(csv_reader *r) {
  if (!r) return;
  fclose(r->file);
  for (int i = 0; r->names && i < r->columns; i++) free(r->names[i]);
  free(r->names);
  free(r->path);
  free(r->text);
  free(r->ahead);
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

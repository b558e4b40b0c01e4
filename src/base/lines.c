/* Lines of a file (see lines.h): the stream's own buffer, and one of at most [limit] bytes for the
 * line. */
#include "base/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/kind.h"

enum { FIRST_ROOM = 4096 };

struct line_reader {
  FILE *file;
  char *path, *text;
  size_t size, room, limit;
  int64_t number;
  double seen, all; /* bytes; all 0: not known */
};

loci_status lines_open(const char *path, size_t limit, line_reader **out, loci_err *err) {
  *out = NULL;
  line_reader *r = calloc(1, sizeof *r);
  if (!r) return fail_nomem(err, path);
  loci_status st = LOCI_OK;
  r->limit = limit;
  r->room = FIRST_ROOM;
  r->path = strdup(path);
  r->text = malloc(r->room);
  if (!r->path || !r->text) {
    st = fail_nomem(err, path);
    goto done;
  }
  r->file = strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
  if (!r->file) {
    st = file_absent(path, errno, err);
    goto done;
  }
  struct stat about;
  if (fstat(fileno(r->file), &about) == 0 && S_ISREG(about.st_mode)) r->all = (double)about.st_size;
  TRY_DONE(kind_refuse_stream(r->file, path, "a text of lines", err));
  *out = r;
  r = NULL;
done:
  lines_close(r);
  return st;
}

loci_status lines_refuse_array(line_reader *r, loci_err *err) {
  int first = getc(r->file);
  if (first == EOF && ferror(r->file)) return fail_errno(err, errno, "%s", r->path);
  if (first == EOF) return LOCI_OK;
  ungetc(first, r->file);
  if (first != '[') return LOCI_OK;
  return fail(err, LOCI_EFORMAT,
              "%s: a JSON array, where an object a line is expected; a file that is one array ends "
              "in .json",
              r->path);
}

/* Everything that is still to come. */
static loci_status copy_rest(line_reader *r, FILE *to, loci_err *err) {
  char bytes[FIRST_ROOM];
  size_t n;
  while ((n = fread(bytes, 1, sizeof bytes, r->file)) > 0) {
    if (fwrite(bytes, 1, n, to) != n) break;
  }
  if (ferror(r->file)) return fail_errno(err, errno, "%s", r->path);
  if (ferror(to) || fflush(to) != 0)
    return fail_errno(err, errno, "%s: kept to be read twice", r->path);
  return LOCI_OK;
}

loci_status lines_twice(line_reader *r, loci_err *err) {
  if (r->all > 0 || fseeko(r->file, 0, SEEK_CUR) == 0) return LOCI_OK;
  FILE *copy = tmpfile();
  if (!copy) return fail_errno(err, errno, "%s: kept to be read twice", r->path);
  loci_status st = copy_rest(r, copy, err);
  if (st) {
    fclose(copy);
    return st;
  }
  rewind(copy);
  fclose(r->file);
  r->file = copy;
  return LOCI_OK;
}

loci_status lines_rewind(line_reader *r, loci_err *err) {
  if (fseeko(r->file, 0, SEEK_SET) != 0) return fail_errno(err, errno, "%s: read twice", r->path);
  r->number = 0;
  r->seen = 0;
  return LOCI_OK;
}

void lines_close(line_reader *r) {
  if (!r) return;
  if (r->file) fclose(r->file);
  free(r->path);
  free(r->text);
  free(r);
}

int64_t lines_number(const line_reader *r) { return r->number; }

double lines_share(const line_reader *r) {
  return r->all > 0 ? fmin(r->seen / r->all, 1) : 0; /* the file may have grown */
}

/* Room for one more byte, and the 0 after it. */
static bool make_room(line_reader *r) {
  if (r->size + 2 <= r->room) return true;
  size_t room = r->room * 2;
  char *text = realloc(r->text, room);
  if (!text) return false;
  r->text = text;
  r->room = room;
  return true;
}

static loci_status too_long(const line_reader *r, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: line %" PRId64 " is longer than %zu bytes", r->path,
              r->number, r->limit);
}

/* Bytes up to the line's end into r->text, as many as the limit lets in; *seen says how many there
 * were.  False: no memory. */
static bool read_bytes(line_reader *r, size_t *seen, int *last) {
  r->size = 0;
  for (*seen = 0; *seen < LINE_ENDLESS && (*last = getc(r->file)) != EOF && *last != '\n';
       (*seen)++) {
    if (*seen >= r->limit) continue;
    if (!make_room(r)) return false;
    r->text[r->size++] = (char)*last;
  }
  return true;
}

loci_status lines_next(line_reader *r, const char **line, size_t *n, loci_err *err) {
  static const char mark[] = "\xEF\xBB\xBF";
  size_t seen, from = 0;
  int last;
  *line = NULL;
  *n = 0;
  if (!read_bytes(r, &seen, &last)) return fail_nomem(err, r->path);
  if (ferror(r->file)) return fail_errno(err, errno, "%s", r->path);
  r->seen += (double)seen + (last == '\n');
  if (last == EOF && seen == 0) return LOCI_OK;
  r->number++;
  if (seen == LINE_ENDLESS)
    return fail(err, LOCI_ESYSTEM, "%s: line %" PRId64 " has no end", r->path, r->number);
  if (seen > r->limit) return too_long(r, err);
  if (r->number == 1 && r->size >= 3 && memcmp(r->text, mark, 3) == 0) from = 3;
  if (r->size > from && r->text[r->size - 1] == '\r') r->size--;
  r->text[r->size] = 0;
  *line = r->text + from;
  *n = r->size - from;
  return LOCI_OK;
}

/* A text file line by line, in memory that does not grow with the file. */
#ifndef LOCI_BASE_LINES_H
#define LOCI_BASE_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { LINE_ENDLESS = 1 << 28 }; /* bytes after which a line is not looked for the end of */

typedef struct line_reader line_reader;

/* "-": standard input.  [limit]: most bytes of one line. */
loci_status lines_open(const char *path, size_t limit, line_reader **out, loci_err *err);
void lines_close(line_reader *r);

/* The next line without its end ("\n" or "\r\n"), with a 0 byte after it (it may hold others);
 * borrowed until the next call, NULL after the last line.  A byte order mark in front of the first
 * line is left out.  A line above the limit is LOCI_EFORMAT, and passed over: the next call gives
 * the one after it. */
loci_status lines_next(line_reader *r, const char **line, size_t *n, loci_err *err);
/* A file that is one JSON array is not lines of objects: LOCI_EFORMAT, before the first line. */
loci_status lines_refuse_array(line_reader *r, loci_err *err);
/* Back to before the first line.  What cannot be read twice, a pipe, is copied to a temporary file
 * before its first line: lines_twice is for whoever will want that. */
loci_status lines_twice(line_reader *r, loci_err *err);
loci_status lines_rewind(line_reader *r, loci_err *err);
/* Number of the line that lines_next gave or refused last, from 1. */
int64_t lines_number(const line_reader *r);
/* The share of the file that was read; 0 where its size is not known (a pipe). */
double lines_share(const line_reader *r);

#endif

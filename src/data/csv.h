/* Comma-separated values as RFC 4180 has them, record by record, in memory that does not grow with
 * the file.  The first record names the columns.
 *
 * Accepted beyond the letter: a byte order mark, "\n" for "\r\n", empty lines (passed over); what
 * separates the names in the first line (semicolons, tabs, |) separates fields everywhere, or what
 * Excel's line "sep=;" in front says.
 * Refused, with file and line: quotes inside an unquoted field, text after a closing quote, a
 * quote that is never closed, a carriage return alone, NUL, what is not UTF-8, another number of
 * fields than there are columns. */
#ifndef LOCI_DATA_CSV_H
#define LOCI_DATA_CSV_H

#include <stdio.h>

#include "base/status.h"

enum { CSV_RECORD_MAX = 1 << 20, CSV_COLUMNS_MAX = 1024 };

typedef struct csv_reader csv_reader;

/* Reads the names of the columns; no two may be alike. */
loci_status csv_open(const char *path, csv_reader **out, loci_err *err);
/* The same of an open stream, which is closed with the reader, and after an error. */
loci_status csv_open_stream(FILE *file, const char *name, csv_reader **out, loci_err *err);
void csv_close(csv_reader *r);

/* The next record, a field for each column, borrowed until the next call; NULL after the last.
 * After LOCI_EFORMAT the next call goes on after the line that was wrong. */
loci_status csv_next(csv_reader *r, const char *const **fields, loci_err *err);

int64_t csv_line(const csv_reader *r); /* where the record given or refused last begins, from 1 */
int csv_columns(const csv_reader *r);
const char *csv_column_name(const csv_reader *r, int i);
int csv_column(const csv_reader *r, const char *name); /* -1: none */
double csv_share(const csv_reader *r);                 /* of the bytes read; 0: not known */

#endif

/* Lines of a text that the command line names: prefixes, strings to tokenize.  Of any file
 * whatever, also of one without an end or a line's end, in memory for one line. */
#ifndef LOCI_PROGRAMS_TEXT_IN_H
#define LOCI_PROGRAMS_TEXT_IN_H

#include <stdio.h>

#include <loci.h>

FILE *text_in_open(const char *path, loci_err *err);

/* Line [number] with its end "\n", [most] bytes of it, and a 0 byte into [line]; *size 0 at the end
 * of the file.  A longer one is LOCI_EFORMAT. */
loci_status text_in_line(FILE *in, const char *name, long long number, char *line, size_t most,
                         size_t *size, loci_err *err);

#endif

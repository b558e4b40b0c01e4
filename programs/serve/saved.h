/* Results saved in the folder of --save-to, the one place of the disk that the page writes to. */
#ifndef LOCI_SERVE_SAVED_H
#define LOCI_SERVE_SAVED_H

#include <loci.h>
#include <stddef.h>

enum { SAVED_NAME = 48 };

/* The folder's descriptor, -1 with a sentence.  It stays this folder, whatever its path leads to
 * later. */
int saved_open(const char *folder, loci_err *err);
/* Into a new file of it, "trace-1.png" or the next number that is free; its name into [name].
 * [what] begins the name, blanks in it become "-".  Nothing that is there is touched, and of a file
 * that cannot be written whole nothing stays. */
loci_status saved_write(int folder, const char *what, const char *ending, const char *bytes,
                        size_t size, char name[SAVED_NAME], loci_err *err);

#endif

/* A growing run of bytes: files and pages are put together here before they are written in one
 * piece.  A failed allocation is remembered, so that only bytes_take has to be checked. */
#ifndef LOCI_SHOW_BYTES_H
#define LOCI_SHOW_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct bytes {
  char *data; /* owned; not terminated until bytes_take */
  size_t size, room;
  bool failed;
} bytes;

void bytes_add(bytes *b, const void *data, size_t n);
void bytes_text(bytes *b, const char *s);
void bytes_format(bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* [count] times the text. */
void bytes_repeat(bytes *b, const char *s, int count);
/* Text for XML and HTML: & < > " as entities, what is no character to show (utf8.h) as \u001B,
 * bytes that are not UTF-8 as U+FFFD; NULL: nothing. */
void bytes_escaped(bytes *b, const char *s);
/* Little-endian integers, as zip and npy want them. */
void bytes_u16(bytes *b, uint32_t x);
void bytes_u32(bytes *b, uint32_t x);
/* CRC-32 of zip and PNG (reflected 0xEDB88320), continued from [crc]; begin with 0. */
uint32_t bytes_crc32(uint32_t crc, const void *data, size_t n);
void bytes_clear(bytes *b);

/* Hands the bytes over, with a 0 byte after it ([size] may be NULL); on failure frees them. */
loci_status bytes_take(bytes *b, char **out, size_t *size, loci_err *err);
/* Writes the bytes to a file and clears them. */
loci_status bytes_write(bytes *b, const char *path, loci_err *err);

#endif

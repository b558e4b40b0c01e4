/* Just enough of the protocol buffer wire format to read a SentencePiece model: one field after the
 * other, every length checked against what is left. */
#ifndef LOCI_TEXT_PROTOBUF_H
#define LOCI_TEXT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 } pb_wire;

typedef struct pb_field {
  uint32_t number;
  pb_wire wire;
  uint64_t value;       /* varint, fixed64, fixed32 */
  const uint8_t *bytes; /* PB_BYTES */
  size_t size;
} pb_field;

typedef struct pb_reader {
  const uint8_t *at;
  size_t left;
  bool broken; /* set when pb_next stops early: truncated, or no wire format */
} pb_reader;

/* The next field, or false at the end and at the first broken byte. */
bool pb_next(pb_reader *r, pb_field *out);

#endif

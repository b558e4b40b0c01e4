/* See protobuf.h.  Groups (wire types 3 and 4) are long out of use and count as broken. */
#include "text/protobuf.h"

static bool read_varint(pb_reader *r, uint64_t *out) {
  uint64_t x = 0;
  for (int shift = 0; shift < 70 && r->left > 0; shift += 7) {
    uint8_t b = *r->at++;
    r->left--;
    if (shift < 64) x |= (uint64_t)(b & 0x7F) << shift;
    if (b < 0x80) {
      *out = x;
      return true;
    }
  }
  return false;
}

static bool read_fixed(pb_reader *r, size_t n, uint64_t *out) {
  if (r->left < n) return false;
  uint64_t x = 0;
  for (size_t i = 0; i < n; i++) x |= (uint64_t)r->at[i] << 8 * i;
  r->at += n;
  r->left -= n;
  *out = x;
  return true;
}

static bool read_field(pb_reader *r, pb_field *out) {
  uint64_t tag, size;
  if (!read_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) return false;
  *out = (pb_field){.number = (uint32_t)(tag >> 3)};
  switch (tag & 7) {
    case 0: out->wire = PB_VARINT; return read_varint(r, &out->value);
    case 1: out->wire = PB_FIXED64; return read_fixed(r, 8, &out->value);
    case 5: out->wire = PB_FIXED32; return read_fixed(r, 4, &out->value);
    case 2: break;
    default: return false;
  }
  out->wire = PB_BYTES;
  if (!read_varint(r, &size) || size > r->left) return false;
  out->bytes = r->at;
  out->size = (size_t)size;
  r->at += size;
  r->left -= (size_t)size;
  return true;
}

bool pb_next(pb_reader *r, pb_field *out) {
  if (r->broken || r->left == 0) return false;
  if (read_field(r, out)) return true;
  r->broken = true;
  return false;
}

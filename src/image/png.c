/* PNG: the fence round libpng.  Every depth, colour type and interlacing comes out as 8-bit RGB the
 * way Pillow converts: alpha and tRNS dropped, gray of 1, 2 and 4 bits widened, 16-bit colour cut
 * to the high byte, but 16-bit gray clipped at 255, not scaled (Pillow's own rule, mostly white).
 *
 * Ancillary chunks are skipped unread: nothing in them changes the pixels, and compressed profiles
 * and texts can unpack to any size.  What follows the last row is not read, as in Pillow, and may
 * be missing, the checksum of the data included.
 *
 * libpng reports errors by longjmp; what lives across a jump is in one struct of the caller's
 * frame. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "image/decoders.h"

/* libpng refuses longer chunks even where they are skipped; only IDAT may be larger.  After the
 * last row it unpacks what is left of the data, a thousandfold: it gets no more than is left of
 * sound files, where the data end with their checksum. */
enum { MAX_CHUNK_BYTES = 1 << 26, MAX_BEHIND = 1 << 16, MAX_ROWS = 1 << 22 };

typedef struct png_reader {
  png_structp png;
  png_infop info;
  const image_source *src;
  size_t at;    /* bytes read */
  int64_t rows; /* still to be unpacked, of all passes */
  size_t end;   /* where no more is read, once there are none */
  bool out_of_memory, gray16, whole;
  image_rgb *out;
  loci_status status;
  loci_err *err;
} png_reader;

static void on_error(png_structp png, png_const_charp text) {
  png_reader *r = png_get_error_ptr(png);
  if (r->whole && !r->out_of_memory) png_longjmp(png, 1);
  if (r->out_of_memory)
    r->status = fail_nomem(r->err, r->src->what);
  else
    r->status = fail(r->err, LOCI_EFORMAT, "%s: not a sound PNG file: %s", r->src->what, text);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t n) {
  png_reader *r = png_get_mem_ptr(png);
  void *p = malloc(n);
  if (!p) r->out_of_memory = true;
  return p;
}

static void on_free(png_structp png, png_voidp p) {
  (void)png;
  free(p);
}

/* For each row, when it is unpacked. */
static void on_row(png_structp png, png_row_infop info, png_bytep row) {
  png_reader *r = png_get_user_transform_ptr(png);
  (void)info;
  (void)row;
  if (--r->rows > 0) return;
  r->whole = true;
  r->end = r->at + MAX_BEHIND;
}

static void on_read(png_structp png, png_bytep to, size_t n) {
  png_reader *r = png_get_io_ptr(png);
  if (r->whole && r->at + n > r->end) {
    r->status = LOCI_OK;
    png_longjmp(png, 1);
  }
  if (n > r->src->size - r->at) png_error(png, "it is cut short");
  memcpy(to, r->src->bytes + r->at, n);
  r->at += n;
}

/* CRC-32 of a chunk's name and data. */
static uint32_t checksum(const uint8_t *s, size_t n) {
  uint32_t c = 0xFFFFFFFF;
  for (size_t i = 0; i < n; i++) {
    c ^= s[i];
    for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
  }
  return ~c;
}

static uint32_t number_at(const uint8_t *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Pillow looks at the checksums of the header and the palette, and not at those of the pixels. */
static void check_headers(const png_reader *r) {
  const uint8_t *b = r->src->bytes;
  size_t at = 8, n = r->src->size;
  while (n - at >= 12 && memcmp(b + at + 4, "IDAT", 4) != 0) {
    size_t size = number_at(b + at);
    if (size > n - at - 12) return; /* libpng says it */
    bool counts = memcmp(b + at + 4, "IHDR", 4) == 0 || memcmp(b + at + 4, "PLTE", 4) == 0;
    if (counts && checksum(b + at + 4, size + 4) != number_at(b + at + 8 + size)) {
      png_error(r->png, "a wrong checksum of its header or palette");
    }
    at += 12 + size;
  }
}

static void skip_ancillary(png_structp png) {
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "tRNS", 1);
  png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
}

/* Asks libpng for RGB of 8 bits, or leaves 16-bit gray as it is: true. */
static bool choose_conversion(png_structp png, int depth, int colour) {
  if (colour == PNG_COLOR_TYPE_GRAY && depth == 16) return true;
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (depth == 16) png_set_strip_16(png);
  if (colour & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
  if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
  return false;
}

/* A row that holds big-endian 16-bit gray at its beginning becomes RGB in place, last pixel
 * first. */
static void spread_gray16(uint8_t *row, size_t width) {
  for (size_t x = width; x-- > 0;) {
    uint8_t v = row[2 * x] ? 255 : row[2 * x + 1];
    memset(row + 3 * x, v, 3);
  }
}

static loci_status read_picture(png_reader *r) {
  png_uint_32 width, height;
  int depth, colour, interlace;
  png_read_info(r->png, r->info);
  png_get_IHDR(r->png, r->info, &width, &height, &depth, &colour, &interlace, NULL, NULL);
  TRY(image_alloc(r->src, width, height, r->out, r->err));
  if (height > MAX_ROWS)
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: %u rows, at most %d of a PNG file", r->src->what,
                (unsigned)height, MAX_ROWS);
  r->gray16 = choose_conversion(r->png, depth, colour);
  int passes = png_set_interlace_handling(r->png);
  r->rows = passes == 1 ? height : 0;
  for (int pass = 0; passes > 1 && pass < passes; pass++)
    if (PNG_PASS_COLS(width, pass) > 0) r->rows += PNG_PASS_ROWS(height, pass);
  png_set_read_user_transform_fn(r->png, on_row);
  png_set_user_transform_info(r->png, r, 0, 0);
  png_read_update_info(r->png, r->info);
  size_t stride = (size_t)width * 3;
  size_t expected = r->gray16 ? (size_t)width * 2 : stride;
  if (png_get_rowbytes(r->png, r->info) != expected) png_error(r->png, "rows of unexpected length");
  for (int pass = 0; pass < passes; pass++)
    for (png_uint_32 y = 0; y < height; y++)
      png_read_row(r->png, r->out->pixels + y * stride, NULL);
  return LOCI_OK;
}

static loci_status run(png_reader *r) {
  if (setjmp(png_jmpbuf(r->png))) return r->status;
  png_set_read_fn(r->png, r, on_read);
  png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  skip_ancillary(r->png);
  check_headers(r);
  png_set_crc_action(r->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
  return read_picture(r);
}

loci_status png_decode(const image_source *src, image_rgb *out, loci_err *err) {
  png_reader r = {.src = src, .out = out, .err = err};
  r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, on_malloc,
                                   on_free);
  if (!r.png) return fail_nomem(err, src->what);
  loci_status st;
  r.info = png_create_info_struct(r.png);
  if (r.info)
    st = run(&r);
  else
    st = fail_nomem(err, src->what);
  png_destroy_read_struct(&r.png, &r.info, NULL);
  for (int y = 0; !st && r.gray16 && y < out->height; y++)
    spread_gray16(out->pixels + (size_t)y * (size_t)out->width * 3, (size_t)out->width);
  if (st) image_clear(out);
  return st;
}

/* WebP: the fence round libwebp.  Lossy, lossless and extended files; alpha is dropped, and the
 * colours under it are kept.  Of an animation the first frame is taken, on a black canvas, as
 * Pillow shows it; libwebp itself decodes still pictures only, so the container is walked here as
 * far as that frame.
 *
 *   "RIFF" size "WEBP"  then chunks: name(4) size(4, little-endian) payload, padded to even.
 *   VP8X payload: flags(1) 0(3) canvas width-1(3) height-1(3)
 *   ANMF payload: x/2(3) y/2(3) width-1(3) height-1(3) duration(3) flags(1), then chunks */
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>

#include "image/decoders.h"

enum { RIFF_HEADER = 12, CHUNK_HEADER = 8, VP8X_SIZE = 10, ANMF_HEADER = 16 };
enum { VP8X_ANIMATION = 2 };

static uint32_t read_u24(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}
static uint32_t read_u32(const uint8_t *p) { return read_u24(p) | (uint32_t)p[3] << 24; }

static loci_status unsound(const image_source *src, const char *why, loci_err *err) {
  return fail(err, LOCI_EFORMAT, "%s: not a sound WebP file: %s", src->what, why);
}

static loci_status decoder_failed(const image_source *src, VP8StatusCode code, loci_err *err) {
  if (code == VP8_STATUS_OUT_OF_MEMORY) return fail_nomem(err, src->what);
  if (code == VP8_STATUS_NOT_ENOUGH_DATA || code == VP8_STATUS_SUSPENDED)
    return unsound(src, "it is cut short", err);
  return unsound(src, "the picture data cannot be decoded", err);
}

/* Decodes one still picture of the given size into RGB rows that are [stride] bytes apart. */
static loci_status decode_into(const image_source *src, const uint8_t *bytes, size_t n,
                               image_rgb *to, loci_err *err) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return unsound(src, "libwebp of another version", err);
  size_t stride = (size_t)to->width * 3;
  if (stride > INT32_MAX) return unsound(src, "rows too long", err);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = to->pixels;
  config.output.u.RGBA.stride = (int)stride;
  config.output.u.RGBA.size = stride * (size_t)to->height;
  VP8StatusCode code = WebPDecode(bytes, n, &config);
  WebPFreeDecBuffer(&config.output);
  return code == VP8_STATUS_OK ? LOCI_OK : decoder_failed(src, code, err);
}

static loci_status decode_still(const image_source *src, const uint8_t *bytes, size_t n,
                                image_rgb *out, loci_err *err) {
  WebPBitstreamFeatures f;
  VP8StatusCode code = WebPGetFeatures(bytes, n, &f);
  if (code != VP8_STATUS_OK) return decoder_failed(src, code, err);
  if (f.has_animation) return unsound(src, "an animation inside an animation", err);
  TRY(image_alloc(src, f.width, f.height, out, err));
  return decode_into(src, bytes, n, out, err);
}

/* Finds the first ANMF chunk of bytes[0..n) and hands over its payload. */
static loci_status find_frame(const image_source *src, size_t n, const uint8_t **frame,
                              size_t *frame_size, loci_err *err) {
  size_t at = RIFF_HEADER;
  while (n - at >= CHUNK_HEADER) {
    const uint8_t *chunk = src->bytes + at;
    size_t size = read_u32(chunk + 4), left = n - at - CHUNK_HEADER;
    if (size > left) return unsound(src, "it is cut short", err);
    if (memcmp(chunk, "ANMF", 4) == 0) {
      if (size < ANMF_HEADER) return unsound(src, "the first frame has no header", err);
      *frame = chunk + CHUNK_HEADER;
      *frame_size = size;
      return LOCI_OK;
    }
    size += size & 1;
    at += CHUNK_HEADER + (size < left ? size : left);
  }
  return unsound(src, "an animation without frames", err);
}

/* The first frame, pasted on a black canvas. */
static loci_status decode_animation(const image_source *src, size_t n, image_rgb *out,
                                    loci_err *err) {
  const uint8_t *vp8x = src->bytes + RIFF_HEADER + CHUNK_HEADER, *frame = NULL;
  size_t size = 0;
  image_rgb picture = {0};
  TRY(find_frame(src, n, &frame, &size, err));
  int64_t x0 = 2 * (int64_t)read_u24(frame), y0 = 2 * (int64_t)read_u24(frame + 3);
  int64_t width = 1 + (int64_t)read_u24(frame + 6), height = 1 + (int64_t)read_u24(frame + 9);
  TRY(image_alloc(src, 1 + (int64_t)read_u24(vp8x + 4), 1 + (int64_t)read_u24(vp8x + 7), out, err));
  if (x0 + width > out->width || y0 + height > out->height)
    return unsound(src, "the first frame leaves the canvas", err);
  loci_status st = decode_still(src, frame + ANMF_HEADER, size - ANMF_HEADER, &picture, err);
  if (!st && (picture.width != width || picture.height != height))
    st = unsound(src, "the first frame is not of the size it says", err);
  if (!st) {
    size_t stride = (size_t)out->width * 3, piece = (size_t)width * 3;
    memset(out->pixels, 0, stride * (size_t)out->height);
    for (int y = 0; y < picture.height; y++)
      memcpy(out->pixels + (size_t)(y0 + y) * stride + (size_t)x0 * 3,
             picture.pixels + (size_t)y * piece, piece);
  }
  image_clear(&picture);
  return st;
}

loci_status webp_decode(const image_source *src, image_rgb *out, loci_err *err) {
  const uint8_t *bytes = src->bytes;
  uint64_t riff_size = (uint64_t)read_u32(bytes + 4) + CHUNK_HEADER;
  if (riff_size > src->size) return unsound(src, "it is cut short", err);
  size_t n = (size_t)riff_size;
  bool animated = n >= RIFF_HEADER + CHUNK_HEADER + VP8X_SIZE &&
                  memcmp(bytes + RIFF_HEADER, "VP8X", 4) == 0 &&
                  (bytes[RIFF_HEADER + CHUNK_HEADER] & VP8X_ANIMATION);
  loci_status st =
      animated ? decode_animation(src, n, out, err) : decode_still(src, bytes, n, out, err);
  if (st) image_clear(out);
  return st;
}

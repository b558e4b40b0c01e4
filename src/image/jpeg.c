/* JPEG: the fence round libjpeg-turbo, set up as Pillow sets it up (accurate integer DCT, fancy
 * upsampling, no scaling), so that the bytes agree.
 *
 * The whole file is one buffer and the source never has more: where the data ends early, libjpeg
 * "suspends", which is the error, where its usual file source would make up an end marker and fill
 * the rest with gray.  Damage inside the data is a warning to libjpeg and is passed over.  Pillow
 * does both the same.
 *
 * libjpeg reports errors by longjmp.  Everything that lives across a jump is in one struct of the
 * caller's frame, reached by a pointer, so no local is clobbered. */
#include <stdio.h> /* jpeglib.h wants it first */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "image/decoders.h"

/* A progressive file of a few kilobytes can ask for any number of passes over a huge picture; real
 * ones have about ten. */
enum { USUAL_SCANS = 20, MAX_SCANS = 500 };
static const double MAX_SCANNED_PIXELS = 1e9; /* each scan of a progressive file passes over all */

/* Every block of 8 x 8 pixels takes one bit at least: a file with fewer has the rest filled with
 * gray.  So much for nothing is only refused where it is large. */
enum { PIXELS_OF_BYTE = 8 * 64, PIXELS_FOR_NOTHING = 1 << 24 };

typedef struct jpeg_reader {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  struct jpeg_source_mgr input;
  jmp_buf jump;
  const image_source *src;
  image_rgb *out;
  uint8_t *row; /* one line of CMYK */
  loci_status status;
  loci_err *err;
} jpeg_reader;

static void on_error(j_common_ptr info) {
  jpeg_reader *r = info->client_data;
  char text[JMSG_LENGTH_MAX];
  if (info->err->msg_code == JERR_OUT_OF_MEMORY) {
    r->status = fail_nomem(r->err, r->src->what);
  } else {
    info->err->format_message(info, text);
    r->status = fail(r->err, LOCI_EFORMAT, "%s: not a sound JPEG file: %s", r->src->what, text);
  }
  longjmp(r->jump, 1);
}

static void on_message(j_common_ptr info) { (void)info; }

static void on_progress(j_common_ptr info) {
  jpeg_reader *r = info->client_data;
  double scans = r->info.input_scan_number;
  double pixels = (double)r->info.image_width * (double)r->info.image_height;
  if (scans <= USUAL_SCANS || (scans <= MAX_SCANS && scans * pixels <= MAX_SCANNED_PIXELS)) return;
  r->status = fail(r->err, LOCI_EUNSUPPORTED, "%s: a JPEG file of more than %d scans", r->src->what,
                   (int)scans - 1);
  longjmp(r->jump, 1);
}

static void input_start(j_decompress_ptr info) { (void)info; }
static boolean input_more(j_decompress_ptr info) {
  (void)info;
  return FALSE;
}
static void input_skip(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  size_t n = (size_t)count;
  if (n > info->src->bytes_in_buffer) n = info->src->bytes_in_buffer;
  info->src->next_input_byte += n;
  info->src->bytes_in_buffer -= n;
}
static void input_end(j_decompress_ptr info) { (void)info; }

static loci_status truncated(jpeg_reader *r) {
  return fail(r->err, LOCI_EFORMAT, "%s: the JPEG file is cut short after %zu bytes", r->src->what,
              r->src->size);
}

/* One line of CMYK as libjpeg gives it.  Pillow takes every 4-component file for Adobe's inverted
 * kind: C = 255 - c and so on; then R = nk - C * nk / 255 with nk = 255 - K, rounded. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, int width) {
  for (int x = 0; x < width; x++) {
    int nk = cmyk[4 * x + 3];
    for (int c = 0; c < 3; c++) {
      int t = (255 - cmyk[4 * x + c]) * nk + 128;
      rgb[3 * x + c] = (uint8_t)(nk - (((t >> 8) + t) >> 8));
    }
  }
}

static loci_status read_rows(jpeg_reader *r) {
  size_t stride = (size_t)r->out->width * 3;
  while (r->info.output_scanline < r->info.output_height) {
    uint8_t *line = r->out->pixels + r->info.output_scanline * stride;
    JSAMPROW row = r->row ? r->row : line;
    if (jpeg_read_scanlines(&r->info, &row, 1) != 1) return truncated(r);
    if (r->row) cmyk_to_rgb(r->row, line, r->out->width);
  }
  (void)jpeg_finish_decompress(&r->info); /* an early end is no matter here, but an error is */
  return LOCI_OK;
}

static loci_status read_picture(jpeg_reader *r) {
  if (jpeg_read_header(&r->info, TRUE) != JPEG_HEADER_OK) return truncated(r);
  int parts = r->info.num_components;
  if (parts != 1 && parts != 3 && parts != 4)
    return fail(r->err, LOCI_EUNSUPPORTED, "%s: a JPEG file of %d components, expected 1, 3 or 4",
                r->src->what, parts);
  TRY(image_alloc(r->src, r->info.image_width, r->info.image_height, r->out, r->err));
  int64_t pixels = (int64_t)r->info.image_width * r->info.image_height;
  if (pixels > PIXELS_FOR_NOTHING && pixels / PIXELS_OF_BYTE > (int64_t)r->src->size)
    return fail(r->err, LOCI_EFORMAT,
                "%s: a JPEG file of %u x %u pixels in %zu bytes, which is too few", r->src->what,
                r->info.image_width, r->info.image_height, r->src->size);
  r->info.out_color_space = parts == 4 ? JCS_CMYK : JCS_RGB;
  if (parts == 4) {
    r->row = malloc((size_t)r->out->width * 4);
    if (!r->row) return fail_nomem(r->err, r->src->what);
  }
  if (!jpeg_start_decompress(&r->info)) return truncated(r);
  return read_rows(r);
}

static loci_status run(jpeg_reader *r) {
  if (setjmp(r->jump)) return r->status;
  jpeg_create_decompress(&r->info);
  r->info.src = &r->input;
  r->info.progress = &r->progress;
  return read_picture(r);
}

loci_status jpeg_decode(const image_source *src, image_rgb *out, loci_err *err) {
  jpeg_reader r;
  memset(&r, 0, sizeof r);
  r.src = src;
  r.out = out;
  r.err = err;
  r.info.err = jpeg_std_error(&r.errors);
  r.info.client_data = &r;
  r.errors.error_exit = on_error;
  r.errors.output_message = on_message;
  r.progress.progress_monitor = on_progress;
  r.input = (struct jpeg_source_mgr){.next_input_byte = src->bytes,
                                     .bytes_in_buffer = src->size,
                                     .init_source = input_start,
                                     .fill_input_buffer = input_more,
                                     .skip_input_data = input_skip,
                                     .resync_to_restart = jpeg_resync_to_restart,
                                     .term_source = input_end};
  loci_status st = run(&r);
  jpeg_destroy_decompress(&r.info);
  free(r.row);
  if (st) image_clear(out);
  return st;
}

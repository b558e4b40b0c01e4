/* How a result is made again, in files (see again.h). */
#include "show/again.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "base/json.h"

static loci_status printed(js_value *v, arena *mem, const char **out, loci_err *err) {
  char *text = NULL;
  TRY(js_print(v, false, &text, err));
  *out = arena_strdup(mem, text);
  free(text);
  return *out ? LOCI_OK : fail_nomem(err, "writing a request");
}

/* Kinds that --metric draws differently. */
static bool takes_metric(loci_kind k) {
  return k == LOCI_KIND_TRACE || k == LOCI_KIND_KNOCKOUT || k == LOCI_KIND_LENS;
}

/* How the picture was wanted, as options of the command line. */
static void say_look(const loci_draw_opts *o, char *text, size_t size) {
  size_t n = strlen(text);
  char digits[32];
  if (o->width > 0) n = fixed_add(text, size, n, " --width %s", fixed_number(o->width, digits));
  if (o->dpi > 0) n = fixed_add(text, size, n, " --dpi %d", o->dpi);
  if (o->scale > 0) n = fixed_add(text, size, n, " --scale %s", fixed_number(o->scale, digits));
  if (o->bare) fixed_add(text, size, n, " --no-title");
}

loci_status again_command(const loci_result *r, const loci_draw_opts *opts, arena *mem,
                          const char **out, loci_err *err) {
  static const loci_draw_opts usual;
  const loci_draw_opts *o = opts ? opts : &usual;
  *out = NULL;
  if (!r->command || !r->command[0]) return LOCI_OK;
  const char *name = loci_name(LOCI_NAMES_METRIC, (int)o->metric);
  size_t room = strlen(r->command) + 160;
  char *text = arena_array(mem, (int64_t)room, char);
  if (!text) return fail_nomem(err, "writing a command");
  bool more =
      takes_metric(r->kind) && o->metric != LOCI_METRIC_P && !strstr(r->command, " --metric ");
  snprintf(text, room, "%s%s%s", r->command, more ? " --metric " : "", more && name ? name : "");
  say_look(o, text, room);
  *out = text;
  return LOCI_OK;
}

loci_status again_text(const loci_result *r, const char *command, arena *mem, const char **out,
                       loci_err *err) {
  js_value *request = NULL, *both;
  *out = NULL;
  if (!r->request) return LOCI_OK;
  TRY(js_parse(r->request, strlen(r->request), "request", &request, err));
  both = js_object();
  js_put(&both, "command", js_text(command));
  js_put(&both, "request", request);
  return printed(both, mem, out, err);
}

/* ---------------------------------------------------------------- PNG */

enum { HEADER = 8 + 25 }; /* signature and IHDR */

static void big_endian(bytes *b, uint32_t x) {
  uint8_t be[4] = {(uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8), (uint8_t)x};
  bytes_add(b, be, sizeof be);
}

/* iTXt: UTF-8, not compressed, in no language. */
void again_into_png(bytes *png, const char *text) {
  static const char head[] =
      "iTXtloci\0\0\0\0"; /* with the string's own 0 byte: 5 after the name */
  bytes chunk = {0}, whole = {0};
  bytes_add(&chunk, head, sizeof head);
  bytes_text(&chunk, text);
  if (png->size < HEADER || chunk.failed) {
    png->failed = true;
    bytes_clear(&chunk);
    return;
  }
  bytes_add(&whole, png->data, HEADER);
  big_endian(&whole, (uint32_t)(chunk.size - 4));
  bytes_add(&whole, chunk.data, chunk.size);
  big_endian(&whole, bytes_crc32(0, chunk.data, chunk.size));
  bytes_add(&whole, png->data + HEADER, png->size - HEADER);
  whole.failed |= png->failed;
  bytes_clear(&chunk);
  bytes_clear(png);
  *png = whole;
}

/* What a run of a template may take (jinja_state.h): its steps, its depth and its memory are
 * counted, and the first thing that is too much, or wrong, stops it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja_state.h"

enum { CHUNK = 1 << 16, ALIGNMENT = 16, BYTES_A_STEP = 64 };

jvalue jrun_stop(jrun *r, loci_status code, const char *format, ...) {
  char text[sizeof r->kept.msg];
  if (r->st) return jv_undefined(NULL);
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  r->st = code;
  if (r->line > 0) {
    fail(&r->kept, code, "line %d: %s", r->line, text);
  } else {
    fail(&r->kept, code, "%s", text);
  }
  return jv_undefined(NULL);
}

bool jrun_failed(const jrun *r) { return r->st != LOCI_OK; }

bool jrun_step(jrun *r, size_t cost) {
  r->steps += cost;
  if (r->steps > JINJA_STEPS_MOST) jrun_stop(r, LOCI_EFORMAT, "the template runs too long");
  return !r->st;
}

bool jrun_deeper(jrun *r) {
  if (r->depth >= JINJA_DEPTH_MOST) {
    jrun_stop(r, LOCI_EFORMAT, "the template calls or nests more than %d deep", JINJA_DEPTH_MOST);
    return false;
  }
  r->depth++;
  return !r->st || (r->depth--, false);
}

void jrun_back(jrun *r) { r->depth--; }

/* Small pieces from chunks of the arena, whose own are of a cache line at least. */
void *jrun_alloc(jrun *r, size_t count, size_t size) {
  if (r->st || !jrun_step(r, 1 + count * size / BYTES_A_STEP)) return NULL;
  size_t n = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  r->bytes += n;
  if (r->bytes > JINJA_MEMORY_MOST) {
    jrun_stop(r, LOCI_EFORMAT, "the template takes more than %d MiB", JINJA_MEMORY_MOST >> 20);
    return NULL;
  }
  if (n > r->left) {
    size_t room = n > CHUNK / 4 ? n : CHUNK;
    char *chunk = arena_alloc(r->mem, (int64_t)room, 1);
    if (!chunk) {
      r->st = fail_nomem(&r->kept, "running a template");
      return NULL;
    }
    if (n > CHUNK / 4) return chunk;
    r->chunk = chunk;
    r->left = room;
  }
  void *p = r->chunk;
  r->chunk += n;
  r->left -= n;
  return p;
}

/* Error sentences (see status.h). */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Names in parentheses, because status.h has macros of these names. */
loci_status(fail)(loci_err *err, loci_status code, const char *format, ...) {
  if (!err) return code;
  char msg[sizeof err->msg]; /* first, since err->msg may be among the arguments */
  va_list args;
  va_start(args, format);
  vsnprintf(msg, sizeof msg, format, args);
  va_end(args);
  utf8_make_printable(msg);
  err->code = code;
  memcpy(err->msg, msg, sizeof msg);
  return code;
}

loci_status(fail_nomem)(loci_err *err, const char *doing) {
  return fail(err, LOCI_ENOMEM, "out of memory while %s", doing);
}

const char *loci_status_name(loci_status status) {
  switch (status) {
    case LOCI_OK: return "ok";
    case LOCI_EINVAL: return "bad request";
    case LOCI_EIO: return "input/output";
    case LOCI_EFORMAT: return "wrong format";
    case LOCI_EUNSUPPORTED: return "not supported";
    case LOCI_ENOMEM: return "out of memory";
    case LOCI_ECANCELLED: return "cancelled";
    case LOCI_EVERIFY: return "verification failed";
  }
  return "unknown";
}

const char *loci_version(void) { return LOCI_VERSION; }

/* Error sentences (see status.h). */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { USUAL = 2048 }; /* bytes of a sentence before it is cut */

static bool is_inside_a_character(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/* What is wrong stands at the end of a sentence, and what it is about at its beginning: of one that
 * a long name or text makes too long, the middle is left out. */
static void keep_both_ends(const char *text, char *out, size_t size) {
  static const char gap[] = " ... ";
  size_t n = strlen(text), head = n, tail = n;
  if (n >= size) {
    head = (size - sizeof gap) / 2;
    tail = n - (size - sizeof gap - head);
    while (is_inside_a_character(text[head])) head--;
    while (is_inside_a_character(text[tail])) tail++;
  }
  snprintf(out, size, "%.*s%s%s", (int)head, text, head < n ? gap : "", text + tail);
}

/* Names in parentheses, because status.h has macros of these names. */
loci_status(fail)(loci_err *err, loci_status code, const char *format, ...) {
  if (!err) return code;
  char usual[USUAL], *text = usual; /* err->msg may be among the arguments */
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(usual, sizeof usual, format, args);
  char *longer = n >= USUAL ? malloc((size_t)n + 1) : NULL;
  if (longer) vsnprintf(text = longer, (size_t)n + 1, format, again);
  va_end(again);
  va_end(args);
  utf8_make_printable(text);
  err->code = code;
  keep_both_ends(text, err->msg, sizeof err->msg);
  free(longer);
  return code;
}

loci_status(fail_nomem)(loci_err *err, const char *doing) {
  return fail(err, LOCI_ENOMEM, "out of memory while %s", doing);
}

loci_status(fail_errno)(loci_err *err, int why, const char *format, ...) {
  char what[4 * USUAL];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (why == EINTR) return fail(err, LOCI_ECANCELLED, "cancelled while waiting for %s", what);
  return fail(err, status_of_errno(why), "%s: %s", what, strerror(why));
}

/* What is missing or forbidden is the file's own; what the machine cannot do now is not; a signal
 * that ends a wait is somebody's wish. */
loci_status status_of_errno(int why) {
  static const int machine[] = {EMFILE,   ENFILE,    ENOSPC,   EDQUOT,      EFBIG,     EIO,
                                EAGAIN,   EBUSY,     EDEADLK,  ENOLCK,      ESTALE,    ENODEV,
                                ENOTCONN, ETIMEDOUT, ENETDOWN, ENETUNREACH, EHOSTDOWN, EREMOTEIO};
  if (why == ENOMEM) return LOCI_ENOMEM;
  if (why == EINTR) return LOCI_ECANCELLED;
  for (size_t i = 0; i < sizeof machine / sizeof *machine; i++) {
    if (why == machine[i]) return LOCI_ESYSTEM;
  }
  return LOCI_EIO;
}

/* What each status means: its name, and whose fault it is. */
static const struct {
  const char *name;
  fault whose;
} meanings[] = {
    [LOCI_OK] = {"ok", FAULT_NONE},
    [LOCI_EINVAL] = {"bad request", FAULT_REQUEST},
    [LOCI_EIO] = {"input/output", FAULT_FILE},
    [LOCI_EFORMAT] = {"wrong format", FAULT_FILE},
    [LOCI_EUNSUPPORTED] = {"not supported", FAULT_FILE},
    [LOCI_ENOMEM] = {"out of memory", FAULT_MACHINE},
    [LOCI_ECANCELLED] = {"cancelled", FAULT_CALLER},
    [LOCI_EVERIFY] = {"verification failed", FAULT_PROGRAM},
    [LOCI_ESYSTEM] = {"machine trouble", FAULT_MACHINE},
};

static bool is_known(loci_status status) {
  return (size_t)status < sizeof meanings / sizeof *meanings;
}

const char *loci_status_name(loci_status status) {
  return is_known(status) ? meanings[status].name : "unknown";
}

fault status_fault(loci_status status) {
  return is_known(status) ? meanings[status].whose : FAULT_PROGRAM;
}

bool status_is_own(loci_status status) {
  fault whose = status_fault(status);
  return whose == FAULT_REQUEST || whose == FAULT_FILE;
}

loci_status(pass_on)(const loci_err *own, loci_err *err) {
  if (err) *err = *own;
  return own->code;
}

const char *loci_version(void) { return LOCI_VERSION; }
int loci_version_number(void) { return LOCI_VERSION_NUMBER; }

bool loci_monitor_progress(void *monitor, const char *stage, double done, double total) {
  loci_monitor *m = monitor;
  int permille = total > 0 ? (int)(1000 * done / total) : 0;
  __atomic_store_n(&m->permille, permille, __ATOMIC_RELAXED);
  __atomic_store_n(&m->stage, stage, __ATOMIC_RELEASE);
  return __atomic_load_n(&m->cancel, __ATOMIC_RELAXED) == 0;
}
void loci_monitor_cancel(loci_monitor *m) { __atomic_store_n(&m->cancel, 1, __ATOMIC_RELAXED); }
const char *loci_monitor_stage(const loci_monitor *m, int *permille) {
  const char *stage = __atomic_load_n(&m->stage, __ATOMIC_ACQUIRE);
  *permille = __atomic_load_n(&m->permille, __ATOMIC_RELAXED);
  return stage;
}

/* How every function below the public API reports failure: a loci_status result and an optional
 * loci_err. fail() writes the sentence where the facts are known; TRY passes the status up before
 * anything is owned; a function that owns something jumps to its one `done:` label with TRY_DONE.
 */
#ifndef LOCI_BASE_STATUS_H
#define LOCI_BASE_STATUS_H

#include "base/plain.h"
#include "loci.h"

/* Writes the sentence into *err (if not NULL) and returns [code].  Control characters and broken
 * UTF-8 that came in through %s from a hostile file are replaced by '?', so that a message is
 * always safe to print. */
loci_status fail(loci_err *err, loci_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for "out of memory while [doing]". */
loci_status fail_nomem(loci_err *err, const char *doing);

/* The same for what a system call says: [why] is its errno, the sentence ends with its words, and
 * the status is errno's own: the machine's trouble is not a file's (docs/STORE.md has the table).
 */
loci_status fail_errno(loci_err *err, int why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
loci_status status_of_errno(int why);

/* Whose fault a failure is. */
typedef enum fault {
  FAULT_NONE,
  FAULT_REQUEST, /* what was asked for: options, an example */
  FAULT_FILE,    /* what was read */
  FAULT_MACHINE, /* memory, locks, disks, descriptors */
  FAULT_CALLER,  /* who said stop */
  FAULT_PROGRAM
} fault;
fault status_fault(loci_status status);
/* Whether a failure is that of the thing at hand (an example, a line, a picture): work on others
 * goes on.  Any other failure ends the work, and says nothing about the thing. */
bool status_is_own(loci_status status);
/* Hands a failure up that was kept in a loci_err of its own. */
loci_status pass_on(const loci_err *own, loci_err *err);

/* Compilers and the analyzer do not look into other files: here they see that a failure is never
 * LOCI_OK, and so that what TRY(...) has passed is set. */
static inline loci_status failure_is(loci_status said, loci_status code) {
  return said ? said : code;
}
#define fail(err, code, ...) failure_is((fail)(err, code, __VA_ARGS__), code)
#define fail_errno(err, ...) failure_is((fail_errno)(err, __VA_ARGS__), LOCI_EIO)
#define fail_nomem(err, doing) failure_is((fail_nomem)(err, doing), LOCI_ENOMEM)

#define pass_on(own, err) failure_is((pass_on)(own, err), LOCI_EINVAL)

/* Who follows long work, and may stop it; a NULL watch, or one without a function, goes on. */
typedef struct watch {
  loci_progress_fn progress;
  void *ctx;
} watch;
static inline bool watch_stops(const watch *w, const char *stage, double done, double total) {
  return w && w->progress && !w->progress(w->ctx, stage, done, total);
}

#define TRY(expr)                                                                                  \
  do {                                                                                             \
    loci_status try_status_ = (expr);                                                              \
    if (try_status_) return try_status_;                                                           \
  } while (0)

/* What a caller has to give.  Needs an `err`. */
#define NEEDS(x, what)                                                                             \
  do {                                                                                             \
    if (!(x)) return fail(err, LOCI_EINVAL, "%s: no %s is given", __func__, what);                 \
  } while (0)

/* Needs a local `loci_status st` and a label `done`. */
#define TRY_DONE(expr)                                                                             \
  do {                                                                                             \
    st = (expr);                                                                                   \
    if (st) goto done;                                                                             \
  } while (0)

#endif

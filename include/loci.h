/* loci: where a multimodal language model keeps a fact, how it moved there, and how to change it.
 *
 * This header is the whole library.  Read it top to bottom:
 *
 *   1. results and errors      how a call says what went wrong
 *   2. sites                   the named activations of a decoder layer
 *   3. model                   a Hugging Face checkpoint directory, opened and checked
 *   4. text and images         what the model's tokenizer and image processor make of a file
 *   5. prompt                  image + question + constraints, as the sequence the model reads
 *   6. run                     one forward pass; record any site, patch any site
 *   7. ask                     greedy answer
 *   8. trace                   causal tracing: a grid of restored runs (Basu et al. 2024, section
 * 3)
 *   9. writing and drawing     terminal, PNG, SVG, PDF, JSON, CSV, safetensors, NPZ
 *  10. bench                   speed on this machine
 *
 * Rules for every function here:
 *   A loci_status result is LOCI_OK (0) or an error; *err, if not NULL, then says why in one
 * sentence. *out is owned by the caller (free it with the matching call) and NULL after an error.
 *   A const pointer is borrowed and lives as long as the object it came from.
 *   NULL options mean all defaults; a 0 field means its default.  _free(NULL) and _close(NULL) are
 * fine. One object, one thread at a time; runs that only read may share a model. The library never
 * prints and never exits.
 *
 * Letters, as in docs/MATH.md: T positions, D residual width, L layers, H query heads, Hkv
 * key/value heads, K head width, F MLP inner width, V vocabulary, P image positions.  All arrays
 * are row-major, f32.
 */
#ifndef LOCI_H
#define LOCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOCI_VERSION "0.1.0"

#if defined(__GNUC__)
#define LOCI_API __attribute__((visibility("default")))
#define LOCI_CHECK __attribute__((visibility("default"), warn_unused_result))
#else
#define LOCI_API
#define LOCI_CHECK
#endif

/* ---------------------------------------------------------------- 1. results and errors */

typedef enum loci_status {
  LOCI_OK = 0,
  LOCI_EINVAL, /* the request makes no sense: a layer out of range, a constraint not in the question
                */
  LOCI_EIO,    /* the system refused: no such file, no permission, no space */
  LOCI_EFORMAT,      /* a file breaks its format's rules */
  LOCI_EUNSUPPORTED, /* a sound file asks for something loci does not compute */
  LOCI_ENOMEM,       /* out of memory, or more than --memory allows */
  LOCI_ECANCELLED,   /* a progress callback said stop */
  LOCI_EVERIFY       /* a recomputed number differs: never expected, always worth a report */
} loci_status;

typedef struct loci_err {
  loci_status code;
  char msg[512]; /* one sentence: what, where, expected, found */
} loci_err;

/* A few words for a status: "bad request", "wrong format", ... */
LOCI_API const char *loci_status_name(loci_status status);

LOCI_API const char *loci_version(void);

/* Called now and then by every long call, always from the calling thread: [stage] is a word
 * ("vision", "walk", ...), [done] of [total] units are finished.  Return false to cancel; the call
 * then returns LOCI_ECANCELLED and leaves nothing half done. */
typedef bool (*loci_progress_fn)(void *ctx, const char *stage, double done, double total);

#ifdef __cplusplus
}
#endif
#endif

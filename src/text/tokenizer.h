/* Text to token ids with byte offsets, and back: tokenizer.json (LLaMA and byte-level BPE) or,
 * where there is none, tokenizer.model (SentencePiece BPE).  The same ids and offsets as the
 * tokenizers library. */
#ifndef LOCI_TEXT_TOKENIZER_H
#define LOCI_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct tokenizer tokenizer;

/* Offsets are bytes [begin, end) into the text as given, always whole characters; a prepended blank
 * mark that stands alone has the range of the character after it, tokens added by the
 * post-processor have [0, 0). */
typedef struct encoding {
  int count;
  int *ids, *begin, *end; /* one block, freed by encoding_clear */
} encoding;

/* Opens DIR's tokenizer files (tokenizer.json, else tokenizer.model; tokenizer_config.json beside
 * them), or those of a GGUF file.  Free with tokenizer_close. */
loci_status tokenizer_open(const char *dir, tokenizer **out, loci_err *err);
/* From bytes in memory (fuzzing, tests): a tokenizer.json, with its tokenizer_config.json or NULL,
 */
loci_status tokenizer_open_json(const char *json, size_t n, const char *config, size_t config_n,
                                tokenizer **out, loci_err *err);
/* or a tokenizer.model. */
loci_status tokenizer_open_spm(const uint8_t *bytes, size_t n, const char *config, size_t config_n,
                               tokenizer **out, loci_err *err);
/* or a GGUF file. */
loci_status tokenizer_open_gguf_bytes(const uint8_t *bytes, size_t n, tokenizer **out,
                                      loci_err *err);
void tokenizer_close(tokenizer *t);

/* [text] must be UTF-8 (checked); it may hold NUL characters. */
loci_status tokenizer_encode(const tokenizer *t, const char *text, size_t n, bool add_special,
                             encoding *out, loci_err *err);
void encoding_clear(encoding *e);

/* Text of the ids; unknown ids vanish.  Caller frees *out (NUL-terminated, *n bytes). */
loci_status tokenizer_decode(const tokenizer *t, const int *ids, int count, bool skip_special,
                             char **out, size_t *n, loci_err *err);

int tokenizer_size(const tokenizer *t); /* highest id + 1 */
const char *tokenizer_token(const tokenizer *t,
                            int id); /* as the vocabulary spells it; NULL: no such id */
int tokenizer_id(const tokenizer *t, const char *token); /* -1: no such token */
bool tokenizer_is_special(const tokenizer *t, int id);
/* A special token with its name, as templates know it: "bos_token", "<s>". */
typedef struct named_token {
  const char *name, *text;
} named_token;
const named_token *tokenizer_named(const tokenizer *t, int i); /* NULL after the last */
/* The first special token that the text itself spells at a place that counts (NULL: any), or NULL:
 * what a user writes is words. */
typedef bool special_counts(const void *ctx, size_t begin, size_t end);
loci_status tokenizer_find_special(const tokenizer *t, const char *text, size_t n,
                                   special_counts *is_one, const void *ctx, const char **out,
                                   loci_err *err);
const char *tokenizer_kind(const tokenizer *t); /* for `info`: "SentencePiece BPE, legacy", ... */
const char *tokenizer_note(const tokenizer *t, int i); /* harmless oddities; NULL after the last */

#endif

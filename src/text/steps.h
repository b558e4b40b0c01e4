/* What a tokenizer does to text before and after its model, as data: normalizer, pre-tokenizer and
 * decoder steps, each with the settings its file gives it. */
#ifndef LOCI_TEXT_STEPS_H
#define LOCI_TEXT_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "text/regex.h"
#include "text/unicode.h"

/* What a split or a replacement looks for: a literal text, or a regular expression. */
typedef struct pattern {
  const char *literal; /* NULL: re */
  size_t size;
  const regex *re;
} pattern;

typedef enum normalizer_kind {
  NORM_PREPEND,
  NORM_REPLACE,
  NORM_FORM,
  NORM_LOWERCASE,
  NORM_STRIP,
  NORM_SQUEEZE /* SentencePiece's remove_extra_whitespaces: blanks only */
} normalizer_kind;

typedef struct norm_step {
  normalizer_kind kind;
  const char *content;
  size_t size;
  pattern find;
  unicode_form form;
  bool left, right;
} norm_step;

typedef enum split_behavior {
  SPLIT_REMOVED,
  SPLIT_ISOLATED,
  SPLIT_MERGED_WITH_PREVIOUS,
  SPLIT_MERGED_WITH_NEXT,
  SPLIT_CONTIGUOUS
} split_behavior;

typedef enum prepend_scheme {
  PREPEND_ALWAYS,
  PREPEND_FIRST,
  PREPEND_NEVER,
  PREPEND_TEXT /* like FIRST, and even if there is a mark already (transformers' LlamaTokenizer) */
} prepend_scheme;

typedef enum pre_kind {
  PRE_SPLIT,
  PRE_BYTE_LEVEL,
  PRE_METASPACE,
  PRE_DIGITS,
  PRE_PUNCTUATION
} pre_kind;

typedef struct pre_step {
  pre_kind kind;
  pattern find; /* of a Split; of a ByteLevel that has its own regular expression */
  split_behavior behavior;
  bool invert;
  bool add_prefix_space, use_regex; /* ByteLevel */
  const char *mark;                 /* Metaspace: the replacement character */
  size_t mark_size;
  prepend_scheme prepend;
  bool split;
} pre_step;

typedef enum dec_kind {
  DEC_REPLACE,
  DEC_BYTE_FALLBACK,
  DEC_FUSE,
  DEC_STRIP,
  DEC_BYTE_LEVEL,
  DEC_METASPACE
} dec_kind;

typedef struct dec_step {
  dec_kind kind;
  const char *find, *content;
  size_t find_size, size;
  int start, stop;        /* Strip */
  prepend_scheme prepend; /* Metaspace */
} dec_step;

#endif

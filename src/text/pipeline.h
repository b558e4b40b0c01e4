/* The parts of a tokenizer, shared by the files of this folder.
 *
 *   text -> added_tokens.c -> normalize.c -> added_tokens.c -> pretokenize.c -> bpe.c -> encode.c
 *   ids  -> decode.c -> text
 *
 * Readers (build.h) fill a `tokenizer`; afterwards nothing changes it.  Everything in it lives in
 * its arena but the compiled regular expressions. */
#ifndef LOCI_TEXT_PIPELINE_H
#define LOCI_TEXT_PIPELINE_H

#include "base/arena.h"
#include "text/steps.h"
#include "text/token_table.h"
#include "text/tokenizer.h"

enum {
  ID_LIMIT = 1 << 24,   /* ids are below this */
  TEXT_LIMIT = 1 << 22, /* bytes of one text */
  STEP_LIMIT = 64,      /* steps of a normalizer, pre_tokenizer, decoder */
  NAMED_LIMIT = 32,     /* special tokens that have a name */
  NOTE_LIMIT = 16
};

typedef struct added_token {
  const char *content;
  size_t size;
  int id;
  bool single_word, lstrip, rstrip, normalized, special;
} added_token;

/* Added tokens sorted by what they match, for the search of the longest one. */
typedef struct matcher_entry {
  const char *text;
  size_t size;
  const added_token *token;
  size_t order; /* of two with the same text the one that came first wins */
} matcher_entry;

typedef struct matcher {
  matcher_entry *items;
  size_t count;
} matcher;

typedef struct merge {
  uint64_t pair; /* left id << 32 | right id; EMPTY_MERGE: free slot */
  uint32_t rank;
  int id;
} merge;

typedef struct bpe_model {
  token_table vocab;
  merge *merges; /* open addressing; merge_mask + 1 slots */
  size_t merge_mask;
  uint32_t
      *score_rank; /* by vocab index, instead of merges: rank of a piece, NO_RANK: never made */
  size_t longest;  /* bytes of the longest piece */
  int bytes[256];  /* ids of <0x00>.. for byte fallback, -1 where there is none */
  bool byte_fallback, fuse_unk, ignore_merges;
  int unk; /* -1: characters without a token vanish */
} bpe_model;

#define EMPTY_MERGE UINT64_MAX
#define NO_RANK UINT32_MAX

struct tokenizer {
  arena *mem;
  regex *regexes[2 * STEP_LIMIT];
  int regex_count;
  norm_step norm[STEP_LIMIT];
  int norm_count;
  pre_step pre[STEP_LIMIT];
  int pre_count;
  bpe_model model;
  added_token *added;
  size_t added_count, added_room;
  token_table added_table;
  added_token *again; /* known tokens that are looked for a second time */
  size_t again_count, again_room;
  matcher raw, normalized;
  bool splits_special, cleans_up; /* split_special_tokens, clean_up_tokenization_spaces */
  bool trims, trim_keeps_prefix;  /* ByteLevel post-processor */
  int *prefix, *suffix;           /* ids of the template before and after the text */
  int prefix_count, suffix_count;
  dec_step dec[STEP_LIMIT];
  int dec_count;
  bool has_decoder;
  named_token named[NAMED_LIMIT];
  int named_count;
  int size;
  const char *kind;
  const char *notes[NOTE_LIMIT];
  int note_count;
};

/* GPT-2's table: the character that stands for a byte, and back (-1: none). */
uint32_t byte_level_rune(uint8_t byte);
int byte_level_byte(uint32_t rune);

/* The added token with this content, or NULL. */
const added_token *added_find(const tokenizer *t, const char *s, size_t n);

#endif

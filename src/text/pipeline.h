/* The parts of a tokenizer, shared by the files of this folder.
 *
 *   text -> added_tokens.c -> normalize.c -> added_tokens.c -> pretokenize.c -> bpe.c -> post
 * (encode.c) ids  -> decode.c -> text
 *
 * Readers (tokenizer_json.c, spm.c, tokenizer_config.c) fill a `tokenizer`; afterwards nothing
 * changes it.  Everything in it lives in its arena but the compiled regular expressions. */
#ifndef LOCI_TEXT_PIPELINE_H
#define LOCI_TEXT_PIPELINE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "text/regex.h"
#include "text/token_table.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

enum {
  ID_LIMIT = 1 << 24,   /* ids are below this */
  TEXT_LIMIT = 1 << 22, /* bytes of one text */
  STEP_LIMIT = 64,      /* steps of a normalizer, pre_tokenizer, decoder */
  NOTE_LIMIT = 16
};

/* What a split or a replacement looks for: a literal text, or a regular expression. */
typedef struct pattern {
  const char *literal; /* NULL: re */
  size_t size;
  const regex *re;
} pattern;

typedef enum norm_kind {
  NORM_PREPEND,
  NORM_REPLACE,
  NORM_FORM,
  NORM_LOWERCASE,
  NORM_STRIP,
  NORM_SQUEEZE /* SentencePiece's remove_extra_whitespaces: blanks only */
} norm_kind;

typedef struct norm_step {
  norm_kind kind;
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
  matcher raw, normalized;
  bool trims, trim_keeps_prefix; /* ByteLevel post-processor */
  int *prefix, *suffix;          /* ids of the template before and behind the text */
  int prefix_count, suffix_count;
  dec_step dec[STEP_LIMIT];
  int dec_count;
  bool has_decoder;
  int size;
  const char *kind;
  const char *notes[NOTE_LIMIT];
  int note_count;
};

/* ---------------------------------------------------------------- text on its way */

/* Part of a text.  at[i] is the range of the original text that byte i stands for. */
typedef struct piece {
  const char *text;
  const range *at;
  size_t size;
  const added_token *added; /* not NULL: this is that token */
} piece;

typedef struct piece_list {
  piece *items;
  size_t count, room;
} piece_list;

typedef struct coded_token {
  int id;
  uint32_t begin, end;        /* in the original text */
  uint32_t leading, trailing; /* blanks at the ends of its text, for the ByteLevel post-processor */
} coded_token;

/* One call of tokenizer_encode. */
typedef struct encode_job {
  const tokenizer *t;
  const char *text; /* original */
  size_t size;
  arena *mem;
  coded_token *tokens;
  size_t count, room;
  loci_err *err;
} encode_job;

static inline piece piece_slice(const piece *p, size_t begin, size_t end) {
  return (piece){p->text + begin, p->at + begin, end - begin, NULL};
}
/* Empty pieces are left out. */
loci_status piece_push(piece_list *list, piece p, encode_job *job);
/* A new text under construction, of at most [room] bytes. */
typedef struct rewrite {
  char *text;
  range *at;
  size_t size, room;
} rewrite;
loci_status rewrite_begin(rewrite *w, size_t room, encode_job *job);
void rewrite_put(rewrite *w, const char *s, size_t n, range at);
void rewrite_copy(rewrite *w, const piece *p, size_t begin, size_t end);
piece rewrite_end(const rewrite *w);
/* p with [s] before it; the marker carries the range of the character after it. */
loci_status piece_prepend(piece *p, const char *s, size_t n, encode_job *job);

/* Matches of the pattern in [begin, end) order; the gaps are not listed. */
loci_status pattern_find(const pattern *f, const piece *p, range_list *out, encode_job *job);

loci_status normalize_piece(piece *p, encode_job *job);
loci_status added_split(const matcher *m, const piece *p, piece_list *out, encode_job *job);
loci_status pretokenize_step(const pre_step *step, const piece *p, piece_list *out,
                             encode_job *job);
loci_status bpe_encode(const piece *p, encode_job *job);
loci_status token_push(encode_job *job, coded_token t);

/* ---------------------------------------------------------------- building a tokenizer */

loci_status tokenizer_new(tokenizer **out, loci_err *err);
/* Adds a token or, where the content is known, replaces its flags.  [what] names the file. */
loci_status added_put(tokenizer *t, const added_token *token, const char *what, loci_err *err);
const added_token *added_find(const tokenizer *t, const char *s, size_t n);
/* Builds the matchers, when everything else is in place. */
loci_status added_finish(tokenizer *t, loci_err *err);
void bpe_put_merge(bpe_model *m, int left, int right, uint32_t rank, int id);
void bpe_find_bytes(bpe_model *m);
void tokenizer_add_note(tokenizer *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
loci_status tokenizer_keep_regex(tokenizer *t, regex *re, loci_err *err); /* takes re over */
/* The regular expression of GPT-2's ByteLevel. */
loci_status pattern_gpt2(tokenizer *t, pattern *out, const char *what, loci_err *err);

loci_status json_read_tokenizer(tokenizer *t, const js_value *root, const char *what,
                                loci_err *err);
loci_status json_read_normalizer(tokenizer *t, const js_value *v, const char *what, loci_err *err);
loci_status json_read_pre_tokenizer(tokenizer *t, const js_value *v, const char *what,
                                    loci_err *err);
loci_status json_read_decoder(tokenizer *t, const js_value *v, const char *what, loci_err *err);
loci_status json_read_pattern(tokenizer *t, const js_value *step, const char *what, pattern *out,
                              loci_err *err);
/* A member that must be a string, with its length. */
loci_status json_need_text(const js_value *v, const char *key, const char *what, const char **out,
                           size_t *n, loci_err *err);
loci_status json_read_added(const js_value *v, const char *what, added_token *out, loci_err *err);

loci_status spm_read(tokenizer *t, const uint8_t *bytes, size_t n, const char *what, loci_err *err);
/* spm_configure reads `legacy` and the like; config may be NULL. */
loci_status spm_configure(tokenizer *t, const js_value *config, const char *what, loci_err *err);

loci_status config_apply(tokenizer *t, const js_value *config, const char *what, loci_err *err);
loci_status config_add_tokens(tokenizer *t, const js_value *map, const char *what, loci_err *err);

/* GPT-2's table: the character that stands for a byte, and back (-1: none). */
uint32_t byte_level_rune(uint8_t byte);
int byte_level_byte(uint32_t rune);

#endif

/* Text on its way to ids: pieces, and the job they belong to.  Everything here lives in the job's
 * arena until the ids are handed over. */
#ifndef LOCI_TEXT_ENCODE_JOB_H
#define LOCI_TEXT_ENCODE_JOB_H

#include "text/pipeline.h"

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

#endif

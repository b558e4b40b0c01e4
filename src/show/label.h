/* Tokens and sentences as people read them.  What comes back is printable UTF-8 whatever went in:
 * control characters, bidirectional overrides and broken bytes never reach a terminal or a page. */
#ifndef LOCI_SHOW_LABEL_H
#define LOCI_SHOW_LABEL_H

#include "base/arena.h"
#include "base/status.h"

/* How a vocabulary spells blanks: "▁the" (SentencePiece) or "Ġthe" (byte-level BPE). */
typedef enum label_spelling { LABEL_PIECES, LABEL_BYTE_LEVEL } label_spelling;

label_spelling label_spelling_of(const loci_token *tokens, int count);

/* A token: the blank before a word is left out, a token of blanks shows them as ␣, a line break is
 * ↵.  Arena memory; NULL: out of memory. */
char *label_token(arena *a, label_spelling spelling, const char *token);
/* A sentence on one line: line breaks become blanks. */
char *label_text(arena *a, const char *text);
/* At most [columns] terminal columns, the last one … (or "." in ASCII) if something is missing. */
char *label_cut(arena *a, const char *label, int columns, bool ascii);
/* The same with every character beyond ASCII as '?', but for those loci writes itself
 * (␣ _, ↵ \n, → ->, ...). */
char *label_ascii(arena *a, const char *label);

/* The last part of a model's path, or "model". */
const char *label_model(const loci_model_info *m);
/* A probability or an effect, with [decimals]; one that they would write as 0 keeps two digits. */
const char *label_number(double x, int decimals, char out[24]);

#endif

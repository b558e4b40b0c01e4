/* Unicode as the tokenizers need it: character classes, lower case, and the four normalisation
 * forms with a record of which character came from which. */
#ifndef LOCI_TEXT_UNICODE_H
#define LOCI_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

bool rune_is_space(uint32_t r);       /* White_Space */
bool rune_is_word(uint32_t r);        /* \w: letters, marks, digits, connectors, joiners */
bool rune_is_number(uint32_t r);      /* general category N* */
bool rune_is_digit(uint32_t r);       /* category Nd */
bool rune_is_punctuation(uint32_t r); /* ASCII punctuation and category P* */
bool rune_is_printable(uint32_t r); /* as Python: no controls, formats, separators but the blank */
bool rune_is_letter(uint32_t r);    /* category L* */
char rune_case(uint32_t r);         /* categories Lu, Ll, Lt: 'u', 'l', 't'; others: 0 */
uint32_t rune_lower(uint32_t r);
uint32_t rune_upper(uint32_t r);
uint32_t rune_title(uint32_t r);
/* What it is without case, and with [compat] without presentation (ligatures, full width) and with
 * its marks apart; the number of characters. */
enum { RUNE_FOLD_MOST = 32 };
int rune_fold(uint32_t r, bool compat, uint32_t out[RUNE_FOLD_MOST]);

/* One character of a changed text.  change 0: stands for the next old character; 1: inserted, no
 * old character; -n: stands for the next old character and swallows n more. */
typedef struct rune_change {
  uint32_t rune;
  int change;
} rune_change;

typedef struct rune_text {
  rune_change *items;
  size_t count;
} rune_text;

typedef enum unicode_form { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD } unicode_form;

/* [s] is UTF-8.  out->items is in the arena, NULL if the text is in that form already. */
loci_status unicode_normalise(unicode_form form, const char *s, size_t n, arena *mem,
                              rune_text *out, loci_err *err);

#endif

/* A question as words, and the noun phrases in it: closed word classes (word_class.h), one pass
 * from left to right, and what the form of the clause says about where a phrase ends. */
#ifndef LOCI_DATA_PHRASE_H
#define LOCI_DATA_PHRASE_H

#include <stdint.h>

#include "data/word_class.h"

enum { QUESTION_WORDS = 128, WORD_ROOM = 32 };

typedef struct qword {
  int64_t begin, end;  /* bytes of the question, without punctuation at the ends */
  char low[WORD_ROOM]; /* lower case, without 's; longer words are cut */
  word_class is;
  bool stops; /* punctuation after it */
  bool owns;  /* ends in 's */
} qword;

typedef struct qtext {
  int count;
  qword words[QUESTION_WORDS]; /* a longer question is looked at as far as that */
} qtext;

void question_words(const char *question, qtext *out);

/* Words [first, last] with the determiner, [core, last] without it and without numbers. */
typedef struct phrase {
  int first, core, last;
} phrase;

/* The phrase that begins at word i; false: none does.  A demonstrative, an article or a possessive
 * without a noun after it begins none. */
bool phrase_at(const qtext *q, int i, phrase *out);

/* A preposition and a noun phrase right after word i, where the phrase that begins at [first]
 * ends: the last word, or -1. */
int phrase_tail(const qtext *q, int first, int i);

#endif

/* English words by what they do in a question: closed classes as lists, open ones by their endings.
 * A word that no list has is taken for a noun, which most such words in questions are. */
#ifndef LOCI_DATA_WORDS_H
#define LOCI_DATA_WORDS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum word_class {
  WORD_NOUN,
  WORD_ADJECTIVE,
  WORD_NUMBER,
  WORD_DEMONSTRATIVE, /* this, that, these, those */
  WORD_ARTICLE,       /* a, an, the */
  WORD_POSSESSIVE,    /* his, her, their, ... */
  WORD_QUANTIFIER,    /* many, some, each, ... */
  WORD_PRONOUN,       /* he, it, they, you, ... */
  WORD_WH,            /* what, which, who, ... */
  WORD_BE,
  WORD_AUXILIARY, /* do, can, have, ...: the subject may stand after it */
  WORD_PREPOSITION,
  WORD_CONJUNCTION,
  WORD_ADVERB,
  WORD_VERB,       /* in its base form or with -s */
  WORD_PARTICIPLE, /* used, made, eaten: past forms */
  WORD_GERUND      /* wearing */
} word_class;

/* Of a word in lower case. */
word_class word_class_of(const char *word);

/* Verbs that are as often nouns: play, cross, cost, ... */
bool word_is_either(const char *word);
/* Nouns that name a relation and leave its object to "of": name, kind, part, ... */
bool word_is_relation(const char *word);
/* Those among them that sort things: kind, type, breed, ... */
bool word_is_sort(const char *word);
/* picture, photo, image, scene: the picture itself, not what is on it. */
bool word_is_picture(const char *word);
/* pictured, shown, ...: said of what is on a picture. */
bool word_is_shown(const char *word);
/* his, her, their, its: of somebody who may be key_set; your and my are not. */
bool word_owns(const char *word);

#endif

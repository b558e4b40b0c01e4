/* Noun phrases (see phrase.h).
 *
 * A phrase is a determiner, if there is one, and a run of nouns and adjectives that ends in a noun.
 * Words have no certain class, so the clause helps: after do, can, ... and a subject a verb must
 * come, and in "is this bird diurnal?" something must be said of the subject; where nothing else
 * serves, the last words of the run do. */
#include "data/phrase.h"

#include <string.h>
#include "base/plain.h"

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool is_mark(char c) { return c && strchr(",;:?!.\"()[]", c) != NULL; }

/* Lower case of ASCII, without 's. */
static void spell(const char *s, size_t n, qword *w) {
  w->owns = n > 2 && (s[n - 1] == 's' || s[n - 1] == 'S') && s[n - 2] == '\'';
  size_t k = w->owns ? n - 2 : n;
  if (k >= WORD_ROOM) k = WORD_ROOM - 1;
  for (size_t i = 0; i < k; i++) w->low[i] = (char)tolower((unsigned char)s[i]);
  w->low[k] = 0;
  w->is = word_class_of(w->low);
}

void question_words(const char *question, qtext *out) {
  const char *p = question;
  out->count = 0;
  while (*p && out->count < QUESTION_WORDS) {
    while (is_blank(*p)) p++;
    const char *from = p;
    while (*p && !is_blank(*p)) p++;
    const char *to = p;
    while (from < to && is_mark(*from)) from++;
    while (to > from && is_mark(to[-1])) to--;
    if (from == to) continue;
    qword *w = &out->words[out->count++];
    memset(w, 0, sizeof *w);
    w->begin = from - question;
    w->end = to - question;
    w->stops = to < p;
    spell(from, (size_t)(to - from), w);
  }
}

static word_class class_at(const qtext *q, int i) {
  return i >= 0 && i < q->count ? q->words[i].is : WORD_CONJUNCTION;
}

static bool is_determiner(word_class c) {
  return c == WORD_DEMONSTRATIVE || c == WORD_ARTICLE || c == WORD_POSSESSIVE;
}

static bool is_nominal(word_class c) {
  return c == WORD_NOUN || c == WORD_ADJECTIVE || c == WORD_NUMBER;
}

/* Whether word k goes on with a run that began at [from]. */
static bool continues(const qtext *q, int from, int k, bool determined, bool needs_verb) {
  word_class c = class_at(q, k), next = class_at(q, k + 1);
  if (k >= q->count || (k > from && q->words[k - 1].stops)) return false;
  if (is_nominal(c)) return true;
  if (k > from && q->words[k - 1].owns) return c == WORD_VERB;
  bool only_adjectives =
      k == from || q->words[k - 1].is == WORD_ADJECTIVE || q->words[k - 1].is == WORD_NUMBER;
  if (!only_adjectives || !determined) return false;
  bool before_noun = !q->words[k].stops && (next == WORD_NOUN || next == WORD_ADJECTIVE);
  if (c == WORD_GERUND || c == WORD_PARTICIPLE) return before_noun;
  return c == WORD_VERB && k == from && !needs_verb;
}

/* What stands in front of a subject decides what must come after it. */
typedef enum clause { CLAUSE_PLAIN, CLAUSE_NEEDS_VERB, CLAUSE_NEEDS_PREDICATE } clause;

static clause clause_of(const qtext *q, int first) {
  int p = first - 1;
  while (p >= 0 && q->words[p].is == WORD_ADVERB) p--;
  if (p < 0 || class_at(q, p) == WORD_AUXILIARY) return CLAUSE_NEEDS_VERB;
  bool why = p == 1 && strcmp(q->words[0].low, "why") == 0; /* why are the trees bare? */
  return (p == 0 || why) && q->words[p].is == WORD_BE ? CLAUSE_NEEDS_PREDICATE : CLAUSE_PLAIN;
}

static bool is_verbal(word_class c) {
  return c == WORD_VERB || c == WORD_BE || c == WORD_AUXILIARY || c == WORD_PARTICIPLE ||
         c == WORD_GERUND;
}

static bool is_verb_after(const qtext *q, int next) {
  int from = next;
  while (next < q->count && q->words[next].is == WORD_ADVERB) next++;
  if (next == q->count) return false;
  return is_verbal(q->words[next].is) || (next > from && word_is_either(q->words[next].low));
}

/* The last word of the subject [core, last] when a verb must come and none is after: a word that
 * may be a verb, else the last one; a noun in the plural there is the verb's object. */
static int before_verb(const qtext *q, int core, int last) {
  int k = core;
  if (!q->words[last].stops && is_verb_after(q, last + 1)) return last;
  while (k < last && q->words[k].is != WORD_NOUN) k++;
  for (int i = k + 1; i <= last; i++) {
    if (word_is_either(q->words[i].low)) return i - 1;
  }
  size_t n = strlen(q->words[last].low);
  bool object = last > k + 1 && n > 3 && q->words[last].low[n - 1] == 's';
  return object ? k : last > k ? last - 1 : last;
}

/* The same when something must be said of the subject. */
static int before_predicate(const qtext *q, int core, int last) {
  bool ends =
      last + 1 >= q->count || q->words[last].stops || q->words[last + 1].is == WORD_CONJUNCTION;
  int k = core;
  while (k < last && q->words[k].is != WORD_NOUN) k++;
  return ends && last > k ? last - 1 : last;
}

/* Whether the one noun after a demonstrative is no part of a phrase, because the clause needs it:
 * how does this work? is this fruit? */
static bool is_needed(const qtext *q, int k, clause c) {
  bool ends = k + 1 >= q->count || q->words[k].stops || q->words[k + 1].is == WORD_CONJUNCTION;
  if (class_at(q, k) != WORD_NOUN || k >= q->count || q->words[k].owns) return false;
  if (c == CLAUSE_NEEDS_PREDICATE) return ends;
  if (c != CLAUSE_NEEDS_VERB || !word_is_either(q->words[k].low)) return false;
  bool more = !q->words[k].stops && (is_nominal(class_at(q, k + 1)) ||
                                     (k + 1 < q->count && strcmp(q->words[k + 1].low, "of") == 0));
  return ends || (!more && !is_verb_after(q, k + 1));
}

/* The last word of the run that begins at k and, as far as it is a phrase, ends in a noun; below k:
 * there is none. */
static int last_of_run(const qtext *q, int k, bool determined, clause c) {
  int end = k;
  while (continues(q, k, end, determined, c == CLAUSE_NEEDS_VERB)) end++;
  int last = end - 1;
  while (last >= k && (q->words[last].is == WORD_ADJECTIVE || q->words[last].is == WORD_NUMBER))
    last--;
  if (last < k && end > k && determined && c == CLAUSE_NEEDS_VERB && is_verb_after(q, end))
    return end - 1; /* this executive is */
  if (last < k && end > k && class_at(q, k - 1) == WORD_ARTICLE) return end - 1; /* the light */
  if (last < k || last < end - 1) return last;
  if (c == CLAUSE_NEEDS_VERB) return before_verb(q, k, last);
  return c == CLAUSE_NEEDS_PREDICATE ? before_predicate(q, k, last) : last;
}

static bool phrase_in(const qtext *q, int i, clause c, phrase *out) {
  bool determined = is_determiner(class_at(q, i)) && i < q->count;
  int k = determined && !q->words[i].stops ? i + 1 : i;
  if (determined && k == i) return false;
  while (k < q->count && (q->words[k].is == WORD_NUMBER || q->words[k].is == WORD_QUANTIFIER) &&
         !q->words[k].stops && is_nominal(class_at(q, k + 1)))
    k++;
  if (class_at(q, i) == WORD_DEMONSTRATIVE && is_needed(q, k, c)) return false;
  *out = (phrase){i, k, last_of_run(q, k, determined, c)};
  return out->last >= k;
}

bool phrase_at(const qtext *q, int i, phrase *out) { return phrase_in(q, i, clause_of(q, i), out); }

/* Prepositions that say which thing is meant: mostly, where it is. */
static bool tells_where(const char *word) {
  static const char *const list[] = {"in",   "on",    "at",     "of",     "with",   "behind",
                                     "near", "under", "above",  "by",     "off",    "over",
                                     "from", "next",  "around", "inside", "beside", "below"};
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
    if (strcmp(word, list[i]) == 0) return true;
  }
  return false;
}

int phrase_tail(const qtext *q, int first, int i) {
  phrase p;
  if (i + 2 >= q->count || q->words[i].stops || q->words[i + 1].stops) return -1;
  clause c = clause_of(q, first); /* of the whole: does this type of train carry people? */
  if (c == CLAUSE_NEEDS_PREDICATE) c = CLAUSE_PLAIN;
  return tells_where(q->words[i + 1].low) && phrase_in(q, i + 2, c, &p) ? p.last : -1;
}

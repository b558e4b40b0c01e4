/* Proposals (see propose.h).  Each function looks for one form of words, and says what holds of
 * what it found; which form wins is the weights' affair. */
#include "data/propose.h"

#include <string.h>

const feature_info features[FEATURE_COUNT] = {
#define FEATURE(id, name, weight, meaning) {name, meaning, weight},
#include "data/features.def"
#undef FEATURE
};

typedef struct search {
  const qtext *q;
  proposals *out;
  int verb; /* the first auxiliary or verb: in front of it is what is asked for */
  int asked_first, asked_last; /* the noun that is asked for; last -1: none */
  int found[FEATURE_COUNT];    /* proposals by kind */
} search;

static word_class class_at(const qtext *q, int i) {
  return i >= 0 && i < q->count ? q->words[i].is : WORD_CONJUNCTION;
}

static bool is_word(const qtext *q, int i, const char *word) {
  return i >= 0 && i < q->count && strcmp(q->words[i].low, word) == 0;
}

/* A new proposal of a kind; NULL: there are too many. */
static proposal *add(search *s, feature kind, int first, int last) {
  if (s->out->count == PROPOSALS) return NULL;
  proposal *p = &s->out->items[s->out->count++];
  memset(p, 0, sizeof *p);
  p->first = first;
  p->last = last;
  p->holds[kind] = 1;
  p->holds[kind == FEATURE_BARE ? FEATURE_LATER_BARE : FEATURE_LATER] = (float)s->found[kind];
  int before = first - 1;
  while (class_at(s->q, before) == WORD_ADVERB ||
         (class_at(s->q, before) == WORD_ARTICLE && before >= 0))
    before--;
  word_class c = class_at(s->q, before);
  p->holds[FEATURE_SUBJECT] = before >= 0 && (c == WORD_BE || c == WORD_AUXILIARY);
  p->holds[FEATURE_IN_ASKED] =
      kind != FEATURE_ASKED && class_at(s->q, 0) == WORD_WH && first < s->verb;
  return p;
}

/* "hairstyle of the man": the man is what is seen. */
static bool is_of(const qtext *q, int head) {
  word_class c = class_at(q, head + 2);
  return !q->words[head].stops && is_word(q, head + 1, "of") &&
         (c == WORD_ARTICLE || c == WORD_DEMONSTRATIVE || c == WORD_POSSESSIVE);
}

/* The same of a noun phrase that ends in a head. */
static proposal *add_phrase(search *s, feature kind, int first, int head, int last) {
  proposal *p = add(s, kind, first, last);
  const char *noun = s->q->words[head].low;
  if (!p) return NULL;
  p->holds[FEATURE_PICTURE] = word_is_picture(noun);
  bool single = first == head, of = is_word(s->q, head + 1, "of") && !s->q->words[head].stops;
  bool relation = word_is_relation(noun) && (single || of);
  p->holds[FEATURE_RELATION] = kind != FEATURE_DEMONSTRATIVE && (relation || is_of(s->q, head));
  return p;
}

/* ---------------------------------------------------------------- what belongs to a phrase */

/* pictured, being used, shown (on the television): the last word, or -1. */
static int shown_end(const qtext *q, int first, int head) {
  int next = head + 1;
  if (next >= q->count || q->words[head].stops) return -1;
  if (is_word(q, next, "being") && class_at(q, next + 1) == WORD_PARTICIPLE) return next + 1;
  if (!word_is_shown(q->words[next].low)) return -1;
  int tail = phrase_tail(q, first, next);
  return tail >= 0 && !word_is_picture(q->words[tail].low) ? tail : next;
}

static bool has_demonstrative(const qtext *q, int from, int to) {
  for (int i = from; i <= to; i++) {
    if (q->words[i].is == WORD_DEMONSTRATIVE) return true;
  }
  return false;
}

/* The phrase and what may belong to it. */
static void add_with_tails(search *s, feature kind, const phrase *p) {
  const qtext *q = s->q;
  int tail = phrase_tail(q, p->first, p->last);
  int shown = shown_end(q, p->first, p->last);
  bool many = p->last > p->core;
  proposal *plain = add_phrase(s, kind, p->core, p->last, p->last), *longer;
  if (plain && tail >= 0 && !many) plain->holds[FEATURE_TAIL_LEFT] = 1;
  if (tail >= 0 && (longer = add_phrase(s, kind, p->core, p->last, tail)) != NULL) {
    longer->holds[FEATURE_TAIL] = 1;
    longer->holds[FEATURE_TAIL_OF_MANY] = many;
    longer->holds[FEATURE_TAIL_THIS] = !many && !is_word(q, p->last + 1, "of") &&
                                       has_demonstrative(q, p->last + 1, tail) &&
                                       !word_is_picture(q->words[tail].low);
    longer->holds[FEATURE_TAIL_PICTURE] = word_is_picture(q->words[tail].low);
  }
  if (shown >= 0 && (longer = add_phrase(s, kind, p->core, p->last, shown)) != NULL)
    longer->holds[FEATURE_SHOWN] = 1;
  s->found[kind]++;
}

/* ---------------------------------------------------------------- demonstratives */

/* "that" that points: not after a noun (people that pledge) nor in front of a clause (that the).
 */
static bool points(const qtext *q, int i) {
  word_class before = class_at(q, i - 1), next = class_at(q, i + 1);
  if (q->words[i].is != WORD_DEMONSTRATIVE) return false;
  if (!is_word(q, i, "that") || i == 0) return true;
  if (next == WORD_ARTICLE || next == WORD_PRONOUN || next == WORD_DEMONSTRATIVE ||
      next == WORD_AUXILIARY)
    return false;
  return before == WORD_BE || before == WORD_AUXILIARY || before == WORD_PREPOSITION ||
         before == WORD_ADVERB || before == WORD_CONJUNCTION ||
         (before == WORD_VERB && next == WORD_NOUN);
}

/* "this type of blanket": the last word with "of" and what it sorts. */
static int sort_end(const qtext *q, int first, int last) {
  static const char *const more[] = {"item", "article", "piece", "pair", "mode", "set", "group"};
  bool sorts = word_is_sort(q->words[last].low);
  for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) sorts |= is_word(q, last, more[i]);
  if (!sorts || q->words[last].stops || !is_word(q, last + 1, "of")) return last;
  int tail = phrase_tail(q, first, last);
  return tail >= 0 ? tail : last;
}

static void add_demonstrative(search *s, const phrase *p) {
  int last = sort_end(s->q, p->first, p->last);
  add_phrase(s, FEATURE_DEMONSTRATIVE, p->first, last, last);
  for (int end = p->core; end < last; end++) { /* for readers who want less */
    proposal *cut = add_phrase(s, FEATURE_DEMONSTRATIVE, p->first, end, end);
    if (cut) cut->holds[FEATURE_SHORT] = 1;
  }
  s->found[FEATURE_DEMONSTRATIVE]++;
}

/* The noun phrase that ends at word i, without its determiner: its first word, or -1. */
static int phrase_before(const qtext *q, int i) {
  int from = i;
  if (class_at(q, i) != WORD_NOUN || q->words[i].stops) return -1;
  while (from > 0 && !q->words[from - 1].stops &&
         (class_at(q, from - 1) == WORD_NOUN || class_at(q, from - 1) == WORD_ADJECTIVE))
    from--;
  return from;
}

static void add_alone(search *s, int i) {
  const qtext *q = s->q;
  int noun;
  if (is_word(q, i - 1, "like") && (noun = phrase_before(q, i - 2)) >= 0)
    add(s, FEATURE_LIKE, noun, i);
  if (is_word(q, i - 1, "of") && (is_word(q, i - 2, "one") || is_word(q, i - 2, "some")))
    add(s, FEATURE_ONE_OF, i - 2, i);
  bool sorted = s->asked_last >= 0 && s->asked_first > 0 && is_word(q, s->asked_first - 1, "of");
  if (sorted && class_at(q, i - 1) == WORD_BE && s->asked_last == i - 2)
    add(s, FEATURE_SORT_IS, s->asked_first, i);
  add(s, FEATURE_ALONE, i, i);
  s->found[FEATURE_ALONE]++;
}

/* ---------------------------------------------------------------- the others */

/* Articles, possessives and phrases without a determiner; returns the last word looked at. */
static int add_noun_phrase(search *s, int i) {
  phrase p;
  word_class c = class_at(s->q, i);
  if (c == WORD_ARTICLE && !is_word(s->q, i, "the")) {
    return i; /* what follows is found as a bare phrase */
  }
  if (!phrase_at(s->q, i, &p)) return i;
  if (c == WORD_POSSESSIVE && !word_owns(s->q->words[i].low)) return p.last;
  if (i >= s->asked_first && i <= s->asked_last) return i;
  phrase sorted;
  if (word_is_sort(s->q->words[p.last].low) && is_word(s->q, p.last + 1, "of") &&
      class_at(s->q, p.last + 2) == WORD_NOUN && phrase_at(s->q, p.last + 2, &sorted))
    p = sorted; /* the type of blade: the blade */
  feature kind = c == WORD_ARTICLE      ? FEATURE_DEFINITE
                 : c == WORD_POSSESSIVE ? FEATURE_OWNED
                                        : FEATURE_BARE;
  add_with_tails(s, kind, &p);
  return p.last;
}

static void add_person(search *s, int i) {
  const qtext *q = s->q;
  if (is_word(q, i, "they") && (is_word(q, i + 1, "call") || is_word(q, i + 1, "say"))) return;
  proposal *p = add(s, FEATURE_PERSON, i, i);
  word_class before = class_at(q, i - 1);
  bool subject = before == WORD_BE || before == WORD_AUXILIARY;
  if (p && is_word(q, i, "it"))
    p->holds[FEATURE_EXPLETIVE] = i == q->count - 1 || (!subject && before != WORD_PREPOSITION);
}

/* which item in this room */
static void add_asked_tail(search *s) {
  const qtext *q = s->q;
  int head = s->asked_last, tail = phrase_tail(q, s->asked_first, head);
  if (tail < 0 || is_word(q, head + 1, "of") || word_is_picture(q->words[tail].low) ||
      !has_demonstrative(q, head + 1, tail))
    return;
  proposal *p = add_phrase(s, FEATURE_ASKED, s->asked_first, head, tail);
  if (p) p->holds[FEATURE_TAIL] = p->holds[FEATURE_TAIL_THIS] = 1;
}

/* What happens to what is asked for. */
static void add_asked(search *s) {
  const qtext *q = s->q;
  if (s->asked_last < 0) return;
  proposal *p = add_phrase(s, FEATURE_ASKED, s->asked_first, s->asked_last, s->asked_last);
  int next = s->asked_last + 1;
  bool sorted = is_word(q, s->asked_first - 1, "of"), is = class_at(q, next) == WORD_BE;
  bool told = class_at(q, 0) != WORD_WH && class_at(q, 0) != WORD_PREPOSITION;
  if (!p || next >= q->count) return;
  word_class after = class_at(q, next + 1);
  bool done = after == WORD_PARTICIPLE || after == WORD_GERUND || is_word(q, next + 1, "being");
  p->holds[FEATURE_ASKED_PASSIVE] = (is && done) || word_is_shown(q->words[next].low);
  p->holds[FEATURE_ASKED_PLACED] = is && sorted && after == WORD_PREPOSITION;
  for (int i = next + 1; (is || told) && i < q->count; i++) {
    if (class_at(q, i) == WORD_GERUND && i > next + 1 && (sorted || is_word(q, i, "wearing")))
      p->holds[FEATURE_ASKED_OBJECT] = 1;
  }
  add_asked_tail(s);
}

/* What is asked for: after "what", or after "what kind of". */
static void find_asked(search *s) {
  const qtext *q = s->q;
  phrase p, sorted;
  int from = 0;
  s->asked_first = s->asked_last = -1;
  while (from < q->count && class_at(q, from) != WORD_WH && from < 2) from++;
  bool told = is_word(q, 0, "name") || is_word(q, 0, "identify") || is_word(q, 0, "guess");
  if (told) from = 0; /* name the type of hat ... */
  if (from >= q->count || (class_at(q, from) != WORD_WH && !told)) return;
  if (!phrase_at(q, from + 1, &p) || (told && !word_is_sort(q->words[p.last].low))) return;
  if (p.last + 1 < q->count && is_word(q, p.last + 1, "of") && word_is_sort(q->words[p.last].low) &&
      phrase_at(q, p.last + 2, &sorted) && class_at(q, sorted.first) != WORD_DEMONSTRATIVE) {
    s->asked_first = sorted.core;
    s->asked_last = sorted.last;
    return;
  }
  s->asked_first = p.core;
  s->asked_last = p.last;
  bool time = is_word(q, p.last, "time") && is_word(q, p.last + 1, "of"); /* of day, of year */
  if (time && class_at(q, p.last + 2) == WORD_NOUN) s->asked_last = p.last + 2;
}

static int first_verb(const qtext *q) {
  int i = 0;
  while (i < q->count && class_at(q, i) != WORD_BE && class_at(q, i) != WORD_AUXILIARY &&
         class_at(q, i) != WORD_VERB && class_at(q, i) != WORD_PARTICIPLE)
    i++;
  return i;
}

void propose(const qtext *q, proposals *out) {
  search s = {.q = q, .out = out};
  phrase p;
  out->count = 0;
  s.verb = first_verb(q);
  find_asked(&s);
  add_asked(&s);
  for (int i = 0; i < q->count; i++) {
    word_class c = class_at(q, i);
    if (c == WORD_DEMONSTRATIVE) {
      if (!points(q, i)) continue;
      if (phrase_at(q, i, &p)) {
        add_demonstrative(&s, &p);
        i = p.last;
      } else if (is_word(q, i + 1, "one") || is_word(q, i + 1, "ones")) {
        add(&s, FEATURE_DEMONSTRATIVE, i, i + 1);
      } else {
        add_alone(&s, i);
      }
    } else if (is_word(q, i, "he") || is_word(q, i, "she") || is_word(q, i, "they") ||
               is_word(q, i, "it") || is_word(q, i, "him") || is_word(q, i, "them")) {
      add_person(&s, i);
    } else if (is_word(q, i, "here")) {
      add(&s, FEATURE_HERE, i, i);
    } else if (c == WORD_ARTICLE || c == WORD_POSSESSIVE || c == WORD_NOUN || c == WORD_ADJECTIVE) {
      i = add_noun_phrase(&s, i);
    }
  }
}

double proposal_score(const proposal *p, const double weights[FEATURE_COUNT]) {
  double sum = 0;
  for (int f = 0; f < FEATURE_COUNT; f++) sum += (double)p->holds[f] * weights[f];
  return sum;
}

int proposal_best(const proposals *p, const double weights[FEATURE_COUNT]) {
  int best = -1;
  double most = 0;
  for (int i = 0; i < p->count; i++) {
    double score = proposal_score(&p->items[i], weights);
    if (best >= 0 && score <= most) continue;
    best = i;
    most = score;
  }
  return best;
}

/* VQA accuracy (see vqa_accuracy.h): the script's steps in the script's order, its slips included.
 *
 * 1. Line ends and tabs become blanks, blanks at the ends go.
 * 2. Each mark of [marks] is taken out wherever it stands, if somewhere in the answer it stands
 *    beside a blank or the answer has a comma between digits; else it becomes a blank.
 * 3. The first 32 points that no digit follows go.  (The 32 is re.UNICODE, handed to re.sub as a
 *    count; what should keep a point after a digit is misspelt and keeps none.)
 * 4. Lower case; words; none and zero to ten as digits; no articles; apostrophes where a list of
 *    contractions has them.
 *
 * The script is Python 2's: a digit is 0 to 9, a blank is any of Unicode's. */
#include "data/vqa_accuracy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "data/choice.h"
#include "text/unicode.h"

enum { MOST_POINTS = 32, FULL_MARKS = 3 };

static const char marks[] = ";/[]\"{}()=+\\_-><@`,?!";

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Python's str.isspace: Unicode's blanks and the four separators of ASCII. */
static bool is_blank(uint32_t r) { return rune_is_space(r) || (r >= 0x1C && r <= 0x1F); }

/* ---------------------------------------------------------------- words */

typedef struct pair {
  const char *from, *to;
} pair;

static const pair digits[] = {{"none", "0"},  {"zero", "0"},  {"one", "1"},  {"two", "2"},
                              {"three", "3"}, {"four", "4"},  {"five", "5"}, {"six", "6"},
                              {"seven", "7"}, {"eight", "8"}, {"nine", "9"}, {"ten", "10"}};

/* The script's list but for the words it leaves as they are and those with a capital letter, which
 * no word has any more where it looks. */
static const pair contractions[] = {
    {"aint", "ain't"},
    {"arent", "aren't"},
    {"cant", "can't"},
    {"couldve", "could've"},
    {"couldnt", "couldn't"},
    {"couldn'tve", "couldn't've"},
    {"couldnt've", "couldn't've"},
    {"didnt", "didn't"},
    {"doesnt", "doesn't"},
    {"dont", "don't"},
    {"hadnt", "hadn't"},
    {"hadnt've", "hadn't've"},
    {"hadn'tve", "hadn't've"},
    {"hasnt", "hasn't"},
    {"havent", "haven't"},
    {"hed", "he'd"},
    {"hed've", "he'd've"},
    {"he'dve", "he'd've"},
    {"hes", "he's"},
    {"howd", "how'd"},
    {"howll", "how'll"},
    {"hows", "how's"},
    {"isnt", "isn't"},
    {"itd", "it'd"},
    {"itd've", "it'd've"},
    {"it'dve", "it'd've"},
    {"itll", "it'll"},
    {"maam", "ma'am"},
    {"mightnt", "mightn't"},
    {"mightnt've", "mightn't've"},
    {"mightn'tve", "mightn't've"},
    {"mightve", "might've"},
    {"mustnt", "mustn't"},
    {"mustve", "must've"},
    {"neednt", "needn't"},
    {"notve", "not've"},
    {"oclock", "o'clock"},
    {"oughtnt", "oughtn't"},
    {"ow's'at", "'ow's'at"},
    {"'ows'at", "'ow's'at"},
    {"'ow'sat", "'ow's'at"},
    {"shant", "shan't"},
    {"shed've", "she'd've"},
    {"she'dve", "she'd've"},
    {"shouldve", "should've"},
    {"shouldnt", "shouldn't"},
    {"shouldnt've", "shouldn't've"},
    {"shouldn'tve", "shouldn't've"},
    {"somebody'd", "somebodyd"},
    {"somebodyd've", "somebody'd've"},
    {"somebody'dve", "somebody'd've"},
    {"somebodyll", "somebody'll"},
    {"somebodys", "somebody's"},
    {"someoned", "someone'd"},
    {"someoned've", "someone'd've"},
    {"someone'dve", "someone'd've"},
    {"someonell", "someone'll"},
    {"someones", "someone's"},
    {"somethingd", "something'd"},
    {"somethingd've", "something'd've"},
    {"something'dve", "something'd've"},
    {"somethingll", "something'll"},
    {"thats", "that's"},
    {"thered", "there'd"},
    {"thered've", "there'd've"},
    {"there'dve", "there'd've"},
    {"therere", "there're"},
    {"theres", "there's"},
    {"theyd", "they'd"},
    {"theyd've", "they'd've"},
    {"they'dve", "they'd've"},
    {"theyll", "they'll"},
    {"theyre", "they're"},
    {"theyve", "they've"},
    {"twas", "'twas"},
    {"wasnt", "wasn't"},
    {"wed've", "we'd've"},
    {"we'dve", "we'd've"},
    {"weve", "we've"},
    {"werent", "weren't"},
    {"whatll", "what'll"},
    {"whatre", "what're"},
    {"whats", "what's"},
    {"whatve", "what've"},
    {"whens", "when's"},
    {"whered", "where'd"},
    {"wheres", "where's"},
    {"whereve", "where've"},
    {"whod", "who'd"},
    {"whod've", "who'd've"},
    {"who'dve", "who'd've"},
    {"wholl", "who'll"},
    {"whos", "who's"},
    {"whove", "who've"},
    {"whyll", "why'll"},
    {"whyre", "why're"},
    {"whys", "why's"},
    {"wont", "won't"},
    {"wouldve", "would've"},
    {"wouldnt", "wouldn't"},
    {"wouldnt've", "wouldn't've"},
    {"wouldn'tve", "wouldn't've"},
    {"yall", "y'all"},
    {"yall'll", "y'all'll"},
    {"y'allll", "y'all'll"},
    {"yall'd've", "y'all'd've"},
    {"y'alld've", "y'all'd've"},
    {"y'all'dve", "y'all'd've"},
    {"youd", "you'd"},
    {"youd've", "you'd've"},
    {"you'dve", "you'd've"},
    {"youll", "you'll"},
    {"youre", "you're"},
    {"youve", "you've"},
};

static const char *looked_up(const pair *list, size_t n, const char *word) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(list[i].from, word) == 0) return list[i].to;
  return word;
}
#define LOOKED_UP(list, word) looked_up(list, sizeof(list) / sizeof *(list), word)

static bool is_article(const char *word) {
  return strcmp(word, "a") == 0 || strcmp(word, "an") == 0 || strcmp(word, "the") == 0;
}

/* ---------------------------------------------------------------- steps */

/* Step 1: what the script compares where it does nothing else. */
static char *stripped(const char *s, arena *mem) {
  size_t n = strlen(s), from = n, to = 0;
  for (size_t i = 0; i < n;) {
    uint32_t r;
    int bytes = utf8_decode(s + i, n - i, &r);
    size_t step = (size_t)(bytes ? bytes : utf8_invalid_length(s + i, n - i));
    if (!bytes || !is_blank(r)) {
      if (from == n) from = i;
      to = i + step;
    }
    i += step;
  }
  char *out = arena_strndup(mem, s + from, to > from ? to - from : 0);
  for (char *c = out; c && *c; c++)
    if (*c == '\n' || *c == '\t') *c = ' ';
  return out;
}

static bool has_number_with_comma(const char *s) {
  for (const char *c = strchr(s, ','); c; c = strchr(c + 1, ','))
    if (c > s && is_digit(c[-1]) && is_digit(c[1])) return true;
  return false;
}

static bool stands_at_blank(const char *s, char mark) {
  for (const char *c = strchr(s, mark); c; c = strchr(c + 1, mark))
    if (c[1] == ' ' || (c > s && c[-1] == ' ')) return true;
  return false;
}

/* Steps 2 and 3, in place: what stands beside a mark is looked up before any is taken out. */
static void take_marks(char *s) {
  bool out[sizeof marks], all = has_number_with_comma(s);
  for (size_t i = 0; marks[i]; i++) out[i] = all || stands_at_blank(s, marks[i]);
  char *to = s;
  for (const char *c = s; *c; c++) {
    const char *mark = strchr(marks, *c);
    if (mark && out[mark - marks]) continue;
    *to++ = mark ? ' ' : *c;
  }
  *to = 0;
  int points = 0;
  to = s;
  for (const char *c = s; *c; c++) {
    if (*c == '.' && !is_digit(c[1]) && points++ < MOST_POINTS) continue;
    *to++ = *c;
  }
  *to = 0;
}

/* Lower case, with every run of blanks as one '\n', which step 1 left none of.  [out] has room for
 * four bytes a byte. */
static void lower_words(const char *s, char *out) {
  size_t n = strlen(s), k = 0;
  for (size_t i = 0; i < n;) {
    uint32_t r;
    int bytes = utf8_decode(s + i, n - i, &r);
    if (!bytes) {
      size_t bad = (size_t)utf8_invalid_length(s + i, n - i);
      memcpy(out + k, s + i, bad);
      k += bad;
      i += bad;
      continue;
    }
    i += (size_t)bytes;
    if (is_blank(r)) {
      if (k > 0 && out[k - 1] != '\n') out[k++] = '\n';
    } else {
      k += (size_t)utf8_encode(rune_lower(r), out + k);
    }
  }
  out[k] = 0;
}

/* Step 4.  A contraction has at most two apostrophes more than what it is spelt as. */
static void join_words(char *words, char *out) {
  char *rest = NULL, *end = out;
  for (char *w = strtok_r(words, "\n", &rest); w; w = strtok_r(NULL, "\n", &rest)) {
    const char *as = LOOKED_UP(digits, w);
    if (is_article(as)) continue;
    as = LOOKED_UP(contractions, as);
    size_t n = strlen(as);
    if (end > out) *end++ = ' ';
    memcpy(end, as, n);
    end += n;
  }
  *end = 0;
}

static loci_status normalise(const char *plain, arena *mem, char **out, loci_err *err) {
  int64_t n = (int64_t)strlen(plain);
  char *s = arena_strdup(mem, plain), *words = arena_array(mem, 4 * n + 1, char);
  *out = arena_array(mem, 12 * n + 1, char);
  if (!s || !words || !*out) return fail_nomem(err, "comparing answers");
  take_marks(s);
  lower_words(s, words);
  join_words(words, *out);
  return LOCI_OK;
}

loci_status vqa_normalise(const char *answer, arena *mem, char **out, loci_err *err) {
  char *plain = stripped(answer, mem);
  return plain ? normalise(plain, mem, out, err) : fail_nomem(err, "comparing answers");
}

/* ---------------------------------------------------------------- accuracy */

/* Of n votes m match.  The m that match see m - 1 others that do, the n - m others see m. */
static double left_one_out(int m, int n) {
  double others = m < FULL_MARKS ? (double)m / FULL_MARKS : 1;
  double matching = m > FULL_MARKS ? 1 : (double)(m - 1) / FULL_MARKS;
  return m > 0 ? (m * matching + (n - m) * others) / n : 0;
}

static loci_status compare(const char *answer, const char *const *votes, int n, arena *mem,
                           double *out, loci_err *err) {
  char **plain = arena_zarray(mem, n + 1, char *);
  if (!plain) return fail_nomem(err, "comparing answers");
  int matches = 0;
  bool divided = false;
  for (int i = 0; i <= n; i++) {
    plain[i] = stripped(i < n ? votes[i] : answer, mem);
    if (!plain[i]) return fail_nomem(err, "comparing answers");
    divided |= i < n && strcmp(plain[i], plain[0]) != 0;
  }
  for (int i = 0; divided && i <= n; i++) TRY(normalise(plain[i], mem, &plain[i], err));
  for (int i = 0; i < n; i++) matches += strcmp(plain[i], plain[n]) == 0;
  *out = left_one_out(matches, n);
  return LOCI_OK;
}

loci_status vqa_accuracy(const char *answer, const char *const *votes, int count, double *out,
                         loci_err *err) {
  arena *mem = arena_new();
  if (!mem) return fail_nomem(err, "comparing answers");
  loci_status st = compare(answer, votes, count, mem, out, err);
  arena_free(mem);
  return st;
}

loci_status example_votes(const loci_example *e, const char *path, const char *unit, arena *mem,
                          const char *const **out, int *count, loci_err *err) {
  const char *text = example_field(e, "votes");
  loci_err own = {0};
  *out = NULL;
  *count = 0;
  if (!text) return LOCI_OK;
  loci_status st = choice_list(text, mem, out, count, &own);
  if (!st && *count == 1) st = fail(&own, LOCI_EFORMAT, "has one vote, expected several");
  if (!st) return LOCI_OK;
  if (!status_is_own(st)) return pass_on(&own, err);
  return fail(err, st, "%s, %s %" PRId64 ": \"votes\" %.150s", path, unit, e->line, own.msg);
}

/* Nearest word by optimal string alignment (insert, delete, change, swap neighbours; each costs 1).
 * A word is near when the distance is at most a third of the typed length, or when what was typed
 * begins it and no other. */
#include "did_you_mean.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { LONGEST = 40 };

static int min2(int a, int b) { return a < b ? a : b; }

static bool same(char a, char b) {
  if (a == '_') a = '-';
  if (b == '_') b = '-';
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* d[i][j]: cost of turning the first i letters of a into the first j of b. */
static int distance(const char *a, const char *b) {
  int n = (int)strlen(a), m = (int)strlen(b);
  int d[LONGEST + 1][LONGEST + 1];
  if (n > LONGEST || m > LONGEST) return LONGEST;
  for (int i = 0; i <= n; i++) d[i][0] = i;
  for (int j = 0; j <= m; j++) d[0][j] = j;
  for (int i = 1; i <= n; i++) {
    for (int j = 1; j <= m; j++) {
      int best =
          min2(min2(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + !same(a[i - 1], b[j - 1]));
      bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
      d[i][j] = swapped ? min2(best, d[i - 2][j - 2] + 1) : best;
    }
  }
  return d[n][m];
}

const char *did_you_mean(const char *typed, const char *const *words, int n) {
  const char *nearest = NULL, *begun = NULL;
  int limit = ((int)strlen(typed) + 2) / 3, begins = 0;
  int best = limit + 1;
  for (int i = 0; i < n; i++) {
    int d = distance(typed, words[i]);
    if (d < best) {
      best = d;
      nearest = words[i];
    }
    if (strlen(typed) >= 2 && strncmp(typed, words[i], strlen(typed)) == 0) {
      begun = words[i];
      begins++;
    }
  }
  return nearest ? nearest : begins == 1 ? begun : NULL;
}

/* Names that users type (see names.h), and the list of sites from loci_sites.def. */
#include "base/names.h"

#include <string.h>

#include "base/status.h"

enum { LONGEST = 64 };

/* Edit distance of words of at most LONGEST letters. */
static int distance(const char *a, int n, const char *b, int m) {
  int line[LONGEST + 1];
  for (int j = 0; j <= m; j++) line[j] = j;
  for (int i = 1; i <= n; i++) {
    int diagonal = line[0];
    line[0] = i;
    for (int j = 1; j <= m; j++) {
      int best = diagonal + (a[i - 1] != b[j - 1]);
      if (line[j] + 1 < best) best = line[j] + 1;
      if (line[j - 1] + 1 < best) best = line[j - 1] + 1;
      diagonal = line[j];
      line[j] = best;
    }
  }
  return line[m];
}

int nearest_name(const char *given, const char *const *names, int n) {
  size_t length = strlen(given);
  int best = -1, smallest = LONGEST;
  for (int i = 0; length <= LONGEST && i < n; i++) {
    size_t m = strlen(names[i]);
    if (m > LONGEST) continue;
    int d = distance(given, (int)length, names[i], (int)m);
    int allowed = (int)(length > m ? length : m) / 3;
    if (d <= (allowed > 1 ? allowed : 1) && d < smallest) {
      smallest = d;
      best = i;
    }
  }
  return best;
}

typedef struct site_entry {
  const char *name, *axes, *meaning;
} site_entry;

static const site_entry sites[LOCI_SITE_COUNT] = {
#define SITE(id, name, axes, meaning) {name, axes, meaning},
#include "loci_sites.def"
#undef SITE
};

static bool is_site(loci_site s) { return (int)s >= 0 && s < LOCI_SITE_COUNT; }

const char *loci_site_name(loci_site s) { return is_site(s) ? sites[s].name : "unknown"; }
const char *loci_site_axes(loci_site s) { return is_site(s) ? sites[s].axes : ""; }
const char *loci_site_meaning(loci_site s) { return is_site(s) ? sites[s].meaning : ""; }

loci_status loci_site_find(const char *name, loci_site *out, loci_err *err) {
  const char *names[LOCI_SITE_COUNT];
  for (int i = 0; i < LOCI_SITE_COUNT; i++) {
    names[i] = sites[i].name;
    if (strcmp(name, names[i]) == 0) {
      *out = (loci_site)i;
      return LOCI_OK;
    }
  }
  int near = nearest_name(name, names, LOCI_SITE_COUNT);
  return fail(err, LOCI_EINVAL, "unknown site \"%s\"%s%s%s", name,
              near >= 0 ? "; did you mean \"" : "", near >= 0 ? names[near] : "",
              near >= 0 ? "\"?" : "; loci help record lists them");
}

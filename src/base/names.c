/* Tables of names and the nearest of them (see names.h).
 *
 * Nearest by optimal string alignment (insert, delete, change, swap neighbours; each costs 1): a
 * word is near when what was typed begins it and no other, or when the distance is at most a third
 * of the typed length. */
#include "base/names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/plain.h"

enum { LONGEST = 64, MOST_NAMES = 64 };

typedef struct entry {
  const char *name, *meaning;
} entry;

#define END                                                                                        \
  { NULL, NULL }
static const entry site_list[] = {
#define SITE(id, name, axes, meaning, number) [number] = {name, meaning " (" axes ")"},
#include "loci_sites.def"
#undef SITE
    END};
static const entry groups[] = {
#define GROUP(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry roles[] = {
#define ROLE(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry corruptions[] = {
#define CORRUPTION(id, name, argument, on_image, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry metrics[] = {
#define METRIC(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry directions[] = {
#define DIRECTION(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry methods[] = {
#define METHOD(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry studies[] = {
#define STUDY(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry choices[] = {
#define CHOICE(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry precisions[] = {
#define PRECISION(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry templates[] = {
#define TEMPLATE(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};
static const entry presets[] = {
#define PRESET(id, name, meaning) {name, meaning},
#include "loci_names.def"
    END};

static const struct {
  const char *noun;
  const entry *entries;
} lists[LOCI_NAMES_LISTS] = {
    [LOCI_NAMES_SITE] = {"site", site_list},
    [LOCI_NAMES_GROUP] = {"group", groups},
    [LOCI_NAMES_ROLE] = {"role", roles},
    [LOCI_NAMES_CORRUPTION] = {"corruption", corruptions},
    [LOCI_NAMES_METRIC] = {"metric", metrics},
    [LOCI_NAMES_DIRECTION] = {"direction", directions},
    [LOCI_NAMES_METHOD] = {"method", methods},
    [LOCI_NAMES_STUDY] = {"measurement", studies},
    [LOCI_NAMES_CHOICE] = {"choice", choices},
    [LOCI_NAMES_PRECISION] = {"precision", precisions},
    [LOCI_NAMES_TEMPLATE] = {"template", templates},
    [LOCI_NAMES_PRESET] = {"preset", presets},
};

static const entry *entry_at(loci_names list, int i) {
  static const entry none = END;
  if ((int)list < 0 || list >= LOCI_NAMES_LISTS || i < 0) return &none;
  const entry *e = lists[list].entries;
  while (i-- > 0 && e->name) e++;
  return e;
}

const char *loci_name(loci_names list, int i) { return entry_at(list, i)->name; }
const char *loci_name_meaning(loci_names list, int i) { return entry_at(list, i)->meaning; }

/* ---------------------------------------------------------------- the nearest */

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

int nearest_name(const char *given, const char *const *names, int n) {
  int nearest = -1, begun = -1, begins = 0, length = (int)strlen(given);
  int best = (length + 2) / 3 + 1;
  for (int i = 0; i < n && length <= LONGEST; i++) {
    int d = distance(given, names[i]);
    if (d < best) {
      best = d;
      nearest = i;
    }
    if (length >= 2 && strncmp(given, names[i], (size_t)length) == 0) {
      begun = i;
      begins++;
    }
  }
  return begins == 1 ? begun : nearest;
}

const char *loci_name_near(const char *typed, const char *const *words, int n) {
  int i = nearest_name(typed, words, n);
  return i < 0 ? NULL : words[i];
}

/* ---------------------------------------------------------------- finding */

/* What TransformerLens calls a site, in the list's spelling: "blocks.3.attn.hook_z" is z,
 * "blocks.0.mlp.hook_post" mlp_post. */
static void without_hooks(const char *given, char out[2 * LONGEST]) {
  const char *hook = strstr(given, "hook_");
  bool inside = hook && hook - given >= 4 && strncmp(hook - 4, "mlp.", 4) == 0;
  snprintf(out, 2 * LONGEST, "%s%s", inside ? "mlp_" : "", hook ? hook + 5 : given);
  if (strcmp(out, "normalized") == 0) snprintf(out, 2 * LONGEST, "final_norm");
}

static loci_status unknown(loci_names list, const char *word, loci_err *err) {
  const char *words[MOST_NAMES], *name;
  char plain[2 * LONGEST], all[256] = "";
  int n = 0;
  size_t used = 0;
  for (; n < MOST_NAMES && (name = loci_name(list, n)) != NULL; n++) {
    words[n] = name;
    int more = snprintf(all + used, sizeof all - used, "%s%s", n ? ", " : "", name);
    used += used + (size_t)more < sizeof all ? (size_t)more : 0;
  }
  without_hooks(word, plain);
  const char *near = loci_name_near(list == LOCI_NAMES_SITE ? plain : word, words, n);
  if (near)
    return fail(err, LOCI_EINVAL, "unknown %s \"%s\"; did you mean %s?", lists[list].noun, word,
                near);
  return fail(err, LOCI_EINVAL, "unknown %s \"%s\": expected %s", lists[list].noun, word, all);
}

loci_status name_find(loci_names list, const char *given, size_t n, int *out, loci_err *err) {
  char word[80];
  const char *name;
  for (int i = 0; (name = loci_name(list, i)) != NULL; i++) {
    if (strlen(name) != n || memcmp(name, given, n) != 0) continue;
    *out = i;
    return LOCI_OK;
  }
  snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), given);
  return unknown(list, word, err);
}

loci_status loci_name_find(loci_names list, const char *name, int *out, loci_err *err) {
  NEEDS(name, "name");
  NEEDS(out, "place for the result");
  if (list == LOCI_NAMES_SITE) TRY(hook_site(name, &name, err));
  return name_find(list, name, strlen(name), out, err);
}

/* ---------------------------------------------------------------- sites and roles */

static const char *name_of(loci_names list, int i) {
  const char *name = loci_name(list, i);
  return name ? name : "unknown";
}

const char *site_name(loci_site s) { return name_of(LOCI_NAMES_SITE, (int)s); }
const char *role_name(loci_role role) { return name_of(LOCI_NAMES_ROLE, (int)role); }

/* The series of numbers that measurements give: their names, their places and what they can be (see
 * average.h).  An average draws its intervals within it, and what is read from a store is held to
 * it. */
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "study/average_tests.h"

/* Which numbers a series has: as a layer has one each, or as a picture has parts. */
typedef enum extent { BY_LAYER, BY_PART } extent;

/* Quantities by name: the range of their numbers, and whether they say how good an answer is. */
static const struct quantity {
  const char *name;
  const stat_range *range;
  bool outcome;
  extent extent;
} quantities[] = {{"clean p", &stat_probability, false, BY_LAYER},
                  {"corrupted p", &stat_probability, false, BY_LAYER},
                  {"confidence", &stat_probability, false, BY_LAYER},
                  {"margin", &stat_probability, false, BY_LAYER},
                  {"p", &stat_probability, false, BY_LAYER},
                  {"p of the target", &stat_probability, false, BY_LAYER},
                  {"top share", &stat_probability, false, BY_LAYER},
                  {"visual tokens", &stat_probability, false, BY_PART},
                  {"visual places", &stat_probability, false, BY_PART},
                  {"top visual tokens", &stat_amount, false, BY_PART},
                  {"top visual places", &stat_amount, false, BY_PART},
                  {"right", &stat_shares, true, BY_LAYER},
                  {"first token right", &stat_shares, true, BY_LAYER},
                  {"VQA accuracy", &stat_probability, true, BY_LAYER},
                  {"target leads", &stat_shares, false, BY_LAYER},
                  {"total effect", &stat_change, false, BY_LAYER},
                  {"total" AVERAGE_LOGITS, &stat_any, false, BY_LAYER},
                  {"change", &stat_change, false, BY_LAYER},
                  {"right, donor", &stat_shares, false, BY_LAYER},
                  {"right, own", &stat_shares, false, BY_LAYER},
                  {"right, donor less own", &stat_change, false, BY_LAYER},
                  {"image -> constraint-last", &stat_amount, false, BY_LAYER},
                  {"image-base -> constraint-last", &stat_amount, false, BY_LAYER},
                  {"image-tiles -> constraint-last", &stat_amount, false, BY_LAYER},
                  {"constraint -> last", &stat_amount, false, BY_LAYER},
                  {"mean constraint -> last", &stat_amount, false, BY_LAYER}};

static const struct quantity *find_quantity(const char *name) {
  for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++)
    if (strcmp(quantities[i].name, name) == 0) return &quantities[i];
  return NULL;
}

stat_range average_range(const char *quantity) {
  const struct quantity *known = find_quantity(quantity);
  int site;
  if (known) return *known->range;
  if (strstr(quantity, AVERAGE_LOGITS)) return stat_any;
  if (strstr(quantity, AVERAGE_BY_HEAD)) return stat_change;
  return loci_name_find(LOCI_NAMES_SITE, quantity, &site, NULL) ? stat_any
                                                                : stat_change; /* a site's effect */
}

bool average_is_outcome(const char *quantity) {
  const struct quantity *known = find_quantity(quantity);
  return known && known->outcome;
}

bool average_is_beside(const series_key *key) {
  bool accuracy = strcmp(key->quantity, "first token right") == 0 && key->place[0];
  return accuracy || strstr(key->quantity, AVERAGE_LOGITS);
}

/* ---------------------------------------------------------------- what is none */

static const char *after(const char *s, const char *word) {
  size_t n = strlen(word);
  return strncmp(s, word, n) == 0 ? s + n : s;
}

/* "z", "z, noise", "z, 12 heads", "mlp_out, set", "z, right", "z, 12 heads, logit_diff": a site's
 * effect, of so many heads; 0: another quantity. */
static int heads_of_effect(const char *quantity) {
  size_t n = strcspn(quantity, ",");
  int site, heads = 1;
  char *end;
  if (name_find(LOCI_NAMES_SITE, quantity, n, &site, NULL)) return 0;
  const char *rest = after(quantity + n, ", noise");
  if (rest[0] == ',' && rest[1] == ' ' && rest[2] >= '1' && rest[2] <= '9') {
    long count = strtol(rest + 2, &end, 10);
    if (count > 1 << 20 || after(end, AVERAGE_BY_HEAD) == end) return 0;
    heads = (int)count;
    rest = after(end, AVERAGE_BY_HEAD);
  }
  rest = after(after(after(rest, ", set"), ", right"), AVERAGE_LOGITS);
  return *rest ? 0 : heads;
}

/* A role, a group of positions, a pathway, or none. */
static bool is_place(const char *place) {
  int role;
  return !place[0] || !loci_name_find(LOCI_NAMES_ROLE, place, &role, NULL) ||
         after(place, AVERAGE_GROUP) != place || strstr(place, " -> ");
}

bool average_is_series(const series_key *key, int layers) {
  const struct quantity *known = find_quantity(key->quantity);
  int heads = known ? 1 : heads_of_effect(key->quantity);
  if (heads == 0 || !is_place(key->place)) return false;
  if (key->window < LOCI_ONWARD || (layers > 0 && key->window > 2 * layers)) return false;
  if (known && known->extent == BY_PART) return true;
  return key->points % heads == 0 && (layers == 0 || key->first + key->points / heads <= layers);
}

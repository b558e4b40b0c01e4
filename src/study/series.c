/* The series of numbers that measurements give: their names, their places and what they can be (see
 * average.h).  An average draws its intervals within it, and what is read from a store is held to
 * it. */
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "study/average_tests.h"

/* Where a series has numbers, and how many: one of an example, one for each layer, as many as a
 * picture has parts, or layers at a place. */
typedef enum shape { NUMBER, LAYERS, PARTS, AT_ROLE, ON_PATHWAY } shape;

/* Quantities by name: the range of their numbers, whether they say how good an answer is, and what
 * measures them.  A name that has two shapes stands twice, below itself. */
static const struct quantity {
  const char *name;
  const stat_range *range;
  bool outcome;
  shape shape;
  const char *jobs;
} quantities[] = {{"clean p", &stat_probability, false, NUMBER, "trace knockout lens"},
                  {"corrupted p", &stat_probability, false, NUMBER, "trace"},
                  {"confidence", &stat_probability, false, NUMBER, "ask"},
                  {"margin", &stat_probability, false, NUMBER, "ask"},
                  {"p", &stat_probability, false, ON_PATHWAY, "knockout"},
                  {"p of the target", &stat_probability, false, AT_ROLE, "lens"},
                  {"top share", &stat_probability, false, LAYERS, "flow"},
                  {"visual tokens", &stat_probability, false, PARTS, "flow"},
                  {"visual places", &stat_probability, false, PARTS, "flow"},
                  {"top visual tokens", &stat_index, false, PARTS, "flow"},
                  {"top visual places", &stat_index, false, PARTS, "flow"},
                  {"right", &stat_verdicts, true, NUMBER, "ask"},
                  {"first token right", &stat_verdicts, true, NUMBER, "ask knockout"},
                  {"first token right", &stat_verdicts, true, ON_PATHWAY, "knockout"},
                  {"VQA accuracy", &stat_probability, true, NUMBER, "ask"},
                  {"target leads", &stat_shares, false, AT_ROLE, "lens"},
                  {"total effect", &stat_change, false, NUMBER, "trace"},
                  {"total" AVERAGE_LOGITS, &stat_any, false, NUMBER, "trace"},
                  {"change", &stat_change, false, ON_PATHWAY, "knockout"},
                  {"right, donor", &stat_verdicts, false, NUMBER, "trace"},
                  {"right, own", &stat_verdicts, false, NUMBER, "trace"},
                  {"right, donor less own", &stat_change, false, NUMBER, "trace"},
                  {"image -> constraint-last", &stat_amount, false, LAYERS, "flow"},
                  {"image-base -> constraint-last", &stat_amount, false, LAYERS, "flow"},
                  {"image-tiles -> constraint-last", &stat_amount, false, LAYERS, "flow"},
                  {"constraint -> last", &stat_amount, false, LAYERS, "flow"},
                  {"mean constraint -> last", &stat_amount, false, NUMBER, "flow"}};
enum { QUANTITIES = sizeof quantities / sizeof *quantities };

static const struct quantity *find_quantity(const char *name) {
  for (int i = 0; i < QUANTITIES; i++)
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
 * effect, of so many heads; 0: another quantity.  [kind]: what stands behind the site, if anything.
 */
static int heads_of_effect(const char *quantity, const char **kind) {
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
  *kind = rest;
  rest = after(after(after(rest, ", set"), ", right"), AVERAGE_LOGITS);
  return *rest ? 0 : heads;
}

static bool is_role(const char *place) {
  int role;
  return !loci_name_find(LOCI_NAMES_ROLE, place, &role, NULL);
}

bool average_is_group(const char *place) { return after(place, AVERAGE_GROUP) != place; }

static bool is_number(const series_key *key) {
  return key->window == 0 && key->first == 0 && key->points == 1;
}

static bool has_layers(const series_key *key, int heads, int layers) {
  return key->points % heads == 0 && (layers == 0 || key->first + key->points / heads <= layers);
}

static bool has_window(const series_key *key, int least, int layers) {
  return key->window >= least && (layers == 0 || key->window <= 2 * layers);
}

static bool has_shape(const series_key *key, shape of, int layers) {
  switch (of) {
    case NUMBER: return !key->place[0] && is_number(key);
    case LAYERS: return !key->place[0] && key->window == 0 && has_layers(key, 1, layers);
    case PARTS: return !key->place[0] && key->window == 0 && key->first == 0;
    case AT_ROLE: return is_role(key->place) && key->window == 0 && has_layers(key, 1, layers);
    case ON_PATHWAY:
      return strstr(key->place, " -> ") && has_window(key, LOCI_ONWARD, layers) &&
             has_layers(key, 1, layers);
  }
  return false;
}

static bool is_effect(const series_key *key, int layers) {
  const char *kind;
  int heads = heads_of_effect(key->quantity, &kind);
  if (heads == 0) return false;
  if (after(kind, ", set") != kind) return average_is_group(key->place) && is_number(key);
  bool placed =
      average_is_group(key->place) || (after(kind, ", right") == kind && is_role(key->place));
  return placed && has_window(key, 1, layers) && has_layers(key, heads, layers);
}

bool average_is_series(const series_key *key, const char *job, int layers) {
  if (!find_quantity(key->quantity))
    return (!*job || strcmp(job, "trace") == 0) && is_effect(key, layers);
  for (int i = 0; i < QUANTITIES; i++) {
    const struct quantity *q = &quantities[i];
    if (strcmp(q->name, key->quantity) == 0 && strstr(q->jobs, job) &&
        has_shape(key, q->shape, layers))
      return true;
  }
  return false;
}

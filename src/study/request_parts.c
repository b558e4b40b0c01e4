/* What requests of several kinds have in common: layers, constraints, positions (see
 * request_parts.h). */
#include "study/request_parts.h"

#include <string.h>

#include "base/names.h"
#include "study/layers.h"

loci_status request_layers(const request_of *of, int *first, int *count, loci_err *err) {
  if (of->m) return layers_check(*first, count, model_decoder(of->m)->layers, err);
  if (*first >= 0 && *count >= 0) return LOCI_OK;
  return fail(err, LOCI_EINVAL, "%d layers from layer %d", *count, *first);
}

loci_status request_constraint(const request_of *of, int k, loci_err *err) {
  if (k < 0 || (of->p && k > of->p->info.constraint_count))
    return fail(err, LOCI_EINVAL, "constraint %d: the question has %d", k,
                of->p ? of->p->info.constraint_count : 0);
  return LOCI_OK;
}

loci_status request_positions(const char *text, bool numbers, loci_err *err) {
  if (text && !*text && !numbers) return fail(err, LOCI_EINVAL, "no positions are asked for");
  for (bool more = text != NULL; more; text++) {
    size_t n = strcspn(text, ",");
    int group;
    bool number = numbers && n > 0 && strspn(text, "0123456789") >= n;
    if (!number && (n != 4 || memcmp(text, "each", n) != 0))
      TRY(name_find(LOCI_NAMES_GROUP, text, n, &group, err));
    text += n;
    more = *text == ',';
  }
  return LOCI_OK;
}

void request_put_layers(js_value **to, int first, int count) {
  int range[2] = {first, first + count - 1};
  js_put(to, "layers", js_ints(range, 2));
}

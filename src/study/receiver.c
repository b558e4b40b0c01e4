/* What a path ends at, read from its name (see receiver.h). */
#include "study/receiver.h"

#include <stdlib.h>
#include <string.h>

/* Digits from *at on, which is after them then. */
static bool read_number(const char **at, int *out) {
  size_t n = strspn(*at, "0123456789");
  if (n < 1 || n > 6) return false;
  *out = atoi(*at);
  *at += n;
  return true;
}

loci_status receiver_read(const char *text, const decoder_config *c, receiver *out, loci_err *err) {
  static const char sites[] = "qkv";
  static const loci_site site_of[] = {LOCI_SITE_Q, LOCI_SITE_K, LOCI_SITE_V};
  const char *at = text, *which = NULL;
  *out = (receiver){LOCI_SITE_LOGITS, c ? c->layers : 0, -1};
  if (strcmp(text, "logits") == 0) return LOCI_OK;
  bool sound = read_number(&at, &out->layer) && *at++ == '.' && read_number(&at, &out->head) &&
               *at++ == '.' && *at && !at[1] && (which = strchr(sites, *at)) != NULL;
  if (!sound)
    return fail(err, LOCI_EINVAL,
                "receiver \"%.40s\": expected \"logits\", or layer, head and q, k or v, such as "
                "\"5.3.q\"",
                text);
  out->site = site_of[which - sites];
  if (!c) return LOCI_OK;
  if (out->layer >= c->layers || out->head >= c->heads)
    return fail(err, LOCI_EINVAL, "receiver \"%.40s\": the model has layers 0 to %d, heads 0 to %d",
                text, c->layers - 1, c->heads - 1);
  if (out->site != LOCI_SITE_Q) out->head /= c->heads / c->kv_heads;
  return LOCI_OK;
}

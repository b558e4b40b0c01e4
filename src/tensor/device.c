/* The processor as a device, and whose turn it is (see device.h). */
#include "tensor/device.h"

#include <stdlib.h>

loci_status device_room(device *d, int64_t count, int64_t floats, float **out, loci_err *err) {
  static const char what[] = "keeping keys and values";
  *out = NULL;
  if (floats > 0 && count > INT64_MAX / 8 / floats) return fail_nomem(err, what);
  if (d) return d->ops->room(d, count * floats, out, err);
  *out = calloc((size_t)count, (size_t)floats * sizeof(float));
  return *out ? LOCI_OK : fail_nomem(err, what);
}

int64_t device_held(const device *d) { return d ? d->held : 0; }

void device_give_back(device *d, float *at) {
  if (!d) free(at);
  if (d && at) d->ops->give_back(d, at);
}

loci_status device_keeps(device *d, const struct weight *w, int layer, int role, loci_err *err) {
  return d->ops->keeps(d, w, layer, role, err);
}

loci_status device_plan(device *d, int64_t most, int64_t *left, char text[160], loci_err *err) {
  return d->ops->plan(d, most, left, text, err);
}

loci_status device_rate(device *d, double *out, loci_err *err) { return d->ops->rate(d, out, err); }

const char *device_name(const device *d) { return d ? d->name : "cpu"; }

loci_status device_begin(device *d, row_engine *e, loci_err *err) {
  return d ? d->ops->begin(d, e, err) : LOCI_OK;
}

void device_end(device *d, row_engine *e) {
  if (d) d->ops->end(e);
}

device *device_back(device *d) { return d && d->ops->goes_back ? d : NULL; }

void device_close(device *d) {
  if (d) d->ops->close(d);
}

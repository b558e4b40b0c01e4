/* The processor as a device, and whose turn it is (see device.h). */
#include "tensor/device.h"

#include <stdlib.h>

float *device_room(device *d, int64_t count, int64_t floats) {
  if (!d) return calloc((size_t)count, (size_t)floats * sizeof(float));
  return floats > 0 && count > INT64_MAX / 8 / floats ? NULL : d->ops->room(d, count * floats);
}

void device_give_back(device *d, float *at) {
  if (!d) free(at);
  if (d && at) d->ops->give_back(d, at);
}

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

/* loci_devices_new: what walks may run on, and how fast each multiplies. */
#include <math.h>
#include <stdlib.h>

#include "base/result.h"
#include "device/devices.h"
#include "model/command.h"

/* A device that cannot be used is told of, with the reason; the others are measured. */
static loci_status measure(loci_device *x, arena *mem, loci_err *err) {
  loci_err why = {0};
  device *d = NULL;
  double rate = 0;
  loci_status st = device_open(x->name, &d, &why);
  if (!st) st = device_rate(d, &rate, &why);
  device_close(d);
  x->product_flop_per_s = st ? (double)NAN : rate;
  x->problem = st ? arena_strdup(mem, why.msg) : NULL;
  return st && !x->problem ? fail_nomem(err, "listing devices") : LOCI_OK;
}

static loci_status fill(loci_devices *d, loci_err *err) {
  const device_info *found = NULL;
  arena *mem = d->result.memory;
  TRY(devices_list(mem, &found, &d->count, err));
  loci_device *list = arena_zarray(mem, d->count, loci_device);
  if (!list) return fail_nomem(err, "listing devices");
  d->devices = list;
  for (int i = 0; i < d->count; i++) {
    list[i].name = found[i].name;
    list[i].title = found[i].title;
    list[i].driver = found[i].driver;
    list[i].memory = found[i].memory;
    TRY(measure(&list[i], mem, err));
  }
  return LOCI_OK;
}

loci_status loci_devices_new(loci_devices **out, loci_err *err) {
  NEEDS(out, "place for the result");
  *out = NULL;
  loci_devices *d = result_new(LOCI_KIND_DEVICES, sizeof *d);
  if (!d) return fail_nomem(err, "listing devices");
  loci_status st = fill(d, err);
  if (st) {
    loci_free(d);
    return st;
  }
  command_words words = {.name = "info"};
  js_value *request = js_object();
  js_put(&request, "devices", js_bool(true));
  *out = d;
  return request_tell_of(&words, request, (loci_result **)out, err);
}

/* Members of config files, read strictly (see config_parts.h): what all parsers of parts share. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/config_parts.h"

const char *layout_name(layout_kind layout) {
  static const char *const names[] = {[LAYOUT_HF_LEGACY] = "hf-legacy",
                                      [LAYOUT_HF_NEW] = "hf-new",
                                      [LAYOUT_HF_BASE] = "hf-base",
                                      [LAYOUT_LLAVA_ORIGINAL] = "llava-original",
                                      [LAYOUT_BUNNY] = "bunny",
                                      [LAYOUT_QWEN_VL] = "qwen-vl",
                                      [LAYOUT_MLLAMA] = "mllama",
                                      [LAYOUT_IDEFICS] = "idefics",
                                      [LAYOUT_INTERNVL] = "internvl",
                                      [LAYOUT_TEXT] = "text",
                                      [LAYOUT_GGUF] = "gguf"};
  return names[layout];
}

static const struct {
  const char *name;
  act_kind act;
} acts[] = {
    {"silu", ACT_SILU},          {"gelu_pytorch_tanh", ACT_GELU_TANH},
    {"gelu", ACT_GELU_ERF},      {"quick_gelu", ACT_QUICK_GELU},
    {"relu", ACT_RELU},          {"swish", ACT_SILU},
    {"gelu_new", ACT_GELU_TANH}, {"gelu_fast", ACT_GELU_TANH},
};

const char *act_name(act_kind act) {
  for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
    if (acts[i].act == act) return acts[i].name;
  }
  return "?";
}

loci_status section_read(const config_reader *r, const js_value *config, const char *key,
                         const js_value **out, config_reader *section) {
  *out = js_get(config, key);
  TRY(reader_section(r, key, section));
  if (!*out || js_kind_of(*out) == JS_OBJECT) return LOCI_OK;
  return fail(r->err, LOCI_EFORMAT, "%s: expected an object, found %s", section->what,
              js_kind_name(js_kind_of(*out)));
}

loci_status reader_section(const config_reader *r, const char *section, config_reader *out) {
  size_t n = strlen(r->what) + strlen(section) + 3;
  char *what = arena_alloc(r->mem, (int64_t)n, 1);
  *out = *r;
  if (!what) return fail_nomem(r->err, r->what);
  snprintf(what, n, "%s: %s", r->what, section);
  out->what = what;
  return LOCI_OK;
}

loci_status read_int(const config_reader *r, const js_value *o, const char *key, const int range[2],
                     int *inout) {
  int64_t value = *inout;
  TRY(js_get_int(o, key, r->what, range[0], range[1], &value, r->err));
  *inout = (int)value;
  return LOCI_OK;
}

loci_status read_positive(const config_reader *r, const js_value *o, const char *key, double most,
                          double *inout) {
  double value = *inout;
  TRY(js_get_real(o, key, r->what, &value, r->err));
  if (js_get(o, key) && !(value > 0 && value <= most)) {
    return fail(r->err, LOCI_EFORMAT, "%s: \"%s\" is %g, expected more than 0 and at most %g",
                r->what, key, value, most);
  }
  *inout = value;
  return LOCI_OK;
}

loci_status read_act(const config_reader *r, const js_value *o, const char *key, act_kind *inout) {
  const char *name = NULL;
  TRY(js_get_text(o, key, r->what, &name, r->err));
  if (!name) return LOCI_OK;
  for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
    if (strcmp(acts[i].name, name) == 0) {
      *inout = acts[i].act;
      return LOCI_OK;
    }
  }
  return fail(r->err, LOCI_EUNSUPPORTED,
              "%s: \"%s\": activation \"%.60s\" is not supported; known are silu, gelu, gelu_new, "
              "gelu_pytorch_tanh, quick_gelu, relu",
              r->what, key, name);
}

bool is_null(const js_value *o, const char *key) {
  const char *name;
  const js_value *member;
  for (void *it = js_first(o, &name, &member); it; it = js_next(o, it, &name, &member)) {
    if (strcmp(name, key) == 0) return js_kind_of(member) == JS_NULL;
  }
  return false;
}

loci_status refuse_key(const config_reader *r, const js_value *o, const char *key,
                       const char *why) {
  const js_value *v = js_get(o, key);
  bool on = true;
  if (!v || (js_bool_of(v, &on) && !on)) return LOCI_OK;
  if (js_kind_of(v) == JS_ARRAY && js_count(v) == 0) return LOCI_OK;
  return fail(r->err, LOCI_EUNSUPPORTED, "%s: \"%s\": %s are not supported", r->what, key, why);
}

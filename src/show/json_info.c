/* A model as JSON ("loci.info/1"): what it is, what a trace of it needs, what is odd about it. */
#include "show/formats.h"
#include "show/json_parts.h"

static void put_sizes(js_value **o, const loci_model_info *m) {
  js_put(o, "layers", js_int(m->layers));
  js_put(o, "width", js_int(m->width));
  js_put(o, "inner", js_int(m->inner));
  js_put(o, "heads", js_int(m->heads));
  js_put(o, "kv_heads", js_int(m->kv_heads));
  js_put(o, "head_dim", js_int(m->head_dim));
  js_put(o, "vocab", js_int(m->vocab));
  js_put(o, "max_positions", js_int(m->max_positions));
  js_put(o, "image_rows", js_int(m->image_rows));
  js_put(o, "image_size", js_int(m->image_size));
  js_put(o, "parameters", js_int(m->parameters));
  js_put(o, "bytes", js_int(m->bytes));
  js_put(o, "files", js_int(m->files));
}

loci_status info_json(const void *result, char **out, loci_err *err) {
  const loci_info *info = result;
  const loci_model_info *m = info->model;
  js_value *o = json_result("info"), *memory = js_object(), *notes = js_array();
  js_put(&o, "path", js_text(m->path));
  js_put(&o, "family", js_text(m->family));
  js_put(&o, "text_model", js_text(m->text_model));
  js_put(&o, "vision_model", js_text(m->vision_model));
  js_put(&o, "layout", js_text(m->layout));
  js_put(&o, "template", js_text(m->template_name));
  js_put(&o, "tokenizer", js_text(m->tokenizer));
  js_put(&o, "dtype", js_text(m->dtype));
  js_put(&o, "precision", js_text(m->precision));
  put_sizes(&o, m);
  js_put(&o, "hash", js_text(info->hash));
  js_put(&memory, "question_tokens", js_int(info->question_tokens));
  js_put(&memory, "trace_bytes", js_int(info->trace_bytes));
  js_put(&o, "memory", memory);
  for (int i = 0; i < info->note_count; i++) js_push(&notes, js_text(info->notes[i]));
  js_put(&o, "notes", notes);
  return json_print_lines(o, out, err);
}

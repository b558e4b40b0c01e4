/* loci info: what a checkpoint is, and whether it is sound. */
#include <string.h>

#include "cli.h"

enum { LABEL = 12 };

static void row(const cli *c, const char *label, const char *value) {
  printf("%-*s", LABEL, label);
  put_wrapped(stdout, value, &(wrap){LABEL, LABEL, c->term.columns, c->term.utf8});
}

static void show_sizes(const cli *c, const loci_model_info *m) {
  char text[256];
  snprintf(text, sizeof text,
           "%d layers, width %d, MLP %d, %d heads of %d (%d for keys and values)", m->layers,
           m->width, m->inner, m->heads, m->head_dim, m->kv_heads);
  row(c, "decoder", text);
  snprintf(text, sizeof text, "%d tokens, at most %d positions", m->vocab, m->max_positions);
  row(c, "vocabulary", text);
  if (m->image_rows > 0 && m->image_size == 0) {
    snprintf(text, sizeof text,
             "each its own size, %lld to %lld pixels; one of 640 x 480 has %d rows of the sequence",
             (long long)m->min_pixels, (long long)m->max_pixels, m->image_rows);
    row(c, "image", text);
  } else if (m->image_outside) {
    snprintf(text, sizeof text,
             "at most %d tiles of %d x %d pixels; %d rows outside of the sequence, for the "
             "cross-attention of %d layer%s",
             m->image_tiles, m->image_size, m->image_size, m->image_rows, m->cross_layer_count,
             m->cross_layer_count == 1 ? "" : "s");
    row(c, "image", text);
  } else if (m->image_tiles > 0) {
    snprintf(text, sizeof text,
             "the whole and at most %d tiles, each of %d x %d pixels; one of 640 x 480 has %d rows "
             "of the sequence",
             m->image_tiles, m->image_size, m->image_size, m->image_rows);
    row(c, "image", text);
  } else if (m->image_rows > 0) {
    snprintf(text, sizeof text, "%d x %d pixels, %d rows of the sequence", m->image_size,
             m->image_size, m->image_rows);
    row(c, "image", text);
  }
}

static void show_weights(const cli *c, const loci_model_info *m, const char *hash) {
  char text[256], size[32], count[32];
  snprintf(text, sizeof text, "%s M parameters, %s, %s in %d file%s",
           digits_text((double)m->parameters / 1e6, 4, count), m->dtype,
           size_text((double)m->bytes, size), m->files, m->files == 1 ? "" : "s");
  row(c, "weights", text);
  row(c, "hash", hash);
}

static void show(const cli *c, const loci_info *info) {
  const loci_model_info *m = info->model;
  char text[512], size[32];
  row(c, "model", m->path);
  snprintf(text, sizeof text, "%s, layout %s", m->family, m->layout);
  row(c, "family", text);
  snprintf(text, sizeof text, "%s%s%s", m->text_model, m->vision_model ? ", " : "",
           m->vision_model ? m->vision_model : ", no vision");
  row(c, "parts", text);
  show_sizes(c, m);
  show_weights(c, m, info->hash);
  row(c, "template", m->template_name ? m->template_name : "none: choose one with --template");
  row(c, "tokenizer", m->tokenizer);
  row(c, "precision", m->precision);
  if (m->device_plan) row(c, "device", m->device);
  if (m->device_plan) row(c, "", m->device_plan);
  size_text((double)info->trace_bytes, size);
  snprintf(text, sizeof text, "%s beside the weights, for a question of %d tokens", size,
           info->question_tokens);
  row(c, "a trace", text);
  for (int i = 0; i < info->note_count; i++) row(c, "note", info->notes[i]);
}

static void show_devices(const cli *c, const loci_devices *d) {
  char text[512], size[32];
  if (d->count == 0)
    printf("no device beside the processor: there is no driver of OpenCL, or this loci was built "
           "without it\n");
  for (int i = 0; i < d->count; i++) {
    const loci_device *x = &d->devices[i];
    snprintf(text, sizeof text, "%s, %s, %s", x->title, size_text((double)x->memory, size),
             x->driver);
    row(c, x->name, text);
    snprintf(text, sizeof text, "%.1f GFLOP/s of f32 products", x->product_flop_per_s / 1e9);
    row(c, "", x->problem ? x->problem : text);
  }
}

static int list_devices(cli *c) {
  loci_devices *d = NULL;
  if (loci_devices_new(&d, &c->err)) return cli_failed(c);
  if (!c->json) show_devices(c, d);
  int code = cli_write_json(c, &d->result);
  loci_free(d);
  return code;
}

int cmd_info(cli *c) {
  if (args_has(&c->args, OPT_DEVICES)) return list_devices(c);
  loci_model *model;
  loci_info *info = NULL;
  int code = cli_open_model(c, &model);
  if (code) return code;
  if (loci_info_new(model, terminal_progress, &c->term, &info, &c->err)) {
    code = cli_failed(c);
  } else {
    terminal_progress_end(&c->term);
    if (!c->json) show(c, info);
    code = cli_write_json(c, &info->result);
  }
  loci_free(info);
  cli_close_model(c, model);
  return code;
}

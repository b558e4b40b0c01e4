/* One model in every layout: the tensors of a reference model are renamed on disk, and the
 * checkpoint opened from there must hold the same bytes in the same places.  Then what must not
 * open: tensors that are missing, misshapen, or would change the computation unread. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/weights.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

enum { MAX_TENSORS = 512 };

/* A checkpoint in the making: tensors of a reference model, to be renamed, dropped, reshaped. */
typedef struct draft {
  char dir[64];
  char config[4096];
  st_file *source;
  st_tensor tensors[MAX_TENSORS];
  char names[MAX_TENSORS][128];
  int n;
} draft;

static draft *draft_new(const char *model) {
  draft *d = calloc(1, sizeof *d);
  char path[300], *text;
  size_t size;
  loci_err err;
  snprintf(d->dir, sizeof d->dir, "/tmp/loci-layout-XXXXXX");
  assert_non_null(mkdtemp(d->dir));
  snprintf(path, sizeof path, "%s%s/config.json", MODELS, model);
  assert_int_equal(file_read(path, sizeof d->config - 1, &text, &size, &err), LOCI_OK);
  memcpy(d->config, text, size + 1);
  free(text);
  snprintf(path, sizeof path, "%s%s/model.safetensors", MODELS, model);
  assert_int_equal(st_open(path, &d->source, &err), LOCI_OK);
  for (int64_t i = 0; i < st_count(d->source); i++) {
    d->tensors[d->n] = *st_at(d->source, i);
    snprintf(d->names[d->n++], 128, "%s", st_at(d->source, i)->name);
  }
  return d;
}

static void remove_tree(const char *dir) {
  DIR *handle = opendir(dir);
  char path[700];
  for (struct dirent *e = handle ? readdir(handle) : NULL; e; e = readdir(handle)) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    if (unlink(path) != 0) remove_tree(path);
  }
  if (handle) closedir(handle);
  rmdir(dir);
}

static void draft_free(draft *d) {
  st_close(d->source);
  remove_tree(d->dir);
  free(d);
}

/* Every name that begins with [from] begins with [to] instead. */
static void rename_prefix(draft *d, const char *from, const char *to) {
  for (int i = 0; i < d->n; i++) {
    if (strncmp(d->names[i], from, strlen(from)) != 0) continue;
    char rest[128];
    snprintf(rest, sizeof rest, "%s", d->names[i] + strlen(from));
    assert_true(snprintf(d->names[i], 128, "%s%s", to, rest) < 128);
  }
}

static st_tensor *tensor_of(draft *d, const char *name) {
  for (int i = 0; i < d->n; i++) {
    if (strcmp(d->names[i], name) == 0) return &d->tensors[i];
  }
  fail_msg("no tensor %s", name);
  return NULL;
}

static void drop(draft *d, const char *prefix) {
  int n = 0;
  for (int i = 0; i < d->n; i++) {
    if (strncmp(d->names[i], prefix, strlen(prefix)) == 0) continue;
    d->tensors[n] = d->tensors[i];
    if (n != i) memcpy(d->names[n], d->names[i], 128);
    n++;
  }
  d->n = n;
}

/* A further tensor with the first bytes of the embedding as data. */
static st_tensor *add(draft *d, const char *name, int64_t rows, int64_t cols) {
  st_tensor *t = &d->tensors[d->n];
  *t = (st_tensor){.dtype = ST_F32, .data = st_at(d->source, 0)->data, .bytes = 4 * rows * cols};
  t->rank = rows == 1 ? 1 : 2;
  t->shape[0] = rows == 1 ? cols : rows;
  t->shape[1] = cols;
  snprintf(d->names[d->n++], 128, "%s", name);
  return t;
}

/* Writes the tensors whose names begin with [prefix] to dir/file. */
static void write_tensors(draft *d, const char *prefix, const char *file) {
  st_tensor some[MAX_TENSORS];
  int n = 0;
  char path[300];
  loci_err err;
  for (int i = 0; i < d->n; i++) {
    if (strncmp(d->names[i], prefix, strlen(prefix)) != 0) continue;
    some[n] = d->tensors[i];
    some[n++].name = d->names[i];
  }
  snprintf(path, sizeof path, "%s/%s", d->dir, file);
  if (st_write(path, some, n, NULL, &err)) fail_msg("%s", err.msg);
}

static void write_text(draft *d, const char *file, const char *text) {
  char path[300];
  loci_err err;
  snprintf(path, sizeof path, "%s/%s", d->dir, file);
  if (file_write(path, text, strlen(text), &err)) fail_msg("%s", err.msg);
}

static void replace_config(draft *d, const char *from, const char *to) {
  char *at = strstr(d->config, from), rest[4096];
  assert_non_null(at);
  snprintf(rest, sizeof rest, "%s", at + strlen(from));
  snprintf(at, sizeof d->config - (size_t)(at - d->config), "%s%s", to, rest);
}

static void save(draft *d) {
  write_text(d, "config.json", d->config);
  write_tensors(d, "", "model.safetensors");
}

static void assert_same_weights(const void *a, const void *b, size_t size) {
  const weight *x = a, *y = b;
  for (size_t i = 0; i < size / sizeof *x; i++) {
    assert_int_equal(x[i].data != NULL, y[i].data != NULL);
    assert_int_equal(x[i].rows, y[i].rows);
    assert_int_equal(x[i].cols, y[i].cols);
    assert_int_equal(x[i].type, y[i].type);
    if (!x[i].data) continue;
    size_t bytes = (size_t)(x[i].rows * x[i].cols) * dtype_bytes(x[i].type);
    assert_memory_equal(x[i].data, y[i].data, bytes);
  }
}

/* Opens the draft and the model it came from; both hold the same. */
static void assert_opens_as(const draft *d, const char *model, layout_kind layout) {
  char dir[300];
  checkpoint *a = NULL, *b = NULL;
  loci_err err;
  snprintf(dir, sizeof dir, "%s%s", MODELS, model);
  if (checkpoint_open(dir, &a, &err) || checkpoint_open(d->dir, &b, &err)) fail_msg("%s", err.msg);
  assert_int_equal(b->config.layout, layout);
  assert_int_equal(a->config.text.layers, b->config.text.layers);
  for (int i = 0; i < a->config.text.layers; i++) {
    assert_same_weights(&a->layers[i], &b->layers[i], sizeof *a->layers);
  }
  for (int i = 0; i < (a->config.has_vision ? a->config.vision.feature_depth[0] : 0); i++) {
    assert_same_weights(&a->vision_layers[i], &b->vision_layers[i], sizeof *a->vision_layers);
  }
  assert_same_weights(&a->embed, &b->embed, sizeof a->embed);
  assert_same_weights(&a->final_norm, &b->final_norm, sizeof a->final_norm);
  assert_same_weights(&a->head, &b->head, sizeof a->head);
  assert_same_weights(&a->class_embedding, &b->class_embedding,
                      offsetof(checkpoint, vision_layers) - offsetof(checkpoint, class_embedding));
  assert_same_weights(&a->projector, &b->projector, sizeof a->projector);
  checkpoint_close(a);
  checkpoint_close(b);
}

static void assert_refused(const draft *d, loci_status status, const char *expected) {
  checkpoint *c;
  loci_err err = {0};
  loci_status st = checkpoint_open(d->dir, &c, &err);
  if (st == LOCI_OK) fail_msg("opened, expected \"%s\"", expected);
  if (st != status || !strstr(err.msg, expected)) {
    fail_msg("expected \"%s\", found \"%s\" (%d)", expected, err.msg, (int)st);
  }
}

/* ---------------------------------------------------------------- layouts */

static void hugging_face_layouts_hold_the_same_model(void **state) {
  (void)state;
  draft *d = draft_new("llava-clip-llama");
  save(d);
  assert_opens_as(d, "llava-clip-llama", LAYOUT_HF_LEGACY);

  rename_prefix(d, "language_model.lm_head.", "lm_head.");
  rename_prefix(d, "language_model.model.", "model.language_model.");
  rename_prefix(d, "vision_tower.", "model.vision_tower.");
  rename_prefix(d, "multi_modal_projector.", "model.multi_modal_projector.");
  save(d);
  assert_opens_as(d, "llava-clip-llama", LAYOUT_HF_NEW);

  rename_prefix(d, "model.vision_tower.vision_model.", "model.vision_tower.");
  save(d);
  assert_opens_as(d, "llava-clip-llama", LAYOUT_HF_NEW);

  rename_prefix(d, "model.", "");
  save(d);
  assert_opens_as(d, "llava-clip-llama", LAYOUT_HF_BASE);
  draft_free(d);
}

/* The text config of llava-clip-llama, flat. */
static const char flat[] =
    "{\"architectures\":[\"LlavaLlamaForCausalLM\"],\"model_type\":\"llava\",\"hidden_size\":48,"
    "\"intermediate_size\":96,\"num_hidden_layers\":5,\"num_attention_heads\":4,"
    "\"num_key_value_heads\":2,\"head_dim\":16,\"max_position_embeddings\":512,"
    "\"rms_norm_eps\":1e-5,\"vocab_size\":640,\"mm_projector_type\":\"mlp2x_gelu\","
    "\"mm_vision_tower\":\"./tower\",\"mm_hidden_size\":32,\"mm_vision_select_layer\":-2}";
static const char tower[] =
    "{\"model_type\":\"clip_vision_model\",\"hidden_size\":32,\"intermediate_size\":64,"
    "\"num_hidden_layers\":3,\"num_attention_heads\":4,\"image_size\":28,\"patch_size\":7}";

static draft *original_draft(void) {
  draft *d = draft_new("llava-clip-llama");
  char path[300];
  rename_prefix(d, "language_model.lm_head.", "lm_head.");
  rename_prefix(d, "language_model.model.", "model.");
  rename_prefix(d, "vision_tower.", "model.vision_tower.vision_tower.");
  rename_prefix(d, "multi_modal_projector.linear_1.", "model.mm_projector.0.");
  rename_prefix(d, "multi_modal_projector.linear_2.", "model.mm_projector.2.");
  snprintf(d->config, sizeof d->config, "%s", flat);
  snprintf(path, sizeof path, "%s/tower", d->dir);
  assert_int_equal(mkdir(path, 0700), 0);
  write_text(d, "tower/config.json", tower);
  return d;
}

static void the_original_layout_holds_the_same_model(void **state) {
  (void)state;
  draft *d = original_draft();
  save(d);
  assert_opens_as(d, "llava-clip-llama", LAYOUT_LLAVA_ORIGINAL);
  draft_free(d);
}

static void a_tower_may_lie_in_its_own_directory(void **state) {
  (void)state;
  draft *d = original_draft();
  rename_prefix(d, "model.vision_tower.vision_tower.", "");
  add(d, "text_model.embeddings.token_embedding.weight", 3, 2);
  write_tensors(d, "vision_model.", "tower/model.safetensors");
  drop(d, "vision_model.");
  drop(d, "text_model.");
  save(d);
  assert_opens_as(d, "llava-clip-llama", LAYOUT_LLAVA_ORIGINAL);
  write_text(d, "tower/model.safetensors", "");
  assert_refused(d, LOCI_EFORMAT, "a header needs 8");
  replace_config(d, "./tower", "openai/clip-vit-large-patch14-336");
  replace_config(d, "\"mm_hidden_size\":32,", "");
  save(d);
  assert_refused(d, LOCI_EFORMAT, "hold no vision tower");
  draft_free(d);
}

static void text_models_open_with_and_without_their_prefix(void **state) {
  (void)state;
  draft *d = draft_new("text-llama");
  rename_prefix(d, "model.", "");
  save(d);
  assert_opens_as(d, "text-llama", LAYOUT_TEXT);
  draft_free(d);
}

/* ---------------------------------------------------------------- heads and biases */

static void a_tied_head_is_the_embedding(void **state) {
  (void)state;
  draft *d = draft_new("text-llama");
  drop(d, "lm_head.");
  save(d);
  assert_refused(d, LOCI_EFORMAT, "lack tensor lm_head.weight, and config.json does not tie it");
  replace_config(d, "\"vocab_size\"", "\"tie_word_embeddings\": true, \"vocab_size\"");
  save(d);
  checkpoint *c;
  loci_err err;
  assert_int_equal(checkpoint_open(d->dir, &c, &err), LOCI_OK);
  assert_ptr_equal(c->head.w.data, c->embed.data);
  assert_int_equal(c->config.text.vocab, 640);
  checkpoint_close(c);
  draft_free(d);
}

static void the_head_tells_the_size_of_the_vocabulary(void **state) {
  (void)state;
  draft *d = draft_new("text-llama");
  replace_config(d, "\"vocab_size\": 640", "\"vocab_size\": 601");
  add(d, "lm_head.bias", 1, 640);
  save(d);
  checkpoint *c;
  loci_err err;
  assert_int_equal(checkpoint_open(d->dir, &c, &err), LOCI_OK);
  assert_int_equal(c->config.text.vocab, 640);
  assert_int_equal(c->head.b.cols, 640);
  checkpoint_close(c);
  tensor_of(d, "lm_head.bias")->shape[0] = 601;
  tensor_of(d, "lm_head.bias")->bytes = 4 * 601;
  save(d);
  assert_refused(d, LOCI_EFORMAT, "tensor lm_head.bias: shape [601], config.json makes it [640]");
  draft_free(d);
}

static void llama_biases_must_be_announced(void **state) {
  (void)state;
  draft *d = draft_new("text-llama");
  char name[100];
  static const char *const parts[] = {"q", "k", "v", "o"};
  for (int i = 0; i < 20; i++) {
    snprintf(name, sizeof name, "model.layers.%d.self_attn.%s_proj.bias", i / 4, parts[i % 4]);
    add(d, name, 1, i % 4 == 0 ? 64 : i % 4 == 3 ? 48 : 32);
  }
  save(d);
  assert_refused(d, LOCI_EUNSUPPORTED, "config.json describes a model without it");
  replace_config(d, "\"vocab_size\"", "\"attention_bias\": true, \"vocab_size\"");
  save(d);
  checkpoint *c;
  loci_err err;
  assert_int_equal(checkpoint_open(d->dir, &c, &err), LOCI_OK);
  assert_int_equal(c->layers[4].k.b.cols, 32);
  assert_null(c->layers[4].up.b.data);
  checkpoint_close(c);
  static const char *const linears[] = {"gate", "up", "down"};
  for (int i = 0; i < 15; i++) {
    snprintf(name, sizeof name, "model.layers.%d.mlp.%s_proj.bias", i / 3, linears[i % 3]);
    add(d, name, 1, i % 3 == 2 ? 48 : 96);
  }
  replace_config(d, "\"vocab_size\"", "\"mlp_bias\": true, \"vocab_size\"");
  save(d);
  assert_int_equal(checkpoint_open(d->dir, &c, &err), LOCI_OK);
  assert_string_equal(c->layers[4].gate.b.name, "model.layers.4.mlp.gate_proj.bias");
  assert_string_equal(c->layers[4].up.b.name, "model.layers.4.mlp.up_proj.bias");
  assert_string_equal(c->layers[4].down.b.name, "model.layers.4.mlp.down_proj.bias");
  assert_string_equal(c->layers[4].o.b.name, "model.layers.4.self_attn.o_proj.bias");
  checkpoint_close(c);
  drop(d, "model.layers.3.self_attn.o_proj.bias");
  save(d);
  assert_refused(d, LOCI_EFORMAT, "lack tensor language_model.layers.3.self_attn.o_proj.bias");
  draft_free(d);
}

/* ---------------------------------------------------------------- what must not open */

static void shapes_that_disagree_with_the_config_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *from, *to, *expected;
  } rows[] = {
      {"\"intermediate_size\": 96", "\"intermediate_size\": 97",
       "mlp.gate_proj.weight: shape [96, 48], config.json makes it [97, 48]"},
      {"\"head_dim\": 16", "\"head_dim\": 8",
       "self_attn.q_proj.weight: shape [64, 48], config.json makes it [32, 48]"},
      {"\"num_key_value_heads\": 2", "\"num_key_value_heads\": 4",
       "self_attn.k_proj.weight: shape [32, 48], config.json makes it [64, 48]"},
      {"\"num_hidden_layers\": 5", "\"num_hidden_layers\": 6",
       "lack tensor language_model.layers.5.input_layernorm.weight"},
      {"\"hidden_size\": 48", "\"hidden_size\": 64",
       "embed_tokens.weight: shape [640, 48], config.json makes it [-1, 64]"},
      {"\"image_size\": 28", "\"image_size\": 35",
       "position_embedding.weight: shape [17, 32], config.json makes it [26, 32]"},
      {"\"patch_size\": 7", "\"patch_size\": 8",
       "patch_embedding.weight: shape [32, 3, 7, 7], config.json makes it [32, 3, 8, 8]"},
      {"\"vision_feature_layer\": -2", "\"vision_feature_layer\": [-2, -3]",
       "linear_1.weight: shape [48, 32], config.json makes it [48, 64]"},
      {"\"projector_hidden_act\"", "\"multimodal_projector_bias\":false,\"projector_hidden_act\"",
       "linear_1.bias: config.json describes a model without it"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    draft *d = draft_new("llava-clip-llama");
    replace_config(d, rows[i].from, rows[i].to);
    save(d);
    checkpoint *c;
    loci_err err = {0};
    if (checkpoint_open(d->dir, &c, &err) == LOCI_OK || !strstr(err.msg, rows[i].expected)) {
      fail_msg("expected \"%s\", found \"%s\"", rows[i].expected, err.msg);
    }
    draft_free(d);
  }
}

static void tensors_that_would_change_the_computation_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *name, *expected;
  } rows[] = {
      {"model.layers.0.self_attn.q_norm.weight", "describes a model without it"},
      {"model.layers.0.mlp.gate_proj.qweight", "quantised weights"},
      {"model.layers.0.mlp.gate_proj.SCB", "quantised weights"},
      {"model.layers.0.self_attn.q_proj.lora_A.weight", "LoRA"},
      {"model.image_newline", "describes a model without it"},
      {"embed_tokens.weight", "two tensors for one place"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    draft *d = draft_new("text-llama");
    loci_status status = i < 5 ? LOCI_EUNSUPPORTED : LOCI_EFORMAT;
    add(d, rows[i].name, 1, 16);
    save(d);
    assert_refused(d, status, rows[i].expected);
    draft_free(d);
  }
}

static void harmless_extra_tensors_are_noted(void **state) {
  (void)state;
  draft *d = draft_new("text-llama");
  checkpoint *c;
  loci_err err;
  add(d, "model.layers.0.self_attn.rotary_emb.inv_freq", 1, 8);
  add(d, "model.extra", 1, 8);
  add(d, "extra", 1, 8);
  save(d);
  assert_int_equal(checkpoint_open(d->dir, &c, &err), LOCI_OK);
  assert_string_equal(checkpoint_note(c, 0), "2 tensors are not used, for example extra");
  assert_null(checkpoint_note(c, 1));
  checkpoint_close(c);
  draft_free(d);
}

static void weights_that_are_not_numbers_are_no_error(void **state) {
  (void)state;
  static uint8_t ones[96 * 48 * 4];
  memset(ones, 0xff, sizeof ones);
  draft *d = draft_new("text-llama");
  checkpoint *c;
  loci_err err;
  tensor_of(d, "model.layers.1.mlp.up_proj.weight")->data = ones;
  save(d);
  assert_int_equal(checkpoint_open(d->dir, &c, &err), LOCI_OK);
  assert_memory_equal(c->layers[1].up.w.data, ones, sizeof ones);
  checkpoint_close(c);
  draft_free(d);
}

static void number_formats_other_than_three_are_refused(void **state) {
  (void)state;
  static const st_dtype types[] = {ST_I8, ST_U8, ST_F8_E4M3, ST_F64, ST_I32};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    draft *d = draft_new("text-llama");
    st_tensor *t = tensor_of(d, "model.layers.1.mlp.up_proj.weight");
    t->dtype = types[i];
    t->bytes = 96 * 48 * st_dtype_bytes(types[i]);
    save(d);
    char expected[60];
    snprintf(expected, sizeof expected, "up_proj.weight: dtype %s is not", st_dtype_name(types[i]));
    assert_refused(d, LOCI_EUNSUPPORTED, expected);
    draft_free(d);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hugging_face_layouts_hold_the_same_model),
      cmocka_unit_test(the_original_layout_holds_the_same_model),
      cmocka_unit_test(a_tower_may_lie_in_its_own_directory),
      cmocka_unit_test(text_models_open_with_and_without_their_prefix),
      cmocka_unit_test(a_tied_head_is_the_embedding),
      cmocka_unit_test(the_head_tells_the_size_of_the_vocabulary),
      cmocka_unit_test(llama_biases_must_be_announced),
      cmocka_unit_test(shapes_that_disagree_with_the_config_are_refused),
      cmocka_unit_test(tensors_that_would_change_the_computation_are_refused),
      cmocka_unit_test(harmless_extra_tensors_are_noted),
      cmocka_unit_test(weights_that_are_not_numbers_are_no_error),
      cmocka_unit_test(number_formats_other_than_three_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Opening whole checkpoints: the reference models of tests/golden/models, their hash and sizes, and
 * directories, indexes and shards that are not sound.  Layouts are in layout_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "checkpoint/reader.h"

#include <cmocka.h> /* last: its fail() is a macro */

#define MODELS LOCI_SOURCE_DIR "/tests/golden/models/"

static checkpoint *open_model(const char *dir) {
  checkpoint *c;
  loci_err err;
  if (checkpoint_open(dir, &c, &err)) fail_msg("%s", err.msg);
  return c;
}

static float value_at(const weight *w, int64_t i) {
  float x;
  dtype_to_f32(w->type, w->data + (size_t)i * dtype_bytes(w->type), &x, 1);
  return x;
}

static void reference_models_open(void **state) {
  (void)state;
  static const struct {
    const char *dir, *family;
    layout_kind layout;
    int layers, heads, kv_heads, head_dim, rotary_dim, vocab, image_rows, depth, files;
    dtype type;
  } rows[] = {
      {"llava-clip-llama", "llava", LAYOUT_HF_LEGACY, 5, 4, 2, 16, 16, 640, 16, 2, 1, DTYPE_F32},
      {"llava-clip-llama-bf16", "llava", LAYOUT_HF_NEW, 4, 4, 2, 12, 12, 640, 9, 2, 3, DTYPE_BF16},
      {"bunny-siglip-phi", "bunny-phi", LAYOUT_BUNNY, 4, 4, 4, 12, 4, 678, 16, 2, 1, DTYPE_F16},
      {"llava-siglip-phi", "llava", LAYOUT_HF_LEGACY, 4, 3, 3, 16, 8, 704, 16, 2, 1, DTYPE_F32},
      {"text-llama", "text", LAYOUT_TEXT, 5, 4, 2, 16, 16, 640, 0, 0, 1, DTYPE_F32},
      {"text-phi", "text", LAYOUT_TEXT, 4, 2, 2, 20, 8, 700, 0, 0, 1, DTYPE_F16},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char dir[500];
    snprintf(dir, sizeof dir, "%s%s", MODELS, rows[i].dir);
    checkpoint *c = open_model(dir);
    const model_config *m = &c->config;
    assert_string_equal(m->family, rows[i].family);
    assert_int_equal(m->layout, rows[i].layout);
    assert_int_equal(m->text.layers, rows[i].layers);
    assert_int_equal(m->text.heads, rows[i].heads);
    assert_int_equal(m->text.kv_heads, rows[i].kv_heads);
    assert_int_equal(m->text.head_dim, rows[i].head_dim);
    assert_int_equal(m->text.rotary_dim, rows[i].rotary_dim);
    assert_int_equal(m->text.vocab, rows[i].vocab);
    assert_int_equal(m->text.sliding_window, 0);
    assert_int_equal(m->image_rows, rows[i].image_rows);
    assert_int_equal(m->vision.feature_depth[0], rows[i].depth);
    assert_int_equal(m->max_length, 512);
    checkpoint_sizes sizes = checkpoint_measure(c);
    assert_int_equal(sizes.files, rows[i].files);
    assert_int_equal(sizes.main_dtype, rows[i].type);
    assert_null(checkpoint_note(c, 0));
    checkpoint_close(c);
  }
}

/* q, k and v of a Qwen tower are one tensor, whose thirds stand one above the other. */
static void a_third_of_a_tensor_is_a_matrix(void **state) {
  (void)state;
  static const char *const names[] = {MODELS "qwen2-vl", MODELS "qwen2-5-vl"};
  for (int i = 0; i < 2; i++) {
    checkpoint *c = open_model(names[i]);
    const vision_layer *l = &c->vision_layers[1];
    assert_string_equal(l->k.w.name, "visual.blocks.1.attn.qkv.weight");
    assert_int_equal(l->q.w.rows, 32);
    assert_int_equal(l->v.w.cols, 32);
    assert_int_equal(l->k.w.data - l->q.w.data, 32 * 32 * 4);
    assert_int_equal(l->v.w.data - l->q.w.data, 2 * 32 * 32 * 4);
    assert_int_equal(l->v.b.data - l->q.b.data, 2 * 32 * 4);
    assert_int_equal(l->v.b.cols, 32);
    assert_int_equal(c->patch.w.cols, 3 * 2 * 4 * 4);
    assert_true((l->gate.w.data != NULL) == (i == 1));
    assert_true((l->norm1.b.data != NULL) == (i == 0));
    assert_true((c->projector.norm.b.data != NULL) == (i == 0));
    assert_int_equal(c->projector.linear[0].w.rows, 4 * 32);
    assert_null(c->position.data);
    checkpoint_close(c);
  }
}

static void every_place_holds_the_tensor_of_its_name(void **state) {
  (void)state;
  checkpoint *c = open_model(MODELS "llava-clip-llama");
  assert_string_equal(c->layers[3].down.w.name,
                      "language_model.model.layers.3.mlp.down_proj.weight");
  assert_int_equal(c->layers[3].down.w.rows, 48);
  assert_int_equal(c->layers[3].down.w.cols, 96);
  assert_float_equal(value_at(&c->layers[3].down.w, 0), -0.22027619183063507, 0);
  assert_float_equal(value_at(&c->layers[3].down.w, 2), -6.666401168331504e-05, 0);
  assert_int_equal(c->patch.w.cols, 3 * 7 * 7);
  assert_int_equal(c->position.rows, 17);
  assert_null(c->patch.b.data);
  assert_null(c->layers[0].q.b.data);
  assert_null(c->layers[0].norm2.b.data);
  assert_null(c->head.b.data);
  checkpoint_close(c);
  c = open_model(MODELS "bunny-siglip-phi");
  assert_string_equal(c->layers[2].down.b.name, "model.layers.2.mlp.fc2.bias");
  assert_float_equal(value_at(&c->layers[2].down.b, 1), 0.168212890625, 0);
  assert_null(c->layers[2].gate.w.data);
  assert_null(c->layers[2].norm2.w.data);
  assert_null(c->head.b.data);
  assert_null(c->class_embedding.data);
  assert_non_null(c->config.vision_dir);
  assert_int_equal(c->config.vision.layers, 3);
  assert_int_equal(c->vision_layers[1].fc1.w.rows, 48);
  assert_int_equal(c->patch.b.cols, 32);
  checkpoint_close(c);
  c = open_model(MODELS "llava-clip-llama-bf16");
  assert_float_equal(value_at(&c->class_embedding, 2), 0.578125, 0);
  assert_float_equal(c->config.text.rope.theta, 20000, 0);
  checkpoint_close(c);
  c = open_model(MODELS "text-phi");
  assert_int_equal(c->head.b.cols, 700);
  checkpoint_close(c);
}

/* [names] in the order of the struct's weights, NULL where there is none. */
static void assert_names(const void *place, const char *const *names, int n, const char *prefix) {
  const weight *w = place;
  for (int i = 0; i < n; i++) {
    char expected[200];
    assert_int_equal(w[i].data != NULL, names[i] != NULL);
    if (!names[i]) continue;
    snprintf(expected, sizeof expected, "%s%s", prefix, names[i]);
    assert_string_equal(w[i].name, expected);
  }
}

static const char *const tower_fields[] = {"layer_norm1.weight",
                                           "layer_norm1.bias",
                                           "layer_norm2.weight",
                                           "layer_norm2.bias",
                                           "self_attn.q_proj.weight",
                                           "self_attn.q_proj.bias",
                                           "self_attn.k_proj.weight",
                                           "self_attn.k_proj.bias",
                                           "self_attn.v_proj.weight",
                                           "self_attn.v_proj.bias",
                                           "self_attn.out_proj.weight",
                                           "self_attn.out_proj.bias",
                                           NULL,
                                           NULL,
                                           "mlp.fc1.weight",
                                           "mlp.fc1.bias",
                                           "mlp.fc2.weight",
                                           "mlp.fc2.bias",
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL};

/* Names and NULLs in the order of decoder_layer. */
static const char *const llama_fields[] = {"input_layernorm.weight",
                                           NULL,
                                           "self_attn.q_proj.weight",
                                           NULL,
                                           "self_attn.k_proj.weight",
                                           NULL,
                                           "self_attn.v_proj.weight",
                                           NULL,
                                           "self_attn.o_proj.weight",
                                           NULL,
                                           "post_attention_layernorm.weight",
                                           NULL,
                                           "mlp.gate_proj.weight",
                                           NULL,
                                           "mlp.up_proj.weight",
                                           NULL,
                                           "mlp.down_proj.weight",
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL,
                                           NULL};
static const char *const phi_fields[] = {"input_layernorm.weight",
                                         "input_layernorm.bias",
                                         "self_attn.q_proj.weight",
                                         "self_attn.q_proj.bias",
                                         "self_attn.k_proj.weight",
                                         "self_attn.k_proj.bias",
                                         "self_attn.v_proj.weight",
                                         "self_attn.v_proj.bias",
                                         "self_attn.dense.weight",
                                         "self_attn.dense.bias",
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         "mlp.fc1.weight",
                                         "mlp.fc1.bias",
                                         "mlp.fc2.weight",
                                         "mlp.fc2.bias",
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL,
                                         NULL};

static void layers_are_filled_in_the_order_of_their_fields(void **state) {
  (void)state;
  static const char *const top[] = {"class_embedding", "patch_embedding.weight", NULL,
                                    "position_embedding.weight"};
  assert_int_equal(sizeof llama_fields / sizeof llama_fields[0],
                   sizeof(decoder_layer) / sizeof(weight));
  assert_int_equal(sizeof phi_fields / sizeof phi_fields[0],
                   sizeof(decoder_layer) / sizeof(weight));
  assert_int_equal(sizeof tower_fields / sizeof tower_fields[0],
                   sizeof(vision_layer) / sizeof(weight));
  checkpoint *c = open_model(MODELS "llava-clip-llama");
  assert_names(&c->layers[4], llama_fields, 18, "language_model.model.layers.4.");
  assert_names(&c->vision_layers[1], tower_fields, 18,
               "vision_tower.vision_model.encoder.layers.1.");
  assert_names(&c->class_embedding, top, 1, "vision_tower.vision_model.embeddings.");
  assert_names(&c->patch, top + 1, 3, "vision_tower.vision_model.embeddings.");
  checkpoint_close(c);
  c = open_model(MODELS "bunny-siglip-phi");
  assert_names(&c->layers[3], phi_fields, 18, "model.layers.3.");
  checkpoint_close(c);
}

static void the_flags_model_opens(void **state) {
  (void)state;
  if (!file_is_dir(LOCI_SOURCE_DIR "/models/flags")) skip();
  checkpoint *c = open_model(LOCI_SOURCE_DIR "/models/flags");
  assert_string_equal(c->config.family, "llava");
  checkpoint_close(c);
}

/* ---------------------------------------------------------------- hash */

static bool stop(void *ctx, const char *stage, double done, double total) {
  (void)stage;
  *(int *)ctx += done <= total;
  return false;
}

#define POST_BIAS "model.vision_tower.vision_model.post_layernorm.bias"

/* Copies FROM's config and all tensors of its shards into one file, the first byte xor [flip], one
 * tensor that no feature needs under the name [last]. */
static void merge_shards(const char *from, const char *dir, uint8_t flip, const char *last) {
  static const char *const files[] = {"model-00003-of-00003", "model-00001-of-00003",
                                      "model-00002-of-00003"};
  st_file *shards[3];
  st_tensor all[256] = {0};
  int n = 0;
  char path[500], *config;
  size_t size;
  loci_err err;
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s.safetensors", from, files[i]);
    assert_int_equal(st_open(path, &shards[i], &err), LOCI_OK);
    for (int64_t j = 0; j < st_count(shards[i]); j++) all[n++] = *st_at(shards[i], j);
  }
  for (int i = 0; i < n; i++) {
    if (strcmp(all[i].name, POST_BIAS) == 0) all[i].name = last;
  }
  uint8_t *first = malloc((size_t)all[0].bytes + 1);
  if (!first || !all[0].data) abort();
  memcpy(first, all[0].data, (size_t)all[0].bytes);
  first[0] ^= flip;
  all[0].data = first;
  snprintf(path, sizeof path, "%s/model.safetensors", dir);
  assert_int_equal(st_write(path, all, n, NULL, &err), LOCI_OK);
  free(first);
  for (int i = 0; i < 3; i++) st_close(shards[i]);
  snprintf(path, sizeof path, "%s/config.json", from);
  assert_int_equal(file_read(path, 1 << 20, &config, &size, &err), LOCI_OK);
  snprintf(path, sizeof path, "%s/config.json", dir);
  assert_int_equal(file_write(path, config, size, &err), LOCI_OK);
  free(config);
}

static void the_hash_is_of_the_tensors_not_of_the_files(void **state) {
  (void)state;
  char dir[] = "/tmp/loci-hash-XXXXXX", sharded[32], merged[32], again[32], flipped[32], path[100];
  int calls = 0;
  loci_err err;
  assert_non_null(mkdtemp(dir));
  checkpoint *c = open_model(MODELS "llava-clip-llama-bf16");
  assert_int_equal(checkpoint_hash(c, stop, &calls, sharded, &err), LOCI_ECANCELLED);
  assert_int_equal(calls, 1);
  assert_int_equal(checkpoint_hash(c, NULL, NULL, sharded, &err), LOCI_OK);
  assert_int_equal(checkpoint_hash(c, stop, &calls, again, &err), LOCI_OK); /* remembered */
  assert_string_equal(sharded, again);
  assert_int_equal(strlen(sharded), 21);
  checkpoint_close(c);
  merge_shards(MODELS "llava-clip-llama-bf16", dir, 0, POST_BIAS);
  c = open_model(dir);
  assert_int_equal(checkpoint_hash(c, NULL, NULL, merged, &err), LOCI_OK);
  assert_string_equal(sharded, merged);
  checkpoint_close(c);
  merge_shards(MODELS "llava-clip-llama-bf16", dir, 1, POST_BIAS);
  c = open_model(dir);
  assert_int_equal(checkpoint_hash(c, NULL, NULL, flipped, &err), LOCI_OK);
  assert_string_not_equal(sharded, flipped);
  checkpoint_close(c);
  merge_shards(MODELS "llava-clip-llama-bf16", dir, 0, POST_BIAS "es");
  c = open_model(dir);
  assert_int_equal(checkpoint_hash(c, NULL, NULL, flipped, &err), LOCI_OK);
  assert_string_not_equal(sharded, flipped);
  checkpoint_close(c);
  snprintf(path, sizeof path, "%s/model.safetensors", dir);
  unlink(path);
  snprintf(path, sizeof path, "%s/config.json", dir);
  unlink(path);
  rmdir(dir);
}

static void sizes_count_what_is_stored(void **state) {
  (void)state;
  checkpoint *c = open_model(MODELS "llava-clip-llama-bf16");
  checkpoint_sizes s = checkpoint_measure(c);
  assert_int_equal(s.bytes, 260416); /* the index's total_size */
  assert_int_equal(s.parameters, 130208);
  reader *r;
  loci_err err;
  assert_int_equal(reader_new(c, &r, &err), LOCI_OK);
  for (int i = 0; i < c->config.text.layers; i++) {
    reader_wait(r, i);
    if (i > 0) checkpoint_release_layer(c, i - 1);
    reader_ask(r, i + 1); /* the last one asks for a layer that is not there */
  }
  checkpoint_release_vision(c);
  reader_free(r);
  assert_float_equal(value_at(&c->class_embedding, 2), 0.578125, 0);
  checkpoint_close(c);
}

/* ---------------------------------------------------------------- directories */

/* A directory that holds these files (NULL: not there), opened and removed again. */
static void assert_dir_refused(const char *config, const char *name, const char *text,
                               loci_status status, const char *expected) {
  char dir[] = "/tmp/loci-dir-XXXXXX", a[100], b[100];
  checkpoint *c;
  loci_err err = {0};
  assert_non_null(mkdtemp(dir));
  snprintf(a, sizeof a, "%s/config.json", dir);
  snprintf(b, sizeof b, "%s/%s", dir, name);
  if (config) assert_int_equal(file_write(a, config, strlen(config), &err), LOCI_OK);
  if (text) assert_int_equal(file_write(b, text, strlen(text), &err), LOCI_OK);
  loci_status st = checkpoint_open(dir, &c, &err);
  unlink(a);
  unlink(b);
  rmdir(dir);
  assert_null(c);
  if (st != status || !strstr(err.msg, expected)) {
    fail_msg("expected \"%s\", found \"%s\" (%d)", expected, err.msg, (int)st);
  }
}

static void directories_that_are_no_checkpoints_say_why(void **state) {
  (void)state;
  static const char llama[] = "{\"model_type\":\"llama\"}";
  assert_dir_refused(NULL, "x", NULL, LOCI_EIO, "no config.json");
  assert_dir_refused("{", "x", NULL, LOCI_EFORMAT, "config.json: not valid JSON");
  assert_dir_refused(llama, "x", NULL, LOCI_EIO, "no model.safetensors and no");
  assert_dir_refused(llama, "pytorch_model-00001-of-00002.bin", "", LOCI_EUNSUPPORTED,
                     "s.save_file({k:v.clone() for k,v in d.items()},'model.safetensors')\"");
  assert_dir_refused(llama, "adapter_model.safetensors", "", LOCI_EUNSUPPORTED, "only an adapter");
  assert_dir_refused(llama, "m.Q4_K_M.gguf", "", LOCI_EUNSUPPORTED,
                     "only a GGUF file (m.Q4_K_M.gguf): name the file itself");
  assert_dir_refused(NULL, "m.Q4_K_M.gguf", "GGUF", LOCI_EUNSUPPORTED, "only a GGUF file");
  assert_dir_refused(NULL, "adapter_config.json", "{}", LOCI_EUNSUPPORTED, "only an adapter");
  assert_dir_refused(NULL, "model_index.json", "{}", LOCI_EUNSUPPORTED, "a diffusers pipeline");
  assert_dir_refused(llama, "consolidated.00.pth", "", LOCI_EUNSUPPORTED, "only pickled weights");
  assert_dir_refused(llama, "part.safetensors", "", LOCI_EUNSUPPORTED, "but part.safetensors");
  assert_dir_refused(llama, "model.safetensors", "", LOCI_EFORMAT, "a header needs 8");
  assert_dir_refused(llama, "model.safetensors",
                     "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
                     LOCI_EFORMAT, "a Git LFS pointer, not safetensors; git lfs pull");
  assert_dir_refused("version https://git-lfs.github.com/spec/v1\n", "x", NULL, LOCI_EFORMAT,
                     "config.json: a Git LFS pointer, not JSON");
  assert_dir_refused("<!DOCTYPE html><html>", "x", NULL, LOCI_EFORMAT, "a web page, not JSON");
  assert_dir_refused(llama, "generation_config.json", "[", LOCI_EFORMAT, "generation_config.json");
  checkpoint *c;
  loci_err err;
  assert_int_equal(checkpoint_open("/nonexistent", &c, &err), LOCI_EIO);
  assert_non_null(strstr(err.msg, "no such directory"));
  assert_int_equal(checkpoint_open(MODELS "text-llama/config.json", &c, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "a checkpoint is a directory"));
}

static void an_unsound_index_is_refused(void **state) {
  (void)state;
  static const char llama[] = "{\"model_type\":\"llama\"}";
  static const struct {
    const char *index;
    loci_status status;
    const char *expected;
  } rows[] = {
      {"{}", LOCI_EFORMAT, "\"weight_map\" must be an object"},
      {"{\"weight_map\":{}}", LOCI_EFORMAT, "\"weight_map\" must be an object"},
      {"{\"weight_map\":[]}", LOCI_EFORMAT, "\"weight_map\" must be an object"},
      {"{\"weight_map\":{\"a\":1}}", LOCI_EFORMAT, "its file must be a name"},
      {"{\"weight_map\":{\"a\":\"\"}}", LOCI_EFORMAT, "its file must be a name"},
      {"{\"weight_map\":{\"a\":\"x\\u0000\"}}", LOCI_EFORMAT, "its file must be a name"},
      {"{\"weight_map\":{\"a\":\"../x.safetensors\"}}", LOCI_EFORMAT, "outside"},
      {"{\"weight_map\":{\"a\":\"w/..\"}}", LOCI_EFORMAT, "outside"},
      {"{\"weight_map\":{\"a\":\"w\\\\x.safetensors\"}}", LOCI_EFORMAT, "write /"},
      {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", LOCI_EFORMAT, "outside"},
      {"{\"weight_map\":{\"a\":\"..\"}}", LOCI_EFORMAT, "outside"},
      {"{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", LOCI_EFORMAT, "duplicate"},
      {"{\"weight_map\":{\"a\":\"x.safetensors\"}}", LOCI_EIO,
       "none of its files is there, for example x.safetensors"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_dir_refused(llama, "model.safetensors.index.json", rows[i].index, rows[i].status,
                       rows[i].expected);
  }
}

/* Shard 1 with tensor [first], shard 2 with [second] and "extra", under an index. */
static void assert_shards_refused(const char *first, const char *second, const char *index,
                                  const char *expected) {
  char dir[] = "/tmp/loci-shards-XXXXXX", path[4][100];
  static const char *const files[] = {"config.json", "model.safetensors.index.json", "1", "2"};
  float x = 1;
  st_tensor t[2] = {{.name = first, .dtype = ST_F32, .data = (const uint8_t *)&x, .bytes = 4}};
  checkpoint *c;
  loci_err err = {0};
  assert_non_null(mkdtemp(dir));
  for (int i = 0; i < 4; i++) snprintf(path[i], 100, "%s/%s", dir, files[i]);
  assert_int_equal(file_write(path[0], "{\"model_type\":\"llama\"}", 22, &err), LOCI_OK);
  assert_int_equal(file_write(path[1], index, strlen(index), &err), LOCI_OK);
  assert_int_equal(st_write(path[2], t, 1, NULL, &err), LOCI_OK);
  t[1] = t[0];
  t[0].name = second;
  t[1].name = "extra";
  assert_int_equal(st_write(path[3], t, 2, NULL, &err), LOCI_OK);
  assert_int_equal(checkpoint_open(dir, &c, &err), LOCI_EFORMAT);
  for (int i = 0; i < 4; i++) unlink(path[i]);
  rmdir(dir);
  if (!strstr(err.msg, expected)) fail_msg("expected \"%s\", found \"%s\"", expected, err.msg);
}

static void shards_are_refused_for_what_is_needed_alone(void **state) {
  (void)state;
  static const char index[] = "{\"weight_map\":{\"a\":\"1\",\"model.embed_tokens.weight\":\"2\"}}";
  assert_shards_refused("a", "c", index,
                        "embed_tokens.weight; the index puts it into 2, which has");
  assert_shards_refused("a", "a", "{\"weight_map\":{\"a\":\"1\"}}", "lack tensor");
  assert_shards_refused("c", "c", "{\"weight_map\":{\"a\":\"1\",\"b\":\"2\"}}",
                        "two tensors for one place: c in ");
  assert_shards_refused("x.y.a", "x.y.b", "{\"weight_map\":{\"x.y.a\":\"1\",\"x.y.b\":\"1\"}}",
                        "lack tensor language_model.embed_tokens.weight");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reference_models_open),
      cmocka_unit_test(a_third_of_a_tensor_is_a_matrix),
      cmocka_unit_test(every_place_holds_the_tensor_of_its_name),
      cmocka_unit_test(layers_are_filled_in_the_order_of_their_fields),
      cmocka_unit_test(the_flags_model_opens),
      cmocka_unit_test(the_hash_is_of_the_tensors_not_of_the_files),
      cmocka_unit_test(sizes_count_what_is_stored),
      cmocka_unit_test(directories_that_are_no_checkpoints_say_why),
      cmocka_unit_test(an_unsound_index_is_refused),
      cmocka_unit_test(shards_are_refused_for_what_is_needed_alone)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

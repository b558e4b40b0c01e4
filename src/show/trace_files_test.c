/* CSV, NPZ and safetensors files of traces, and the files of images. */
#include "show/fixture_test.h"

#include "checkpoint/safetensors.h"

static void write_trace(const loci_trace *t, const char *path) {
  loci_err err;
  if (loci_write(&t->result, path, NULL, &err)) fail_msg("%s", err.msg);
}

static char *read_back(const char *path, size_t *n) {
  char *text;
  assert_int_equal(file_read(path, 1 << 28, &text, n, NULL), LOCI_OK);
  unlink(path);
  return text;
}

static int count_of(const char *text, const char *part) {
  int n = 0;
  for (; (text = strstr(text, part)) != NULL; text += strlen(part)) n++;
  return n;
}

static void csv_has_a_row_per_cell(void **state) {
  (void)state;
  char path[64];
  size_t n;
  fixture f;
  fixture_make(&f, (fixture_opts){.groups = true, .layers = 5});
  write_trace(&f.trace, fixture_path(path, ".csv"));
  char *text = read_back(path, &n);
  int rows = 0;
  for (int i = 0; i < f.trace.grid_count; i++)
    rows += f.trace.grids[i].layer_count * f.trace.grids[i].column_count;
  assert_int_equal(count_of(text, "\r\n"), rows + 1);
  assert_memory_equal(text,
                      "site,window,direction,layer,position,token,role,p,logp,logit_diff,kl,ie,"
                      "restoration\r\n",
                      81);
  assert_non_null(strstr(text, "\r\nmlp_out,1,denoise,0,,constraint,group,"));
  assert_non_null(strstr(text, "\r\nmlp_out,1,denoise,0,7,\xE2\x96\x81this,constraint-first,"));
  free(text);
  fixture_free(&f);
}

static void csv_quotes_what_would_break_a_row(void **state) {
  (void)state;
  char path[64];
  size_t n;
  fixture f;
  fixture_make_awkward(&f);
  write_trace(&f.trace, fixture_path(path, ".csv"));
  char *text = read_back(path, &n);
  assert_non_null(strstr(text, ",\"say \"\"hi\"\", she said\",after-middle,"));
  assert_non_null(strstr(text, ",\"a\tb\nc\",constraint-middle,"));
  free(text);
  fixture_free(&f);
}

static void csv_has_a_head_column_only_with_heads(void **state) {
  (void)state;
  char path[64];
  size_t n;
  fixture f;
  fixture_make(&f, (fixture_opts){.heads = 3, .layers = 2, .flat = true});
  write_trace(&f.trace, fixture_path(path, ".csv"));
  char *text = read_back(path, &n);
  assert_non_null(strstr(text, "restoration,head\r\n"));
  assert_non_null(strstr(text, ",0,,2\r\n")); /* ie 0, restoration empty, head 2 */
  assert_non_null(strstr(text, ",0,,\r\n"));  /* no head */
  free(text);
  fixture_free(&f);
}

static void csv_adds_the_first_token_of_a_long_answer(void **state) {
  (void)state;
  char path[64];
  size_t n;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 2, .heads = 3, .flat = true});
  f.trace.target_count = 2;
  write_trace(&f.trace, fixture_path(path, ".csv"));
  char *text = read_back(path, &n);
  assert_non_null(strstr(text, "restoration,head,p_first,logp_first\r\n"));
  assert_non_null(strstr(text, ",0,,2,0.12,-2.12"));
  assert_non_null(strstr(text, ",0,,,0.12,-2.12")); /* no head */
  free(text);
  fixture_free(&f);
}

static uint32_t u32_at(const char *p) {
  const uint8_t *b = (const uint8_t *)p;
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void npz_is_a_stored_zip_of_npy_files(void **state) {
  (void)state;
  char path[64];
  size_t n;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 3, .sites = 1});
  write_trace(&f.trace, fixture_path(path, ".npz"));
  char *zip = read_back(path, &n);
  const char *end = zip + n - 22;
  assert_int_equal(u32_at(end), 0x06054B50);
  int members = (uint8_t)end[10];
  assert_int_equal(members, 2 + 11 + 2); /* tokens, the grid, how it was made */
  const char *entry = zip + u32_at(end + 16);
  bool found = false;
  for (int i = 0; i < members; i++) {
    uint32_t name = u32_at(entry + 28) & 0xFFFF, at = u32_at(entry + 42);
    assert_int_equal(u32_at(entry), 0x02014B50);
    assert_int_equal(u32_at(zip + at), 0x04034B50);
    assert_int_equal(u32_at(entry + 16), u32_at(zip + at + 14)); /* both tell the same CRC-32 */
    const char *npy = zip + at + 30 + name;
    assert_memory_equal(npy, "\x93NUMPY\x01\x00", 8);
    if (name == 24 && memcmp(entry + 46, "denoise.mlp_out.w1.p.npy", 24) == 0) {
      double p;
      found = true;
      assert_non_null(strstr(npy + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, "));
      memcpy(&p, npy + 192 + 8, sizeof p);
      assert_true(p == f.trace.grids[0].cells[1].p);
    }
    entry += 46 + name;
  }
  assert_true(found && entry == end);
  free(zip);
  fixture_free(&f);
}

static void npz_names_its_groups(void **state) {
  (void)state;
  char path[64];
  size_t n, at = 0;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 2, .sites = 1, .groups = true});
  write_trace(&f.trace, fixture_path(path, ".npz"));
  char *zip = read_back(path, &n);
  static const char member[] = "denoise.mlp_out.w1.groups.names.npy\x93NUMPY";
  while (at + sizeof member < n && memcmp(zip + at, member, sizeof member - 1) != 0) at++;
  const char *npy = zip + at + sizeof member - 1 - 6;
  assert_in_range(at, 1, n - 300);
  assert_non_null(strstr(npy + 10, "{'descr': '|S16', 'fortran_order': False, 'shape': (3,), }"));
  assert_memory_equal(npy + 192, "constraint\0\0\0\0\0\0after-constraintlast\0\0\0\0\0\0", 42);
  free(zip);
  fixture_free(&f);
}

static void npz_sums_are_crc32(void **state) {
  (void)state;
  char path[64];
  size_t n;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 1, .sites = 1});
  write_trace(&f.trace, fixture_path(path, ".npz"));
  char *zip = read_back(path, &n);
  uint32_t sum = u32_at(zip + 14), size = u32_at(zip + 18), crc = 0xFFFFFFFF;
  const uint8_t *data = (const uint8_t *)zip + 30 + (u32_at(zip + 26) & 0xFFFF);
  for (uint32_t i = 0; i < 8 * size; i++) {
    uint32_t bit = (crc ^ data[i / 8] >> i % 8) & 1;
    crc = crc >> 1 ^ (bit ? 0xEDB88320 : 0);
  }
  assert_int_equal(sum, ~crc);
  free(zip);
  fixture_free(&f);
}

static void safetensors_hold_every_array(void **state) {
  (void)state;
  char path[64];
  loci_err err;
  st_file *st;
  fixture f;
  fixture_make(&f, (fixture_opts){.groups = true, .heads = 4, .noise = true, .layers = 3});
  write_trace(&f.trace, fixture_path(path, ".safetensors"));
  if (st_open(path, &st, &err)) fail_msg("%s", err.msg);
  const st_tensor *z = st_find(st, "noise.z.w1.kl"),
                  *ie = st_find(st, "denoise.attn_out.w1.groups.ie"),
                  *positions = st_find(st, "denoise.resid_post.w1.positions");
  assert_true(z && z->rank == 3 && z->shape[0] == 3 && z->shape[2] == 4 && z->dtype == ST_F64);
  assert_true(ie && ie->rank == 2 && ie->shape[1] == 3);
  assert_true(positions && positions->dtype == ST_I64);
  assert_null(st_find(st, "denoise.attn_out.w1.groups.positions"));
  assert_string_equal(st_metadata(st, "groups"), "constraint,after-constraint,last");
  st_close(st);
  unlink(path);
  fixture_free(&f);
}

static void an_unknown_ending_is_refused(void **state) {
  (void)state;
  loci_err err;
  fixture f;
  fixture_make(&f, (fixture_opts){.layers = 1});
  assert_int_equal(loci_write(&f.trace.result, "/tmp/trace.xlsx", NULL, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, ".safetensors"));
  assert_int_equal(loci_write(&f.trace.result, "/nowhere/at/all.csv", NULL, &err), LOCI_EIO);
  fixture_free(&f);
}

static void metrics_are_found_by_name(void **state) {
  (void)state;
  int m;
  loci_err err;
  assert_int_equal(loci_name_find(LOCI_NAMES_METRIC, "logit_diff", &m, NULL), LOCI_OK);
  assert_int_equal(m, LOCI_METRIC_LOGIT_DIFF);
  assert_int_equal(loci_name_find(LOCI_NAMES_METRIC, "prob", &m, &err), LOCI_EINVAL);
  assert_non_null(strstr(err.msg, "restoration"));
}

/* A 2 x 3 picture as the CLIP processor would normalise it. */
static void make_image(loci_image *image, uint8_t rgb[18], float values[18]) {
  static const double mean[] = {0.48145466, 0.4578275, 0.40821073},
                      deviation[] = {0.26862954, 0.26130258, 0.27577711};
  for (int i = 0; i < 18; i++) {
    rgb[i] = (uint8_t)(i * 13);
    values[i % 3 * 6 + i / 3] = (float)((rgb[i] / 255.0 - mean[i % 3]) / deviation[i % 3]);
  }
  *image = (loci_image){
      {.kind = LOCI_KIND_IMAGE}, 2, 3, 1, rgb, 2, 3, values, 1, 0, 0, NULL, false, false};
}

static void images_keep_their_pixels(void **state) {
  (void)state;
  char path[64];
  uint8_t rgb[18];
  float values[18];
  loci_image image;
  st_file *st;
  make_image(&image, rgb, values);
  fixture_path(path, ".safetensors");
  assert_int_equal(loci_write(&image.result, path, NULL, NULL), LOCI_OK);
  assert_int_equal(st_open(path, &st, NULL), LOCI_OK);
  const st_tensor *t = st_find(st, "rgb"), *v = st_find(st, "pixel_values");
  assert_true(t && t->shape[0] == 3 && t->shape[1] == 2 && t->shape[2] == 3);
  assert_memory_equal(t->data, rgb, 18);
  assert_true(v && v->shape[0] == 3 && v->shape[1] == 3 && v->shape[2] == 2);
  assert_memory_equal(v->data, values, sizeof values);
  st_close(st);
  unlink(path);
}

static void pictures_of_images_are_png(void **state) {
  (void)state;
  char path[64];
  size_t n;
  uint8_t rgb[18];
  float values[18];
  loci_image image;
  make_image(&image, rgb, values);
  assert_int_equal(loci_write(&image.result, fixture_path(path, ".png"), NULL, NULL), LOCI_OK);
  char *png = read_back(path, &n);
  assert_memory_equal(png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03", 24);
  free(png);
  assert_int_equal(loci_write(&image.result, "/tmp/x.gif", NULL, NULL), LOCI_EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(csv_has_a_row_per_cell),
      cmocka_unit_test(csv_quotes_what_would_break_a_row),
      cmocka_unit_test(csv_has_a_head_column_only_with_heads),
      cmocka_unit_test(csv_adds_the_first_token_of_a_long_answer),
      cmocka_unit_test(npz_is_a_stored_zip_of_npy_files),
      cmocka_unit_test(npz_names_its_groups),
      cmocka_unit_test(npz_sums_are_crc32),
      cmocka_unit_test(safetensors_hold_every_array),
      cmocka_unit_test(an_unknown_ending_is_refused),
      cmocka_unit_test(metrics_are_found_by_name),
      cmocka_unit_test(images_keep_their_pixels),
      cmocka_unit_test(pictures_of_images_are_png),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

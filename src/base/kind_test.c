/* What a file really is: beginnings of every kind, and of what must not be taken for one. */
#include "base/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

#define BYTES(s) (s), sizeof(s) - 1

static const struct {
  const char *bytes;
  size_t n;
  const char *what; /* NULL: none of those that are known */
} rows[] = {
    {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n"),
     "a Git LFS pointer"},
    {BYTES("GIF89a\1\0\1\0"), "a GIF picture"},
    {BYTES("GIF87a\1\0\1\0"), "a GIF picture"},
    {BYTES("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0"), "a BMP picture"},
    {BYTES("BMW is a company, and this is a text"), NULL},
    {BYTES("II*\0\x08\0\0\0"), "a TIFF picture"},
    {BYTES("MM\0*\0\0\0\x08"), "a TIFF picture"},
    {BYTES("\0\0\0\x1c"
           "ftypavif\0\0\0\0"),
     "an AVIF picture"},
    {BYTES("\0\0\0\x18"
           "ftypheic\0\0\0\0"),
     "a HEIC picture"},
    {BYTES("\0\0\0\x18"
           "ftypmif1\0\0\0\0"),
     "a HEIF picture"},
    {BYTES("\0\0\0\x18"
           "ftypmp42\0\0\0\0"),
     "a film"},
    {BYTES("\x1f\x8b\x08\0"), "compressed with gzip"},
    {BYTES("BZh91AY"), "compressed with bzip2"},
    {BYTES("\xfd"
           "7zXZ\0"),
     "compressed with xz"},
    {BYTES("\x28\xb5\x2f\xfd"), "compressed with zstd"},
    {BYTES("PK\3\4 archive/data.pkl"), "pickled by PyTorch"},
    {BYTES("PK\3\4 xl/workbook.xml"), "a zip archive"},
    {BYTES("\xff\xfe"
           "a\0b\0"),
     "UTF-16"},
    {BYTES("\xfe\xff"
           "\0a\0b"),
     "UTF-16"},
    {BYTES("\xff\xfe\0\0"
           "a\0\0\0"),
     "UTF-32"},
    {BYTES("i\0d\0,\0q\0u\0e\0s\0t\0i\0o\0n\0"), "UTF-16"},
    {BYTES("GGUF\3\0\0\0"), "a GGUF file"},
    {BYTES("SQLite format 3\0"), "an SQLite file"},
    {BYTES("PAR1\x15\x04"), "a Parquet table"},
    {BYTES("FEA1\0\0\0\0"), "a Feather table"},
    {BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0"), "an old Office document"},
    {BYTES("\x80\x04\x95\1\0"), "pickled by Python"},
    {BYTES("II+\0\x08\0\0\0"), "a TIFF picture"},
    {BYTES("\0\0\1\0\1\0\x10\x10"), "an icon (ICO)"},
    {BYTES("qoif\0\0\0\1"), "a QOI picture"},
    {BYTES("\x04\x22\x4d\x18\x64"), "compressed with lz4"},
    {BYTES("version https://hawser.github.com/spec/v1\n"), "a Git LFS pointer"},
    {BYTES("%PDF-1.7\n"), "a PDF document"},
    {BYTES("<html>Access denied</html>"), "a web page"},
    {BYTES("\n  <!DOCTYPE HTML>\n<html>"), "a web page"},
    {BYTES("\xef\xbb\xbf<!doctype html>"), "a web page"},
    {BYTES("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"), "an XML document"},
    {BYTES("<?xml version=\"1.0\"?>\n<svg xmlns=\"x\">"), "an SVG drawing"},
    {BYTES("\x80\x02}q\0X"), "pickled by Python"},
    {BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "zeros alone"},
    {BYTES("{\"a\": 1}"), NULL},
    {BYTES("[1, 2]"), NULL},
    {BYTES("id,question\n1,What?\n"), NULL},
    {BYTES("<image>\nWhat is this?"), NULL},
    {BYTES("\x40\0\0\0\0\0\0\0{\"a\":{}}"), "a safetensors file"},
    {BYTES("\x40\0\0\0\0\0\0\1{\"a\":{}}"), NULL},
    {BYTES("P6\n8 8\n255\n"), "a PNM picture"},
    {BYTES("P5\t# by hand\n"), "a PNM picture"},
    {BYTES("P1 is what this is"), NULL},
    {BYTES("%!PS-Adobe-3.0 EPSF-3.0\n"), "a PostScript drawing"},
    {BYTES("\x89PNG\n\x1a\n\0\0\0\x0dIHDR"), "a PNG picture whose line ends were changed"},
    {BYTES("\x89PNG\r\r\n\x1a\r\n"), "a PNG picture whose line ends were changed"},
    {BYTES("\xef\xbf\xbdPNG\r\n"), "a PNG picture that was saved as text"},
    {BYTES("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\0\x10JFIF"),
     "a file that was saved as text"},
    {BYTES("iVBORw0KGgoAAAANSUhEUg"), "a PNG picture written in base64"},
    {BYTES("/9j/4AAQSkZJRg"), "a JPEG picture written in base64"},
    {BYTES("data:image/png;base64,iVBORw0KGgo"), "a picture written as an address"},
    {BYTES("RIFF\x10\0\0\0AVI LIST"), "a film"},
    {BYTES("RIFF\x10\0\0\0WAVEfmt "), NULL},
    {BYTES("\x1a\x45\xdf\xa3\x9f"), "a film"},
    {BYTES("#?RADIANCE\n"), "a Radiance picture"},
    {BYTES(""), NULL},
    {BYTES("G"), NULL},
};

static void the_beginning_tells_the_kind(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const file_kind *k = kind_of_bytes(rows[i].bytes, rows[i].n);
    bool good = rows[i].what ? k && strncmp(k->what, rows[i].what, strlen(rows[i].what)) == 0 : !k;
    if (!good) fail_msg("row %d: found %s", (int)i, k ? k->what : "nothing");
  }
}

/* Whatever is cut off is never read beyond its end. */
static void cut_beginnings_are_safe(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (size_t n = 0; n < rows[i].n; n++) {
      uint8_t *cut = test_malloc(n + 1);
      memcpy(cut, rows[i].bytes, n);
      kind_of_bytes(cut, n);
      test_free(cut);
    }
  }
}

static void a_sentence_says_what_to_do_and_a_stream_stays(void **state) {
  (void)state;
  loci_err err;
  char byte;
  FILE *f = tmpfile();
  assert_non_null(f);
  assert_int_equal(fwrite("GIF89a", 1, 6, f), 6);
  rewind(f);
  assert_int_equal(kind_refuse_stream(f, "t.csv", "a table", &err), LOCI_EFORMAT);
  assert_string_equal(err.msg, "t.csv: a GIF picture, not a table; convert it to PNG or JPEG");
  assert_int_equal(fread(&byte, 1, 1, f), 1);
  assert_int_equal(byte, 'G');
  fclose(f);
  assert_int_equal(kind_refuse_file("/nonexistent", "a table", &err), LOCI_OK);
  assert_int_equal(kind_refuse_file("/tmp", "a table", &err), LOCI_OK);
  char pipe[] = "/tmp/loci-kind-XXXXXX";
  assert_non_null(mkdtemp(pipe));
  assert_int_equal(rmdir(pipe) || mkfifo(pipe, 0600), 0);
  assert_int_equal(kind_refuse_file(pipe, "a table", &err), LOCI_OK); /* and does not wait */
  unlink(pipe);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_beginning_tells_the_kind),
      cmocka_unit_test(cut_beginnings_are_safe),
      cmocka_unit_test(a_sentence_says_what_to_do_and_a_stream_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

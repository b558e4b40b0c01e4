/* Kinds of files (see kind.h): a table of beginnings, and a few tests that a beginning alone does
 * not decide. */
#include "base/kind.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEGINNING = 512 };

#define CONVERT "convert it to PNG or JPEG"
#define UNPACK "unpack it first"
#define AGAIN "download the file itself again"
#define UTF8 "save it as UTF-8"

static const struct {
  size_t at, n;
  const char *magic;
  file_kind kind;
} known[] = {
    {0, 34, "version https://git-lfs.github.com", {"a Git LFS pointer", "git lfs pull"}},
    {0, 33, "version https://hawser.github.com", {"a Git LFS pointer", "git lfs pull"}},
    {0, 25, "version http://git-media.", {"a Git LFS pointer", "git lfs pull"}},
    {0, 4, "GGUF", {"a GGUF file", NULL}},
    {0, 3, "\xff\xd8\xff", {"a JPEG picture", NULL}},
    {0, 8, "\x89PNG\r\n\x1a\n", {"a PNG picture", NULL}},
    {8, 4, "WEBP", {"a WebP picture", NULL}},
    {0, 7, "\x89PNG\n\x1a\n", {"a PNG picture whose line ends were changed", AGAIN}},
    {0, 6, "\x89PNG\r\r", {"a PNG picture whose line ends were changed", AGAIN}},
    {0, 6, "\xef\xbf\xbdPNG", {"a PNG picture that was saved as text", AGAIN}},
    {0, 9, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", {"a file that was saved as text", AGAIN}},
    {0, 11, "iVBORw0KGgo", {"a PNG picture written in base64", "decode it (base64 -d)"}},
    {0, 5, "/9j/4", {"a JPEG picture written in base64", "decode it (base64 -d)"}},
    {0,
     11,
     "data:image/",
     {"a picture written as an address", "decode what follows its comma (base64 -d)"}},
    {128, 4, "DICM", {"a DICOM picture", CONVERT}},
    {0, 10, "#?RADIANCE", {"a Radiance picture", CONVERT}},
    {8, 4, "AVI ", {"a film", CONVERT}},
    {0, 4, "\x1a\x45\xdf\xa3", {"a film", CONVERT}},
    {0, 4, "GIF8", {"a GIF picture", CONVERT}},
    {0, 4, "II*\0", {"a TIFF picture", CONVERT}},
    {0, 4, "MM\0*", {"a TIFF picture", CONVERT}},
    {4, 8, "ftypavif", {"an AVIF picture", CONVERT}},
    {4, 8, "ftypavis", {"an AVIF picture", CONVERT}},
    {4, 8, "ftypheic", {"a HEIC picture", CONVERT}},
    {4, 8, "ftypheix", {"a HEIC picture", CONVERT}},
    {4, 8, "ftyphevc", {"a HEIC picture", CONVERT}},
    {4, 8, "ftypmif1", {"a HEIF picture", CONVERT}},
    {4, 8, "ftypmsf1", {"a HEIF picture", CONVERT}},
    {4, 4, "ftyp", {"a film or another ISO media file", CONVERT}},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", {"a JPEG XL picture", CONVERT}},
    {0, 2, "\xff\x0a", {"a JPEG XL picture", CONVERT}},
    {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", {"a JPEG 2000 picture", CONVERT}},
    {0, 4, "II+\0", {"a TIFF picture", CONVERT}},
    {0, 4, "MM\0+", {"a TIFF picture", CONVERT}},
    {0, 4, "qoif", {"a QOI picture", CONVERT}},
    {0, 4, "\0\0\1\0", {"an icon (ICO)", CONVERT}},
    {0, 4, "8BPS", {"a Photoshop picture", CONVERT}},
    {0, 5, "%PDF-", {"a PDF document", NULL}},
    {0, 2, "\x1f\x8b", {"compressed with gzip", UNPACK}},
    {0, 3, "BZh", {"compressed with bzip2", UNPACK}},
    {0,
     6,
     "\xfd"
     "7zXZ\0",
     {"compressed with xz", UNPACK}},
    {0, 4, "\x28\xb5\x2f\xfd", {"compressed with zstd", UNPACK}},
    {0, 6, "7z\xbc\xaf\x27\x1c", {"a 7z archive", UNPACK}},
    {0, 6, "Rar!\x1a\x07", {"a RAR archive", UNPACK}},
    {0, 4, "\x04\x22\x4d\x18", {"compressed with lz4", UNPACK}},
    {257, 5, "ustar", {"a tar archive", UNPACK}},
    {0, 16, "SQLite format 3\0", {"an SQLite file, as stores are", NULL}},
    {0, 4, "PAR1", {"a Parquet table", "write it as CSV or as one JSON object a line"}},
    {0, 4, "FEA1", {"a Feather table", "write it as CSV or as one JSON object a line"}},
    {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", {"an old Office document", "save the table as CSV"}},
    {0, 6, "ARROW1", {"an Arrow table", "write it as CSV or as one JSON object a line"}},
    {0, 8, "\x89HDF\r\n\x1a\n", {"an HDF5 file", NULL}},
    {0, 6, "\x93NUMPY", {"a NumPy array", NULL}},
    {0, 4, "\xff\x4f\xff\x51", {"a JPEG 2000 picture", CONVERT}},
    {0, 4, "%!PS", {"a PostScript drawing", CONVERT}},
    {0, 4, "DDS ", {"a DDS picture", CONVERT}},
    {0, 4, "\x76\x2f\x31\x01", {"an OpenEXR picture", CONVERT}},
    {0,
     4,
     "\x7f"
     "ELF",
     {"a program", NULL}},
    {0, 2, "\x80\x02", {"pickled by Python (old PyTorch)", "convert it to safetensors"}},
    {0, 2, "\x80\x03", {"pickled by Python", NULL}},
    {0, 3, "\x80\x04\x95", {"pickled by Python", NULL}},
    {0, 3, "\x80\x05\x95", {"pickled by Python", NULL}},
};

/* Of a zip: what PyTorch writes holds data.pkl under a folder. */
static const file_kind zips[] = {
    {"pickled by PyTorch", "convert it to safetensors"},
    {"a zip archive (or a spreadsheet)", UNPACK ", or save the table as CSV"}};
static const file_kind safetensors = {"a safetensors file", NULL};
static const file_kind pnm = {"a PNM picture", CONVERT};
static const file_kind utf16 = {"UTF-16 text", UTF8};
static const file_kind utf32 = {"UTF-32 text", UTF8};
static const file_kind bmp = {"a BMP picture", CONVERT};
static const file_kind svg = {"an SVG drawing", CONVERT};
static const file_kind page = {"a web page", AGAIN};
static const file_kind xml = {"an XML document, perhaps a server's refusal", AGAIN};
static const file_kind zeros = {"zeros alone, as of a download that was broken off", AGAIN};

static bool begins(const uint8_t *b, size_t n, const char *magic, size_t m) {
  return n >= m && memcmp(b, magic, m) == 0;
}

static bool begins_tag(const char *s, size_t n, const char *tag) {
  size_t m = strlen(tag);
  return n >= m && strncasecmp(s, tag, m) == 0;
}

/* <html>, <!DOCTYPE html>, <?xml ..?>, <svg>: after blanks and a mark of UTF-8. */
static const file_kind *kind_of_tags(const uint8_t *b, size_t n) {
  if (begins(b, n, "\xef\xbb\xbf", 3)) b += 3, n -= 3;
  while (n > 0 && memchr(" \t\r\n", *b, 4)) b++, n--;
  const char *s = (const char *)b;
  if (begins_tag(s, n, "<!doctype html") || begins_tag(s, n, "<html") ||
      begins_tag(s, n, "<head")) {
    return &page;
  }
  if (begins_tag(s, n, "<svg")) return &svg;
  if (!begins_tag(s, n, "<?xml")) return NULL;
  for (size_t i = 0; i + 5 < n; i++) {
    if (begins_tag(s + i, n - i, "<svg")) return &svg;
    if (begins_tag(s + i, n - i, "<html")) return &page;
  }
  return &xml;
}

static uint32_t four_bytes(const uint8_t *b) {
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* "BM", the file's size, zeros, where the pixels begin, and a header of a known size: two letters
 * alone begin many a text. */
static bool is_bmp(const uint8_t *b, size_t n) {
  if (n < 18 || !begins(b, n, "BM", 2) || four_bytes(b + 6) != 0) return false;
  uint32_t header = four_bytes(b + 14);
  return header == 12 || (header >= 16 && header <= 124);
}

/* Eight bytes that say how long the JSON after them is. */
static bool is_safetensors(const uint8_t *b, size_t n) {
  bool small = n > 10 && b[3] < 8 && four_bytes(b + 4) == 0;
  return small && b[8] == '{' && (b[9] == '"' || b[9] == '}' || b[9] == ' ');
}

/* P1 to P6, white space, and a number or a remark. */
static bool is_pnm(const uint8_t *b, size_t n) {
  return n > 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6' && memchr(" \t\r\n", b[2], 4) &&
         (b[3] == '#' || isdigit(b[3]));
}

/* Without a mark: every other byte of a text in Latin letters is zero. */
static bool is_unmarked_utf16(const uint8_t *b, size_t n) {
  size_t odd = 0, even = 0, most = n < BEGINNING ? n / 2 : BEGINNING / 2;
  for (size_t i = 0; i < most; i++) {
    even += b[2 * i] == 0;
    odd += b[2 * i + 1] == 0;
  }
  return most >= 8 && ((odd == most && even == 0) || (even == most && odd == 0));
}

static bool are_zeros(const uint8_t *b, size_t n) {
  size_t most = n < BEGINNING ? n : BEGINNING;
  for (size_t i = 0; i < most; i++) {
    if (b[i]) return false;
  }
  return most >= 16;
}

static bool holds(const uint8_t *b, size_t n, const char *text) {
  size_t m = strlen(text);
  for (size_t i = 0; i + m <= n; i++) {
    if (memcmp(b + i, text, m) == 0) return true;
  }
  return false;
}

const file_kind *kind_of_bytes(const void *bytes, size_t n) {
  const uint8_t *b = bytes;
  size_t most = n < BEGINNING ? n : BEGINNING;
  if (begins(b, n, "PK\3\4", 4)) return &zips[!holds(b, most, "data.pkl")];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (n >= known[i].at + known[i].n && memcmp(b + known[i].at, known[i].magic, known[i].n) == 0) {
      return &known[i].kind;
    }
  }
  if (begins(b, n, "\xff\xfe\0\0", 4) || begins(b, n, "\0\0\xfe\xff", 4)) return &utf32;
  if (begins(b, n, "\xff\xfe", 2) || begins(b, n, "\xfe\xff", 2)) return &utf16;
  if (is_bmp(b, n)) return &bmp;
  if (is_pnm(b, n)) return &pnm;
  if (is_safetensors(b, n)) return &safetensors;
  if (are_zeros(b, n)) return &zeros;
  if (is_unmarked_utf16(b, n)) return &utf16;
  return kind_of_tags(b, most);
}

static loci_status refuse(const file_kind *k, const char *path, const char *expected,
                          loci_err *err) {
  if (!k) return LOCI_OK;
  return fail(err, LOCI_EFORMAT, "%s: %s, not %s%s%s", path, k->what, expected, k->todo ? "; " : "",
              k->todo ? k->todo : "");
}

loci_status kind_refuse(const void *bytes, size_t n, const char *path, const char *expected,
                        loci_err *err) {
  return refuse(kind_of_bytes(bytes, n), path, expected, err);
}

loci_status kind_refuse_stream(FILE *f, const char *path, const char *expected, loci_err *err) {
  uint8_t b[BEGINNING];
  struct stat about;
  if (fileno(f) < 0 || fstat(fileno(f), &about) != 0 || !S_ISREG(about.st_mode)) return LOCI_OK;
  ssize_t n = pread(fileno(f), b, sizeof b, 0);
  return n > 0 ? kind_refuse(b, (size_t)n, path, expected, err) : LOCI_OK;
}

loci_status kind_refuse_file(const char *path, const char *expected, loci_err *err) {
  struct stat about; /* opening a pipe waits for who writes to it */
  FILE *f = stat(path, &about) == 0 && S_ISREG(about.st_mode) ? fopen(path, "re") : NULL;
  if (!f) return LOCI_OK;
  loci_status st = kind_refuse_stream(f, path, expected, err);
  fclose(f);
  return st;
}

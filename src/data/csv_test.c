/* Comma-separated values: what RFC 4180 says, what is refused, and how reading goes on. */
#include "data/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static loci_err err;

static csv_reader *opened(const char *text, size_t n) {
  csv_reader *r;
  FILE *f = tmpfile();
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, n, f), n);
  rewind(f);
  return csv_open_stream(f, "t.csv", &r, &err) ? NULL : r;
}
#define OPEN(text) opened(text, sizeof(text) - 1)

static void gives(csv_reader *r, int64_t line, const char *a, const char *b) {
  const char *const *row;
  assert_int_equal(csv_next(r, &row, &err), LOCI_OK);
  assert_non_null(row);
  assert_int_equal(csv_line(r), line);
  assert_string_equal(row[0], a);
  assert_string_equal(row[1], b);
}

static void ends(csv_reader *r) {
  const char *const *row;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(csv_next(r, &row, &err), LOCI_OK);
    assert_null(row);
  }
  csv_close(r);
}

static void refuses(csv_reader *r, const char *sentence) {
  const char *const *row;
  assert_int_equal(csv_next(r, &row, &err), LOCI_EFORMAT);
  assert_null(row);
  assert_string_equal(err.msg, sentence);
}

static void blanks_round_names_are_left_out(void **state) {
  (void)state;
  csv_reader *r = OPEN(" id ,\tquestion\n 0 , it \n");
  assert_non_null(r);
  assert_int_equal(csv_column(r, "id"), 0);
  assert_int_equal(csv_column(r, "question"), 1);
  gives(r, 2, " 0 ", " it ");
  ends(r);
}

static void quotes_line_ends_and_marks_are_read(void **state) {
  (void)state;
  csv_reader *r = OPEN("\xEF\xBB\xBF,question\r\n0,\"say \"\"it\"\", then\"\r\n\r\n"
                       "1,\"two\r\nlines\"\n,\n\"\",last");
  assert_non_null(r);
  assert_int_equal(csv_columns(r), 2);
  assert_int_equal(csv_column(r, ""), 0);
  assert_int_equal(csv_column(r, "question"), 1);
  assert_int_equal(csv_column(r, "Question"), -1);
  gives(r, 2, "0", "say \"it\", then");
  gives(r, 4, "1", "two\r\nlines");
  gives(r, 6, "", "");
  gives(r, 7, "", "last");
  assert_true(csv_share(r) == 1);
  ends(r);
}

static void the_line_of_names_says_what_separates(void **state) {
  (void)state;
  static const char *const tables[] = {"a;\"b, c\"\n1;x, y\n",
                                       "a\t\"b, c\"\n1\tx, y\n",
                                       "a|\"b, c\"\n1|x, y\n",
                                       "\"sep=;\"\r\na;\"b, c\"\n1;x, y\n",
                                       "sep=;\r\na;\"b, c\"\n1;x, y\n",
                                       "\xEF\xBB\xBFsep=\t\na\t\"b, c\"\n1\tx, y",
                                       "sep=;;; \r\na;\"b, c\"\n1;x, y\n",
                                       "a,\"b, c\"\n1,\"x, y\"\n",
                                       "\"a;;;\",\"b, c\"\n1,\"x, y\"\n"};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    csv_reader *r = opened(tables[i], strlen(tables[i]));
    assert_non_null(r);
    assert_int_equal(csv_columns(r), 2);
    assert_string_equal(csv_column_name(r, 1), "b, c");
    gives(r, strstr(tables[i], "sep=") ? 3 : 2, "1", "x, y");
    assert_true(csv_share(r) == 1);
    ends(r);
  }
}

/* Each byte after sep= separates, or is refused: none is taken for a quote, a line's end or the
 * file's (0xFF, as a char). */
static void every_separator_separates_or_is_refused(void **state) {
  (void)state;
  for (int c = 0; c < 256; c++) {
    char text[] = "sep=?\n#?b\n#?2\n";
    bool can = c == '\t' || (c >= ' ' && c <= '~' && !strchr("\"#=b2", c));
    text[4] = text[7] = text[11] = (char)c;
    csv_reader *r = opened(text, sizeof text - 1);
    if (!r) {
      assert_false(can);
      if (!strstr(err.msg, "t.csv, line 1: ")) fail_msg("%d: %s", c, err.msg);
      continue;
    }
    if (can) gives(r, 3, "#", "2");
    if (can) ends(r);
    const char *const *row;
    for (int left = 4; !can && (csv_next(r, &row, &err) || row); left--) assert_true(left > 0);
    if (!can) csv_close(r);
  }
}

static void what_is_wrong_is_refused_alone(void **state) {
  (void)state;
  csv_reader *r = OPEN("a,b\n1,x\"y\n2,\"z\"w\n3\n4,5,6\n7,8\r9\n10,\xff\n11,\0\n12,ok\n13,\"open");
  assert_non_null(r);
  refuses(r, "t.csv, line 2: a quote inside a field that has none round it");
  refuses(r, "t.csv, line 3: text after a closing quote");
  refuses(r, "t.csv, line 4: 1 fields, but there are 2 columns");
  refuses(r, "t.csv, line 5: 3 fields, but there are 2 columns");
  refuses(r, "t.csv, line 6: a carriage return without a line feed; lines end in a line feed "
             "(mac2unix)");
  refuses(r, "t.csv, line 7: is not UTF-8; save the table as UTF-8 (iconv -f WINDOWS-1252 -t "
             "UTF-8)");
  refuses(r, "t.csv, line 8: a NUL character");
  gives(r, 9, "12", "ok");
  refuses(r, "t.csv, line 10: a quote that is never closed");
  ends(r);
}

static void a_header_must_name_the_columns(void **state) {
  (void)state;
  assert_null(OPEN(""));
  assert_string_equal(err.msg, "t.csv: is empty: no names of columns");
  assert_null(OPEN("\n\r\n"));
  assert_null(OPEN("a,b,a\n"));
  assert_string_equal(err.msg, "t.csv, line 1: two columns are named \"a\"");
  assert_null(OPEN("\xEF\xBBx"));
  assert_string_equal(err.msg, "t.csv, line 1: is not UTF-8");
  static const char *const json[] = {"[{\"question\":\"a\"}]", "[\n {\n",
                                     "\xEF\xBB\xBF{\"question\": 1}\n", "{\n\"question\": 1}\n"};
  for (size_t i = 0; i < sizeof json / sizeof *json; i++) {
    assert_null(opened(json[i], strlen(json[i])));
    assert_non_null(strstr(err.msg, "t.csv: JSON, not a table"));
  }
}

static void a_record_has_a_limit(void **state) {
  (void)state;
  size_t n = CSV_RECORD_MAX + 100;
  char *text = malloc(n);
  assert_non_null(text);
  memset(text, 'x', n);
  memcpy(text, "a,b\n1,\"", 7);
  memcpy(text + n - 9, "\"\n2,after", 9);
  csv_reader *r = opened(text, n);
  free(text);
  assert_non_null(r);
  refuses(r, "t.csv, line 2: a record of more than 1 MiB (is a quote never closed?)");
  gives(r, 3, "2", "after");
  ends(r);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(blanks_round_names_are_left_out),
      cmocka_unit_test(quotes_line_ends_and_marks_are_read),
      cmocka_unit_test(the_line_of_names_says_what_separates),
      cmocka_unit_test(every_separator_separates_or_is_refused),
      cmocka_unit_test(what_is_wrong_is_refused_alone),
      cmocka_unit_test(a_header_must_name_the_columns),
      cmocka_unit_test(a_record_has_a_limit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

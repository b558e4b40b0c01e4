/* What each kind of result says (see sink.h).  Names and their order are docs/FORMATS.md's. */
#ifndef LOCI_SHOW_DESCRIBE_H
#define LOCI_SHOW_DESCRIBE_H

#include "show/sink.h"

describe_fn describe_info, describe_prompt, describe_text, describe_answer, describe_trace,
    describe_knockout, describe_flow, describe_lens, describe_bench, describe_scale,
    describe_devices, describe_edit_cost, describe_example, describe_prediction, describe_score,
    describe_average, describe_covariance, describe_edit, describe_edit_saved, describe_edit_test,
    describe_edit_tests, describe_edit_curve, describe_data_report, describe_store_info,
    describe_comparison, describe_image;

/* Members of *x, 12 at most, each under its own name, so that no key can be that of another:
 *
 *   say_members(s, x, layers, width)     values
 *   table_members(s, x, p, logp)         x is the table's first cell
 *   table_arrays(s, x, total, mean)      pointers to the table's first cells */
#define SAY_MEMBER(s, x, m)                                                                        \
  _Generic((x)->m,                                                                                 \
      int: say_int,                                                                                \
      int64_t: say_int,                                                                            \
      double: say_real,                                                                            \
      bool: say_bool,                                                                              \
      uint64_t: say_seed,                                                                          \
      const char *: say_text)(s, #m, (x)->m);
#define TYPE_OF(x)                                                                                 \
  _Generic((x), int                                                                                \
           : LOCI_TYPE_INT, bool                                                                   \
           : LOCI_TYPE_BOOL, float                                                                 \
           : LOCI_TYPE_FLOAT, double                                                               \
           : LOCI_TYPE_REAL)
#define TABLE_MEMBER(s, x, m) table_column(s, #m, TYPE_OF((x)->m), &(x)->m, sizeof *(x));
#define TABLE_ARRAY(s, x, m) table_column(s, #m, TYPE_OF(*(x)->m), (x)->m, sizeof *(x)->m);
#define EACH_1(f, s, x, m) f(s, x, m)
#define EACH_2(f, s, x, m, ...) f(s, x, m) EACH_1(f, s, x, __VA_ARGS__)
#define EACH_3(f, s, x, m, ...) f(s, x, m) EACH_2(f, s, x, __VA_ARGS__)
#define EACH_4(f, s, x, m, ...) f(s, x, m) EACH_3(f, s, x, __VA_ARGS__)
#define EACH_5(f, s, x, m, ...) f(s, x, m) EACH_4(f, s, x, __VA_ARGS__)
#define EACH_6(f, s, x, m, ...) f(s, x, m) EACH_5(f, s, x, __VA_ARGS__)
#define EACH_7(f, s, x, m, ...) f(s, x, m) EACH_6(f, s, x, __VA_ARGS__)
#define EACH_8(f, s, x, m, ...) f(s, x, m) EACH_7(f, s, x, __VA_ARGS__)
#define EACH_9(f, s, x, m, ...) f(s, x, m) EACH_8(f, s, x, __VA_ARGS__)
#define EACH_10(f, s, x, m, ...) f(s, x, m) EACH_9(f, s, x, __VA_ARGS__)
#define EACH_11(f, s, x, m, ...) f(s, x, m) EACH_10(f, s, x, __VA_ARGS__)
#define EACH_12(f, s, x, m, ...) f(s, x, m) EACH_11(f, s, x, __VA_ARGS__)
#define EACH_PICK(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, n, ...) EACH_##n
#define EACH(f, s, x, ...)                                                                         \
  do {                                                                                             \
    EACH_PICK(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)(f, s, x, __VA_ARGS__)         \
  } while (0)
#define say_members(s, x, ...) EACH(SAY_MEMBER, s, x, __VA_ARGS__)
#define table_members(s, x, ...) EACH(TABLE_MEMBER, s, x, __VA_ARGS__)
#define table_arrays(s, x, ...) EACH(TABLE_ARRAY, s, x, __VA_ARGS__)

/* ---- what several kinds say */

/* [hash] may be NULL or empty: null. */
void say_model(sink *s, const loci_model_info *m, const char *hash);
/* "prompt" and "constraints". */
void say_prompt(sink *s, const loci_prompt_info *p);
/* "request" and "command" of a result; null where there is none. */
void say_request(sink *s, const loci_result *r);
/* "target" */
void say_target(sink *s, const int *ids, int count, const char *text, bool given);
void say_candidate(sink *s, const char *key, const loci_candidate *c);
/* Without the empty places at the end. */
void say_top(sink *s, const char *key, const loci_candidate *top, int count);
/* Of an object that is open; [whole]: the target is a whole answer, so that its first token has
 * numbers of its own; [kl]: there is a run to compare with. */
void say_outcome(sink *s, const loci_outcome *o, bool whole, bool kl);
void say_cost(sink *s, const loci_cost *c);
/* {"value", "lo", "hi"}, or null where there is no value; in CSV three columns, the ends under the
 * names [lo] and [hi] (NULL: they have none). */
void say_interval(sink *s, const char *key, const char *lo, const char *hi, const loci_interval *x);
/* "template", and what else the prompt was worded with: "system", "date". */
void say_wording(sink *s, const char *template_name, const char *system, const char *date);
/* "model", then "sample" with the dropped examples. */
void say_sample(sink *s, const loci_sample *x);
/* "line" and "id" of an object that is open. */
void say_example(sink *s, int64_t line, const char *id);
/* A table's columns p, logp, p_first, ... of cells. */
void table_metrics(sink *s, const loci_metrics *cells, bool first);

#endif

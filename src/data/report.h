/* What is found while a file is gone through: loci_data_report in the making. */
#ifndef LOCI_DATA_REPORT_H
#define LOCI_DATA_REPORT_H

#include "base/arena.h"
#include "base/status.h"
#include "model/command.h"

typedef enum lint_rule {
#define LINT_RULE(id, name, error, repairable, meaning) LINT_##id,
#include "data/lint_rules.def"
#undef LINT_RULE
  LINT_COUNT
} lint_rule;

typedef struct report report;

/* Where something was found. */
typedef struct place {
  int64_t line;
  const char *id, *field; /* NULL: none */
  const char *repaired;   /* what the field would be; NULL: not repaired */
} place;

/* [out]: path of the file written; NULL: repairs are only proposed. */
loci_status report_new(const char *what, const char *path, const char *out, report **r,
                       loci_err *err);
loci_status report_add(report *r, lint_rule kind, const place *at, loci_err *err,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A sentence about a line without the "path, line 3: " in front of it. */
const char *report_plain(const char *message, const char *path, int64_t line);
/* What was asked for, and its command ([words].name with the file and the model it needs). */
loci_status report_tell(report *r, const command_words *words, js_value *request, loci_err *err);
/* The counts of examples, to be written to. */
loci_data_report *report_view(report *r);
/* How many errors there are that stay. */
int64_t report_errors(const report *r);
/* Hands the report over; [r] is gone.  Before that, loci_free frees it. */
loci_data_report *report_done(report *r);

#endif

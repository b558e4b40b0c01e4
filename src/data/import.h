/* Other people's files on their way to examples: what a row of a table and a record of a JSON list
 * go through alike.
 *
 * import.c          the call; tables
 * import_records.c  JSON lists of edits (VLKEB, MMEdit)
 * import_line.c     where both end */
#ifndef LOCI_DATA_IMPORT_H
#define LOCI_DATA_IMPORT_H

#include "data/check.h"
#include "data/csv.h"
#include "data/pictures.h"
#include "data/vqa.h"

typedef enum role { ID, IMAGE, QUESTION, ANSWERS, CONSTRAINTS, ENTITY, SET, TARGET, ROLES } role;

/* Columns by role; NULL: none.  A column with "|" in front holds several values with | between. */
typedef struct format {
  const char *name;
  const char *columns[ROLES];
  bool visual;  /* constraints point at the picture */
  bool others;  /* columns without a role are kept as fields */
  bool records; /* no table: a list of edits in JSON */
} format;

typedef struct importer {
  const loci_import_opts *o;
  const format *f;
  const char *path;
  csv_reader *table;
  int columns[ROLES]; /* -1: the table has none */
  bool many[ROLES];
  pictures *images;
  vqa_files *votes, *names; /* names: of pictures by their number */
  out_file *out;
  checker check;
  loci_data_report *counts;
  example_source from;
  arena *mem; /* of this row */
  loci_err *err;
} importer;

/* Checks the line, repairs it, writes it unless it is no example. */
loci_status import_line(importer *m, js_value *line);
/* All records of the file. */
loci_status import_records(importer *m);

#endif

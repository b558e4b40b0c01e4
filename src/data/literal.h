/* Lists and dictionaries as Python prints them: cells of tables are full of them. */
#ifndef LOCI_DATA_LITERAL_H
#define LOCI_DATA_LITERAL_H

#include "base/arena.h"
#include "base/status.h"

/* "['a', None]", "('a',)", "{'a', 'b'}", "{'a': 1}", "['a' 'b']", "array(['a'], dtype=object)" or
 * "[np.str_('a')]" as JSON in the arena, numbers as strings; LOCI_EFORMAT for anything else. */
loci_status literal_to_json(const char *text, arena *mem, const char **out, loci_err *err);

#endif

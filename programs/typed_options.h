/* What the values of several commands' options say: numbers, names of the library's lists, sites,
 * layers.  A wrong one is wrong usage, in a sentence that names the nearest right thing. */
#ifndef LOCI_PROGRAMS_WORDS_H
#define LOCI_PROGRAMS_WORDS_H

#include "cli.h"

enum { MOST_NAMES = 16 }; /* of a list */

/* A whole number within [lowest, highest]; *out stays as it is when the option is not given. */
int cli_int(cli *c, option_id id, int lowest, int highest, int *out);
int cli_seed(cli *c, uint64_t *out);
int cli_precision(cli *c, loci_precision *out);
/* A word, as its index in words[0..n); the sentence names the nearest, or all. */
int cli_word(cli *c, option_id id, const char *given, const char *const *words, int n, int *out);
/* A name of the library; [extra], if not NULL, is a further word: -1. */
int cli_name(cli *c, option_id id, loci_names list, const char *extra, const char *given, int *out);
int cli_metric(cli *c, loci_metric *out); /* p without the option */
/* A comma list of sites. */
int cli_sites(cli *c, loci_site out[LOCI_SITE_COUNT], int *count);
int cli_layers(cli *c, int *first, int *count);

/* What --width, --dpi, --scale and --no-title ask of pictures, into *out. */
int cli_look(cli *c, loci_draw_opts *out);

#endif

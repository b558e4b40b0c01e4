/* What a file says of how it was made: the completed request and the command that makes it again,
 * as one object of JSON on one line, {"command", "request"}.  SVG has it in <metadata>, PNG in a
 * text chunk named "loci", PDF as its subject; files of arrays have the two apart. */
#ifndef LOCI_SHOW_AGAIN_H
#define LOCI_SHOW_AGAIN_H

#include "base/arena.h"
#include "show/bytes.h"

/* The command, with the metric that a picture was drawn by; *out NULL: there is none. */
loci_status again_command(const loci_result *r, const loci_draw_opts *opts, arena *mem,
                          const char **out, loci_err *err);
/* [command] may be NULL; *out NULL: this result does not say how it was made. */
loci_status again_text(const loci_result *r, const char *command, arena *mem, const char **out,
                       loci_err *err);
/* Puts a text chunk into the bytes of a PNG file, after its header. */
void again_into_png(bytes *png, const char *text);

#endif

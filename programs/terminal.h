/* What the terminal can show, and the progress line.
 *
 * Everything is decided once, at the start, from the streams and the environment: colours need a
 * terminal on standard output and no NO_COLOR; wide characters need a UTF-8 locale; the progress
 * line needs a terminal on standard error that understands escape sequences. */
#ifndef LOCI_PROGRAMS_TERM_H
#define LOCI_PROGRAMS_TERM_H

#include <loci.h>
#include <stdbool.h>

typedef enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_when;

typedef struct terminal {
  loci_color color;
  bool utf8;
  int columns;
  int wrap;         /* where lines of text end: at the columns; without a terminal nowhere */
  bool progress;    /* the progress line may be drawn */
  bool is_terminal; /* standard output is one */
  double started, drawn;
  char found[64]; /* what is known already, before the stage; "": nothing */
  char stage[32];
  void (*watch)(void *ctx, const loci_trace *far); /* of a trace while it is made; or NULL */
  loci_progress_fn host; /* who is told instead of the progress line; NULL: nobody */
  void *host_ctx;
} terminal;

void terminal_init(terminal *t, color_when when, bool no_progress);

/* After SIGINT or SIGTERM every long call ends with LOCI_ECANCELLED. */
void terminal_catch_signals(void);
int terminal_signal(void); /* the signal, or 0 */

/* A loci_progress_fn; ctx is a term. */
bool terminal_progress(void *ctx, const char *stage, double done, double total);
/* Any text as the progress line; cut to the terminal. */
void terminal_line(terminal *t, const char *text);
void terminal_progress_end(terminal *t); /* erases the line */

#endif

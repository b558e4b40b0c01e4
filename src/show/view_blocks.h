/* Blocks: what an eye sees of a result, as data (see view.h).  Texts are printable. */
#ifndef LOCI_SHOW_BLOCKS_H
#define LOCI_SHOW_BLOCKS_H

#include "base/status.h"

/* Where a block, or a piece of a text, is seen. */
enum { VIEW_TERM = 1, VIEW_PAGE = 2, VIEW_HTML = 4, VIEW_ALL = 7 };

typedef enum view_style { VIEW_PLAIN, VIEW_BOLD, VIEW_DIM, VIEW_ACCENT } view_style;

typedef enum view_kind {
  VIEW_TEXT,
  VIEW_GAP, /* an empty line of a terminal */
  VIEW_ROW,
  VIEW_MAP,
  VIEW_LINES,
  VIEW_WORDS,
  VIEW_BARS,
  VIEW_OVERLAY,
  VIEW_FOLD, /* what follows is folded in a browser, up to VIEW_UNFOLD */
  VIEW_UNFOLD
} view_kind;

/* What a text is; a terminal tells them apart by indents, a page by its fonts. */
typedef enum view_role {
  VIEW_TITLE,
  VIEW_FACT, /* perhaps with a name; a page puts those that follow each other on one line */
  VIEW_HEADING,
  VIEW_LINE,
  VIEW_ITEM, /* of a list */
  VIEW_NOTE,
  VIEW_EDITED,
  VIEW_COMMAND /* the last line of a page: how it is made again */
} view_role;

/* A piece of a text in one style. */
typedef struct view_piece {
  struct view_piece *next;
  view_style style;
  int on;
  bool exact; /* with its blanks, and none around it; else it is words */
  const char *text;
} view_piece;

/* A table's columns; a terminal leaves out the last ones that have no room, except a kept one. */
typedef struct view_column {
  const char *title;
  int width; /* columns of a terminal; 0: as much as it takes */
  bool right, keep;
} view_column;

typedef struct view_columns {
  int count;
  const view_column *column;
} view_columns;

typedef struct view_cell {
  view_style style;
  const char *text; /* NULL: empty, like the following ones */
} view_cell;

typedef struct view_block {
  struct view_block *next;
  view_kind kind;
  int on;
  view_role role;
  int first, hang;  /* of a text: blanks before its first line, before the others */
  const char *name; /* of a fact; of what is folded */
  const view_piece *pieces;
  const view_columns *columns; /* of a row */
  const view_cell *cells;      /* (columns) */
  bool beside;                 /* on a page beside the drawing before it */
  const void *data;            /* heatmap, view_lines, view_words, ...; of the blocks' memory */
} view_block;

#endif

/* The browser's back end (see html.h). */
#include "show/html.h"

#include <string.h>

#include "show/page.h"

static bool is_seen(const view_block *b) {
  bool seen = b->kind != VIEW_TEXT && b->on & VIEW_HTML;
  for (const view_piece *p = b->pieces; p; p = p->next) seen |= p->on & VIEW_HTML;
  return seen;
}

static void put_text(bytes *out, const view_block *b) {
  static const char *const tags[] = {[VIEW_TITLE] = "h3", [VIEW_HEADING] = "h4"};
  const char *tag = b->role <= VIEW_HEADING && tags[b->role] ? tags[b->role] : "p";
  bytes_format(out, "<%s>", tag);
  if (b->name) bytes_escaped(out, b->name);
  if (b->name) bytes_text(out, ": ");
  for (const view_piece *p = b->pieces; p; p = p->next) {
    if (!(p->on & VIEW_HTML)) continue;
    bool bold = p->style == VIEW_BOLD || p->style == VIEW_ACCENT, dim = p->style == VIEW_DIM;
    if (p != b->pieces && !p->exact) bytes_text(out, " ");
    bytes_text(out, bold ? "<b>" : dim ? "<span class=dim>" : "");
    bytes_escaped(out, p->text);
    bytes_text(out, bold ? "</b>" : dim ? "</span>" : "");
  }
  bytes_format(out, "</%s>\n", tag);
}

static void put_row(bytes *out, const view_block *b, bool titles) {
  bytes_text(out, "<tr>");
  for (int i = 0; b->columns && i < b->columns->count; i++) {
    bool head = titles || b->cells[i].style == VIEW_BOLD;
    bytes_text(out, head ? "<th>" : b->columns->column[i].right ? "<td class=n>" : "<td>");
    bytes_escaped(out, b->cells[i].text);
    bytes_text(out, head ? "</th>" : "</td>");
  }
  bytes_text(out, "</tr>\n");
}

static bool is_drawing(const view_block *b) {
  return b->on & VIEW_HTML && b->kind >= VIEW_MAP && b->kind <= VIEW_OVERLAY;
}

/* The drawings from *at on with nothing between them, as one figure: what has one unit then has one
 * range.  *at becomes the last of them. */
static loci_status put_figure(bytes *out, const view_block **at, loci_err *err) {
  bytes svg = {0};
  char *text = NULL;
  const view_block *first = *at;
  for (const view_block *b = first->next; b && (!is_seen(b) || is_drawing(b)); b = b->next)
    if (is_drawing(b)) *at = b;
  loci_status st = page_of_blocks(first, (*at)->next, "", CANVAS_SVG, &svg, err);
  if (!st) st = bytes_take(&svg, &text, NULL, err);
  const char *body = st ? NULL : strstr(text, "<svg");
  if (body) bytes_text(out, "<p>");
  if (body) bytes_text(out, body);
  if (body) bytes_text(out, "</p>\n");
  bytes_clear(&svg);
  loci_text_free(text);
  return st;
}

loci_status html_blocks(const views *v, bytes *out, loci_err *err) {
  const view_columns *table = NULL; /* the open one's */
  for (const view_block *b = v->first; b; b = b->next) {
    if (!is_seen(b)) continue;
    bool titles = b->kind == VIEW_ROW && b->columns != table;
    if (table && (titles || b->kind != VIEW_ROW)) {
      bytes_text(out, "</table>\n");
      table = NULL;
    }
    if (b->kind == VIEW_TEXT) put_text(out, b);
    if (titles) bytes_text(out, "<table>");
    if (b->kind == VIEW_ROW) put_row(out, b, titles);
    if (b->kind == VIEW_ROW) table = b->columns;
    if (b->kind == VIEW_FOLD) bytes_text(out, "<details><summary>");
    if (b->kind == VIEW_FOLD) bytes_escaped(out, b->name);
    if (b->kind == VIEW_FOLD) bytes_text(out, "</summary>\n");
    if (b->kind == VIEW_UNFOLD) bytes_text(out, "</details>\n");
    if (is_drawing(b)) TRY(put_figure(out, &b, err));
  }
  if (table) bytes_text(out, "</table>\n");
  return out->failed ? fail_nomem(err, "drawing a page") : LOCI_OK;
}

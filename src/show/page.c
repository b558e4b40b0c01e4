/* Places blocks on a page (see page.h): drawings are measured first, because the widest row of them
 * sets the width that texts are broken to. */
#include "show/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "show/again.h"

static const double MARGIN = 20, GAP = 26, LEAST_WIDTH = 340;

/* A line of text and where it goes. */
typedef struct line {
  struct line *next;
  const canvas_font *font;
  const char *text;
  double y;
} line;

typedef struct layout {
  page p;           /* first */
  const char *note; /* unseen, in the file; NULL: none */
  int part_count;
  page_part *parts;
  line *first, *last;
  double y;
  bool drawn; /* a drawing was the last */
} layout;

/* ---------------------------------------------------------------- texts */

/* Bytes of [text] that fit in [width], cut at a blank if there is one. */
static size_t fitting(page *p, const canvas_font *font, const char *text, double width) {
  size_t n = strlen(text), fit = 0, blank = 0;
  for (size_t i = 0; i < n;) {
    uint32_t rune;
    int k = utf8_decode(text + i, n - i, &rune);
    i += k > 0 ? (size_t)k : 1;
    char *part = arena_strndup(p->mem, text, i);
    if (!part || canvas_text_width(p->ruler, font, part) > width) return blank > 0 ? blank : fit;
    fit = i;
    if (i < n && text[i] == ' ') blank = i;
  }
  return n;
}

static bool add_line(layout *l, const canvas_font *font, const char *text) {
  line *x = arena_zarray(l->p.mem, 1, line);
  if (!x || !text) return false;
  l->y += font->size * 1.35;
  *x = (line){NULL, font, text, l->y};
  *(l->last ? &l->last->next : &l->first) = x;
  l->last = x;
  return true;
}

/* At most [most] lines; what does not fit ends in "…". */
static bool add_text(layout *l, const canvas_font *font, const char *text, int most) {
  double width = l->p.width - 2 * MARGIN;
  while (*text && most-- > 0) {
    size_t n = fitting(&l->p, font, text, width);
    if (n == 0) return true;
    char *part = arena_strndup(l->p.mem, text, n);
    if (most == 0 && text[n]) {
      n = fitting(&l->p, font, text, width - font->size);
      part = arena_alloc(l->p.mem, (int64_t)n + 4, 1);
      if (part) snprintf(part, n + 4, "%.*s\xE2\x80\xA6", (int)n, text);
    }
    if (!add_line(l, font, part)) return false;
    text += n;
    text += strspn(text, " ");
  }
  return true;
}

/* The words of a text that a page shows, after what [to] has. */
static void join(bytes *to, const view_block *b) {
  bool any = false;
  for (const view_piece *x = b->pieces; x; x = x->next) {
    if (!(x->on & VIEW_PAGE) || !*x->text) continue;
    if (any) bytes_text(to, " ");
    if (!any && to->size > 0) bytes_text(to, "   \xC2\xB7   ");
    if (!any && b->name) bytes_format(to, "%s: ", b->name);
    if (!any && b->role == VIEW_EDITED) bytes_text(to, "edited: ");
    any = true;
    bytes_text(to, x->text);
  }
}

/* Of a bare page's texts the headings and what warns. */
static bool is_said(const layout *l, const view_block *b) {
  return !l->p.look.bare || b->role == VIEW_HEADING || b->role == VIEW_NOTE ||
         b->role == VIEW_EDITED;
}

static bool is_seen(const layout *l, const view_block *b) {
  bool seen = b->kind != VIEW_TEXT && b->on & VIEW_PAGE;
  if (b->kind == VIEW_TEXT && !is_said(l, b)) return false;
  for (const view_piece *x = b->kind == VIEW_TEXT ? b->pieces : NULL; x; x = x->next)
    seen |= x->on & VIEW_PAGE;
  return seen;
}

/* A text; of facts that follow each other, all.  Returns the last block that is in it. */
static const view_block *lay_text(layout *l, const view_block *b, bool *sound) {
  static const canvas_font title = {12, true, false, {0.13, 0.13, 0.15}},
                           heading = {10, true, false, {0.13, 0.13, 0.15}},
                           fact = {8.5, false, false, {0.25, 0.25, 0.28}},
                           note = {7, false, false, {0.45, 0.45, 0.48}},
                           faint = {5.5, false, false, {0.6, 0.6, 0.63}};
  bytes words = {0};
  char *text = NULL;
  join(&words, b);
  for (const view_block *next = b->next; b->role == VIEW_FACT && next != l->p.end;
       next = next->next) {
    bool fits = next->kind == VIEW_TEXT && next->role == VIEW_FACT;
    if (!fits && is_seen(l, next)) break;
    if (fits) join(&words, b = next);
  }
  *sound = bytes_take(&words, &text, NULL, NULL) == LOCI_OK;
  char *own = *sound ? label_text(l->p.mem, text) : NULL;
  loci_text_free(text);
  if (!own) {
    *sound = false;
    return b;
  }
  if (b->role > VIEW_HEADING && l->drawn) l->y += 4;
  l->drawn = false;
  if (b->role == VIEW_FACT) l->y += 3;
  if (b->role == VIEW_HEADING) l->y += 14;
  if (b->role == VIEW_TITLE) *sound = add_text(l, &title, own, 2);
  if (b->role == VIEW_FACT) *sound = add_text(l, &fact, own, 4);
  if (b->role == VIEW_HEADING) *sound = add_text(l, &heading, own, 1);
  if (b->role > VIEW_HEADING && b->role != VIEW_COMMAND) *sound = add_text(l, &note, own, 4);
  if (b->role == VIEW_COMMAND) *sound = add_text(l, &faint, own, 12);
  return b;
}

/* ---------------------------------------------------------------- drawings */

static const struct back_end {
  page_measure_fn *measure;
  page_draw_fn *draw;
} back_ends[] = {[VIEW_MAP] = {page_map_measure, page_map_draw},
                 [VIEW_LINES] = {page_lines_measure, page_lines_draw},
                 [VIEW_WORDS] = {page_words_measure, page_words_draw},
                 [VIEW_BARS] = {page_bars_measure, page_bars_draw},
                 [VIEW_OVERLAY] = {page_overlay_measure, page_overlay_draw},
                 [VIEW_UNFOLD] = {NULL, NULL}};

static bool is_drawing(const view_block *b) {
  return b->on & VIEW_PAGE && back_ends[b->kind].draw != NULL;
}

/* One past the last part of the row that begins with part i. */
static int row_end(const layout *l, int i) {
  int k = i + 1;
  while (k < l->part_count && l->parts[k].block->beside) k++;
  return k;
}

/* Measures all drawings and sets their x and the page's width. */
static bool measure(layout *l) {
  bool alone = true;
  for (int i = 0; i < l->part_count; i++) alone &= !l->parts[i].block->beside;
  l->p.width = LEAST_WIDTH + 2 * MARGIN;
  if (l->p.look.width > 0) l->p.width = fmin(l->p.width, l->p.look.width);
  for (int i = 0; i < l->part_count; i++) {
    page_part *part = &l->parts[i];
    part->alone = alone;
    part->before = part->block->beside && i > 0 ? part - 1 : NULL;
    if (!back_ends[part->block->kind].measure(&l->p, part)) return false;
  }
  for (int i = 0; i < l->part_count;) {
    double x = MARGIN;
    int end = row_end(l, i);
    for (int k = i; k < end; k++) {
      page_part *part = &l->parts[k];
      part->box.x = page_half_points(x + part->left, 0, 1e9);
      x = part->box.x + part->box.w + part->right + GAP;
    }
    l->p.width = fmax(l->p.width, ceil(x - GAP + MARGIN));
    i = end;
  }
  return true;
}

/* Puts the row that begins with part i below what is there; returns the first part of the next. */
static int lay_row(layout *l, int i) {
  double above = 0, below = 0;
  int end = row_end(l, i);
  for (int k = i; k < end; k++) above = fmax(above, l->parts[k].above);
  double y = page_half_points(l->y + 10 + above, 0, 1e9);
  for (int k = i; k < end; k++) {
    l->parts[k].box.y = y;
    below = fmax(below, l->parts[k].box.h + l->parts[k].below);
  }
  l->y = y + below + 4;
  l->drawn = true;
  return end;
}

static bool place(layout *l) {
  int part = 0, laid = 0;
  bool sound = true;
  l->y = MARGIN - 4;
  for (const view_block *b = l->p.first; b && b != l->p.end && sound; b = b->next) {
    if (!is_seen(l, b)) continue;
    if (b->kind == VIEW_TEXT)
      b = lay_text(l, b, &sound);
    else if (is_drawing(b) && part++ == laid)
      laid = lay_row(l, laid);
  }
  return sound;
}

/* ---------------------------------------------------------------- the file */

static bool find_extents(layout *l) {
  int n = 0;
  for (const view_block *b = l->p.first; b && b != l->p.end; b = b->next) n += is_drawing(b);
  l->parts = arena_zarray(l->p.mem, n + 1, page_part);
  if (!l->parts) return false;
  for (const view_block *b = l->p.first; b && b != l->p.end; b = b->next)
    if (is_drawing(b)) l->parts[l->part_count++].block = b;
  return true;
}

static loci_status draw_once(layout *l, const char *label, canvas_kind kind, bytes *out,
                             loci_err *err) {
  bool sound = true;
  canvas_size size = {.width = l->p.width, .height = l->y + MARGIN - 6, .dpi = l->p.look.dpi};
  if (l->p.look.width > 0) size.zoom = l->p.look.width / ceil(size.width);
  canvas *c = canvas_new(kind, size, label);
  if (!c) return fail_nomem(err, "drawing");
  canvas_note(c, l->note);
  for (const line *x = l->first; x; x = x->next)
    canvas_text(c, MARGIN, x->y, CANVAS_LEFT, x->font, x->text);
  for (int i = 0; i < l->part_count && sound; i++)
    sound = back_ends[l->parts[i].block->kind].draw(&l->p, c, &l->parts[i]);
  loci_status st = sound ? canvas_check(l->p.ruler, err) : fail_nomem(err, "drawing");
  if (!st) st = canvas_finish(c, out, err);
  canvas_free(c);
  return st;
}

/* Cairo leaves out what it has no memory for, without a word: what it draws is drawn twice, and is
 * the same both times or refused. */
static loci_status draw(layout *l, const char *title, canvas_kind kind, bytes *out, loci_err *err) {
  bool sound = l->p.mem && l->p.ruler && find_extents(l) && measure(l) && place(l);
  char *label = sound ? label_text(l->p.mem, title) : NULL;
  if (!label) return fail_nomem(err, "drawing");
  bytes again = {0};
  size_t before = out->size;
  loci_status st = draw_once(l, label, kind, out, err);
  if (!st && kind != CANVAS_SVG) {
    st = draw_once(l, label, kind, &again, err);
    size_t n = out->size - before;
    bool same = again.size == n && (n == 0 || memcmp(again.data, out->data + before, n) == 0);
    if (!st && !same) st = fail_nomem(err, "drawing");
  }
  bytes_clear(&again);
  return st;
}

static loci_status lay_out(layout *l, const char *title, canvas_kind kind, bytes *out,
                           loci_err *err) {
  l->p.mem = arena_new();
  l->p.ruler = canvas_new(CANVAS_PNG, (canvas_size){.width = 1, .height = 1}, "");
  loci_status st = draw(l, title, kind, out, err);
  canvas_free(l->p.ruler);
  arena_free(l->p.mem);
  return st;
}

loci_status page_of_blocks(const view_block *first, const view_block *end, const char *title,
                           canvas_kind kind, bytes *out, loci_err *err) {
  return lay_out(&(layout){.p = {.first = first, .end = end}}, title, kind, out, err);
}

/* The command as a page's last words, small: whoever finds the picture alone can make it again. */
static void say_command(views *v, const char *command) {
  if (!command) return;
  view_begin(v, VIEW_COMMAND);
  view_only(v, VIEW_PAGE);
  view_say(v, VIEW_DIM, "%s", command);
  view_end(v);
}

loci_status page_draw(view_fn *say, const void *result, const loci_draw_opts *opts,
                      canvas_kind kind, bytes *out, loci_err *err) {
  views v = {0};
  layout l = {.note = NULL};
  if (opts) l.p.look = (page_look){opts->width * 72, opts->scale, opts->bare, opts->dpi};
  loci_status st = views_new(&v, say, result, opts, err);
  const char *command = NULL;
  if (!st) st = again_command(result, opts, v.mem, &command, err);
  if (!st) say_command(&v, command);
  if (!st) st = v.status;
  if (!st) st = again_text(result, command, v.mem, &l.note, err);
  const view_block *b = v.first;
  while (b && !(b->kind == VIEW_TEXT && b->role == VIEW_TITLE && b->pieces)) b = b->next;
  l.p.first = v.first;
  if (!st) st = lay_out(&l, b ? b->pieces->text : "loci", kind, out, err);
  views_free(&v);
  return st;
}

loci_status page_html(const char *title, bytes *svg, bytes *out, loci_err *err) {
  char *text = NULL;
  TRY(bytes_take(svg, &text, NULL, err));
  const char *body = strstr(text, "<svg");
  bytes_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n");
  bytes_format(out, "<title>loci: %s</title>\n", title);
  bytes_text(out, "<style>body { margin: 2em auto; max-width: 72em; padding: 0 1em; "
                  "background: #fff; } svg { max-width: 100%; height: auto; }</style>\n");
  bytes_text(out, body ? body : text);
  bytes_text(out, "</html>\n");
  loci_text_free(text);
  return out->failed ? fail_nomem(err, "drawing a page") : LOCI_OK;
}

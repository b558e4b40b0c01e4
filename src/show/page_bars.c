/* Bars with intervals on a page: standing beside each other, or lying below each other where groups
 * are many (see page.h).  One drawing for both ways they can lie: u runs along the
 * groups, v is the value, and place() turns them. */
#include "show/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const canvas_font note_font = {7, false, false, {0.45, 0.45, 0.48}};
enum { BAR_ROW = 15, SERIES = 64 }; /* points of a lying group; names in a legend */
static const double LINE = 10, GROUP_SHARE = 0.76, WHISKER = 0.9;

typedef struct axes {
  const view_bars *bars;
  canvas_box box;
  double slot; /* of a group, along u */
} axes;

static axes axes_of(const view_bars *p, canvas_box box) {
  return (axes){p, box, (p->lying ? box.h : box.w) / p->group_count};
}

static void place(const axes *a, double u, double v, double *x, double *y) {
  *x = a->bars->lying ? a->box.x + a->box.w * v : a->box.x + u;
  *y = a->bars->lying ? a->box.y + u : a->box.y + a->box.h * (1 - v);
}

static void line(canvas *c, const axes *a, const double from[2], const double to[2], double width,
                 rgb colour) {
  double x0, y0, x1, y1;
  place(a, from[0], from[1], &x0, &y0);
  place(a, to[0], to[1], &x1, &y1);
  canvas_line(c, x0, y0, x1, y1, width, colour);
}

/* ---------------------------------------------------------------- bars */

/* From where the hues come again bars are hatched. */
static void fill(canvas *c, canvas_box box, int s) {
  canvas_fill(c, box, page_hue(s));
  if (s >= PAGE_HUES) canvas_hatch(c, &box, 1, 4, (rgb){1, 1, 1});
}

static void draw_bar(canvas *c, const axes *a, int s, double u, double width, double value) {
  double x0, y0, x1, y1;
  place(a, u, 0, &x0, &y0);
  place(a, u + width, value, &x1, &y1);
  fill(c, (canvas_box){fmin(x0, x1), fmin(y0, y1), fabs(x1 - x0), fabs(y1 - y0)}, s);
}

/* Ink with white round it, so that it is seen on the darkest bar, too. */
static void draw_interval(canvas *c, const axes *a, double u, double reach, double lo, double hi) {
  const double ends[2] = {lo, hi};
  for (int ink = 0; ink < 2; ink++) {
    double width = ink ? WHISKER : WHISKER + 0.7;
    rgb colour = ink ? page_ink : (rgb){1, 1, 1};
    line(c, a, (double[]){u, lo}, (double[]){u, hi}, width, colour);
    for (int i = 0; i < 2; i++)
      line(c, a, (double[]){u - reach, ends[i]}, (double[]){u + reach, ends[i]}, width, colour);
  }
}

static void draw_group(canvas *c, const axes *a, int g) {
  const view_bars *p = a->bars;
  double width = a->slot * GROUP_SHARE / p->series_count;
  for (int s = 0; s < p->series_count; s++) {
    const view_series *x = &p->series[s];
    double u = a->slot * (g + (1 - GROUP_SHARE) / 2) + s * width;
    if (isnan(x->values[g])) continue;
    draw_bar(c, a, s, u, width * 0.94, x->values[g]);
    if (isnan(x->lo[g]) || isnan(x->hi[g])) continue;
    draw_interval(c, a, u + width * 0.47, fmin(width * 0.2, 2.5), x->lo[g], x->hi[g]);
  }
}

/* ---------------------------------------------------------------- axes */

static void draw_values(canvas *c, const axes *a) {
  page_tick ticks[PAGE_TICKS];
  bool lying = a->bars->lying;
  double length = lying ? a->box.w : a->box.h, end = lying ? a->box.h : a->box.w, x, y;
  int exponent, n = page_ticks(c, 0, 1, length, ticks, &exponent);
  for (int i = 0; i < n; i++) {
    double v = ticks[i].x / length;
    line(c, a, (double[]){0, v}, (double[]){end, v}, 0.4, page_faint);
    place(a, lying ? end : 0, v, &x, &y);
    if (lying) canvas_text(c, x, y + 10.5, CANVAS_CENTRE, &page_tick_font, ticks[i].text);
    if (!lying) canvas_text(c, x - 4, y + 2.7, CANVAS_RIGHT, &page_tick_font, ticks[i].text);
  }
  if (lying) {
    canvas_text(c, a->box.x + a->box.w / 2, a->box.y + a->box.h + 21, CANVAS_CENTRE, &note_font,
                a->bars->unit);
  } else {
    canvas_text(c, a->box.x, a->box.y - 6, CANVAS_LEFT, &page_name_font, a->bars->unit);
  }
}

static int lines_of(const char *name) {
  int n = 1;
  for (; *name; name++) n += *name == '\n';
  return n;
}

static int most_lines(const view_bars *p) {
  int most = 1;
  for (int g = 0; g < p->group_count; g++) {
    int n = lines_of(p->groups[g]);
    if (n > most) most = n;
  }
  return most;
}

/* Below a standing group: the name's lines, then the note. */
static void draw_standing_name(canvas *c, const axes *a, int g) {
  const view_bars *p = a->bars;
  double x = a->box.x + a->slot * (g + 0.5), y = a->box.y + a->box.h + 12;
  for (const char *rest = p->groups[g]; *rest;) {
    char text[64];
    size_t n = strcspn(rest, "\n");
    snprintf(text, sizeof text, "%.*s", (int)n, rest);
    canvas_text(c, x, y, CANVAS_CENTRE, &page_name_font, text);
    y += LINE;
    rest += n + (rest[n] == '\n');
  }
  y = a->box.y + a->box.h + 12 + most_lines(p) * LINE;
  if (p->notes) canvas_text(c, x, y, CANVAS_CENTRE, &note_font, p->notes[g]);
}

static void draw_name(canvas *c, const axes *a, int g) {
  const view_bars *p = a->bars;
  if (!p->lying) {
    draw_standing_name(c, a, g);
    return;
  }
  double y = a->box.y + a->slot * (g + 0.5) + 2.8;
  canvas_text(c, a->box.x - 5, y, CANVAS_RIGHT, &page_name_font, p->groups[g]);
  if (p->notes) canvas_text(c, a->box.x + a->box.w + 5, y, CANVAS_LEFT, &note_font, p->notes[g]);
}

static double widest(canvas *ruler, const canvas_font *font, const char *const *texts, int n) {
  double width = 0;
  for (int i = 0; texts && i < n; i++)
    width = fmax(width, canvas_text_width(ruler, font, texts[i]));
  return width;
}

/* ---------------------------------------------------------------- legend */

static void draw_key(canvas *c, const void *ctx, int i, canvas_box key) {
  const view_bars *p = ctx;
  if (i < p->series_count) {
    fill(c, (canvas_box){key.x + key.w - key.h, key.y, key.h, key.h}, i);
  } else {
    page_dashes(c, key.x, key.y + key.h / 2, key.x + key.w, key.y + key.h / 2);
  }
}

/* Its height; with [c] NULL only measured. */
static double legend(canvas *ruler, canvas *c, const view_bars *p, canvas_box box) {
  const char *names[SERIES + 1];
  int n = 0;
  for (int s = 0; s < p->series_count && s < SERIES && p->series_count > 1; s++)
    names[n++] = p->series[s].name;
  if (!isnan(p->mark)) names[n++] = p->mark_name;
  if (n == 0 || p->no_legend) return 0;
  if (p->series_count > 1) return page_legend(ruler, c, names, n, box, draw_key, p);
  const view_bars mark_alone = {.series_count = 0};
  return page_legend(ruler, c, names, n, box, draw_key, &mark_alone);
}

/* From the box down to the legend. */
static double names_below(const view_bars *p) {
  return p->lying ? 26 : 8 + (most_lines(p) + (p->notes != NULL)) * LINE;
}

bool page_bars_measure(page *p, page_part *part) {
  const view_bars *b = part->block->data;
  bool many = b->series_count > 3;
  part->box.w = b->lying ? 300 : many ? 560 : 420;
  part->box.h = b->lying ? BAR_ROW * b->group_count : 180;
  part->left = b->lying ? widest(p->ruler, &page_name_font, b->groups, b->group_count) + 5 : 30;
  part->right = b->lying ? widest(p->ruler, &note_font, b->notes, b->group_count) + 5 : 0;
  part->above = b->lying ? 2 : 14;
  part->below = names_below(b) + legend(p->ruler, NULL, b, (canvas_box){0, 0, part->box.w, 0});
  return true;
}

bool page_bars_draw(page *p, canvas *c, const page_part *part) {
  const view_bars *b = part->block->data;
  canvas_box box = part->box;
  axes a = axes_of(b, box);
  (void)p;
  draw_values(c, &a);
  for (int g = 0; g < b->group_count; g++) {
    draw_group(c, &a, g);
    draw_name(c, &a, g);
  }
  if (!isnan(b->mark)) {
    double x0, y0, x1, y1;
    place(&a, 0, b->mark, &x0, &y0);
    place(&a, b->lying ? box.h : box.w, b->mark, &x1, &y1);
    page_dashes(c, x0, y0, x1, y1);
  }
  canvas_frame(c, box, 0.6, page_grey);
  legend(c, c, b, (canvas_box){box.x, box.y + box.h + names_below(b), box.w, 0});
  return true;
}

/* Named groups of positions (see prompt.h). */
#include <string.h>

#include "base/names.h"
#include "model/prompt.h"

const char *group_name(group_kind g) { return loci_name(LOCI_NAMES_GROUP, (int)g); }

loci_status group_find(const char *name, size_t n, group_kind *out, loci_err *err) {
  int i;
  TRY(name_find(LOCI_NAMES_GROUP, name, n, &i, err));
  *out = (group_kind)i;
  return LOCI_OK;
}

static bool of_image(group_kind g) {
  return g == GROUP_IMAGE || g == GROUP_IMAGE_BASE || g == GROUP_IMAGE_TILES;
}

/* Whether position i may read the picture and is none of its rows. */
static bool reads_image(const loci_prompt *p, int i) {
  const loci_prompt_info *x = &p->info;
  if (p->sources) return i >= sources_first(p->sources);
  return x->image_first >= 0 && i > x->image_first && layout_row_at(x, i) < 0;
}

/* Whether position i is in the group; [after] is the first position after all constraints. */
static bool contains(const loci_prompt_info *p, group_kind g, int which, int after, int i) {
  if (g == GROUP_ALL) return true;
  if (g == GROUP_LAST) return i == p->length - 1;
  if (g == GROUP_AFTER_CONSTRAINT) return p->constraint_count > 0 && i >= after;
  if (of_image(g)) {
    int at = layout_row_at(p, i), view = g == GROUP_IMAGE_TILES;
    if (at < 0) return false;
    if (g == GROUP_IMAGE) return true;
    return p->image_view_count > 1 &&
           layout_cell(p->image_views, p->image_view_count, at).view == view;
  }
  for (int k = 0; k < p->constraint_count; k++) {
    const loci_constraint *c = &p->constraints[k];
    if (which && k != which - 1) continue;
    if (g == GROUP_CONSTRAINT_LAST && i == c->first + c->count - 1) return true;
    if (g == GROUP_CONSTRAINT && i >= c->first && i < c->first + c->count) return true;
  }
  return false;
}

int group_positions(const loci_prompt *p, group_kind g, int which, int *out) {
  int n = 0, after = 0;
  for (int k = 0; k < p->info.constraint_count; k++) {
    const loci_constraint *c = &p->info.constraints[k];
    if (which && k != which - 1) continue;
    if (c->first + c->count > after) after = c->first + c->count;
  }
  for (int i = 0; i < p->info.length; i++) {
    bool in = g == GROUP_AFTER_IMAGE ? reads_image(p, i) : contains(&p->info, g, which, after, i);
    if (in) out[n++] = i;
  }
  return n;
}

loci_status fail_empty_group(const loci_prompt *p, group_kind g, loci_err *err) {
  bool image = of_image(g) || g == GROUP_AFTER_IMAGE;
  bool of_constraint = !image && g != GROUP_LAST && g != GROUP_ALL;
  const char *why = "nothing stands after the constraint";
  if (image && p->model->info.image_rows == 0) {
    why = "the model reads text only";
  } else if (of_image(g) && prompt_picture(p) && p->info.image_first < 0) {
    why = "layers read the picture by cross-attention, and it has no positions in the sequence";
  } else if (image && p->info.image_first < 0) {
    why = "the question has no picture";
  } else if (g == GROUP_AFTER_IMAGE) {
    why = "nothing stands after the picture";
  } else if (of_image(g)) {
    why = "the model sees a picture whole, without tiles (the group image has all its positions)";
  } else if (of_constraint && p->info.constraint_count == 0) {
    why = "the question has no constraint";
  }
  return fail(err, LOCI_EINVAL, "the group %s is empty: %s", group_name(g), why);
}

/* What the compiler made of the structs that bindings fill in and read, and how many pixels a
 * picture may have. */
#include <stddef.h>

#include "image/image.h"
#include "loci.h"

#define SIZE(type)                                                                                 \
  { #type, sizeof(type) }
#define PLACE(type, member)                                                                        \
  { #type "." #member, offsetof(type, member) }

static const struct fact {
  const char *name;
  size_t value;
} facts[] = {
    SIZE(loci_err),
    PLACE(loci_err, code),
    PLACE(loci_err, msg),
    SIZE(loci_monitor),
    PLACE(loci_monitor, cancel),
    PLACE(loci_monitor, permille),
    PLACE(loci_monitor, stage),
    SIZE(loci_axis),
    PLACE(loci_axis, name),
    PLACE(loci_axis, size),
    PLACE(loci_axis, numbers),
    PLACE(loci_axis, names),
    SIZE(loci_column),
    PLACE(loci_column, type),
    PLACE(loci_column, rank),
    PLACE(loci_column, axes),
    PLACE(loci_column, data),
    PLACE(loci_column, strides),
    SIZE(loci_view),
    PLACE(loci_view, data),
    PLACE(loci_view, rows),
    PLACE(loci_view, cols),
    SIZE(loci_patch),
    PLACE(loci_patch, site),
    PLACE(loci_patch, layer),
    PLACE(loci_patch, first),
    PLACE(loci_patch, count),
    PLACE(loci_patch, values),
    PLACE(loci_patch, add),
    PLACE(loci_patch, width),
    SIZE(loci_draw_opts),
    PLACE(loci_draw_opts, size),
    PLACE(loci_draw_opts, metric),
    PLACE(loci_draw_opts, color),
    PLACE(loci_draw_opts, columns),
    PLACE(loci_draw_opts, ascii),
    PLACE(loci_draw_opts, unwrapped),
    PLACE(loci_draw_opts, width),
    PLACE(loci_draw_opts, dpi),
    PLACE(loci_draw_opts, bare),
    PLACE(loci_draw_opts, scale),
    SIZE(loci_call),
    PLACE(loci_call, size),
    PLACE(loci_call, what),
    PLACE(loci_call, request),
    PLACE(loci_call, model),
    PLACE(loci_call, prompts),
    PLACE(loci_call, edits),
    PLACE(loci_call, prompt_count),
    PLACE(loci_call, edit_count),
    PLACE(loci_call, path),
    PLACE(loci_call, store),
    PLACE(loci_call, progress),
    PLACE(loci_call, progress_ctx),
    PLACE(loci_call, watch),
    PLACE(loci_call, watch_ctx),
    PLACE(loci_call, so_far),
    PLACE(loci_call, watch_steps),
    PLACE(loci_call, lent),
    PLACE(loci_call, watch_answer),
    {"most pixels", IMAGE_MAX_PIXELS},
};

size_t loci_abi(int i, const char **name) {
  int n = (int)(sizeof facts / sizeof *facts);
  bool there = i >= 0 && i < n;
  if (name) *name = there ? facts[i].name : NULL;
  return there ? facts[i].value : 0;
}

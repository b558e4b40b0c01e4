/* Where is the fact?  Traces one question and names the place that brings the answer back best.
 *
 *   cc trace.c $(pkg-config --cflags --libs loci) -o trace
 *   ./trace models/flags models/flags/images/ukraine.png
 */
#include <loci.h>
#include <stdio.h>

static void print_strongest(const loci_trace *t) {
  const loci_grid *best_grid = NULL;
  int best = 0;
  for (int g = 0; g < t->grid_count; g++) {
    const loci_grid *grid = &t->grids[g];
    for (int i = 0; i < grid->layer_count * grid->column_count; i++) {
      if (best_grid && !(grid->ie[i] > best_grid->ie[best])) continue;
      best_grid = grid;
      best = i;
    }
  }
  if (!best_grid) return;
  int layer = best_grid->layers[best / best_grid->column_count],
      column = best % best_grid->column_count;
  printf("%s at layer %d, ", loci_name(LOCI_NAMES_SITE, best_grid->site), layer);
  if (best_grid->groups) printf("group %s", best_grid->groups[column]);
  if (best_grid->positions)
    printf("token %s", t->prompt->tokens[best_grid->positions[column]].text);
  printf(": p %.3f -> %.3f\n", t->corrupted.m.p, best_grid->cells[best].p);
}

int main(int argc, char **argv) {
  const char *constraint = "this country";
  loci_question q = {.size = sizeof q,
                     .image = argc > 2 ? argv[2] : NULL,
                     .text = "What is the capital of this country?",
                     .constraints = &constraint,
                     .constraint_count = 1};
  loci_model *model = NULL;
  loci_prompt *prompt = NULL;
  loci_trace *trace = NULL;
  loci_err err = {LOCI_OK, "usage: trace MODEL IMAGE"};
  int failed = argc != 3 || loci_model_open(argv[1], NULL, &model, &err) ||
               loci_prompt_new(model, &q, &prompt, &err) ||
               loci_trace_new(model, prompt, NULL, &trace, &err);
  if (failed) {
    fprintf(stderr, "%s\n", err.msg);
  } else {
    printf("\"%s\": clean p %.3f, corrupted p %.3f\n", trace->target_text, trace->clean.m.p,
           trace->corrupted.m.p);
    print_strongest(trace);
  }
  loci_free(trace);
  loci_prompt_free(prompt);
  loci_model_close(model);
  return failed;
}

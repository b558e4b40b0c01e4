/* Does a screened trace run the strongest cells, or say that it may not have?  The table of
 * docs/MATH.md, "Screening".
 *   screening MODEL QUESTIONS [COUNT [EVERY]]     of every EVERY-th question, COUNT (50, 1)
 *
 * Each question is traced exactly and by three screenings, with the corruption and sites of
 * `loci trace`.  A site is held if the cell with its largest effect, single positions and groups
 * together, is among those run.  Exit code 1 if a default screening loses one without a warning. */
#include <loci.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct method {
  const char *name;
  int cells, steps;
  int sites, held, nearly;       /* out of all; and within 5 % of the largest effect */
  int questions, warned, silent; /* screenings that warn; that lose a site and do not */
} method;

static int64_t cells_of(const loci_grid *g) { return (int64_t)g->layer_count * g->column_count; }

/* The largest effect of a site in the exact trace; [run]: among the cells that were run. */
static double strongest(const loci_trace *exact, const loci_trace *run, loci_site site) {
  double most = 0;
  for (int i = 0; i < exact->grid_count; i++) {
    const loci_grid *g = &exact->grids[i];
    for (int64_t k = 0; g->site == site && k < cells_of(g); k++)
      if (!run || run->grids[i].exact[k]) most = fmax(most, fabs(g->ie[k]));
  }
  return most;
}

static void judge(method *m, const loci_trace *exact, const loci_trace *run) {
  static const loci_site sites[] = {LOCI_SITE_MLP_OUT, LOCI_SITE_ATTN_OUT, LOCI_SITE_RESID_POST};
  bool lost = false;
  for (int i = 0; i < 3; i++) {
    double all = strongest(exact, NULL, sites[i]), found = strongest(exact, run, sites[i]);
    m->sites++;
    m->held += found >= all;
    m->nearly += found >= 0.95 * all;
    lost |= found < all;
  }
  m->questions++;
  m->warned += run->audit.poor;
  m->silent += lost && !run->audit.poor;
}

static loci_status measure(const loci_model *model, const loci_example *e, method *methods, int n,
                           loci_err *err) {
  loci_question q = {.size = sizeof q,
                     .image = e->image,
                     .text = e->question,
                     .template_name = e->image ? NULL : "raw",
                     .constraints = e->constraints,
                     .constraint_count = e->constraint_count};
  loci_prompt *prompt = NULL;
  loci_trace *exact = NULL;
  loci_trace_opts o = {.size = sizeof o, .no_hash = true};
  loci_status st = loci_prompt_new(model, &q, &prompt, err);
  if (!st) st = loci_trace_new(model, prompt, &o, &exact, err);
  for (int i = 0; !st && i < n; i++) {
    loci_trace *run = NULL;
    o.screen = methods[i].cells;
    o.screen_steps = methods[i].steps;
    st = loci_trace_new(model, prompt, &o, &run, err);
    if (!st) judge(&methods[i], exact, run);
    loci_free(run);
  }
  loci_free(exact);
  loci_prompt_free(prompt);
  return st;
}

static void print(const method *m) {
  printf("| %s | %d | %.3f | %.3f | %.2f | %d |\n", m->name, m->cells, m->held / (double)m->sites,
         m->nearly / (double)m->sites, m->warned / (double)m->questions, m->silent);
}

int main(int argc, char **argv) {
  method methods[] = {{"the default", LOCI_SCREEN, LOCI_SCREEN_STEPS, 0, 0, 0, 0, 0, 0},
                      {"attribution patching", LOCI_SCREEN, 0, 0, 0, 0, 0, 0, 0},
                      {"attribution patching", 50, 0, 0, 0, 0, 0, 0, 0}};
  int count = argc > 3 ? atoi(argv[3]) : 50, every = argc > 4 ? atoi(argv[4]) : 1;
  loci_model *model = NULL;
  loci_examples *examples = NULL;
  loci_example *e = NULL;
  loci_err err = {LOCI_EINVAL, "usage: screening MODEL QUESTIONS [COUNT [EVERY]]"};
  bool bad = argc < 3 || every < 1 || loci_model_open(argv[1], NULL, &model, &err) ||
             loci_examples_open(argv[2], &examples, &err);
  while (!bad && methods[0].questions < count) {
    bad = loci_examples_next(examples, &e, &err) != LOCI_OK;
    if (bad || !e) break;
    if ((e->line - 1) % every == 0) bad = measure(model, e, methods, 3, &err) != LOCI_OK;
    loci_free(e);
  }
  loci_examples_close(examples);
  loci_model_close(model);
  if (bad || methods[0].questions == 0) {
    fprintf(stderr, "%s\n", err.msg);
    return 2;
  }
  printf("%d questions\n\n| estimates | cells | strongest run | within 5 %% | warned | lost in "
         "silence "
         "|\n|---|---|---|---|---|---|\n",
         methods[0].questions);
  for (int i = 0; i < 3; i++) print(&methods[i]);
  return methods[0].silent > 0;
}

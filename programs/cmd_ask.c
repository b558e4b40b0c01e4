/* loci ask: the greedy answer, and what else the model could have said at its first steps; of the
 * prompt's own run, or at a cell of a trace. */
#include <stdlib.h>
#include <string.h>

#include "calls.h"

enum { STEPS_SHOWN = 5, COLUMN = 18 };

static const char *token_at(const void *ctx, int i) {
  return ((const loci_prompt_info *)ctx)->tokens[i].text;
}

/* "step token p others": as many others as the line has room for, at least one. */
static void put_step(const cli *c, const loci_answer *a, int i, bool byte_level) {
  char text[TOKEN_TEXT];
  const loci_candidate *top = a->top[i];
  bool utf8 = c->term.utf8;
  printf("%4d", i + 1);
  for (int k = 0; k < LOCI_TOP && top[k].text; k++) {
    if (k > 1 && 4 + (k + 1) * COLUMN > c->term.columns) break;
    printf("  ");
    put_cell(stdout, token_text(top[k].text, byte_level, text), COLUMN - 8, utf8);
    printf(" %.3f", top[k].p);
  }
  printf("\n");
}

static void show(const cli *c, const loci_answer *a, const loci_prompt_info *p) {
  put_text(stdout, a->text, c->term.utf8);
  printf("\n");
  for (int i = 0; i < a->model->edit_count; i++) {
    printf("edited by ");
    put_wrapped(stdout, a->model->edits[i].title, &(wrap){10, 10, c->term.columns, c->term.utf8});
  }
  if (a->model->dtype && a->model->dtype[0] == 'Q') printf("%s weights\n", a->model->dtype);
  cli_put_day(p);
  printf("\nstep  ");
  put_wrapped(stdout, "token and probability, then the next best",
              &(wrap){6, 6, c->term.wrap, c->term.utf8});
  bool byte_level = is_byte_level(token_at, p, p->length);
  int n = a->count < STEPS_SHOWN ? a->count : STEPS_SHOWN;
  for (int i = 0; i < n; i++) put_step(c, a, i, byte_level);
  if (n < a->count) printf("      and %d more\n", a->count - n);
}

static int answer(cli *c, const cli_request *r) {
  loci_model *model;
  loci_prompt *prompt;
  loci_result *result = NULL;
  int code = cli_open_prompt(c, NULL, &model, &prompt);
  if (code) return code;
  loci_call call = call_of(c, r, model);
  call.prompts = (const loci_prompt *const[]){prompt};
  call.prompt_count = 1;
  code = call_measure(c, &call, &result);
  if (!code && !c->json) show(c, (const loci_answer *)result, loci_prompt_get_info(prompt));
  if (!code) code = cli_write_json(c, result);
  cli_close_prompt(c, result, model, prompt);
  return code;
}

int cmd_ask(cli *c) {
  cli_request r;
  const char *corrupt = args_get(&c->args, OPT_CORRUPT);
  bool of_picture = corrupt && strncmp(corrupt, "image", 5) == 0;
  if (corrupt && !of_picture && !args_has(&c->args, OPT_CONSTRAINT))
    return cli_usage(c, "--corrupt needs -c TEXT, the piece of the question to corrupt");
  call_begin(c, &r, NULL, 0);
  int code = call_end(c, &r);
  if (!code) code = answer(c, &r);
  call_clear(&r);
  return code;
}

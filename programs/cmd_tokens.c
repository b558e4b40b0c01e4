/* loci tokens: the sequence the model reads for a question, one line a position; the rows of the
 * image, all alike, share a line. */
#include <string.h>

#include "cli.h"

enum { NARROW = 56 }; /* below, byte ranges are left out */

/* What the other columns leave for the token's text. */
static int text_column(const cli *c) {
  int room = c->term.columns - (7 + 1 + 6 + 1 + 1 + 17) - (c->term.columns >= NARROW ? 14 : 0);
  return room < 6 ? 6 : room > 24 ? 24 : room;
}

static const char *token_at(const void *ctx, int i) {
  return ((const loci_prompt_info *)ctx)->tokens[i].text;
}

static void put_row(const cli *c, const loci_prompt_info *p, int from, int to, bool byte_level) {
  char text[TOKEN_TEXT];
  const loci_token *t = &p->tokens[from];
  char where[32], bytes[48];
  bool wide = c->term.columns >= NARROW;
  snprintf(where, sizeof where, from == to ? "%d" : "%d-%d", from, to);
  printf("%7s %6d ", where, t->id);
  put_cell(stdout, token_text(t->text, byte_level, text), text_column(c), c->term.utf8);
  snprintf(bytes, sizeof bytes, "%lld-%lld", (long long)t->bytes[0], (long long)t->bytes[1]);
  if (wide) printf(" %13s", bytes);
  printf(" %s\n", loci_name(LOCI_NAMES_ROLE, t->role));
}

static void put_heading(const cli *c) {
  bool wide = c->term.columns >= NARROW;
  printf("%7s %6s ", "pos", "id");
  put_cell(stdout, "text", text_column(c), c->term.utf8);
  if (wide) printf(" %13s", "bytes");
  printf(" role\n");
}

/* Of row i of the picture. */
static int image_position(const loci_prompt_info *p, int i) {
  return p->image_positions ? p->image_positions[i] : p->image_first + i;
}

/* The last of the picture's positions that follow each other from i on; i: it is none. */
static int image_run(const loci_prompt_info *p, int i) {
  if (p->tokens[i].role != LOCI_ROLE_IMAGE) return i;
  while (i + 1 < p->length && p->tokens[i + 1].role == LOCI_ROLE_IMAGE) i++;
  return i;
}

/* "image: base 24 rows of 24, tiles 48 rows of 36 with a position after each, positions .." */
static void put_views(const loci_prompt_info *p) {
  printf("image: ");
  for (int i = 0; i < p->image_view_count; i++) {
    const loci_image_view *v = &p->image_views[i];
    if (p->image_view_count > 1) printf("%s ", v->name);
    printf("%d rows of %d%s, ", v->rows, v->cols, v->breaks ? " with a position after each" : "");
  }
  if (p->source_count > 0) {
    printf("%d rows outside of the sequence, seen from position %d on\n", p->source_seen,
           p->source_from);
    return;
  }
  if (p->image_positions) printf("%d of the ", p->image_count);
  printf("positions %d-%d\n", p->image_first, image_position(p, p->image_count - 1));
}

static void show(const cli *c, const loci_prompt_info *p) {
  bool byte_level = is_byte_level(token_at, p, p->length);
  put_heading(c);
  for (int i = 0; i < p->length;) {
    int last = image_run(p, i);
    put_row(c, p, i, last, byte_level);
    i = last + 1;
  }
  printf("\n");
  if (p->image_view_count > 0) put_views(p);
  for (int i = 0; i < p->constraint_count; i++) {
    const loci_constraint *k = &p->constraints[i];
    printf("constraint %d: ", i + 1);
    put_text(stdout, k->text, c->term.utf8);
    printf("\n  %s, positions %d-%d\n", k->kind, k->first, k->first + k->count - 1);
  }
  printf("%d positions, template ", p->length);
  put_text(stdout, p->template_name, c->term.utf8);
  printf("\n");
  cli_put_day(p);
}

static int tokens_of_question(cli *c) {
  loci_model *model;
  loci_prompt *prompt;
  if (args_has(&c->args, OPT_PROMPT) && c->json)
    return cli_usage(c, "--prompt prints the prompt alone; --json has it, too");
  int code = cli_open_prompt(c, NULL, &model, &prompt);
  if (code) return code;
  const loci_prompt_info *i = loci_prompt_get_info(prompt);
  if (args_has(&c->args, OPT_PROMPT)) {
    fputs(i->text, stdout);
  } else if (!c->json) {
    show(c, i);
  }
  code = cli_write_json(c, &i->result);
  cli_close_prompt(c, NULL, model, prompt);
  return code;
}

int cmd_tokens(cli *c) {
  bool question = args_has(&c->args, OPT_QUESTION), text = args_has(&c->args, OPT_TEXT);
  bool lines = args_has(&c->args, OPT_LINES);
  if (question + text + lines != 1)
    return cli_usage(c, "tokens needs one of -q TEXT, --text TEXT and --lines FILE");
  if (question) return tokens_of_question(c);
  return cmd_tokens_of_text(c);
}

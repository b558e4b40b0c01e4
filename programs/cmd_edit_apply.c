/* loci edit apply, revert: edits as a checkpoint that any tool loads, and back. */
#include <stdlib.h>
#include <string.h>

#include "edit_common.h"

static void show_check(const cli *c, const loci_edit_check *k, int wide) {
  put_cell(stdout, k->question, wide, c->term.utf8);
  printf("  ");
  put_cell(stdout, k->target, 12, c->term.utf8);
  printf(" %8.4f %8.4f %8.4f\n", k->p_before, k->p_edited, k->p_saved);
}

static void show(const cli *c, const loci_edit_saved *s) {
  int wide = c->term.columns - 42 < 12 ? 12 : c->term.columns - 42;
  char digits[32];
  double share = s->norm > 0 ? 100 * s->rounding / s->norm : 0;
  put_cell(stdout, "question", wide, c->term.utf8);
  printf("  %-12s %8s %8s %8s\n", "target", "p before", "edited", "written");
  for (int i = 0; i < s->check_count; i++) show_check(c, &s->checks[i], wide);
  printf("%d matri%s rewritten, %d files linked, %d copied; rounding to %s took %s %% of the "
         "change\n",
         s->written, s->written == 1 ? "x" : "ces", s->linked, s->copied, s->dtype,
         digits_text(share, 2, digits));
  for (int i = 0; i < s->left_count; i++) {
    printf("left out, a model of its own: ");
    put_text(stdout, s->left[i], c->term.utf8);
    printf("\n");
  }
  if (s->missed > 0)
    printf("%d of %d targets %s not the answer of the edited model: the edit missed\n", s->missed,
           s->check_count, s->missed == 1 ? "is" : "are");
  if (s->lost > 0)
    printf("%d of %d edits did not survive the rounding: they answer in f32, and not in %s\n",
           s->lost, s->check_count, s->dtype);
  printf("wrote ");
  put_text(stdout, s->dir, c->term.utf8);
  printf("\n");
}

int cmd_edit_apply(cli *c) {
  loci_model *m = NULL;
  edit_files edits;
  loci_edit_saved *saved = NULL;
  char *json;
  const char *dir = args_get(&c->args, OPT_OUT);
  if (args_at(&c->args, OPT_OUT, 1)) return cli_usage(c, "edit apply writes one directory");
  for (int i = 1; i < c->args.rest_count; i++)
    for (int k = 0; k < i; k++)
      if (cli_is_same_file(c->args.rest[i], c->args.rest[k]))
        return cli_usage(c, "%s is there twice", c->args.rest[i]);
  int code = edit_read_files(c, c->args.rest, c->args.rest_count, &edits);
  if (!code) code = cli_open_model(c, &m);
  if (!code && loci_edit_save(m, (const loci_edit *const *)edits.at, edits.count, dir,
                              terminal_progress, &c->term, &saved, &c->err))
    code = cli_failed(c);
  terminal_progress_end(&c->term);
  if (!code && !c->json) show(c, saved);
  if (!code && c->json) {
    if (loci_json(&saved->result, &json, &c->err)) {
      code = cli_failed(c);
    } else {
      printf("%s\n", json);
      loci_text_free(json);
    }
  }
  loci_free(saved);
  edit_free_files(&edits);
  loci_model_close(m);
  return code;
}

int cmd_edit_revert(cli *c) {
  const char *dir = c->args.rest[0];
  loci_status st = loci_edit_undo(dir, terminal_progress, &c->term, &c->err);
  terminal_progress_end(&c->term);
  if (st) return cli_failed(c);
  if (c->json) {
    printf("{\"format\":\"loci.edit.revert/1\",\"version\":\"%s\",\"dir\":", loci_version());
    put_json_string(stdout, dir);
    printf("}\n");
    return EXIT_DONE;
  }
  put_text(stdout, dir, c->term.utf8);
  printf(" is as it was before its edits, bit for bit\n");
  return EXIT_DONE;
}

/* Shared pieces of the edit commands (see edit_common.h). */
#include "edit_common.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"
#include "typed_options.h"

void edit_put_words(cli *c, cli_request *r, const option_id *ids, int n) {
  const args *a = &c->args;
  const char **words = calloc((size_t)a->given_count + 1, sizeof *words);
  char *text = NULL;
  int count = 0;
  for (int i = 0; words && i < n; i++) {
    const char *value, *name = option_get(ids[i])->name;
    for (int k = 0; (value = args_at(a, ids[i], k)) != NULL; k++) {
      if (ids[i] == OPT_COVARIANCE && strcmp(value, "none") == 0) continue; /* said already */
      size_t room = strlen(name) + strlen(value) + sizeof "--=";
      if ((text = malloc(room)) == NULL) break;
      snprintf(text, room, "--%s=%s", name, value);
      words[count++] = text;
    }
  }
  if (words) call_put_texts(r, "words", words, count);
  for (int i = 0; i < count; i++) free((char *)(uintptr_t)words[i]);
  free((void *)words);
}

void edit_put_covariances(cli *c, cli_request *r) {
  const char **files = calloc((size_t)c->args.given_count + 1, sizeof *files);
  int n = 0;
  while (files && (files[n] = args_at(&c->args, OPT_COVARIANCE, n)) != NULL) n++;
  if (n > 0) call_put_texts(r, "covariance", files, n);
  free((void *)files);
}

int edit_request(cli *c, cli_request *r) {
  static const option_id own[] = {OPT_KEEP_FILE, OPT_COVARIANCE};
  call_begin(c, r, own, LENGTH(own));
  edit_put_covariances(c, r);
  edit_put_words(c, r, own, LENGTH(own));
  return call_end(c, r);
}

/* ---------------------------------------------------------------- prompts */

loci_status prompt_list_put(prompt_list *list, const loci_model *m, const loci_question *q,
                            loci_err *err) {
  if (list->count == list->room) {
    int room = list->room ? 2 * list->room : 8;
    loci_prompt **more = realloc(list->at, (size_t)room * sizeof *more);
    if (!more) return cli_fail(err, LOCI_ENOMEM, "out of memory");
    list->at = more;
    list->room = room;
  }
  loci_status st = loci_prompt_new(m, q, &list->at[list->count], err);
  if (!st) list->count++;
  return st;
}

void prompt_list_clear(prompt_list *list) {
  for (int i = 0; i < list->count; i++) loci_prompt_free(list->at[i]);
  free(list->at);
  memset(list, 0, sizeof *list);
}

static int add_question(cli *c, const loci_model *m, const char *image, const loci_example *x,
                        prompt_list *out) {
  const loci_model_info *info = loci_model_get_info(m);
  loci_question q = cli_question(c);
  if (info->image_rows > 0) q.image = x->image ? x->image : image;
  q.text = x->question;
  q.constraints = x->constraints;
  q.constraint_count = 1;
  if (x->constraint_count == 0) return EXIT_DONE;
  loci_status st = prompt_list_put(out, m, &q, &c->err);
  return st && st != LOCI_EINVAL ? cli_failed(c) : cli_stopped(c);
}

int edit_read_questions(cli *c, option_id id, const loci_model *m, const char *image,
                        prompt_list *out) {
  const char *path = args_get(&c->args, id);
  int before = out->count;
  loci_examples *file;
  loci_example *x = NULL;
  int code = EXIT_DONE;
  if (!path) return EXIT_DONE;
  if (loci_examples_open(path, &file, &c->err)) return cli_failed(c);
  for (;;) {
    if (loci_examples_next(file, &x, &c->err)) code = cli_failed(c);
    if (code || !x) break;
    code = add_question(c, m, image, x, out);
    loci_free(x);
    if (code) break;
  }
  loci_examples_close(file);
  if (!code && out->count == before) {
    cli_fail(&c->err, LOCI_EINVAL, "%.300s: no question with a constraint in it for --%s", path,
             option_get(id)->name);
    code = cli_failed(c);
  }
  return code;
}

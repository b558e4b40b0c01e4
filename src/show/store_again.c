/* The command that measures a run of a store again, out of its settings. */
#include <string.h>

#include "base/json.h"
#include "model/command.h"
#include "show/formats.h"

loci_status store_again(const loci_store_run_info *r, bytes *b, loci_err *err) {
  js_value *v;
  const char *text;
  command_words words = {
      .name = "study run", .file = r->data, .model = &r->model, .more = " --store NEW.db"};
  TRY(js_parse(r->settings, strlen(r->settings), "settings", &v, err));
  arena *mem = arena_new();
  loci_status st =
      mem ? command_line(&words, v, mem, &text, err) : fail_nomem(err, "writing a command");
  if (!st) bytes_text(b, text);
  arena_free(mem);
  js_free(v);
  return st;
}

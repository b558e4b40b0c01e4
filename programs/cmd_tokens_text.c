/* loci tokens --text and --lines: any text through the tokenizer alone, no weights needed.  --lines
 * reads a JSON string a line and answers each with one line of JSON, as it comes, so that it can
 * sit in a pipe. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json_string.h"
#include "text_in.h"

#define MAX_LINE ((size_t)1 << 22)

static const char *token_at(const void *ctx, int i) {
  return ((const loci_text_tokens *)ctx)->tokens[i];
}

static void show(const cli *c, const loci_text_tokens *t) {
  bool byte_level = is_byte_level(token_at, t, t->count);
  int room = c->term.columns - 6 - 8 - 14;
  printf("%5s %7s ", "token", "id");
  put_cell(stdout, "text", room > 24 ? 24 : room, c->term.utf8);
  printf(" %13s\n", "bytes");
  for (int i = 0; i < t->count; i++) {
    char bytes[48], text[TOKEN_TEXT];
    snprintf(bytes, sizeof bytes, "%lld-%lld", (long long)t->bytes[i][0],
             (long long)t->bytes[i][1]);
    printf("%5d %7d ", i, t->ids[i]);
    put_cell(stdout, token_text(t->tokens[i], byte_level, text), room > 24 ? 24 : room,
             c->term.utf8);
    printf(" %13s\n", bytes);
  }
  printf("\ndecoded: ");
  put_text(stdout, t->decoded, c->term.utf8);
  printf("\n");
}

static int one_text(cli *c, const loci_tokenizer *tokenizer) {
  loci_text_tokens *t = NULL;
  const char *text = args_get(&c->args, OPT_TEXT);
  int code;
  if (loci_tokenize(tokenizer, text, strlen(text), !args_has(&c->args, OPT_NO_SPECIAL), &t,
                    &c->err)) {
    code = cli_failed(c);
  } else {
    if (!c->json) show(c, t);
    code = cli_write_json(c, &t->result);
  }
  loci_free(t);
  return code;
}

static int one_line(cli *c, const loci_tokenizer *tokenizer, char *line, size_t n) {
  loci_text_tokens *t = NULL;
  char *json = NULL;
  size_t size;
  int code = EXIT_DONE;
  const char *wrong = json_string_decode(line, n, &size);
  if (wrong) {
    cli_fail(&c->err, LOCI_EFORMAT, "%s", wrong);
    return EXIT_FAILED;
  }
  if (loci_tokenize(tokenizer, line, size, !args_has(&c->args, OPT_NO_SPECIAL), &t, &c->err) ||
      loci_json(&t->result, &json, &c->err)) {
    code = EXIT_FAILED;
  } else {
    for (char *p = json; (p = strchr(p, '\n')) != NULL;)
      *p = ' '; /* only between members: strings have none */
    printf("%s\n", json);
  }
  loci_free(t);
  loci_text_free(json);
  return code;
}

static int all_lines(cli *c, const loci_tokenizer *tokenizer, FILE *in, const char *name) {
  char *line = malloc(MAX_LINE + 1);
  size_t n;
  long long number = 0;
  int code = EXIT_DONE;
  loci_status st = LOCI_OK;
  if (!line) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    return cli_failed(c);
  }
  while (!code && !(st = text_in_line(in, name, ++number, line, MAX_LINE, &n, &c->err)) && n > 0) {
    if (one_line(c, tokenizer, line, n)) {
      cli_fail(&c->err, c->err.code, "%.200s, line %lld: %.250s", name, number, c->err.msg);
      code = cli_failed(c);
    }
    if (fflush(stdout) != 0) break; /* said at the end */
    if (terminal_signal()) break;
  }
  if (!code) code = cli_stopped(c); /* also when the signal ended a wait for input */
  if (!code && st) code = cli_failed(c);
  free(line);
  return code;
}

static int lines(cli *c, const loci_tokenizer *tokenizer) {
  const char *path = args_get(&c->args, OPT_LINES);
  if (args_has(&c->args, OPT_OUT))
    return cli_usage(c, "--lines writes to standard output: it takes no --out");
  if (strcmp(path, "-") == 0) return all_lines(c, tokenizer, stdin, "standard input");
  FILE *in = text_in_open(path, &c->err);
  if (!in) return cli_failed(c);
  int code = all_lines(c, tokenizer, in, path);
  fclose(in);
  return code;
}

int cmd_tokens_of_text(cli *c) {
  loci_tokenizer *tokenizer = NULL;
  loci_model_opts unused;
  char path[LOCI_PATH_SIZE];
  int code = cli_model_opts(c, &unused);
  if (!code) code = cli_model_path(c, path);
  if (code) return code;
  if (loci_tokenizer_open(path, &tokenizer, &c->err)) return cli_failed(c);
  code = args_has(&c->args, OPT_TEXT) ? one_text(c, tokenizer) : lines(c, tokenizer);
  loci_tokenizer_close(tokenizer);
  return code;
}

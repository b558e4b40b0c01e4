/* loci serve: the page on which a question is asked and a cell is clicked, and a store is browsed.
 *
 *   [model -> pictures, board of jobs] [store] -> server on loopback -> the address, once it
 * listens
 *
 * It ends with Ctrl-C: jobs are cancelled first, then the streams that wait for them end, then the
 * server stops; a second Ctrl-C ends it at once. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "typed_options.h"

#ifdef LOCI_HAVE_SERVE
#include "browser.h"
#include "http.h"

enum { PORT = 8765, MORE_PORTS = 20 };

/* As long as a guess of it would take for ever. */
static bool make_token(char out[TOKEN_HEX + 1]) {
  unsigned char bytes[TOKEN_HEX / 2];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return false;
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
  return true;
}

/* What the page shows before it asks for anything. */
static char *make_hello(const loci_model *m) {
  const loci_model_info *i = loci_model_get_info(m);
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f) return NULL;
  fprintf(f, "{\"version\":\"%s\",\"path\":", loci_version());
  put_json_string(f, i->path);
  fprintf(f, ",\"layers\":%d,\"image_rows\":%d}", i->layers, i->image_rows);
  return fclose(f) == 0 ? text : NULL;
}

static void wait_for_signal(void) {
  const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
  while (!terminal_signal()) nanosleep(&pause, NULL);
}

/* Text of an address, where it is a value. */
static void put_encoded(FILE *f, const char *name, const char *value) {
  if (!value) return;
  fprintf(f, "&%s=", name);
  for (const unsigned char *s = (const unsigned char *)value; *s; s++)
    fprintf(f, *s < 128 && isalnum(*s) ? "%c" : "%%%02X", *s);
}

/* The question of the command line, as the page's address has it (page/state.js). */
static char *make_shown(cli *c, const server_opts *o, loci_err *err) {
  const args *a = &c->args;
  char *text = NULL, id[PICTURE_ID] = "";
  const char *question = args_get(a, OPT_QUESTION), *image = args_get(a, OPT_IMAGE), *piece;
  size_t n;
  if (image && gallery_add_file(o->pictures, image, id, err)) return NULL;
  FILE *f = open_memstream(&text, &n);
  if (!f) return NULL;
  put_encoded(f, "q", question);
  if (image) put_encoded(f, "i", id);
  for (int i = 0; question && (piece = args_at(a, OPT_CONSTRAINT, i)) != NULL; i++)
    put_encoded(f, "on", piece);
  put_encoded(f, "k", args_get(a, OPT_CORRUPT));
  put_encoded(f, "w", args_get(a, OPT_WINDOW));
  if (question && args_get(a, OPT_CONSTRAINT)) put_encoded(f, "v", "trace");
  return fclose(f) == 0 ? text : NULL;
}

static int serve(cli *c, server_opts *o, bool open_browser) {
  int port;
  size_t room = strlen(o->shown) + TOKEN_HEX + 64;
  char *address = malloc(room);
  server *s = server_start(o, &port);
  if (!s) {
    cli_fail(&c->err, LOCI_ESYSTEM, "no port from %d to %d is free on 127.0.0.1", o->port,
             o->last_port);
    free(address);
    return cli_failed(c);
  }
  if (address) snprintf(address, room, "http://127.0.0.1:%d/#token=%s%s", port, o->token, o->shown);
  if (address) printf("%s\n", address);
  fflush(stdout);
  browser *b = address && open_browser ? browser_open(address) : NULL;
  wait_for_signal();
  if (o->board) board_close(o->board);
  server_stop(s);
  browser_forget(b);
  free(address);
  return EXIT_DONE;
}

static int serve_model(cli *c, loci_model *m, server_opts *o) {
  int code = EXIT_FAILED;
  char path[LOCI_PATH_SIZE];
  board_opts b = {.model = m, .utf8 = c->term.utf8, .run = c->run, .work = board_work};
  if (cli_model_path(c, path) || cli_model_opts(c, &b.opened)) return EXIT_FAILED;
  char *hello = make_hello(m), *shown = NULL;
  o->hello = hello;
  b.pictures = o->pictures =
      gallery_new(b.opened.mmproj ? b.opened.mmproj : path, b.opened.max_pixels);
  if (o->pictures) o->shown = shown = make_shown(c, o, &c->err);
  if (o->pictures) o->board = board_new(&b);
  if (!shown && c->err.code) {
    code = cli_failed(c);
  } else if (!make_token(o->token) || !o->hello || !o->board || !shown) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    code = cli_failed(c);
  } else {
    code = serve(c, o, !args_has(&c->args, OPT_NO_OPEN));
  }
  board_free(o->board);
  gallery_free(o->pictures);
  free(hello);
  free(shown);
  return code;
}

/* A store alone: nothing is computed. */
static int serve_store(cli *c, server_opts *o) {
  char none[] = "null";
  o->hello = none;
  if (make_token(o->token)) return serve(c, o, !args_has(&c->args, OPT_NO_OPEN));
  cli_fail(&c->err, LOCI_ESYSTEM, "no random numbers");
  return cli_failed(c);
}

int cmd_serve(cli *c) {
  loci_model *m = NULL;
  const char *store = args_get(&c->args, OPT_STORE);
  bool has_model = args_has(&c->args, OPT_MODEL);
  if (!has_model && !store)
    return cli_usage(c, "serve needs -m DIR, a model to ask, or --store S.db, a store to browse");
  if (args_has(&c->args, OPT_CONSTRAINT) && !args_has(&c->args, OPT_QUESTION))
    return cli_usage(c, "-c is a piece of a question: -q TEXT");
  server_opts o = {.port = PORT, .shown = ""};
  int code = cli_int(c, OPT_PORT, 1024, 65535, &o.port);
  o.last_port =
      args_has(&c->args, OPT_PORT) || o.port > 65535 - MORE_PORTS ? o.port : o.port + MORE_PORTS;
  if (!code && store && study_store_open(store, &o.store, &c->err)) code = cli_failed(c);
  if (!code && has_model) code = cli_open_model(c, &m);
  if (!code) code = has_model ? serve_model(c, m, &o) : serve_store(c, &o);
  loci_model_close(m);
  study_store_close(o.store);
  return code;
}

#else

int cmd_serve(cli *c) {
  cli_fail(&c->err, LOCI_EUNSUPPORTED,
           "this loci was built without the page (libmicrohttpd-dev, LOCI_SERVE=ON)");
  return cli_failed(c);
}

#endif

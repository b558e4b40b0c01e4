/* loci serve: the page on which a question is asked and a cell is clicked, and a store is browsed.
 *
 *   [model -> pictures, board of jobs] [store] -> server on loopback -> the address, once it
 * listens
 *
 * It ends with Ctrl-C: jobs are cancelled first, then the streams that wait for them end, then the
 * server stops; a second Ctrl-C ends it at once. */
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

static int serve(cli *c, server_opts *o, bool open_browser) {
  int port;
  char address[128];
  server *s = server_start(o, &port);
  if (!s) {
    cli_fail(&c->err, LOCI_ESYSTEM, "no port from %d to %d is free on 127.0.0.1", o->port,
             o->last_port);
    return cli_failed(c);
  }
  snprintf(address, sizeof address, "http://127.0.0.1:%d/#token=%s", port, o->token);
  printf("%s\n", address);
  fflush(stdout);
  browser *b = open_browser ? browser_open(address) : NULL;
  wait_for_signal();
  if (o->board) board_close(o->board);
  server_stop(s);
  browser_forget(b);
  return EXIT_DONE;
}

static int serve_model(cli *c, loci_model *m, server_opts *o) {
  int code = EXIT_FAILED;
  char path[LOCI_PATH_SIZE];
  if (cli_model_path(c, path)) return EXIT_FAILED;
  char *hello = make_hello(m);
  o->hello = hello;
  o->pictures = gallery_new(path);
  o->board = o->pictures
                 ? board_new(&(board_opts){m, o->pictures, c->term.utf8, c->run, board_work})
                 : NULL;
  if (!make_token(o->token) || !o->hello || !o->board) {
    cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    code = cli_failed(c);
  } else {
    code = serve(c, o, !args_has(&c->args, OPT_NO_OPEN));
  }
  board_free(o->board);
  gallery_free(o->pictures);
  free(hello);
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
  server_opts o = {.port = PORT};
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

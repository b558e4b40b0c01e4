/* loci serve: the page on which a question is asked and a cell is clicked, and a store is browsed.
 *
 *   [models -> pictures, board of jobs] [stores] -> server on loopback -> the address, once it
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
#include "mhd.h"
#include "saved.h"
#include "values.h"

enum { PORT = 8765, MORE_PORTS = 20 };

/* As long as a guess of it would take for ever. */
static bool make_token(char out[TOKEN_HEX + 1]) {
  unsigned char bytes[TOKEN_HEX / 2];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return false;
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
  return true;
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

/* The question of the command line, as the page's address has it (page/api.js). */
static char *make_shown(cli *c, const server_opts *o, loci_err *err) {
  const args *a = &c->args;
  char *text = NULL, id[PICTURE_ID] = "";
  const char *question = args_get(a, OPT_QUESTION), *image = args_get(a, OPT_IMAGE), *piece;
  size_t n;
  if (image && gallery_add_file(o->parts.pictures, image, id, err)) return NULL;
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
  char why[200];
  if (!mhd_load(why, sizeof why)) {
    cli_fail(&c->err, LOCI_EUNSUPPORTED, "%s: loci serve needs libmicrohttpd", why);
    return cli_failed(c);
  }
  size_t room = strlen(o->shown) + TOKEN_HEX + 64;
  char *address = malloc(room);
  server *s = server_start(o, &port);
  if (!s) {
    cli_fail(&c->err, LOCI_ESYSTEM, "no port from %d to %d is free on 127.0.0.1 and ::1", o->port,
             o->last_port);
    free(address);
    return cli_failed(c);
  }
  if (address) snprintf(address, room, "http://127.0.0.1:%d/#token=%s%s", port, o->token, o->shown);
  if (address) printf("%s\n", address);
  fflush(stdout);
  browser *b = address && open_browser ? browser_open(address) : NULL;
  wait_for_signal();
  if (o->parts.board) board_close(o->parts.board);
  server_stop(s);
  browser_forget(b);
  free(address);
  return EXIT_DONE;
}

/* What the model of -m and those of --root are opened with. */
static int read_model_opts(cli *c, models_opts *w, board_opts *b) {
  const char *keep = args_get(&c->args, OPT_KEEP_ROOM), *root;
  if (cli_model_opts(c, &b->opened)) return EXIT_FAILED;
  b->keep = 1LL << 30;
  if (keep && !value_size(keep, &b->keep))
    return cli_bad_value(c, OPT_KEEP_ROOM, "a size such as 512M or 4G");
  for (; (root = args_at(&c->args, OPT_ROOT, w->root_count)) != NULL; w->root_count++) {
    if (w->root_count == MOST_ROOTS) return cli_usage(c, "--root is given more than 16 times");
    w->roots[w->root_count] = root;
  }
  w->opened = b->opened;
  w->name = args_get(&c->args, OPT_MODEL);
  return EXIT_DONE;
}

/* Takes the model over. */
static int serve_model(cli *c, loci_model *m, server_opts *o) {
  page_parts *p = &o->parts;
  char path[LOCI_PATH_SIZE], *shown = NULL;
  models_opts w = {.path = path, .model = m};
  board_opts b = {.model = m, .utf8 = c->term.utf8, .run = c->run, .work = board_work};
  int code = cli_model_path(c, path);
  if (!code) code = read_model_opts(c, &w, &b);
  if (code) {
    loci_model_close(m);
    return code;
  }
  p->models = models_new(&w, &c->err);
  if (!p->models) return cli_failed(c);
  b.pictures = p->pictures =
      gallery_new(b.opened.mmproj ? b.opened.mmproj : path, b.opened.max_pixels);
  if (p->pictures) o->shown = shown = make_shown(c, o, &c->err);
  if (shown) p->board = board_new(&b);
  if (p->board && make_token(o->token)) {
    code = serve(c, o, !args_has(&c->args, OPT_NO_OPEN));
  } else {
    if (!c->err.code) cli_fail(&c->err, LOCI_ENOMEM, "out of memory");
    code = cli_failed(c);
  }
  board_free(p->board);
  gallery_free(p->pictures);
  models_free(p->models);
  free(shown);
  return code;
}

/* Stores alone: nothing is computed. */
static int serve_stores(cli *c, server_opts *o) {
  if (make_token(o->token)) return serve(c, o, !args_has(&c->args, OPT_NO_OPEN));
  cli_fail(&c->err, LOCI_ESYSTEM, "no random numbers");
  return cli_failed(c);
}

static int open_stores(cli *c, page_parts *p) {
  const char *path;
  for (; (path = args_at(&c->args, OPT_STORE, p->store_count)) != NULL; p->store_count++) {
    if (p->store_count == MOST_STORES) return cli_usage(c, "--store is given more than 16 times");
    if (study_store_open(path, &p->stores[p->store_count], &c->err)) return cli_failed(c);
  }
  return EXIT_DONE;
}

/* The folders: of the page's files, and of what is saved. */
static int open_folders(cli *c, page_parts *p) {
  char index[LOCI_PATH_SIZE];
  p->page = args_get(&c->args, OPT_PAGE);
  p->save_to = args_get(&c->args, OPT_SAVE_TO);
  if (p->page) {
    int n = snprintf(index, sizeof index, "%s/index.html", p->page);
    if (n >= (int)sizeof index || access(index, R_OK) != 0) {
      cli_fail(&c->err, LOCI_EIO, "%s: no index.html that can be read; the page is in page/",
               p->page);
      return cli_failed(c);
    }
  }
  if (p->save_to && (p->save_folder = saved_open(p->save_to, &c->err)) < 0) return cli_failed(c);
  return EXIT_DONE;
}

int cmd_serve(cli *c) {
  loci_model *m = NULL;
  bool has_model = args_has(&c->args, OPT_MODEL);
  if (!has_model && !args_has(&c->args, OPT_STORE))
    return cli_usage(c, "serve needs -m DIR, a model to ask, or --store S.db, a store to browse");
  if (args_has(&c->args, OPT_CONSTRAINT) && !args_has(&c->args, OPT_QUESTION))
    return cli_usage(c, "-c is a piece of a question: -q TEXT");
  server_opts o = {
      .port = PORT, .shown = "", .parts.save_folder = -1, .log = args_has(&c->args, OPT_LOG)};
  int code = cli_int(c, OPT_PORT, 1024, 65535, &o.port);
  o.last_port =
      args_has(&c->args, OPT_PORT) || o.port > 65535 - MORE_PORTS ? o.port : o.port + MORE_PORTS;
  if (!code) code = open_folders(c, &o.parts);
  if (!code) code = open_stores(c, &o.parts);
  if (!code && has_model) code = cli_open_model(c, &m);
  if (!code) code = has_model ? serve_model(c, m, &o) : serve_stores(c, &o);
  for (int i = 0; i < o.parts.store_count; i++) study_store_close(o.parts.stores[i]);
  if (o.parts.save_folder >= 0) close(o.parts.save_folder);
  return code;
}

#else

int cmd_serve(cli *c) {
  cli_fail(&c->err, LOCI_EUNSUPPORTED,
           "this loci was built without the page (libmicrohttpd-dev, LOCI_SERVE=ON)");
  return cli_failed(c);
}

#endif

/* HTTP by libmicrohttpd, a thread for each connection: whoever waits for a job just waits.
 *
 *   GET    /, /page/FILE              the page
 *   GET    /api/hello                 model, version, limits
 *   POST   /api/store/runs, examples, average, auroc, sql     a form (study_store.h) -> JSON
 *   POST   /api/propose               a form with a question -> constraints it may have
 *   GET    /api/store/N/run.csv       all numbers of run N
 *   POST   /api/pictures              bytes of a picture -> {"picture": id}
 *   GET    /api/pictures/ID           the bytes again
 *   POST   /api/jobs                  a form (board.h) -> {"job": n}, and of a brief one the rest
 *   GET    /api/jobs/N                state
 *   GET    /api/jobs/N/events         parts and states as they come, as an event stream
 *   GET    /api/jobs/N/result.json    what loci COMMAND --json prints; .csv .png ...: what -o makes
 *   DELETE /api/jobs/N                cancel
 *   POST   /api/jobs/N/apply, /revert the edit that it solved, on the model in memory */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "proposals.h"
#include "seats.h"
#include "site.h"

enum { IDLE_SECONDS = 30, FORM_BYTES = 64 << 10, HEADER_BYTES = 32 << 10 };

struct server {
  server_opts o;
  struct MHD_Daemon *daemon;
  seats seats;
};

/* A request while its body arrives. */
typedef struct incoming {
  bool refused; /* answered already */
  seat *seat;   /* while it is answered; NULL: it is not, or has no token */
  char *body;
  size_t size, room, most;
} incoming;

typedef struct MHD_Connection connection;
typedef enum MHD_Result done;

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'";

/* Sends and lets go of it. */
static done reply(connection *c, int status, struct MHD_Response *r) {
  if (!r) return MHD_NO;
  MHD_add_response_header(r, "Content-Security-Policy", policy);
  MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
  MHD_add_response_header(r, "Cross-Origin-Opener-Policy", "same-origin");
  MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
  done d = MHD_queue_response(c, (unsigned)status, r);
  MHD_destroy_response(r);
  return d;
}

/* Takes the bytes. */
static done send_typed(connection *c, int status, const char *type, char *bytes, size_t size) {
  if (!bytes) return MHD_NO;
  struct MHD_Response *r = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
  if (!r) {
    free(bytes);
    return MHD_NO;
  }
  MHD_add_response_header(r, "Content-Type", type);
  MHD_add_response_header(r, "Cache-Control", "no-store");
  return reply(c, status, r);
}

static done send_json(connection *c, int status, char *text, size_t size) {
  return send_typed(c, status, "application/json", text, size);
}

static done send_error(connection *c, int status, const char *code, const char *message) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (!f) return MHD_NO;
  fputs("{\"error\":{\"code\":", f);
  put_json_string(f, code);
  fputs(",\"message\":", f);
  put_json_string(f, message);
  fputs("}}\n", f);
  if (fclose(f)) return MHD_NO;
  return send_json(c, status, text, n);
}

static done send_number(connection *c, int status, const char *name, int number) {
  char *text = malloc(64);
  int n = text ? snprintf(text, 64, "{\"%s\":%d}\n", name, number) : 0;
  return send_json(c, status, text, (size_t)n);
}

static done send_file(connection *c, const char *path) {
  const site_file *x = site_find(path);
  if (!x) return send_error(c, 404, "path", "there is no such file");
  struct MHD_Response *r = MHD_create_response_from_buffer(
      (size_t)(x->end - x->bytes), (void *)(uintptr_t)x->bytes, MHD_RESPMEM_PERSISTENT);
  if (!r) return MHD_NO;
  MHD_add_response_header(r, "Content-Type", x->type);
  MHD_add_response_header(r, "Content-Encoding", "gzip");
  MHD_add_response_header(r, "Cache-Control", "no-cache");
  return reply(c, 200, r);
}

/* ---------------------------------------------------------------- events */

/* A stream of the states of a job. */
typedef struct event_stream {
  board *board;
  int job;
  board_place at;
  bool ended;
  char *text; /* what is left of an event */
  size_t size, sent;
} event_stream;

/* The next event, or a comment every two seconds, by which a reader that left is noticed. */
static bool next_event(event_stream *s) {
  static const char beat[] = ": beat\n\n";
  char *news = NULL;
  if (s->ended || !board_follow(s->board, s->job, 2, &s->at, &news, &s->ended)) return false;
  free(s->text);
  s->text = news ? news : strdup(beat);
  s->size = s->text ? strlen(s->text) : 0;
  s->sent = 0;
  return s->text != NULL;
}

static ssize_t read_stream(void *ctx, uint64_t at, char *to, size_t most) {
  event_stream *s = ctx;
  (void)at;
  if (s->sent == s->size && !next_event(s)) return MHD_CONTENT_READER_END_OF_STREAM;
  size_t n = s->size - s->sent < most ? s->size - s->sent : most;
  memcpy(to, s->text + s->sent, n);
  s->sent += n;
  return (ssize_t)n;
}

static void free_stream(void *ctx) {
  event_stream *s = ctx;
  free(s->text);
  free(s);
}

static done send_events(server *x, connection *c, int job) {
  event_stream *s = calloc(1, sizeof *s);
  if (!s) return MHD_NO;
  *s = (event_stream){.board = x->o.board, .job = job};
  struct MHD_Response *r =
      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, s, free_stream);
  if (!r) {
    free(s);
    return MHD_NO;
  }
  MHD_add_response_header(r, "Content-Type", "text/event-stream");
  MHD_add_response_header(r, "Cache-Control", "no-store");
  return reply(c, 200, r);
}

/* ---------------------------------------------------------------- routes */

static done send_hello(const server *s, connection *c) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  if (f)
    fprintf(f, "{\"model\":%s,\"edited\":%d,\"store\":%s}\n", s->o.hello,
            s->o.board ? board_applied(s->o.board) : 0, s->o.store ? "true" : "false");
  if (!f || fclose(f)) return MHD_NO;
  return send_json(c, 200, text, n);
}

static done add_picture(const server *s, connection *c, const incoming *in) {
  char id[PICTURE_ID], *text = NULL;
  size_t n = 0;
  loci_err err = {0};
  if (gallery_add(s->o.pictures, in->body ? in->body : "", in->size, id, &err))
    return send_error(c, err.code == LOCI_ENOMEM ? 507 : 422, "picture", err.msg);
  FILE *f = open_memstream(&text, &n);
  if (f) fprintf(f, "{\"picture\":\"%s\"}\n", id);
  if (!f || fclose(f)) return MHD_NO;
  return send_json(c, 200, text, n);
}

static done send_picture(const server *s, connection *c, const char *id) {
  char path[PICTURE_PATH];
  struct stat info;
  int fd = gallery_open(s->o.pictures, id, path);
  struct MHD_Response *r = fd >= 0 && fstat(fd, &info) == 0
                               ? MHD_create_response_from_fd((size_t)info.st_size, fd)
                               : NULL; /* which closes it */
  if (!r && fd >= 0) close(fd);
  if (!r) return send_error(c, 404, "picture", "the picture is not here any more: drop it again");
  MHD_add_response_header(r, "Content-Type", "application/octet-stream");
  MHD_add_response_header(r, "Cache-Control", "no-store");
  return reply(c, 200, r);
}

static done add_job(const server *s, connection *c, const incoming *in) {
  int id;
  size_t n = 0;
  board_answer a = board_add(s->o.board, in->body ? in->body : "", in->size, &id);
  if (a.code[0]) return send_error(c, a.status, a.code, a.message);
  char *text = board_told(s->o.board, id, &n);
  return send_json(c, a.status, text, n);
}

static done send_state(const server *s, connection *c, int job) {
  char *text = board_state(s->o.board, job);
  if (!text) return send_error(c, 404, "job", "there is no such job (any more)");
  return send_json(c, 200, text, strlen(text));
}

static done send_result(const server *s, connection *c, int job, const char *ending) {
  size_t n = 0;
  char *text = board_result(s->o.board, job, ending, &n);
  if (!text) return send_error(c, 404, "job", "it has no such result (any more): ask again");
  return send_typed(c, 200,
                    strcmp(ending, "json") == 0 ? "application/json" : "application/octet-stream",
                    text, n);
}

static done cancel(const server *s, connection *c, int job) {
  board_answer a = board_cancel(s->o.board, job);
  return a.code[0] ? send_error(c, a.status, a.code, a.message)
                   : send_number(c, a.status, "job", job);
}

static done apply(const server *s, connection *c, int job, bool on) {
  board_answer a = board_apply(s->o.board, job, on);
  return a.code[0] ? send_error(c, a.status, a.code, a.message)
                   : send_number(c, a.status, "edited", on ? job : 0);
}

static done ask_store(const server *s, connection *c, const char *what, const incoming *in) {
  form f;
  const char *why;
  char *text = NULL;
  loci_err err = {0};
  if (!s->o.store) return send_error(c, 404, "store", "loci serve was started without --store");
  if (!form_read(in->body ? in->body : "", in->size, &f, &why)) {
    form_clear(&f);
    return send_error(c, 400, "form", why);
  }
  loci_status st = study_store_ask(s->o.store, what, &f, &text, &err);
  form_clear(&f);
  return st ? send_error(c, 422, "store", err.msg) : send_json(c, 200, text, strlen(text));
}

static done send_proposals(connection *c, const incoming *in) {
  form f;
  const char *why;
  size_t n = 0;
  bool read = form_read(in->body ? in->body : "", in->size, &f, &why);
  const char *question = read ? form_get(&f, "question") : NULL;
  char *text = question ? proposals_for(question, &n) : NULL;
  form_clear(&f);
  if (!read) return send_error(c, 400, "form", why);
  if (!text) return send_error(c, 422, "question", "nothing can be proposed for this question");
  return send_json(c, 200, text, n);
}

static done send_store(const server *s, connection *c, int run) {
  size_t n = 0;
  char *text = s->o.store ? study_store_csv(s->o.store, run, &n) : NULL;
  if (!text) return send_error(c, 404, "store", "there is no such run");
  return send_typed(c, 200, "application/octet-stream", text, n);
}

/* "/api/jobs/12/events" -> 12 and "/events"; 0: it is none. */
static int number_of(const char *path, const char *head, const char **rest) {
  size_t begin = strlen(head);
  if (strncmp(path, head, begin) != 0) return 0;
  const char *s = path + begin;
  size_t digits = strspn(s, "0123456789");
  if (digits < 1 || digits > 9) return 0;
  *rest = s + digits;
  return atoi(s);
}

static done route(server *s, connection *c, const char *method, const char *path,
                  const incoming *in) {
  bool get = strcmp(method, "GET") == 0, post = strcmp(method, "POST") == 0;
  const char *rest = "", *file = "";
  int job = number_of(path, "/api/jobs/", &rest), run = number_of(path, "/api/store/", &file);
  if (strncmp(path, "/api/", 5) != 0) return send_file(c, path);
  if (get && strcmp(path, "/api/hello") == 0) return send_hello(s, c);
  if (post && strncmp(path, "/api/store/", 11) == 0) return ask_store(s, c, path + 11, in);
  if (run && get && strcmp(file, "/run.csv") == 0) return send_store(s, c, run);
  if (post && strcmp(path, "/api/propose") == 0) return send_proposals(c, in);
  if (!s->o.board) return send_error(c, 404, "model", "loci serve was started without a model");
  if (post && strcmp(path, "/api/pictures") == 0) return add_picture(s, c, in);
  if (get && strncmp(path, "/api/pictures/", 14) == 0) return send_picture(s, c, path + 14);
  if (post && strcmp(path, "/api/jobs") == 0) return add_job(s, c, in);
  if (job && get && !*rest) return send_state(s, c, job);
  if (job && get && strcmp(rest, "/events") == 0) return send_events(s, c, job);
  if (job && get && strncmp(rest, "/result.", 8) == 0) return send_result(s, c, job, rest + 8);
  if (job && post && strcmp(rest, "/apply") == 0) return apply(s, c, job, true);
  if (job && post && strcmp(rest, "/revert") == 0) return apply(s, c, job, false);
  if (job && strcmp(method, "DELETE") == 0 && !*rest) return cancel(s, c, job);
  return send_error(c, 404, "path", "there is nothing here");
}

/* ---------------------------------------------------------------- the daemon */

static done count_host(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value) {
  (void)kind;
  (void)value;
  if (strcasecmp(key, "Host") == 0) ++*(int *)ctx;
  return MHD_YES;
}

static const char *header(connection *c, const char *name) {
  return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static gate_answer check(const server *s, connection *c, const char *method, const char *path) {
  gate_request r = {.method = method,
                    .path = path,
                    .host = header(c, "Host"),
                    .origin = header(c, "Origin"),
                    .fetch_site = header(c, "Sec-Fetch-Site"),
                    .authorization = header(c, "Authorization")};
  MHD_get_connection_values(c, MHD_HEADER_KIND, count_host, &r.hosts);
  return gate_check(&r, s->o.token);
}

/* More of the body; false: it is too long, or there is no memory. */
static bool take_body(incoming *in, const char *data, size_t size) {
  if (size > in->most - in->size) return false;
  if (in->size + size > in->room) {
    size_t room = 2 * in->room + size;
    char *more = realloc(in->body, room);
    if (!more) return false;
    in->body = more;
    in->room = room;
  }
  memcpy(in->body + in->size, data, size);
  in->size += size;
  return true;
}

/* The first call of a request is the gate's: nothing of a body is read before it. */
static done begin(server *s, connection *c, const char *path, const char *method, void **place) {
  gate_answer a = check(s, c, method, path);
  incoming *in = calloc(1, sizeof *in);
  *place = in;
  if (!in) return MHD_NO;
  in->most = strcmp(path, "/api/pictures") == 0 ? PICTURE_BYTES : FORM_BYTES;
  const char *length = header(c, "Content-Length");
  if (!a.code && length && strtoull(length, NULL, 10) > in->most)
    a = (gate_answer){413, "size", "the request is too large"};
  if (!a.code) return MHD_YES;
  in->refused = true;
  return send_error(c, a.status, a.code, a.message);
}

/* ---------------------------------------------------------------- connections */

static seat *seat_of(connection *c) {
  const union MHD_ConnectionInfo *i =
      MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return i ? i->socket_context : NULL;
}

static void on_connection(void *ctx, connection *c, void **place,
                          enum MHD_ConnectionNotificationCode what) {
  server *s = ctx;
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    *place = i ? seats_take(&s->seats, i->connect_fd) : NULL;
  } else {
    seats_leave(&s->seats, *place);
    *place = NULL;
  }
}

static done on_request(void *ctx, connection *c, const char *path, const char *method,
                       const char *version, const char *data, size_t *size, void **place) {
  server *s = ctx;
  incoming *in = *place;
  (void)version;
  if (!in) return begin(s, c, path, method, place);
  if (*size == 0) {
    if (in->refused) return MHD_YES;
    if (strncmp(path, "/api/", 5) == 0) in->seat = seat_of(c);
    seats_work(&s->seats, in->seat, true);
    return route(s, c, method, path, in);
  }
  bool taken = in->refused || take_body(in, data, *size);
  *size = 0;
  return taken ? MHD_YES : MHD_NO; /* one that did not say how much would come is hung up on */
}

static void on_end(void *ctx, connection *c, void **place, enum MHD_RequestTerminationCode how) {
  incoming *in = *place;
  server *s = ctx;
  (void)c;
  (void)how;
  if (in) seats_work(&s->seats, in->seat, false);
  if (in) free(in->body);
  free(in);
  *place = NULL;
}

/* Encoded paths are refused, not decoded: two spellings of one name are one too many.  (%61 would
 * otherwise be an "a" for the gate.) */
static size_t keep_encoded(void *ctx, connection *c, char *s) {
  (void)ctx;
  (void)c;
  return strlen(s);
}

server *server_start(const server_opts *o, int *port) {
  server *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->o = *o;
  seats_init(&s->seats);
  for (*port = o->port; *port <= o->last_port && !s->daemon; ++*port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
        NULL, on_request, s, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SEATS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
  }
  --*port;
  if (s->daemon) return s;
  seats_clear(&s->seats);
  free(s);
  errno = EADDRINUSE;
  return NULL;
}

void server_stop(server *s) {
  if (!s) return;
  MHD_stop_daemon(s->daemon);
  seats_clear(&s->seats);
  free(s);
}

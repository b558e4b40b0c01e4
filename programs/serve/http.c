/* HTTP by libmicrohttpd, a thread for each connection: whoever waits for a job just waits.
 *
 *   connection -> its seat -> head: the gate -> body, bounded -> the page's files, or routes.c */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "mhd.h"
#include "seats.h"
#include "site.h"
#include "values.h"

enum { IDLE_SECONDS = 30, HEADER_BYTES = 32 << 10, ADDRESSES = 2 /* 127.0.0.1, ::1 */, LINE = 96 };

struct server {
  server_opts o;
  struct MHD_Daemon *daemons[ADDRESSES];
  seats seats;
};

/* A request while its body arrives. */
typedef struct incoming {
  bool refused;    /* answered already */
  char line[LINE]; /* method and path, for the log */
  seat *seat;      /* while it is answered; NULL: it is not, or has no token */
  char *body;
  size_t size, room, most;
} incoming;

typedef struct MHD_Connection connection;
typedef enum MHD_Result done;

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'";

static seat *seat_of(connection *c) {
  const union MHD_ConnectionInfo *i =
      mhd.get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return i ? i->socket_context : NULL;
}

/* Sends and lets go of it. */
static done reply(connection *c, int status, struct MHD_Response *r) {
  seat *at = seat_of(c);
  if (!r) return MHD_NO;
  if (at) at->status = status;
  mhd.add_response_header(r, "Content-Security-Policy", policy);
  mhd.add_response_header(r, "X-Content-Type-Options", "nosniff");
  mhd.add_response_header(r, "Referrer-Policy", "no-referrer");
  mhd.add_response_header(r, "Cross-Origin-Opener-Policy", "same-origin");
  mhd.add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
  done d = mhd.queue_response(c, (unsigned)status, r);
  mhd.destroy_response(r);
  return d;
}

/* Takes the bytes. */
static done send_bytes(connection *c, const page_answer *a) {
  if (!a->bytes) return MHD_NO;
  struct MHD_Response *r =
      mhd.create_response_from_buffer(a->size, a->bytes, MHD_RESPMEM_MUST_FREE);
  if (!r) {
    free(a->bytes);
    return MHD_NO;
  }
  mhd.add_response_header(r, "Content-Type", a->type);
  mhd.add_response_header(r, "Cache-Control", "no-store");
  return reply(c, a->status, r);
}

static done send_error(connection *c, int status, const char *code, const char *message) {
  page_answer a = route_error(status, code, message);
  return send_bytes(c, &a);
}

static const char *header(connection *c, const char *name) {
  return mhd.lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* A file of the program, packed; a browser that has it by its mark gets no second one. */
static done send_file(connection *c, const char *path) {
  const site_file *x = site_find(path);
  char mark[SITE_MARK];
  if (!x) return send_error(c, 404, "path", "there is no such file");
  site_mark(x, mark);
  const char *known = header(c, "If-None-Match");
  bool same = known && strcmp(known, mark) == 0;
  struct MHD_Response *r = mhd.create_response_from_buffer(
      same ? 0 : (size_t)(x->end - x->bytes), (void *)(uintptr_t)x->bytes, MHD_RESPMEM_PERSISTENT);
  if (!r) return MHD_NO;
  mhd.add_response_header(r, "Content-Type", x->type);
  if (!same) mhd.add_response_header(r, "Content-Encoding", "gzip");
  mhd.add_response_header(r, "Cache-Control", "no-cache");
  mhd.add_response_header(r, "ETag", mark);
  return reply(c, same ? 304 : 200, r);
}

/* The same of a folder, as it is there now: for those who change the page. */
static done send_file_of(connection *c, const char *folder, const char *path) {
  const site_file *x = site_find(path);
  size_t size = 0;
  char *bytes = x ? site_read(folder, x, &size) : NULL;
  if (!bytes) return send_error(c, 404, "path", "there is no such file in the folder of --page");
  return send_bytes(c, &(page_answer){200, x->type, bytes, size, 0});
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

static done send_events(board *b, connection *c, int job, int after) {
  event_stream *s = calloc(1, sizeof *s);
  if (!s) return MHD_NO;
  *s = (event_stream){.board = b, .job = job, .at.events = after};
  struct MHD_Response *r =
      mhd.create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, s, free_stream);
  if (!r) {
    free(s);
    return MHD_NO;
  }
  mhd.add_response_header(r, "Content-Type", "text/event-stream");
  mhd.add_response_header(r, "Cache-Control", "no-store");
  return reply(c, 200, r);
}

/* ---------------------------------------------------------------- the daemon */

/* ?name=NUMBER; 0: it is not there, or none. */
static int number_of_query(connection *c, const char *name) {
  const char *s = mhd.lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
  int value = 0;
  return s && value_int(s, 0, INT32_MAX, &value) ? value : 0;
}

static done answer_ask(const server *s, connection *c, const char *method, const char *path,
                       const incoming *in) {
  const page_parts *p = &s->o.parts;
  if (strncmp(path, "/api/", 5) != 0)
    return p->page ? send_file_of(c, p->page, path) : send_file(c, path);
  page_ask ask = {.method = method,
                  .path = path,
                  .body = in->body ? in->body : "",
                  .size = in->size,
                  .after = number_of_query(c, "after"),
                  .store = number_of_query(c, "store")};
  page_answer a = route_ask(p, &ask);
  return a.follow ? send_events(p->board, c, a.follow, ask.after) : send_bytes(c, &a);
}

/* Headers of a request while they are looked at. */
typedef struct counted {
  gate_request *r;
  bool there[4];
} counted;

/* Which of two a browser meant nobody can tell: what decides is there once, and a body has one
 * length, told or in chunks. */
static done count_header(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value) {
  static const char *const once[] = {"Origin", "Sec-Fetch-Site", "Authorization", "Content-Length",
                                     "Transfer-Encoding"};
  counted *n = ctx;
  (void)kind;
  n->r->header += strlen(key) + (value ? strlen(value) : 0);
  if (strcasecmp(key, "Host") == 0) n->r->hosts++;
  for (int i = 0; i < LENGTH(once); i++) {
    if (strcasecmp(key, once[i]) != 0) continue;
    int of = i < LENGTH(once) - 1 ? i : i - 1; /* the last two are one */
    n->r->doubled += n->there[of];
    n->there[of] = true;
  }
  return MHD_YES;
}

static gate_answer check(const server *s, connection *c, const char *method, const char *path) {
  gate_request r = {.method = method,
                    .path = path,
                    .host = header(c, "Host"),
                    .origin = header(c, "Origin"),
                    .fetch_site = header(c, "Sec-Fetch-Site"),
                    .authorization = header(c, "Authorization")};
  counted n = {.r = &r};
  mhd.get_connection_values(c, MHD_HEADER_KIND, count_header, &n);
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
  seat *at = seat_of(c);
  *place = in;
  if (!in) return MHD_NO;
  if (at) at->status = 0;
  in->most = route_room(path);
  bool odd = a.code && a.status != 401; /* its bytes may be meant for a terminal */
  snprintf(in->line, sizeof in->line, "%s %s", odd ? "-" : method, odd ? "-" : path);
  const char *length = header(c, "Content-Length");
  if (!a.code && length && strtoull(length, NULL, 10) > in->most)
    a = (gate_answer){413, "size", "the request is too large"};
  if (!a.code) return MHD_YES;
  in->refused = true;
  return send_error(c, a.status, a.code, a.message);
}

/* ---------------------------------------------------------------- connections */

static void on_connection(void *ctx, connection *c, void **place,
                          enum MHD_ConnectionNotificationCode what) {
  server *s = ctx;
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *i =
        mhd.get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
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
    return answer_ask(s, c, method, path, in);
  }
  bool taken = in->refused || take_body(in, data, *size);
  *size = 0;
  return taken ? MHD_YES : MHD_NO; /* one that did not say how much would come is hung up on */
}

static void on_end(void *ctx, connection *c, void **place, enum MHD_RequestTerminationCode how) {
  incoming *in = *place;
  server *s = ctx;
  const seat *at = seat_of(c);
  (void)how;
  if (in && s->o.log) fprintf(stderr, "%d %s\n", at ? at->status : 0, in->line);
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

/* Whether this machine has ::1: many containers do not. */
static bool has_ipv6(void) {
  struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool there = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
  if (fd >= 0) close(fd);
  return there;
}

static struct MHD_Daemon *listen_at(server *s, const struct sockaddr *at) {
  unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL;
  if (at->sa_family == AF_INET6) flags |= MHD_USE_IPv6;
  return mhd.start_daemon(
      flags, 0, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, at, MHD_OPTION_CONNECTION_LIMIT,
      (unsigned)SEATS / ADDRESSES, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_end,
      s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded,
      NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static void stop_listening(server *s) {
  for (int i = 0; i < ADDRESSES; i++) {
    if (s->daemons[i]) mhd.stop_daemon(s->daemons[i]);
    s->daemons[i] = NULL;
  }
}

/* On one port of both addresses: at "localhost" nobody else may answer in the page's place. */
static bool listen_on(server *s, int port, bool ipv6) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                             .sin6_port = htons((uint16_t)port),
                             .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s->daemons[0] = listen_at(s, (struct sockaddr *)&four);
  if (s->daemons[0] && ipv6) s->daemons[1] = listen_at(s, (struct sockaddr *)&six);
  if (s->daemons[0] && (!ipv6 || s->daemons[1])) return true;
  stop_listening(s);
  return false;
}

server *server_start(const server_opts *o, int *port) {
  server *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->o = *o;
  seats_init(&s->seats);
  bool ipv6 = has_ipv6();
  for (*port = o->port; *port <= o->last_port; ++*port)
    if (listen_on(s, *port, ipv6)) return s;
  seats_clear(&s->seats);
  free(s);
  errno = EADDRINUSE;
  return NULL;
}

void server_stop(server *s) {
  if (!s) return;
  stop_listening(s);
  seats_clear(&s->seats);
  free(s);
}

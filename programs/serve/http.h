/* The server: requests let in by the gate, and answered as routes.c says. */
#ifndef LOCI_SERVE_HTTP_H
#define LOCI_SERVE_HTTP_H

#include "gate.h"
#include "routes.h"

typedef struct server server;

typedef struct server_opts {
  page_parts parts;  /* what it answers from */
  const char *shown; /* "&q=...": what the address shows after its token; "" nothing */
  char token[TOKEN_HEX + 1];
  int port, last_port; /* the first of these that is free */
  bool log;            /* a line for each request on stderr, without its words or the token */
} server_opts;

/* Listens on 127.0.0.1, and on ::1 where that is there; NULL, with errno: no port is free.  The
 * options are copied. */
server *server_start(const server_opts *o, int *port);
void server_stop(server *s); /* after board_close: its streams end there */

#endif

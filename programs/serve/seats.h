/* Who is connected, and who has to go when there is no room: whoever opens connections and sends
 * slowly would otherwise keep the page from being used for as long as he stays.
 *
 * A seat is a connection's, from its beginning to its end.  It is at work while a request with the
 * token is answered; at all other times it only waits for its other end.  When a connection comes
 * and 24 are there, one that waits is hung up on: first those that never showed the token, the one
 * that came first before the others.  So a page that is used comes in whatever waits, and an answer
 * that is being given is never cut.  The other seats are for those that have yet to notice that
 * they were hung up on: where all are taken, libmicrohttpd turns newcomers away. */
#ifndef LOCI_SERVE_SEATS_H
#define LOCI_SERVE_SEATS_H

#include <pthread.h>
#include <stdbool.h>

enum { SEATS = 256, STAYING = 24 };

typedef struct seat {
  int socket;
  bool taken, known, working, leaving; /* known: it has shown the token */
  long since;                          /* in the order of coming, or of the last work */
  int status;                          /* of the answer; 0: none so far */
} seat;

typedef struct seats {
  pthread_mutex_t lock;
  seat all[SEATS];
  long turns;
} seats;

void seats_init(seats *s);
void seats_clear(seats *s);

/* For a new connection, after making room; NULL: all are taken. */
seat *seats_take(seats *s, int socket);
/* Before the socket is closed; NULL is fine. */
void seats_leave(seats *s, seat *at);
/* A request with the token begins, or ends, to be answered. */
void seats_work(seats *s, seat *at, bool on);

#endif

/* Seats of connections (see seats.h).  A connection is hung up on by shutdown(): its own thread
 * reads the end, and closes it.  Under the lock, so that its number is not another one's by then.
 */
#include "seats.h"

#include <stddef.h>
#include <sys/socket.h>

void seats_init(seats *s) {
  *s = (seats){0};
  pthread_mutex_init(&s->lock, NULL);
}

void seats_clear(seats *s) { pthread_mutex_destroy(&s->lock); }

/* Whether [a] has to go before [b]. */
static bool is_first(const seat *a, const seat *b) {
  return a->known != b->known ? !a->known : a->since < b->since;
}

static void make_room(seats *s) {
  int staying = 0;
  seat *first = NULL;
  for (int i = 0; i < SEATS; i++) {
    seat *x = &s->all[i];
    if (!x->taken || x->leaving) continue;
    staying++;
    if (!x->working && (!first || is_first(x, first))) first = x;
  }
  if (staying < STAYING || !first) return;
  first->leaving = true;
  shutdown(first->socket, SHUT_RDWR);
}

seat *seats_take(seats *s, int socket) {
  seat *free = NULL;
  pthread_mutex_lock(&s->lock);
  make_room(s);
  for (int i = 0; i < SEATS && !free; i++)
    if (!s->all[i].taken) free = &s->all[i];
  if (free) *free = (seat){.socket = socket, .taken = true, .since = ++s->turns};
  pthread_mutex_unlock(&s->lock);
  return free;
}

void seats_leave(seats *s, seat *at) {
  if (!at) return;
  pthread_mutex_lock(&s->lock);
  at->taken = false;
  pthread_mutex_unlock(&s->lock);
}

void seats_work(seats *s, seat *at, bool on) {
  if (!at) return;
  pthread_mutex_lock(&s->lock);
  at->working = on;
  at->known = true;
  at->since = ++s->turns;
  pthread_mutex_unlock(&s->lock);
}

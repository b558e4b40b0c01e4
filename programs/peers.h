/* Processes that mpirun started together: the fence round MPI.  A build without MPI knows one
 * process only, and says so where there are more.
 *
 * Messages are whole or not there.  A process may be killed at any time: whoever sends to it or
 * waits for it learns that it is lost, if it is on the same host at once, else after two minutes of
 * silence.  mpirun ends all of them then, unless it was started with --enable-recovery. */
#ifndef LOCI_PROGRAMS_PEERS_H
#define LOCI_PROGRAMS_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct peer_message {
  int from, kind;
  int64_t size;
  void *data; /* the receiver frees it */
} peer_message;

enum { PEERS_NONE = -1, PEERS_NO_MPI = -2 };

/* How many there are; 1: this one alone, and nothing else here needs calling.  PEERS_NO_MPI:
 * several were started, but this build cannot talk to them. */
int peers_start(void);
int peers_rank(void);
/* Cores of this host for each of its processes. */
int peers_cores(void);
/* false: the receiver is lost. */
bool peers_send(int to, int kind, const void *data, int64_t size);
/* A message that has come, if any. */
bool peers_receive(peer_message *out);
bool peers_lost(int rank);
/* Waits a moment. */
void peers_wait(void);
/* The last call.  [all]: every process makes it; else some are lost, and this one ends here with
 * [code]. */
void peers_end(bool all, int code);

#endif

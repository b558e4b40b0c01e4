/* Processes that mpirun started together (see peers.h).  This file is the only one that includes
 * MPI's header. */
#include "peers.h"

#include <stdlib.h>

/* What mpirun tells its processes, Open MPI's and others'. */
static int processes_started(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *s = getenv(names[i]);
    if (s && *s) return atoi(s);
  }
  return 1;
}

#ifndef LOCI_HAVE_MPI

int peers_start(void) { return processes_started() > 1 ? PEERS_NO_MPI : 1; }
int peers_rank(void) { return 0; }
int peers_cores(void) { return 1; }
bool peers_send(int to, int kind, const void *data, int64_t size) {
  (void)to, (void)kind, (void)data, (void)size;
  return false;
}
bool peers_receive(peer_message *out) {
  (void)out;
  return false;
}
bool peers_lost(int rank) {
  (void)rank;
  return true;
}
void peers_wait(void) {}
void peers_end(bool all, int code) { (void)all, (void)code; }

#else

#include <errno.h>
#include <limits.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HOST_NAME = 128, SILENCE_S = 120, START_S = 120, END_S = 20, MOST_PEERS = 4096 };

typedef struct peer {
  char host[HOST_NAME];
  long pid;
  time_t heard; /* seconds; of the last message */
  bool lost;
} peer;

static peer *peers;
static int rank, count;
static volatile sig_atomic_t code_at_end = -1;

static time_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec;
}

/* Coming together and going apart wait for every process, and for ever if one is killed just then.
 */
static void give_up(int number) {
  static const char why[] = "loci: not all processes came together, or went apart\n";
  (void)number;
  ssize_t n = write(STDERR_FILENO, why, sizeof why - 1);
  _exit(n < 0 || code_at_end < 0 ? 1 : code_at_end);
}

static void limit_waiting(unsigned seconds) {
  struct sigaction a = {.sa_handler = give_up};
  sigaction(SIGALRM, &a, NULL);
  alarm(seconds);
}

int peers_start(void) {
  int started = processes_started();
  if (started <= 1 || started > MOST_PEERS) return 1;
  limit_waiting(START_S);
  if (MPI_Init(NULL, NULL) != MPI_SUCCESS) return PEERS_NO_MPI;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &count);
  peers = calloc((size_t)count, sizeof *peers);
  if (!peers) {
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
  }
  peer own = {.pid = (long)getpid(), .heard = 0};
  gethostname(own.host, sizeof own.host - 1);
  MPI_Allgather(&own, sizeof own, MPI_BYTE, peers, sizeof own, MPI_BYTE, MPI_COMM_WORLD);
  for (int i = 0; i < count; i++) peers[i].heard = now();
  alarm(0);
  return count;
}

int peers_rank(void) { return rank; }

static bool is_near(int i) { return strcmp(peers[i].host, peers[rank].host) == 0; }

int peers_cores(void) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN), here = 1;
  for (int i = 0; i < count; i++) here += i != rank && is_near(i);
  return cores > here ? (int)(cores / here) : 1;
}

/* Dead, or dead and not yet reaped. */
static bool is_gone(long pid) {
  char path[64], state = 0;
  if (kill((pid_t)pid, 0) != 0) return errno == ESRCH;
  snprintf(path, sizeof path, "/proc/%ld/stat", pid);
  FILE *f = fopen(path, "re");
  if (!f) return false;
  int n = fscanf(f, "%*d (%*[^)]) %c", &state);
  fclose(f);
  return n == 1 && (state == 'Z' || state == 'X');
}

bool peers_lost(int i) {
  peer *p = &peers[i];
  if (!p->lost) p->lost = is_near(i) ? is_gone(p->pid) : now() - p->heard > SILENCE_S;
  return p->lost;
}

void peers_wait(void) {
  const struct timespec moment = {0, 200000};
  nanosleep(&moment, NULL);
}

/* Until the request is done, or the other one lost. */
static bool finish(MPI_Request *r, int other) {
  for (int tries = 0;; tries++) {
    int done = 0;
    if (MPI_Test(r, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return false;
    if (done) return true;
    if (tries % 64 == 63 && peers_lost(other)) return false;
    peers_wait();
  }
}

bool peers_send(int to, int kind, const void *data, int64_t size) {
  MPI_Request r;
  if (size > INT_MAX || peers_lost(to)) return false;
  if (MPI_Isend(data, (int)size, MPI_BYTE, to, kind, MPI_COMM_WORLD, &r) != MPI_SUCCESS)
    return false;
  return finish(&r, to);
}

bool peers_receive(peer_message *out) {
  MPI_Status s;
  MPI_Request r;
  int there = 0, n = 0;
  if (MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &s) != MPI_SUCCESS || !there)
    return false;
  MPI_Get_count(&s, MPI_BYTE, &n);
  *out = (peer_message){s.MPI_SOURCE, s.MPI_TAG, n, malloc((size_t)n + 1)};
  if (!out->data) MPI_Abort(MPI_COMM_WORLD, 1);
  MPI_Irecv(out->data, n, MPI_BYTE, out->from, out->kind, MPI_COMM_WORLD, &r);
  if (!finish(&r, out->from)) return false; /* the memory stays the request's */
  peers[out->from].heard = now();
  return true;
}

void peers_end(bool all, int code) {
  free(peers);
  if (all) {
    code_at_end = code;
    limit_waiting(END_S);
    MPI_Finalize();
    alarm(0);
    return;
  }
  fflush(NULL);
  _exit(code); /* MPI_Finalize would wait for the dead */
}

#endif

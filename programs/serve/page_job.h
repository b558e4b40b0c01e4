/* A job and its board, as board.c, which keeps them, and worker.c, which runs them, share them. All
 * of it is under the board's one lock.  board_model.c: the model itself, and edits of it. */
#ifndef LOCI_SERVE_PAGE_JOB_H
#define LOCI_SERVE_PAGE_JOB_H

#include <pthread.h>

#include "board.h"
#include "page_request.h"
#include "shelf.h"

enum { MOST_JOBS = 64, WORKERS = 2 };

typedef enum job_state { WAITING, RUNNING, DONE, CANCELLED, FAILED } job_state;

/* A worker's own place on its board. */
typedef struct seat {
  board *b;
  int worker;
} seat;

typedef struct job {
  int id;     /* 0: an empty place */
  int worker; /* which one runs it */
  bool brief; /* it goes between the layers of a long one */
  job_state state;
  unsigned change; /* counts what can be told; watchers compare */
  bool cancel;
  form form;
  page_request request;
  char *asked; /* the form as it came: the same form is the same job */
  size_t asked_size;
  char stage[32];
  int permille;
  double started, ended;
  int watchers;
  double watched; /* when the last one left */
  char **events;  /* parts of the result, while it is made: data of an event each */
  int event_count;
  char *result;       /* as JSON */
  loci_result *made;  /* the result itself, for other formats; what it borrows is [about]'s */
  shelf_place *about; /* held */
  int edition;        /* of the model it was asked of */
  loci_err err;
} job;

struct board {
  board_opts o;
  pthread_mutex_t lock;
  pthread_cond_t changed; /* some job did, or the board closes */
  pthread_t workers[WORKERS];
  seat seats[WORKERS];
  int worker_count, last_id;
  int edition; /* counts the edits that came and went */
  job *applied;
  bool closing;
  shelf *prompts;
  job jobs[MOST_JOBS];
};

double board_now(void);
/* Something about a job can be told; under the lock. */
void board_tell(board *b, job *j);
/* A part of the result, JSON, which is taken over. */
void board_event(board *b, job *j, char *data);
void board_forget_events(job *j);
/* The job that another one is of (page_request.h), whose result is of that kind, held until
 * board_let_go, or NULL. */
job *board_held(board *b, const job *j, loci_kind kind);
void board_let_go(board *b, job *held);
/* Under the lock, as all that follow: the job of that number, or NULL; a place for a new one, or
 * NULL; an empty place of it. */
job *board_find(board *b, int id);
job *board_find_place(board *b);
void board_forget(board *b, job *j);
void board_forget_all(board *b); /* after taking its edit off the model */
board_answer board_says(int status, const char *code, const char *message);
/* The job that is next for a worker; [brief]: of the brief ones alone; NULL: none. */
job *board_next(board *b, int worker, bool brief);

#endif

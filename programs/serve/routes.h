/* What a request that the gate let in is answered with, from the site, the models, the pictures,
 * the jobs and the stores.  Of HTTP it knows methods, paths and numbers of failures; http.c the
 * rest. */
#ifndef LOCI_SERVE_ROUTES_H
#define LOCI_SERVE_ROUTES_H

#include "board.h"
#include "models.h"
#include "study_store.h"

enum { FORM_BYTES = 64 << 10, EDIT_BYTES = 1 << 20, MOST_STORES = 16 };

typedef struct page_parts {
  models *models; /* NULL, as board and pictures: stores are browsed alone */
  board *board;
  gallery *pictures;
  study_store *stores[MOST_STORES];
  int store_count;
  const char *page;    /* a folder with the page's files instead of those in the program; NULL */
  const char *save_to; /* the folder that results may be saved in; NULL: none */
  int save_folder;     /* its descriptor */
} page_parts;

typedef struct page_ask {
  const char *method, *path, *body;
  size_t size;
  int after, store; /* of "?after=" and "?store=", 0 where there is none */
} page_ask;

typedef struct page_answer {
  int status;
  const char *type; /* of its bytes */
  char *bytes;      /* whoever takes the answer frees them; NULL: no memory */
  size_t size;
  int follow; /* instead of bytes: the events of this job */
} page_answer;

page_answer route_ask(const page_parts *p, const page_ask *a);
/* {"error": {"code", "message", "field"}}: about no field of a form. */
page_answer route_error(int status, const char *code, const char *message);
/* The largest body that a path takes. */
size_t route_room(const char *path);

#endif

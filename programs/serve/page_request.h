/* A form as the command line of a command: which commands and options the page may use. */
#ifndef LOCI_SERVE_REQUEST_H
#define LOCI_SERVE_REQUEST_H

#include "cli.h"
#include "form.h"
#include "gallery.h"

typedef struct page_request {
  const command *command;
  args args;
  int picture; /* descriptor, -1: none */
  char path[PICTURE_PATH];
  int of; /* the job whose trace this one goes on with, or whose edit it tests; 0: none */
  const char *question; /* of a test of an edit, which reads it from a file of examples: */
  int data;             /* descriptor, -1: none */
  char data_path[PICTURE_PATH];
} page_request;

/* Why a form is none. */
typedef struct refusal {
  const char *code;
  const char *field; /* of the form, or that it lacks; NULL: none in particular */
  char why[400];
} refusal;

/* Options of the command named by "what"; their values are the form's, which must stay.  No path is
 * ever taken from the form.  False, with the reason.  request_clear after either. */
bool request_read(const form *f, gallery *p, page_request *out, refusal *no);
/* Makes the file of a test: the question as an example that asks for [target] and is a question
 * aside as well, so that what the edit changes there is measured. */
bool request_write_data(page_request *r, const char *target);
void request_clear(page_request *r);

#endif

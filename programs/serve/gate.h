/* Who may ask, and for what: everything about a request that is decided before any of it is obeyed.
 *
 * The page is served to this machine alone, but "only localhost" protects nobody: other users of
 * the machine reach it, a name server can point a stranger's name at it (rebinding), and every page
 * in the user's browser may send it requests.  So the host must be this machine by name, a request
 * that carries data must carry the token that was printed, and a browser must say that the request
 * comes from the page itself. */
#ifndef LOCI_SERVE_GATE_H
#define LOCI_SERVE_GATE_H

#include <stddef.h>

enum { TOKEN_HEX = 64, MOST_HEADER = 16 << 10 };

typedef struct gate_request {
  const char *method, *path;
  const char *host;                                /* NULL: none */
  int hosts;                                       /* how many Host headers there are */
  const char *origin, *fetch_site, *authorization; /* NULL: none */
  int doubled;   /* how many of these three, and of lengths of the body, are there again */
  size_t header; /* bytes of all names and values */
} gate_request;

/* What stands in the way; code NULL: nothing does. */
typedef struct gate_answer {
  int status;
  const char *code, *message;
} gate_answer;

gate_answer gate_check(const gate_request *r, const char token[TOKEN_HEX + 1]);

#endif

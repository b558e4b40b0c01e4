/* The rules of gate.h, in the order in which they are looked at. */
#include "gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { LONGEST_PATH = 200, LONGEST_HOST = 80 };

/* Ids and names need nothing else: what is encoded, doubled or climbs is no name of ours. */
static bool is_plain_path(const char *s) {
  size_t n = strlen(s);
  if (n < 1 || n > LONGEST_PATH || s[0] != '/') return false;
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    bool word =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
    if (!word || (i > 0 && (c == '.' || c == '/') && s[i - 1] == c)) return false;
  }
  return true;
}

/* A name of this machine and perhaps a port: a tunnel changes ports, so any will do. */
static bool is_this_machine(const char *host) {
  static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t n = strlen(names[i]);
    if (strncmp(host, names[i], n) != 0) continue;
    const char *port = host + n;
    if (!*port) return true;
    size_t digits = strspn(port + 1, "0123456789");
    return *port == ':' && digits >= 1 && digits <= 5 && !port[1 + digits];
  }
  return false;
}

/* "http://" and the host this request was sent to. */
static bool is_own_origin(const char *origin, const char *host) {
  const char scheme[] = "http://";
  size_t n = sizeof scheme - 1;
  return strncmp(origin, scheme, n) == 0 && strcmp(origin + n, host) == 0;
}

/* In the same time whatever is wrong: a wrong guess must not say how much of it was right. */
static bool has_token(const char *given, const char *token) {
  const char scheme[] = "Bearer ";
  size_t n = sizeof scheme - 1;
  if (!given || strncmp(given, scheme, n) != 0 || strlen(given) != n + TOKEN_HEX) return false;
  unsigned differs = 0;
  for (size_t i = 0; i < TOKEN_HEX; i++)
    differs |= (unsigned)(unsigned char)given[n + i] ^ (unsigned)(unsigned char)token[i];
  return differs == 0;
}

static bool is_one_of(const char *s, const char *const *list) {
  while (*list)
    if (strcmp(s, *list++) == 0) return true;
  return false;
}

gate_answer gate_check(const gate_request *r, const char token[TOKEN_HEX + 1]) {
  static const char *const data[] = {"GET", "POST", "DELETE", NULL}, *const files[] = {"GET", NULL};
  if (r->header > MOST_HEADER) return (gate_answer){431, "header", "the header is too large"};
  if (r->doubled) return (gate_answer){400, "header", "a header is there twice"};
  if (!is_plain_path(r->path)) return (gate_answer){400, "path", "no such kind of path"};
  if (r->hosts != 1 || !r->host || strlen(r->host) > LONGEST_HOST || !is_this_machine(r->host))
    return (gate_answer){403, "host", "the page answers to 127.0.0.1, localhost and [::1] alone"};
  bool is_data = strncmp(r->path, "/api/", 5) == 0;
  if (!is_one_of(r->method, is_data ? data : files))
    return (gate_answer){405, "method", "this method is not served"};
  if (!is_data) return (gate_answer){0, NULL, NULL};
  if (r->origin && !is_own_origin(r->origin, r->host))
    return (gate_answer){403, "origin", "the request comes from another page"};
  if (r->fetch_site && strcmp(r->fetch_site, "same-origin") != 0)
    return (gate_answer){403, "origin", "the request comes from another site"};
  if (!has_token(r->authorization, token))
    return (gate_answer){401, "token",
                         "open the address that loci serve printed: it has the token"};
  return (gate_answer){0, NULL, NULL};
}

/* libmicrohttpd, loaded when a server starts.  Linked, it and the TLS library that it brings would
 * be started by every command: 3 MB, a hundredth of a second, and memory asked for before main().
 */
#ifndef LOCI_SERVE_MHD_H
#define LOCI_SERVE_MHD_H

#include <microhttpd.h>
#include <stdbool.h>

#define MHD_FUNCTIONS(f)                                                                           \
  f(add_response_header) f(create_response_from_buffer) f(create_response_from_callback)           \
      f(destroy_response) f(get_connection_info) f(get_connection_values)                          \
          f(lookup_connection_value) f(queue_response) f(start_daemon) f(stop_daemon)

/* mhd.start_daemon is MHD_start_daemon. */
typedef struct mhd_functions {
#define MHD_FUNCTION(name) __typeof__ (&MHD_##name)(name);
  MHD_FUNCTIONS(MHD_FUNCTION)
#undef MHD_FUNCTION
} mhd_functions;

extern mhd_functions mhd;

/* Once, before any call of the above.  False, with why in [why] (of [room] bytes): it is not there.
 */
bool mhd_load(char *why, size_t room);

#endif

#include "mhd.h"

#include <dlfcn.h>
#include <stdio.h>

mhd_functions mhd;

bool mhd_load(char *why, size_t room) {
  static const struct {
    const char *name;
    void *place;
  } wanted[] = {
#define MHD_FUNCTION(name) {"MHD_" #name, &mhd.name},
      MHD_FUNCTIONS(MHD_FUNCTION)
#undef MHD_FUNCTION
  };
  void *library = dlopen(LOCI_MICROHTTPD, RTLD_NOW | RTLD_LOCAL);
  for (size_t i = 0; library && i < sizeof wanted / sizeof *wanted; i++) {
    /* as POSIX writes it: C knows no way from an object's pointer to a function's */
    void *at = dlsym(library, wanted[i].name);
    if (!at) library = NULL;
    *(void **)wanted[i].place = at;
  }
  if (!library) {
    const char *said = dlerror();
    snprintf(why, room, "%s", said ? said : LOCI_MICROHTTPD);
  }
  return library != NULL;
}

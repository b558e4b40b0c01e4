/* The files of page/, packed by the build (cmake/serve.cmake) and taken in as they are. */
#include "site.h"

#include <string.h>

/* The bytes of a file of the build folder, between two symbols. */
#define FILE_BYTES(symbol, file)                                                                   \
  __asm__(".section .rodata\n.global page_" #symbol "\npage_" #symbol                              \
          ":\n.incbin \"" LOCI_PAGE_DIR "/" file ".gz\"\n.global page_" #symbol                    \
          "_end\npage_" #symbol "_end:\n.byte 0\n.previous");                                      \
  extern const unsigned char page_##symbol[], page_##symbol##_end[];

#define SCRIPT "text/javascript; charset=utf-8"
#define FILES(X)                                                                                   \
  X(index, "index.html", "/", "text/html; charset=utf-8")                                          \
  X(style, "app.css", "/page/app.css", "text/css; charset=utf-8")                                  \
  X(icon, "icon.svg", "/page/icon.svg", "image/svg+xml")                                           \
  X(app, "app.js", "/page/app.js", SCRIPT)                                                         \
  X(api, "api.js", "/page/api.js", SCRIPT)                                                         \
  X(state, "state.js", "/page/state.js", SCRIPT)                                                   \
  X(question, "question.js", "/page/question.js", SCRIPT)                                          \
  X(colour, "colour.js", "/page/colour.js", SCRIPT)                                                \
  X(map, "map.js", "/page/map.js", SCRIPT)                                                         \
  X(paint, "paint.js", "/page/paint.js", SCRIPT)                                                   \
  X(cell, "cell.js", "/page/cell.js", SCRIPT)                                                      \
  X(aggregate, "aggregate.js", "/page/aggregate.js", SCRIPT)                                       \
  X(chart, "chart.js", "/page/chart.js", SCRIPT)                                                   \
  X(ways, "ways.js", "/page/ways.js", SCRIPT)                                                      \
  X(store, "store.js", "/page/store.js", SCRIPT)                                                   \
  X(edit, "edit.js", "/page/edit.js", SCRIPT)

#define BYTES(symbol, file, path, type) FILE_BYTES(symbol, file)
FILES(BYTES)

static const site_file files[] = {
#define PLACE(symbol, file, path, type) {path, type, page_##symbol, page_##symbol##_end},
    FILES(PLACE)};

const site_file *site_find(const char *path) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (strcmp(files[i].path, path) == 0) return &files[i];
  return NULL;
}

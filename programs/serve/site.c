/* The files of page/, packed by the build (cmake/serve.cmake) and taken in as they are. */
#include "site.h"

#include <stdio.h>
#include <string.h>

#include "export.h"
#include "gallery.h"

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
  X(question, "question.js", "/page/question.js", SCRIPT)                                          \
  X(map, "map.js", "/page/map.js", SCRIPT)                                                         \
  X(paint, "paint.js", "/page/paint.js", SCRIPT)                                                   \
  X(work, "work.js", "/page/work.js", SCRIPT)                                                      \
  X(ways, "ways.js", "/page/ways.js", SCRIPT)                                                      \
  X(store, "store.js", "/page/store.js", SCRIPT)                                                   \
  X(edit, "edit.js", "/page/edit.js", SCRIPT)

#define BYTES(symbol, file, path, type) FILE_BYTES(symbol, file)
FILES(BYTES)

static const site_file files[] = {
#define PLACE(symbol, file, path, type) {path, type, file, page_##symbol, page_##symbol##_end},
    FILES(PLACE)};

const site_file *site_find(const char *path) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (strcmp(files[i].path, path) == 0) return &files[i];
  return NULL;
}

void site_mark(const site_file *x, char out[SITE_MARK]) {
  char id[PICTURE_ID];
  gallery_name(x->bytes, (size_t)(x->end - x->bytes), id);
  snprintf(out, SITE_MARK, "\"%.20s\"", id);
}

/* Names are those of the table, so none leads out of the folder. */
char *site_read(const char *folder, const site_file *x, size_t *size) {
  char path[LOCI_PATH_SIZE];
  int n = snprintf(path, sizeof path, "%s/%s", folder, x->name);
  return n < (int)sizeof path ? export_read(path, size) : NULL;
}

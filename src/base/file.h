/* Files: read-only maps for checkpoints, whole small files, and writing that never leaves
 * half a file. */
#ifndef LOCI_BASE_FILE_H
#define LOCI_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/path.h"
#include "base/status.h"

typedef struct file_map {
  const uint8_t *data; /* never NULL once opened, also where the file is empty */
  size_t size;
} file_map;

/* Maps a regular file read-only.  Nothing is read yet: pages come when touched. */
loci_status file_map_open(const char *path, file_map *out, loci_err *err);
void file_map_close(file_map *map);
/* Advice to the kernel about [begin, begin+size) of the map: read it soon / not needed for now. */
void file_map_prefetch(const file_map *map, size_t begin, size_t size);
void file_map_release(const file_map *map, size_t begin, size_t size);
/* Waits until it is read: what comes next costs neither disk nor page faults. */
void file_map_read(const file_map *map, size_t begin, size_t size);

/* Why [path] could not be opened, by errno: also where a link leads that is there by itself. */
loci_status file_absent(const char *path, int why, loci_err *err);

/* Reads a whole regular file of at most [limit] bytes; *out has a 0 byte after it.  Caller frees.
 */
loci_status file_read(const char *path, size_t limit, char **out, size_t *size, loci_err *err);

/* Writes through a temporary file beside [path], waits for the disk and renames it: readers see the
 * old file or the new one, after a power cut too.  The new file has the old one's mode.  A symbolic
 * link stays and leads to the new file; pipes and what is under /dev are written to directly. */
loci_status file_write(const char *path, const void *data, size_t size, loci_err *err);

/* The same piece by piece.  out_file_keep makes the new file stand and frees [o], whatever it
 * returns; out_file_drop leaves everything as it was (and, of a pipe, what has gone into it). */
typedef struct out_file out_file;
loci_status out_file_open(const char *path, out_file **out, loci_err *err);
loci_status out_file_write(out_file *o, const void *data, size_t size, loci_err *err);
/* Waits until what was written so far is on the disk: an fsync of gigabytes cannot be stopped. */
loci_status out_file_settle(out_file *o, loci_err *err);
loci_status out_file_keep(out_file *o, loci_err *err);
void out_file_drop(out_file *o);

/* Something new beside [path] (of which there must be room for the name: TEMPORARY_ROOM more
 * bytes), to be renamed when it is whole.  It is locked until the descriptor and its duplicates are
 * closed: what a killed run left under such a name is so told from what a living one writes, and
 * removed. -1: errno says why. */
#define TEMPORARY ".loci-tmp"
enum { TEMPORARY_ROOM = 16 };
int temporary_new(const char *path, bool directory, char *name);

bool file_exists(const char *path);
bool file_is_dir(const char *path);

#endif

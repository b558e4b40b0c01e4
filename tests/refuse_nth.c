/* A library for LD_PRELOAD that refuses the nth allocation of a process, whoever asks for it:
 * SQLite, jansson, the libraries for pictures, the C library itself.
 *
 *   REFUSE=N        which one, from 1; 0 or none: none is refused
 *   REFUSED=FILE    for each allocation: a number for the place it was asked from, with all its
 *                   callers, and the library that asked
 *   SPARE=none      nobody's allocations are granted
 *
 * Allocations before main() are not counted: they are the loader's.  Those for oneDNN and
 * fontconfig are granted: they fall over when one is refused, which nobody outside can mend. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own, so that nothing has to be looked up while memory is asked for */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

enum { MOST_RANGES = 16, MOST_FRAMES = 100 };
static atomic_long made;
static long nth = -1;                                      /* -1: not begun */
static struct { uintptr_t from, to; } spared[MOST_RANGES]; /* code */
static int spared_count;
static int list = -1; /* file of the allocations */

static int spare(struct dl_phdr_info *library, size_t size, void *ctx) {
  static const char *const names[] = {"libdnnl", "libstdc++", "libfontconfig"};
  bool named = false;
  (void)size, (void)ctx;
  for (int i = 0; i < 3; i++) named |= library->dlpi_name && strstr(library->dlpi_name, names[i]);
  if (!named) return 0;
  for (int i = 0; i < library->dlpi_phnum && spared_count < MOST_RANGES; i++) {
    const ElfW(Phdr) *part = &library->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    uintptr_t from = library->dlpi_addr + part->p_vaddr;
    spared[spared_count].from = from;
    spared[spared_count++].to = from + part->p_memsz;
  }
  return 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *n = getenv("REFUSE"), *path = getenv("REFUSED"), *mercy = getenv("SPARE");
  void *frame;
  backtrace(&frame, 1); /* its first call allocates */
  if (!mercy || strcmp(mercy, "none") != 0) dl_iterate_phdr(spare, NULL);
  if (path) list = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  nth = n ? atol(n) : 0;
}

/* Whether a library that cannot bear it is at work. */
static bool is_spared(void *const *stack, int n) {
  for (int k = 0; k < n; k++) {
    uintptr_t at = (uintptr_t)stack[k];
    for (int i = 0; i < spared_count; i++)
      if (at >= spared[i].from && at < spared[i].to) return true;
  }
  return false;
}

/* Of the first caller that is neither this library nor C's. */
static const char *library_of(void *const *stack, int n) {
  for (int k = 2; k < n; k++) {
    Dl_info at;
    if (!dladdr(stack[k], &at) || !at.dli_fname) continue;
    const char *slash = strrchr(at.dli_fname, '/'), *name = slash ? slash + 1 : at.dli_fname;
    if (strncmp(name, "libc.so", 7) != 0 && strncmp(name, "librefuse", 9) != 0) return name;
  }
  return "libc.so";
}

static void tell(void *const *stack, int n) {
  char line[200];
  uint64_t place = 14695981039346656037u; /* FNV-1a */
  for (int k = 0; k < n; k++) place = (place ^ (uintptr_t)stack[k]) * 1099511628211u;
  int size = snprintf(line, sizeof line, "%016llx %s%s\n", (unsigned long long)place,
                      library_of(stack, n), is_spared(stack, n) ? " spared" : "");
  if (write(list, line, (size_t)size) != size) _exit(99);
}

static bool refused(void) {
  void *stack[MOST_FRAMES];
  if (nth < 0) return false;
  bool is_nth = atomic_fetch_add(&made, 1) + 1 == nth;
  if (!is_nth && list < 0) return false;
  int n = backtrace(stack, MOST_FRAMES);
  if (list >= 0) tell(stack, n);
  if (!is_nth || is_spared(stack, n)) return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t n) { return refused() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return refused() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return refused() ? NULL : __libc_realloc(p, n); }
void *aligned_alloc(size_t alignment, size_t n) {
  return refused() ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **out, size_t alignment, size_t n) {
  void *p = refused() ? NULL : __libc_memalign(alignment, n);
  if (!p) return ENOMEM;
  *out = p;
  return 0;
}

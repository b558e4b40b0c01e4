/* Saving (see saved.h): names are made here, of letters, digits, "-" and one ".", so that none
 * leads out of the folder; O_EXCL and O_NOFOLLOW keep what is there. */
#include "saved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { MOST_NUMBER = 9999, LONGEST_ENDING = 12 };

int saved_open(const char *folder, loci_err *err) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) cli_fail(err, LOCI_EIO, "%s: %s", folder, strerror(errno));
  return fd;
}

/* Letters and digits, and "-" for a blank; false: something else is in it. */
static bool add_plain(char *to, size_t room, const char *s) {
  size_t n = strlen(to);
  for (; *s; s++) {
    bool plain = (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9');
    if ((!plain && *s != ' ') || n + 1 >= room) return false;
    to[n++] = plain ? *s : '-';
    to[n] = 0;
  }
  return true;
}

static bool write_all(int fd, const char *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = write(fd, bytes + done, size - done);
    if (n <= 0) return false;
    done += (size_t)n;
  }
  return true;
}

loci_status saved_write(int folder, const char *what, const char *ending, const char *bytes,
                        size_t size, char name[SAVED_NAME], loci_err *err) {
  char head[SAVED_NAME - LONGEST_ENDING - 12] = "", tail[LONGEST_ENDING] = "";
  if (!add_plain(head, sizeof head, what) || !add_plain(tail, sizeof tail, ending))
    return cli_fail(err, LOCI_EINVAL, "no file is named so");
  int fd = -1;
  for (int i = 1; fd < 0 && i <= MOST_NUMBER; i++) {
    snprintf(name, SAVED_NAME, "%s-%d.%s", head, i, tail);
    fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST) break;
  }
  if (fd < 0) return cli_fail(err, LOCI_EIO, "%s is not written: %s", name, strerror(errno));
  bool good = write_all(fd, bytes, size);
  int why = errno;
  if (close(fd) != 0 && good) {
    good = false;
    why = errno;
  }
  if (good) return LOCI_OK;
  unlinkat(folder, name, 0);
  return cli_fail(err, LOCI_EIO, "%s is not written: %s", name, strerror(why));
}

/* Opening the user's browser on an address that holds a secret. */
#ifndef LOCI_SERVE_BROWSER_H
#define LOCI_SERVE_BROWSER_H

typedef struct browser browser;

/* Where there is a desktop; NULL: none, or it could not be started, and the printed line serves.
 * The list of processes shows other users every argument, so the browser is given a file that only
 * its owner can read, which leads to the address. */
browser *browser_open(const char *address);
void browser_forget(browser *b); /* takes the file away */

#endif

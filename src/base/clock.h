/* Seconds that only go forward, for saying how long something took. */
#ifndef LOCI_BASE_CLOCK_H
#define LOCI_BASE_CLOCK_H

double clock_seconds(void);

#endif

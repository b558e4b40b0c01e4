/* Running out of memory, on purpose: a scenario is run with its 1st allocation refused, then with
 * its 2nd, and so on until it gets through, and must fail each time with LOCI_ENOMEM, or do
 * without.  Leaks on the way are the leak sanitizer's to find.
 *
 * For tests named *_oom_test.c, which the build links with --wrap; it catches the allocations of
 * loci itself and of jansson, not those inside other libraries. */
#ifndef LOCI_TESTS_FAILING_MALLOC_H
#define LOCI_TESTS_FAILING_MALLOC_H

#include "base/status.h"

/* One attempt; frees whatever it made, and returns what the call under test returned. */
typedef loci_status (*scenario_fn)(void *ctx, loci_err *err);

/* Fails the cmocka test at the first broken promise; returns how many allocations the scenario
 * makes.  A refusal the scenario survives (it returned LOCI_OK) is fine; the run ends when nothing
 * was left to refuse. */
int failing_malloc_run(scenario_fn scenario, void *ctx);

/* The same without jansson's allocations: those of a call that reads files of thousands of JSON
 * items, which base_oom_test.c has on small ones. */
int failing_malloc_run_without_json(scenario_fn scenario, void *ctx);

#endif

/*
 * oom_sqlite.h - lets oom.h reach the allocations of sqlite.
 *
 * Threads    before sqlite is used.
 * Ownership  none.
 * Units      none.
 * Errors     none.
 */
#ifndef OOM_SQLITE_H
#define OOM_SQLITE_H

#include <stdbool.h>

#include "compiler.h"

/*
 * Makes sqlite ask oom_strikes() before each allocation, and allocate each piece by itself: no lookaside,
 * no pages in bulk. False: sqlite has been used already.
 */
bool oom_sqlite_init(void) MUST_USE;

#endif

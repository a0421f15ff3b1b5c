/*
 * oom.h - memory that ends when a test says so.
 *
 * Link with -Wl,--wrap for malloc, calloc and realloc: then the calls in our own objects come here.
 *
 * Threads    the switches are per thread.
 * Ownership  none.
 * Units      none.
 * Errors     none.
 */
#ifndef OOM_H
#define OOM_H

#include "arena.h"
#include "err.h"

/* From now on all allocations of this thread fail; or work again. No ck_assert in between. */
void oom_set(bool fail);

/* The n-th allocation of this thread from now on fails, no other. No ck_assert before oom_end(). */
void oom_at(size_t n);

/* Ends what oom_at() began; whether there was an n-th allocation. */
bool oom_end(void);

/* Whether the allocation that is asked for must fail; for the allocators of libraries. */
bool oom_strikes(void);

/*
 * Runs op with no other memory than the first block of its arena, of 0, 16, 32 ... bytes, until it
 * succeeds. Before that each run must be ERR_NO_MEMORY. So memory ends at each allocation once.
 */
void oom_sweep(bool (*op)(struct arena *arena, struct err *err));

#endif

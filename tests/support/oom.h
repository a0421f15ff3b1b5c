/*
 * oom.h - lets memory end when a test says so.
 *
 *     oom_wrap.c (our own objects), oom_sqlite.c, oom_libpq.c -> oom_strikes()
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

/* Makes all allocations of this thread fail, or work again. No ck_assert in between. */
void oom_set(bool fail);

/* Makes the n-th allocation of this thread fail, and no other. No ck_assert before oom_end(). */
void oom_at(size_t n);

/* Ends what oom_at() began. Returns whether there was an n-th allocation. */
bool oom_end(void);

/* For the allocators: whether the allocation now asked for must fail; whether any must. */
bool oom_strikes(void);
bool oom_may_strike(void);

/*
 * Runs op with no memory but the first block of its arena, of 0, 16, 32 ... bytes, until it succeeds.
 * Each run before must end in ERR_NO_MEMORY. So memory ends once at each allocation.
 */
void oom_sweep(bool (*op)(struct arena *arena, struct err *err));

#endif

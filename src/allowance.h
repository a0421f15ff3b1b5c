/*
 * allowance.h - how much memory the answers of all requests may take together.
 *
 *     request -> its arenas -> allowance_take() per large block ... -> allowance_give()
 *
 * An answer may be large, and a client slow to read it. When half is in use nobody else may begin to take, so
 * that those who have begun can go on. One at a time goes on beyond the bound as well: else what is larger
 * could never be read, and many that began together might all fail.
 *
 * Threads    any; ops of one request may be on several lanes.
 * Ownership  one for each request, which outlives the arenas that take from it; what all have taken is static.
 * Units      bytes.
 * Errors     take: false, and `refused` is set.
 */
#ifndef ALLOWANCE_H
#define ALLOWANCE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct allowance {
    int64_t most; /* for all requests together */
    _Atomic int64_t taken;
    _Atomic bool refused;
};

/* Counts bytes before they are allocated. */
bool allowance_take(struct allowance *a, size_t bytes) MUST_USE;

/* Counts them without asking. */
void allowance_add(struct allowance *a, size_t bytes);

/* Gives them back. */
void allowance_give(struct allowance *a, size_t bytes);

/* Says so if memory ran out because it refused; then the failure is that of the op alone. NULL is allowed. */
void allowance_explain(const struct allowance *a, struct err *err);

/* What all requests have taken. */
int64_t allowance_in_use(void);

#endif

/*
 * torture.h - what a store must hold after an op in which an allocation has failed.
 *
 *     a fresh store, torture_renew() -> the op, with the n-th allocation failing -> torture_check()
 *
 * Threads    one.
 * Ownership  the test closes the store and frees the arena.
 * Units      none.
 * Errors     a test fails.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include "samples.h"

struct torture {
    const struct sample *sample;
    struct backend *store;
    struct arena arena;         /* of what is below */
    struct slice before, after; /* one run: exact, content */
};

/* Reads the store, pairs included; `detail` as in state.h. The text lives in the arena. */
struct slice torture_state(const struct torture *t, unsigned detail, struct arena *arena);

/* Checks that the store holds this after the n-th allocation has failed. */
void torture_check(const struct torture *t, size_t n, unsigned detail, struct slice want);

/* Begins anew: fresh() makes the store as it was at first and reads `before`, for the stamps are others then. */
void torture_renew(struct torture *t, void (*fresh)(void));

#endif

/*
 * state.h - all that a store holds, as one text to be compared.
 *
 * Threads    one.
 * Ownership  the text lives in the arena.
 * Units      none.
 * Errors     those of the store; ERR_NO_MEMORY.
 */
#ifndef STATE_H
#define STATE_H

#include "arena.h"
#include "backend.h"

enum state_detail {
    STATE_EXACT = 0, /* with stamps and value ids: two readings of one store */
    STATE_CONTENT =
        1 << 0, /* without: two stores, or one that has done the same twice. A value that is
                               stored twice shows once: those of a checkpoint that was replaced stay */
    STATE_PAIR = 1
                 << 1, /* also what waits for the other store of a pair, and what is known of it */
};

/* Reads the records of every kind of the tenant "default", one a line; at most 500 of a kind. `detail` is of
 * enum state_detail. */
bool state_read(struct backend *b, unsigned detail, struct arena *arena, struct slice *out,
                struct err *err) MUST_USE;

/* The line of `a` at which it begins to differ from `b`; short enough for a message of libcheck. */
struct slice state_difference(struct slice a, struct slice b);

#endif

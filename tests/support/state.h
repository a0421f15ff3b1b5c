/*
 * state.h - reads all that a store holds into one text, to be compared.
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
    STATE_EXACT = 0, /* with stamps and value ids, to compare one store with itself */
    STATE_CONTENT =
        1 << 0, /* without them, to compare two stores, or two runs. Equal lines show once: a value
                   of a replaced checkpoint may still be stored */
    STATE_PAIR = 1 << 1, /* also the outbox, missing ids and notes */
};

/* Reads the records of every kind of the tenant "default", one a line, at most 500 of a kind. `detail`
 * has bits of enum state_detail. */
bool state_read(struct backend *b, unsigned detail, struct arena *arena, struct slice *out,
                struct err *err) MUST_USE;

/* The line of `a` at which it begins to differ from `b`, cut to fit a message of libcheck. */
struct slice state_difference(struct slice a, struct slice b);

#endif

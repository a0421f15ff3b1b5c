/*
 * failover_said.h - what the two stores of a pair say of themselves in their notes, and what follows from it.
 *
 *     failover_fill.c: a look -> said_in() of both -> said_forgot(), said_must_fill() ... calls no store
 *
 * Threads    no state.
 * Ownership  texts live in the arena of the look.
 * Units      stamps.
 * Errors     none.
 */
#ifndef FAILOVER_SAID_H
#define FAILOVER_SAID_H

#include "clock.h"
#include "failover_state.h"

/* How much older than its peer remembers a beat may be where one may come over a later one. */
#define BEAT_SLACK_US MINUTE_US

/* What one store says of itself and of its peer, in its notes. */
struct said {
    struct slice pair, peer, incarnation;
    struct slice seat;
    bool filled, alone; /* alone: it was changed without the other store */
    bool waits;         /* its outbox is not empty */
    int64_t position, beat, peer_beat, echo;
    int64_t fill;     /* the number of the fill that it was, or is, filled by; 0: none */
    bool older;       /* this process has seen it with a higher one */
    int64_t slack_us; /* by how much a beat may be older than its peer remembers */
};

/* The number in a note; 0 if it is absent. */
int64_t said_number(struct slice text) MUST_USE;

/* What a look at a store has shown. `cross`: a beat may have come over a later one. */
struct said said_in(const struct failover *f, bool cross, const struct op_pair_read *read) MUST_USE;

/* Whether a store is not what its peer saw last. The peer's note is "<position> <incarnation>". */
bool said_forgot(const struct said *store, const struct said *peer) MUST_USE;

/* Whether a store lacks something that its peer holds. */
bool said_lacks(const struct said *store, const struct said *peer) MUST_USE;

/* Whether the primary of a pair must be filled from the fallback before it is read. */
bool said_must_fill(const struct said said[2]) MUST_USE;

/* Whether what both say leaves no doubt that the primary may be read. */
bool said_sound(const struct said said[2]) MUST_USE;

/* Whether each has its seat in the pair already, so that they are two stores. */
bool said_seated(const struct said said[2]) MUST_USE;

#endif

/*
 * failover_fill.h - what two stores know of each other, and filling one from the other.
 *
 *     failover_tend.c: what both say of themselves -> fill_judge() -> fill_step() ... until it is done
 *
 * Each store holds notes (op_pair.h): "pair", the name of the pair, the same in both; "filled", when it
 * holds all that the other one did; "alone", when it was changed without the other one (alone.h);
 * "peer", what the other one was when it was last seen; "beat", a stamp that rises with each look, and
 * "peer beat", that of the other. A store that is not what its peer remembers, or older, has forgotten
 * something, and is filled again before it is read; so is one whose peer was changed alone.
 *
 * Threads    that of failover_tend().
 * Ownership  struct fill is part of struct failover's keeper.
 * Units      stamps.
 * Errors     those of the stores; a fill goes on from the page where it was lost.
 */
#ifndef FAILOVER_FILL_H
#define FAILOVER_FILL_H

#include "failover_state.h"

struct fill {
    bool known[2]; /* what the store says was judged since the start */
    bool met;      /* this process has seen the two as a pair */
    bool foreign;  /* the fallback belongs to another pair */
    bool active;   /* one is being filled */
    enum side to;
    struct arena arenas[2]; /* of the place, in turns */
    int turn;
    struct slice tenant; /* the place: absent = the first one */
    size_t stage;        /* which kind of record is copied */
    struct record_key after;
    bool in_tenant;
    struct err left_out; /* of a checkpoint that could not be brought; it outlives the fill */
};

/* Looks at what both stores say, and sets which are filled. False: a note could not be written. */
bool fill_judge(struct failover *f, struct fill *fill, const struct op_pair_read *reads[2],
                struct backend *const stores[2], struct err *err) MUST_USE;

/* Copies one page of what is to be filled; *more: there is more to do. */
bool fill_step(struct failover *f, struct fill *fill, struct backend *const stores[2], bool *more,
               struct err *err) MUST_USE;

/* Ends it, done or not; what is known of the stores stays known. */
void fill_done(struct fill *fill);

#endif

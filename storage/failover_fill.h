/*
 * failover_fill.h - judges what two stores know of each other, and fills one from the other.
 *
 *     failover_tend.c: what both say of themselves -> fill_judge() -> fill_step() ... until it is done
 *
 * Each store holds notes (op_pair.h): "pair", the id of the pair, the same in both; "filled", if it holds
 * all that the other one did; "alone", if it was changed without the other one (alone.h); "peer", what the
 * other one was when it was last seen; "beat", a stamp that rises with each look, and "peer beat", that of
 * the other; "seat" (settle.h); "fill", the number of the fill that it is in, or was in last. A store that
 * is not what its peer remembers, or older, has forgotten something and is filled again before it is read; so
 * is one whose peer was changed alone.
 *
 * Threads    that of failover_tend().
 * Ownership  struct fill is part of struct failover's keeper.
 * Units      stamps.
 * Errors     those of the stores. A fill goes on from the page at which a store was lost.
 */
#ifndef FAILOVER_FILL_H
#define FAILOVER_FILL_H

#include "failover_state.h"

/* The place of a fill: behind which record it goes on. */
struct fill_place {
    struct slice tenant; /* absent: before the first tenant */
    size_t stage;        /* index of the kind of record that is copied */
    struct record_key after;
    bool in_tenant;
};

struct fill {
    bool known; /* the fallback was judged together with the primary, and has answered since */
    bool met;   /* this process has found the two to be a pair */
    bool reset; /* it has stood aside (rival_ns): the primary serves when it is judged anew */
    int64_t rival_beat,
        rival_ns;     /* the primary is the fallback of another instance: its beat, and since when
                                     it has not risen; 0: it is not */
    int64_t doubt_ns; /* when it was last not known whether a beat was written; 0: never */
    bool active;      /* a store is being filled: `to` */
    enum side to;
    int64_t number;    /* its note in that store: which fill this is */
    int64_t newest[2]; /* by store: the number of the last fill that this process has begun */
    int64_t
        others[2]; /* by store: the fill of another instance in which it was seen alone; 0: none */
    struct arena arenas[2]; /* of the place, in turns: the next place is kept before the last one is
                               freed */
    int turn;
    struct fill_place place;
    struct err left_out; /* why a checkpoint could not be brought; outlives the fill */
};

/* Judges what the stores say (reads[i] is NULL if one does not answer): sets which are filled, begins a
 * fill, writes the notes. False: a note could not be written, or the fallback is none. */
bool fill_judge(struct failover *f, struct fill *fill, const struct op_pair_read *reads[2],
                struct backend *const stores[2], struct err *err) MUST_USE;

/* Copies one page into the store that is being filled. *more: there is more to do. */
bool fill_step(struct failover *f, struct fill *fill, struct backend *const stores[2], bool *more,
               struct err *err) MUST_USE;

/* Ends a fill, complete or not. What is known of the stores stays known. */
void fill_done(struct fill *fill);

#endif

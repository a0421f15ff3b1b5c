/*
 * inlining.h - chooses which values of a checkpoint are inlined in its head.
 *
 *     encode.c: inlining_start() -> inlining_learn() of checkpoints that may know what is carried
 *               -> inlining_settle(): what has a row, what is still carried, the packed head
 *
 * A row takes 200 bytes and two index entries besides its value. A small value in the head costs its own bytes,
 * and next to nothing if the previous head had it, as a head is a delta of that one. Carried values are copied
 * from there. A head says of each channel where its value is, so the next checkpoint need not look for it.
 *
 * Threads    the lane's.
 * Ownership  results live in the arena of the op.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY; ERR_DAMAGED: a head is.
 */
#ifndef INLINING_H
#define INLINING_H

#include "op.h"
#include "pack.h"

struct inlining {
    struct op *op; /* the put */
    size_t max;    /* longer values have rows; 0 = all have */
    /* What the head will say of values that are sent, carried, removed (in this order). */
    struct inlined *items;
    size_t n_sent, n_carried, n;
    bool *known;      /* of each carried item: some head has told where it is */
    size_t n_open;    /* items of which no head has said anything yet */
    int64_t *sources; /* ids of the heads that have */
    size_t n_sources;
    struct slice settled; /* the packed head, once it is decided */
};

/* A head that may tell where carried values are. */
struct inlining_source {
    int64_t id;
    struct slice packed;
    bool parent; /* it is the parent's: what has no value there has none here */
    bool newest; /* and nothing was stored in the namespace since: what is in doubt stays so */
};

/* Lists what is sent, carried and removed. Nothing is known yet of carried values, unless an earlier run has
 * settled them. */
bool inlining_start(struct inlining *x, size_t max, struct op *op, struct err *err) MUST_USE;

/* Whether the i-th sent value has a row, however much room the head has. */
bool inlining_is_long(const struct inlining *x, size_t i) MUST_USE;

/* Takes what a head says of carried values. A parent without a list has those of its versions in rows, or
 * nowhere. */
bool inlining_learn(struct inlining *x, const struct inlining_source *from,
                    struct err *err) MUST_USE;

/* Decides; after that, items tell the place of each sent value, and `settled` is the head. */
bool inlining_settle(struct inlining *x, struct err *err) MUST_USE;

/* Lists the carried values that are not in the head. */
bool inlining_rest(const struct inlining *x, struct channel_version **carried, size_t *n,
                   struct err *err) MUST_USE;

#endif

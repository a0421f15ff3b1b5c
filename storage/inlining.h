/*
 * inlining.h - which values of a checkpoint stand in its head.
 *
 *     encode.c: inlining_start() -> inlining_learn() of checkpoints that may know what is carried
 *               -> inlining_settle(): what has a row, what is carried still, the packed head
 *
 * A row takes 200 bytes and two entries of an index besides its value. A small value in the head costs its
 * bytes, and those that the head before had cost next to nothing, for a head is a delta of that. What is
 * carried is copied from there. A head says of each channel where its value is, so the next
 * checkpoint need not look for it.
 *
 * Threads    the lane's.
 * Ownership  what is made lives in the arena of the op.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY; ERR_DAMAGED: a head.
 */
#ifndef INLINING_H
#define INLINING_H

#include "op.h"
#include "pack.h"

struct inlining {
    struct op *op;         /* the put */
    size_t max;            /* longer values have rows; 0 = all have */
    struct inlined *items; /* what its head will say: of values that are sent, carried, removed */
    size_t n_sent, n_carried, n;
    bool *known;      /* of each item that is carried */
    size_t n_open;    /* items of which no head has said anything yet */
    int64_t *sources; /* ids of the heads that have said something of what is carried */
    size_t n_sources;
    struct slice settled; /* the packed head, when that is decided */
};

/* A head that may know what is carried. */
struct inlining_source {
    int64_t id;
    struct slice packed;
    bool newest; /* nothing has been stored in the namespace since: what is in doubt stays so */
};

/* Lists what is sent, carried and removed; nothing is known yet of what is carried, unless an earlier run
 * has settled it. */
bool inlining_start(struct inlining *x, size_t max, struct op *op, struct err *err) MUST_USE;

/* Whether the value that was sent i-th has a row whatever else stands in the head. */
bool inlining_is_long(const struct inlining *x, size_t i) MUST_USE;

/* Takes what a head says; *listed: whether it says anything. */
bool inlining_learn(struct inlining *x, const struct inlining_source *from, bool *listed,
                    struct err *err) MUST_USE;

/* Decides; then items say where each that is sent goes, and `settled` is the head. */
bool inlining_settle(struct inlining *x, struct err *err) MUST_USE;

/* What is carried and does not stand in the head. */
bool inlining_rest(const struct inlining *x, struct channel_version **carried, size_t *n,
                   struct err *err) MUST_USE;

#endif

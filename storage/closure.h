/*
 * closure.h - a checkpoint with all that it needs: the values it refers to, and what these are based on.
 *
 *     OP_MERGE left a checkpoint out (op_service.h, `broken`) -> closure_bring(): read from the one
 *         store -> all of it merged into the other by one op
 *
 * Whoever copies a store merges values long before the checkpoints that refer to them, and a removal in
 * between takes values that nothing refers to yet. What was left out because of that comes this way.
 *
 * Threads    that of the caller.
 * Ownership  nothing is kept.
 * Units      none.
 * Errors     those of the two stores. ERR_DAMAGED: the store it comes from lacks a part itself, or it was
 *            taken away each time.
 */
#ifndef CLOSURE_H
#define CLOSURE_H

#include "backend.h"

struct closure {
    void *from, *to;                                          /* stores */
    bool (*run)(void *store, struct op *op, struct err *err); /* runs an op in one of them */
    struct slice tenant;
};

/* Between two backends. */
struct closure closure_between(void *from, void *to, struct slice tenant);

/* Brings a checkpoint, unless it has gone from where it comes from. *applied: it was brought. */
bool closure_bring(const struct closure *c, const struct record_key *key, bool *applied,
                   struct err *err) MUST_USE;

/* The same for each checkpoint among records. One that cannot be had is passed over and *left_out says
 * why; NULL: it ends there. */
bool closure_bring_all(const struct closure *c, const struct record *records, size_t n,
                       struct err *left_out, struct err *err) MUST_USE;

#endif

/*
 * closure.h - copies a checkpoint with all that it needs: the values it refers to, and their bases.
 *
 *     OP_MERGE has left out a checkpoint (op_service.h, `broken`) -> closure_bring(): reads all of it from one
 *         store -> merges it into the other by one op
 *
 * Whoever copies a store merges values long before the checkpoints that refer to them, and a removal in between
 * takes values that nothing refers to yet. Checkpoints that are left out because of that are copied this way.
 *
 * Threads    the caller's.
 * Ownership  nothing is kept.
 * Units      none.
 * Errors     those of the two stores. ERR_DAMAGED: the source itself lacks a part, or the parts were removed at
 *            each try.
 */
#ifndef CLOSURE_H
#define CLOSURE_H

#include "backend.h"

struct closure {
    void *from, *to;                                          /* stores */
    bool (*run)(void *store, struct op *op, struct err *err); /* runs an op in one of them */
    struct slice tenant;
};

/* Makes one for two stores that are backends. */
struct closure closure_between(void *from, void *to, struct slice tenant);

/* Copies a checkpoint, unless the source no longer has it. *applied: it was copied. */
bool closure_bring(const struct closure *c, const struct record_key *key, bool *applied,
                   struct err *err) MUST_USE;

/* Does so for each checkpoint among the records. One that cannot be copied whole is skipped, and *left_out is
 * the reason; with left_out NULL it ends there. */
bool closure_bring_all(const struct closure *c, const struct record *records, size_t n,
                       struct err *left_out, struct err *err) MUST_USE;

#endif

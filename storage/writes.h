/*
 * writes.h - what becomes of the writes of a task when more are put, or come from another store.
 *
 *     driver: what is stored + OP_WRITES_PUT -> writes_combine() -> what is stored now
 *
 * Threads    no state.
 * Ownership  the result lives in the arena; its texts are those of the inputs.
 * Units      none.
 * Errors     ERR_NO_MEMORY.
 */
#ifndef WRITES_H
#define WRITES_H

#include "op.h"

struct writes {
    struct write *items; /* in the order of idx */
    size_t n;
    bool changed; /* result: they are not what was stored */
};

/* What is stored with what is sent, by the mode of the op. */
bool writes_combine(const struct op_writes_put *put, const struct writes *stored,
                    struct arena *arena, struct writes *out, struct err *err) MUST_USE;

/* The place of a task that another store has, in a thread with this tomb: writes that were deleted give none. */
int64_t writes_seq(const struct record_task *from, int64_t tomb) MUST_USE;

#endif

/*
 * writes.h - combines stored writes of a task with new ones, and orders tasks.
 *
 *     driver: what is stored + OP_WRITES_PUT -> writes_combine() -> what is stored now
 *
 * Threads    no state.
 * Ownership  the result lives in the arena; its texts belong to the inputs.
 * Units      none.
 * Errors     ERR_NO_MEMORY.
 */
#ifndef WRITES_H
#define WRITES_H

#include "op.h"

struct writes {
    struct write *items; /* ordered by idx */
    size_t n;
    bool changed; /* result: they differ from what was stored */
};

/* Combines what is stored with what is sent, by the mode of the op. */
bool writes_combine(const struct op_writes_put *put, const struct writes *stored,
                    struct arena *arena, struct writes *out, struct err *err) MUST_USE;

/* The place (seq) of a task from another store. If its first write is below the tomb, its newest one counts. */
int64_t writes_seq(const struct record_task *from, int64_t tomb) MUST_USE;

#endif

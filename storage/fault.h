/*
 * fault.h - a backend that fails when it is told to. For tests only: the program never opens it.
 *
 *     test: plan.at = 3 -> ... -> fault -> versions -> driver
 *
 * Threads    as backend.h. A plan may be shared by the backends of several lanes: `calls` and `at`
 *            may change at any time, the rest only while `at` is 0.
 * Ownership  owns the backend below; borrows the plan.
 * Units      calls of execute, counted from 1.
 * Errors     those that the plan asks for, and what the backend below gives.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdatomic.h>

#include "backend.h"

enum fault_mode {
    FAULT_BEFORE, /* ERR_UNAVAILABLE, nothing is passed on */
    FAULT_AFTER,  /* ERR_IN_DOUBT when the batch has been run */
    FAULT_LOST,   /* ERR_IN_DOUBT, nothing is passed on */
    FAULT_OP,     /* one op of the batch fails and is not passed on, the others are */
    FAULT_MODE_COUNT
};

struct fault_plan {
    enum fault_mode mode;
    bool persistent;     /* from the call `at` on; else only that one */
    size_t op;           /* FAULT_OP: the place in the batch; beyond its end no op fails */
    enum err_kind kind;  /* FAULT_OP: what the op ends with; 0 = ERR_STORAGE */
    atomic_size_t at;    /* the call that fails; 0 = none */
    atomic_size_t calls; /* so far, those that failed too */
};

/*
 * Wraps `below`, which it owns from now on, also on failure (closed). NULL: ERR_NO_MEMORY. A probe
 * is no call; it fails while the next call would fail and a persistent fault of the store is set.
 */
struct backend *fault_open(struct backend *below, struct fault_plan *plan,
                           struct err *err) MUST_USE;

#endif

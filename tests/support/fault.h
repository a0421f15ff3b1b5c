/*
 * fault.h - a backend that fails on request.
 *
 *     test: plan.at = 3 -> ... -> fault -> versions -> driver
 *
 * Threads    as backend.h. A plan may be shared by the backends of several lanes: `calls` and `at`
 *            may change at any time, the rest only while `at` is 0.
 * Ownership  owns the backend below; borrows the plan. A delayed batch is a copy, which dies with it.
 * Units      calls of execute, counted from 1.
 * Errors     those that the plan asks for, and those of the backend below.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdatomic.h>

#include "backend.h"

enum fault_mode {
    FAULT_BEFORE,  /* ERR_UNAVAILABLE, nothing is passed on */
    FAULT_AFTER,   /* ERR_IN_DOUBT after the batch has run */
    FAULT_LOST,    /* ERR_IN_DOUBT, nothing is passed on */
    FAULT_DELAYED, /* ERR_IN_DOUBT at once; the store gets the batch before a later call */
    FAULT_OP,      /* one op of the batch fails and is not passed on; the others are */
    FAULT_MODE_COUNT
};

struct fault_plan {
    enum fault_mode mode;
    bool persistent;     /* every call from `at` on fails, not only that one */
    size_t overtakes;    /* FAULT_DELAYED: how many calls reach the store before the batch does */
    size_t op;           /* FAULT_OP: index in the batch; beyond its end no op fails */
    enum err_kind kind;  /* FAULT_OP: status of the op; 0 = ERR_STORAGE */
    atomic_size_t at;    /* number of the call that fails; 0 = none */
    atomic_size_t calls; /* so far, including those that failed */
};

/*
 * Wraps `below` and owns it from now on; it is closed on failure. NULL: ERR_NO_MEMORY. A probe does not count
 * as a call; it fails if a persistent fault of the whole store would make the next call fail.
 */
struct backend *fault_open(struct backend *below, struct fault_plan *plan,
                           struct err *err) MUST_USE;

#endif

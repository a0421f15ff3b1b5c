/*
 * op_threads.h - operations on threads as a whole.
 *
 * Part of op.h; include that. For each op: inputs first, `out` is the result. Besides the kinds
 * named here every op may end in STORAGE, DAMAGED, UNAVAILABLE, IN_DOUBT or NO_MEMORY.
 *
 * Threads    plain data.
 * Ownership  inputs outlive the op; results live in op->arena.
 * Units      *_us wall microseconds since 1970, sizes bytes.
 * Errors     named at each op.
 */
#ifndef OP_THREADS_H
#define OP_THREADS_H

#include "model.h"

/* Describes a thread; it exists if it has only writes, too. ERR_NOT_FOUND. */
struct op_thread_get {
    struct {
        struct thread thread;
    } out;
};

/* Lists threads by id ascending. op->id is absent. A store may stop after looking at SCAN_MAX rows,
 * perhaps without items. */
struct op_thread_list {
    struct slice prefix;      /* absent = all */
    int64_t updated_after_us; /* 0 = all */
    struct slice after;       /* thread id; absent = from the start */
    int64_t limit;
    struct {
        struct thread *items;
        size_t n;
        bool more;
        struct slice next; /* if `more`: the last one looked at */
    } out;
};

/* Deletes checkpoints, values and writes of a thread. */
struct op_thread_delete {
    char unused; /* op->id says it all */
};

/* Copies thread op->id to `to`, which counts as activity of session `to`. ERR_THREAD if `to` holds anything. */
struct op_thread_copy {
    struct slice to;
    struct {
        int64_t checkpoints, writes;
    } out;
};

/*
 * Removes checkpoints (with their writes) of a thread, per namespace. The newest keep_last stay, and
 * those created at or after older_than_us; with both bounds, what either keeps stays. What a kept one
 * needs stays too (values, bases, ancestors of delta channels); references to removed parents become
 * absent. delete_all: everything.
 */
struct op_thread_prune {
    bool delete_all;
    int64_t keep_last;     /* 0 = no such bound */
    int64_t older_than_us; /* 0 = no such bound */
    struct {
        int64_t removed; /* checkpoints */
    } out;
};

#endif

/*
 * redis_merge_run.h - the parts of OP_MERGE.
 *
 *     redis_merge.c: a run of records of one id -> asks for all that is stored of them
 *         -> redis_merge_<kind>(), one record after the other -> stores what has changed, and commits
 *
 * A run costs one way to the server and back to read, and one to commit. A record for which more must be
 * read (a deletion that takes something with it, a head that goes) is a run by itself.
 *
 * Threads    the lane's.
 * Ownership  records are borrowed; what is read lives in the arena of the op.
 * Units      stamps as in clock.h.
 * Errors     those of redis.h.
 */
#ifndef REDIS_MERGE_RUN_H
#define REDIS_MERGE_RUN_H

#include "redis_rows.h"
#include "redis_threads.h"

/* A checkpoint id, as the records before have left it. */
struct merge_place {
    struct slice ns;
    struct cp_row row;
};

/* Records of one session or thread id that are merged together: each once, in their order. */
struct merge_run {
    struct call *c;
    const struct record *records;
    size_t n;
    struct session_row row;
    bool hollow;      /* the row, when it was read */
    bool row_changed; /* it is to be stored */
    struct thread_row thread;
    bool *space_changed; /* of each of its namespaces */
    bool *broken;        /* of each record: a value that was left out */
    bool thread_changed;
    struct merge_place *places;
    size_t n_places;
    bool stops; /* before the record at hand, which then begins another run */
    bool ends;  /* with the record at hand */
};

/* One of them. */
struct merge {
    struct merge_run *run;
    struct call *c;
    const struct record *record;
    struct reply *const *stored; /* what was asked for it */
    bool applied;
    bool broken;    /* it was left out, for what it needs is not there */
    int64_t newest; /* as op_merge.out */
};

/*
 * Whether this record may read more, and change what was read by itself. False: it is the beginning of
 * another run.
 */
static inline MUST_USE bool redis_merge_alone(struct merge *m)
{
    struct merge_run *run = m->run;

    run->stops = run->row_changed || run->thread_changed || m->c->n_changes > 0;
    run->ends = !run->stops;
    return run->ends;
}

/* Merges a record of the kind. */
bool redis_merge_session(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_message(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_context(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_thread(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_value(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_checkpoint(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_task(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_repeat(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_pending(struct merge *m, struct err *err) MUST_USE;

/* Asks for what redis_merge_repeat() and redis_merge_pending() need. Two replies. */
void redis_merge_repeat_ask(struct call *c, const struct record *record);
void redis_merge_pending_ask(struct call *c, const struct record *record);

/* Asks whether the values are there that a value or a checkpoint needs, but for those that come before it
 * in the run; how many replies that gives. */
void redis_merge_needed_ask(const struct merge_run *run, const struct record *record);
size_t redis_merge_needed(const struct merge_run *run, const struct record *record) MUST_USE;

/* Makes room for the namespaces and checkpoints of the run; what the thread had was read. */
bool redis_merge_thread_begin(struct merge_run *run, struct err *err) MUST_USE;

/* Stores what has changed of the thread. */
bool redis_merge_thread_end(struct merge_run *run, struct err *err) MUST_USE;

/* Removes the checkpoints of the thread at hand that are among records which are gone, and values that
 * nothing needs where that is asked for; commits. *applied: how many checkpoints and tasks. */
bool redis_merge_gone(struct call *c, const struct record *records, size_t n, size_t *applied,
                      struct err *err) MUST_USE;

#endif

/*
 * redis_merge_run.h - the steps of OP_MERGE, by kind of record.
 *
 *     redis_merge.c: a run of records of one id -> asks for all that is stored of them
 *         -> redis_merge_<kind>(), one record after the other -> stores what has changed, and commits
 *
 * A run costs one round trip to read and one to commit. A record for which more must be read (a deletion
 * that takes something with it, a head that goes) is a run by itself.
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

/* The row of a checkpoint id, as the records merged so far have left it. */
struct merge_place {
    struct slice ns;
    struct cp_row row;
};

/* Records of one session or thread that are merged together. Keys rise, so each comes once. */
struct merge_run {
    struct call *c;
    const struct record *records;
    size_t n;
    struct session_row row;
    bool vacant;      /* there was no session and no anchor when the row was read */
    bool row_changed; /* the row must be stored */
    struct thread_row thread;
    bool *space_changed; /* for each namespace of the thread */
    bool *broken;        /* for each record: it is a value that was left out */
    bool thread_changed;
    struct merge_place *places;
    size_t n_places;
    bool stops; /* before the record at hand, which begins the next run */
    bool ends;  /* behind the record at hand */
};

/* One record of a run. */
struct merge {
    struct merge_run *run;
    struct call *c;
    const struct record *record;
    struct reply *const *stored; /* the replies to what was asked for this record */
    bool applied;
    bool broken;    /* left out: a value that it needs is not stored */
    int64_t newest; /* as op_merge.out */
};

/*
 * Makes the record at hand the last of the run, so that it may read more and plan changes of its own.
 * False: the run has changed something already, and the record must begin another run.
 */
static inline MUST_USE bool redis_merge_alone(struct merge *m)
{
    struct merge_run *run = m->run;

    run->stops = run->row_changed || run->thread_changed || m->c->n_changes > 0;
    run->ends = !run->stops;
    return run->ends;
}

/* Merges a message in one round trip, if it is not stored and its conversation is in its usual state; else
 * *done is false, and nothing has changed. */
bool redis_merge_next(struct call *c, const struct record *r, bool *done, struct err *err) MUST_USE;

/* Merges a record of that kind into what the run has read. */
bool redis_merge_session(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_message(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_context(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_thread(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_value(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_checkpoint(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_task(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_repeat(struct merge *m, struct err *err) MUST_USE;
bool redis_merge_pending(struct merge *m, struct err *err) MUST_USE;

/* Ask for what redis_merge_repeat() and redis_merge_pending() need: two replies each. */
void redis_merge_repeat_ask(struct call *c, const struct record *record);
void redis_merge_pending_ask(struct call *c, const struct record *record);

/* Asks whether the values that a value or a checkpoint needs are stored, except those that come before it
 * in the run. The second function: how many replies that gives. */
void redis_merge_needed_ask(const struct merge_run *run, const struct record *record);
size_t redis_merge_needed(const struct merge_run *run, const struct record *record) MUST_USE;

/* Makes room for the namespaces and rows that the run may add. Called when the thread was read. */
bool redis_merge_thread_begin(struct merge_run *run, struct err *err) MUST_USE;

/* Plans to store what the run has changed of the thread and its namespaces. */
bool redis_merge_thread_end(struct merge_run *run, struct err *err) MUST_USE;

/* Removes from the thread at hand the checkpoints and tasks that the records say are gone, and with
 * RECORD_CHECKPOINTS values that nothing needs; commits. *applied: how many checkpoints and tasks. */
bool redis_merge_gone(struct call *c, const struct record *records, size_t n, size_t *applied,
                      struct err *err) MUST_USE;

#endif

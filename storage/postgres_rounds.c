/* postgres_rounds.c - see postgres_rounds.h. */
#include "postgres_rounds.h"

#include <stdlib.h>

#include "fiber.h"
#include "postgres_gather.h"
#include "postgres_pipe.h"
#include "postgres_transaction.h"
#include "sql.h"

/* The ops on one record, which run one after the other in a fiber. */
struct track {
    struct postgres *d;
    struct fiber *fiber;
    struct op *const *ops;
    size_t n;
    bool lost, cut_off;
    int64_t changes;
    struct use *awaited;
    struct track *next; /* in the list of waiting or idle tracks */
    struct row_cache rows;
};

/* What an op reads and changes: only what its id names, or more. */
enum scope { MORE, SESSION, THREAD };

static enum scope scope_of(const struct op *op)
{
    static const enum scope known[OP_TYPE_COUNT] = {
        [OP_SESSION_PUT] = SESSION,    [OP_SESSION_GET] = SESSION,   [OP_SESSION_PATCH] = SESSION,
        [OP_CONTEXT_PUT] = SESSION,    [OP_CONTEXT_GET] = SESSION,   [OP_CONTEXT_LIST] = SESSION,
        [OP_MESSAGE_APPEND] = SESSION, [OP_MESSAGE_LIST] = SESSION,  [OP_RECORDS_GET] = SESSION,
        [OP_CHECKPOINT_PUT] = THREAD,  [OP_CHECKPOINT_GET] = THREAD, [OP_WRITES_PUT] = THREAD,
        [OP_WRITES_GET] = THREAD,      [OP_THREAD_GET] = THREAD,     [OP_VALUES_GET] = THREAD,
    };

    if (op->type != OP_MERGE)
        return known[op->type];
    if (!slice_present(op->id) || op->merge.n == 0)
        return MORE;
    return record_is_of_thread(op->merge.items->kind) ? THREAD : SESSION;
}

static void run_track(void *arg)
{
    struct track *t = arg;

    for (size_t i = 0; i < t->n && !t->lost; i++)
        t->lost = !sql_run_op(&t->d->sql, t->ops[i]);
}

/* Installs what belongs to the track while its fiber runs. */
static void enter(struct track *t)
{
    t->d->track = t;
    t->d->held = 0; /* what it had gathered was sent when it last waited */
    t->d->sql.rows = &t->rows;
}

static void leave(struct track *t, bool ended, bool *lost)
{
    struct postgres *d = t->d;

    d->track = NULL;
    d->sql.rows = &d->rows;
    if (!ended)
        return;
    *lost |= t->lost;
    d->changes += t->changes;
    t->next = d->idle;
    d->idle = t;
}

static struct track *idle_track(struct postgres *d)
{
    struct track *t = d->idle;
    struct err ignored;

    if (t) {
        d->idle = t->next;
        return t;
    }
    t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->d = d;
    t->fiber = fiber_new(&ignored);
    if (t->fiber)
        return t;
    free(t);
    return NULL;
}

/* Starts a track; without memory for a fiber the ops run here and now. */
static void start(struct postgres *d, struct op *const ops[], size_t n, bool *lost)
{
    struct track *t = idle_track(d);

    if (!t) {
        for (size_t i = 0; i < n && !*lost; i++)
            *lost = !sql_run_op(&d->sql, ops[i]);
        return;
    }
    t->ops = ops;
    t->n = n;
    t->lost = t->cut_off = false;
    t->changes = 0;
    t->next = NULL;
    rows_forget(&t->rows);
    enter(t);
    leave(t, fiber_start(t->fiber, run_track, t), lost);
}

static void ask_for_answers(struct postgres *d)
{
    bool last = d->sql.quick && !d->early;

    if (last)
        gather_finish(d);
    else
        gather_send(d);
    d->trips++;
    if (last)
        transaction_end_early(d);
    if (d->conn && !d->early && !PQsendFlushRequest(d->conn))
        pipe_lose(d, "out of memory", true);
}

/* Runs rounds until no track waits: answers let ops go on, and what they ask next is the next round. */
static void drain(struct postgres *d, bool *lost)
{
    struct err ignored;

    while (d->waiting) {
        struct track *next, *t = d->waiting;

        d->waiting = d->last_waiting = NULL;
        ask_for_answers(d);
        for (; t; t = next) {
            next = t->next;
            (void)!pipe_wait(d, t->awaited, &ignored); /* the op notices itself */
            enter(t);
            leave(t, fiber_resume(t->fiber), lost);
        }
    }
    gather_send(d);
}

bool rounds_wait(struct postgres *d, struct use *use, struct err *err)
{
    struct track *t = d->track;

    if (use->trip < d->trips) /* it is answered together with a later one */
        return pipe_wait(d, use, err);
    if (t) {
        t->awaited = use;
        t->next = NULL;
        if (d->waiting)
            d->last_waiting->next = t;
        else
            d->waiting = t;
        d->last_waiting = t;
        fiber_leave(t->fiber);
    } else {
        ask_for_answers(d);
    }
    return pipe_wait(d, use, err);
}

bool *rounds_refused(struct postgres *d)
{
    return d->track ? &d->track->cut_off : &d->cut_off;
}

bool rounds_cut_off(struct sql *self)
{
    bool *refused = rounds_refused((struct postgres *)self), was = *refused;

    *refused = false;
    return was;
}

int64_t *rounds_changes(struct postgres *d)
{
    return d->track ? &d->track->changes : &d->changes;
}

/* Starts ops that concern one record each, those on the same in one track. */
static void start_all(struct postgres *d, struct op *const ops[], size_t n, bool *lost)
{
    size_t end;

    for (size_t i = 0; i < n && !*lost; i = end) {
        uint64_t hash = op_lane_hash(ops[i]);

        end = i + 1;
        while (end < n && op_lane_hash(ops[end]) == hash)
            end++;
        start(d, ops + i, end - i, lost);
    }
}

/*
 * Ops lock what they find. With all threads before all sessions, each in the order of the batch, two instances do
 * not wait for each other. A quick batch asks only once, in that order (gather_send()); in a pair each op locks its
 * session itself, before its thread.
 */
static void run_in_lock_order(struct postgres *d, struct op *const ops[], size_t n, bool *lost)
{
    struct op *sorted[BATCH_MAX];
    size_t threads = 0, sorted_n = 0;

    for (size_t i = 0; i < n; i++)
        threads += scope_of(ops[i]) == THREAD;
    if (!d->writes || d->sql.quick || ops[0]->replicate || threads == 0 || threads == n) {
        start_all(d, ops, n, lost);
        return;
    }
    for (enum scope scope = THREAD; scope >= SESSION; scope--)
        for (size_t i = 0; i < n; i++)
            if (scope_of(ops[i]) == scope)
                sorted[sorted_n++] = ops[i];
    start_all(d, sorted, threads, lost);
    drain(d, lost);
    start_all(d, sorted + threads, n - threads, lost);
    drain(d, lost);
}

void postgres_run_ops(struct sql *self, struct op *const ops[], size_t n, bool *lost)
{
    struct postgres *d = (struct postgres *)self;
    size_t end;

    *lost = false;
    for (size_t i = 0; i < n && !*lost; i = end) {
        end = i + 1;
        if (scope_of(ops[i]) == MORE) {
            drain(d, lost);
            gather_finish(d);
            *lost = *lost || !sql_run_op(self, ops[i]);
            continue;
        }
        while (end < n && scope_of(ops[end]) != MORE)
            end++;
        run_in_lock_order(d, ops + i, end - i, lost);
    }
    drain(d, lost);
    gather_finish(d);
    gather_done(d);
}

void rounds_free(struct postgres *d)
{
    while (d->idle) {
        struct track *t = d->idle;

        d->idle = t->next;
        fiber_free(t->fiber);
        free(t);
    }
}

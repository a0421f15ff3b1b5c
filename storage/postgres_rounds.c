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

/* Ops that read and change only what their id names. */
static bool stands_alone(const struct op *op)
{
    static const bool known[OP_TYPE_COUNT] = {
        [OP_SESSION_PUT] = true,    [OP_SESSION_GET] = true,  [OP_SESSION_PATCH] = true,
        [OP_CONTEXT_PUT] = true,    [OP_CONTEXT_GET] = true,  [OP_CONTEXT_LIST] = true,
        [OP_MESSAGE_APPEND] = true, [OP_MESSAGE_LIST] = true, [OP_CHECKPOINT_PUT] = true,
        [OP_CHECKPOINT_GET] = true, [OP_WRITES_PUT] = true,   [OP_WRITES_GET] = true,
        [OP_THREAD_GET] = true,     [OP_VALUES_GET] = true,   [OP_RECORDS_GET] = true,
    };

    return known[op->type] || (op->type == OP_MERGE && slice_present(op->id));
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
    gather_send(d);
    d->trips++;
    if (d->sql.quick && !d->early)
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

void postgres_run_ops(struct sql *self, struct op *const ops[], size_t n, bool *lost)
{
    struct postgres *d = (struct postgres *)self;
    size_t end;

    *lost = false;
    for (size_t i = 0; i < n && !*lost; i = end) {
        uint64_t hash = op_lane_hash(ops[i]);

        end = i + 1;
        if (!stands_alone(ops[i])) {
            drain(d, lost);
            *lost = *lost || !sql_run_op(self, ops[i]);
            continue;
        }
        while (end < n && stands_alone(ops[end]) && op_lane_hash(ops[end]) == hash)
            end++;
        start(d, ops + i, end - i, lost);
    }
    drain(d, lost);
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

/* redis_merge_gone.c - OP_MERGE of what is gone from a thread elsewhere; see redis_merge_run.h. */
#include "clock.h"
#include "redis_merge_run.h"
#include "redis_removal.h"

struct gone {
    struct call *c;
    const struct record *records;
    size_t n, applied;
};

/* The record which says that a row, or with `task` a task on it, is gone; NULL: no record does. */
static const struct record *find_gone(const struct gone *g, const struct removal_space *s,
                                      struct slice row, const struct task_row *task)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct record *r = &g->records[i];

        if (r->gone && r->kind == (task ? RECORD_TASK : RECORD_CHECKPOINT) &&
            slice_equal(r->key.ns, s->space->ns) && slice_equal(r->key.sub, row) &&
            (!task || slice_equal(r->key.task, task->id)))
            return r;
    }
    return NULL;
}

/* Whether any record removes a row, or a task on it. */
static bool is_named(const struct gone *g, const struct removal_space *s, struct slice row)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->records[i].gone && g->records[i].kind < RECORD_KIND_COUNT &&
            g->records[i].kind != RECORD_MESSAGE &&
            slice_equal(g->records[i].key.ns, s->space->ns) &&
            slice_equal(g->records[i].key.sub, row))
            return true;
    return false;
}

/* Removes the tasks of a row that are gone. *newest: stamp of the newest write that stays; 0: none. A
 * task with younger writes stays, and counts as begun by the newest. */
static bool drop_tasks(struct gone *g, struct removal_space *s, struct removal_row *r,
                       const struct reply *reply, int64_t *newest, struct err *err)
{
    const struct record *record;
    struct task_row *tasks, anew;
    size_t n;

    *newest = 0;
    if (!redis_tasks_take(g->c, reply, r->row.form, &tasks, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        record = find_gone(g, s, r->row.id, &tasks[i]);
        if (!record || tasks[i].stamp > record->gone)
            *newest = clock_later(tasks[i].stamp, *newest);
        if (!record || tasks[i].seq > record->gone)
            continue;
        r->rewritten = true;
        g->applied++;
        anew = tasks[i];
        anew.seq = anew.stamp;
        if (tasks[i].stamp <= record->gone) {
            redis_task_drop(g->c, s->space, r->row.id, &tasks[i]);
            r->weight -= (int64_t)tasks[i].body.len;
        } else if (!redis_task_store(g->c, s->space->ns, r->row.id, &tasks[i], &anew, err)) {
            return false;
        }
    }
    return true;
}

/* Removes a checkpoint that is gone. Writes on it that stay keep the row as their place; a row that was
 * only such a place goes with its last task. */
static bool drop_row(struct gone *g, struct removal_space *s, struct removal_row *r,
                     const struct reply *reply, struct err *err)
{
    const struct record *record = find_gone(g, s, r->row.id, NULL);
    int64_t newest;

    if (!drop_tasks(g, s, r, reply, &newest, err))
        return false;
    if (r->row.stamp == 0) {
        r->doomed = newest == 0 && r->rewritten;
        return true;
    }
    if (!record || r->row.stamp > record->gone)
        return true;
    g->applied++;
    r->doomed = newest == 0;
    if (newest > 0)
        redis_removal_undo(s, r, newest);
    return true;
}

bool redis_merge_gone(struct call *c, const struct record *records, size_t n, size_t *applied,
                      struct err *err)
{
    struct gone g = {.c = c, .records = records, .n = n};
    struct removal_space *spaces;
    struct thread_row thread;
    struct reply **replies;
    bool sweep = false; /* values that nothing needs are removed even if no row is */
    int64_t stamp = 0;  /* of the removal */
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        sweep |= records[i].gone && records[i].kind == RECORD_CHECKPOINTS;
        stamp = clock_later(stamp, records[i].gone);
    }
    *applied = 0;
    if (!redis_thread_read(c, &thread, err) || !redis_removal_load(c, &thread, &spaces, err))
        return false;
    for (size_t i = 0; i < thread.n; i++)
        for (size_t k = 0; k < spaces[i].n; k++)
            if (is_named(&g, &spaces[i], spaces[i].rows[k].row.id))
                ASK(c, SLICE("HGETALL"),
                    call_writes_key(c, spaces[i].space->ns, spaces[i].rows[k].row.id));
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < thread.n; i++)
        for (size_t k = 0; k < spaces[i].n; k++)
            if (is_named(&g, &spaces[i], spaces[i].rows[k].row.id) &&
                !drop_row(&g, &spaces[i], &spaces[i].rows[k], replies[at++], err))
                return false;
    *applied = g.applied;
    redis_removal_stamp(spaces, thread.n, stamp);
    return (g.applied == 0 && !sweep) ||
           (redis_removal_apply(c, &thread, spaces, sweep, err) && call_commit(c, err));
}

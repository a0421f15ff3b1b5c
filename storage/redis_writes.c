/* redis_writes.c - OP_WRITES_PUT and OP_WRITES_GET; see op_checkpoints.h. */
#include "clock.h"
#include "copies.h"
#include "pack.h"
#include "redis_load.h"
#include "redis_ops.h"
#include "redis_rows.h"
#include "redis_target.h"
#include "writes.h"

struct put {
    struct call *c;
    const struct op_writes_put *op;
    struct target at;
    struct task_row task; /* as stored; not stored: the task is new */
    struct writes stored; /* the writes in it */
    struct writes writes; /* after the change */
    int64_t stamp;
};

/* Finds the task. Writes that wait for their checkpoint expire one by one: old ones are dropped here,
 * before the place, and with it its age, is renewed. */
static bool take_tasks(struct put *p, const struct reply *reply, struct err *err)
{
    int64_t expired_us = clock_expired_us(p->c->d->checkpoint_ttl_us, p->c->op->now_us);
    struct task_row *tasks;
    size_t n;

    if (!redis_tasks_take(p->c, reply, p->op->form, &tasks, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p->at.row.stamp == 0 && stamp_us(tasks[i].stamp) <= expired_us)
            redis_task_drop(p->c, p->at.space, p->op->checkpoint_id, &tasks[i]);
        else if (slice_equal(tasks[i].id, p->op->task_id))
            p->task = tasks[i];
    }
    return !p->task.stored ||
           unpack_writes(p->task.body, p->c->arena, &p->stored.items, &p->stored.n, err);
}

/* Tasks are ordered by their first writes alone, so a fence compares with this task, not with all of the
 * namespace. */
static bool take_stamp(struct put *p, struct err *err)
{
    int64_t stored = p->c->op->fence ? p->task.stamp : p->at.space->last_stamp;

    return op_stamp_above(p->c->op, clock_later(stored, p->at.thread.tomb), &p->stamp, err);
}

/* Stores the place of writes without a checkpoint; it is as old as its newest write. */
static bool store_place(struct put *p, struct err *err)
{
    struct cp_row row = p->at.row;

    if (row.stamp > 0 || (row.stored && row.created_us >= stamp_us(p->stamp)))
        return true;
    row.stored = true;
    row.created_us = stamp_us(p->stamp);
    row.form = p->op->form;
    return redis_cp_store(p->c, p->op->ns, &p->at.row, &row, err);
}

/* Adds the copies that the other store of a pair needs. */
static bool copy(struct put *p, const struct task_row *task, struct err *err)
{
    struct record record = {
        .kind = RECORD_TASK,
        .key = {.id = p->c->op->id,
                .ns = p->op->ns,
                .sub = p->op->checkpoint_id,
                .task = p->op->task_id},
        .task = {.stamp = task->stamp,
                 .seq = task->seq,
                 .form = p->op->form,
                 .task_path = task->task_path,
                 .writes = p->writes.items,
                 .n_writes = p->writes.n},
    };

    return copies_thread(p->c->op, p->c->op->id, p->at.thread.tomb, p->at.thread.updated_us, err) &&
           copies_add(p->c->op, &record, err);
}

static bool store(struct put *p, struct err *err)
{
    struct task_row task = {
        .id = p->op->task_id,
        .seq = p->task.stored ? p->task.seq : p->stamp,
        .stamp = p->stamp,
        .task_path = p->task.stored && p->op->mode == WRITES_IGNORE ? p->task.task_path
                                                                    : p->op->task_path,
    };

    if (!pack_writes(p->writes.items, p->writes.n, p->c->arena, &task.body, err) ||
        !store_place(p, err) ||
        !redis_task_store(p->c, p->op->ns, p->op->checkpoint_id, &p->task, &task, err))
        return false;
    p->at.space->bytes += (int64_t)task.body.len - (int64_t)p->task.body.len;
    return redis_target_store(p->c, &p->at, p->stamp, err) && copy(p, &task, err);
}

/* Nothing changes but the activity of the session: drops the changes planned so far. */
static bool touch_only(struct put *p, struct err *err)
{
    p->c->n_changes = 0;
    return redis_row_touch(p->c, p->at.session, p->c->op->now_us, err);
}

bool redis_writes_put(struct call *c, struct op *op, struct err *err)
{
    struct op_writes_put *put = &op->writes_put;
    struct put p = {.c = c,
                    .op = put,
                    .at = {.ns = put->ns, .checkpoint_id = put->checkpoint_id, .form = put->form}};
    struct reply **replies;

    redis_target_ask(c, &p.at);
    ASK(c, SLICE("HGETALL"), call_writes_key(c, put->ns, put->checkpoint_id));
    if (!call_answers(c, &replies, err) || !redis_target_take(c, &p.at, replies, err) ||
        !take_tasks(&p, replies[TARGET_REPLIES], err) || !take_stamp(&p, err) ||
        !writes_combine(p.op, &p.stored, c->arena, &p.writes, err) ||
        (p.writes.changed ? !store(&p, err) : !touch_only(&p, err)) || !call_commit(c, err))
        return false;
    put->out.created = p.stored.n == 0;
    return true;
}

bool redis_writes_get(struct call *c, struct op *op, struct err *err)
{
    struct op_writes_get *get = &op->writes_get;
    int64_t expired_us = clock_expired_us(c->d->checkpoint_ttl_us, op->now_us);
    struct loader l = redis_load_start(c);
    struct checkpoint holder = {0};
    struct thread_row thread;
    struct reply **replies;
    struct task_row *tasks;
    struct cp_row row;
    size_t n;

    call_at(c, op->tenant, op->id);
    redis_thread_ask(c, get->ns);
    ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", get->ns), get->checkpoint_id);
    ASK(c, SLICE("HGETALL"), call_writes_key(c, get->ns, get->checkpoint_id));
    if (!call_answers(c, &replies, err) ||
        !redis_thread_take(c, get->ns, replies[0], &thread, err) ||
        !redis_cp_take(get->checkpoint_id, replies[1], &row, err) ||
        !redis_tasks_take(c, replies[2], thread.spaces[0].form, &tasks, &n, err))
        return false;
    if (row.stored && row.created_us > expired_us &&
        !redis_load_writes(&l, tasks, n, row.stamp == 0 ? expired_us : INT64_MIN, &holder, err))
        return false;
    get->out.items = holder.writes;
    get->out.n = holder.n_writes;
    return true;
}

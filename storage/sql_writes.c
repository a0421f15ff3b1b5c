/* sql_writes.c - OP_WRITES_PUT and OP_WRITES_GET; see op_checkpoints.h. */
#include "clock.h"
#include "copies.h"
#include "pack.h"
#include "sql_ops.h"
#include "sql_rows.h"
#include "sql_target.h"
#include "writes.h"

struct put {
    struct sql *d;
    struct op *op;
    struct target at;
    struct writes stored; /* writes of the task before the change */
    struct writes writes; /* and after it */
    int64_t stamp;
};

/* Only the first write of a task counts in the order of tasks, so only its own stamp is a fence. */
static bool take_stamp(struct put *p, struct err *err)
{
    int64_t stored = p->op->fence ? p->at.task.stamp : p->at.ns.last_stamp;

    return op_stamp_above(p->op, clock_later(stored, p->at.ns.tomb), &p->stamp, err);
}

static bool prepare(struct put *p, struct err *err)
{
    const struct task_row *task = &p->at.task;

    if (!target_open(p->d, p->op, &p->at, err))
        return false;
    if (task->id && !unpack_writes(task->body, p->op->arena, &p->stored.items, &p->stored.n, err))
        return false;
    return take_stamp(p, err) &&
           writes_combine(&p->op->writes_put, &p->stored, p->op->arena, &p->writes, err);
}

/* Adds the records that another store needs. */
static bool copy(struct put *p, const struct task_row *task, struct err *err)
{
    const struct op_writes_put *put = &p->op->writes_put;
    struct record record = {
        .kind = RECORD_TASK,
        .key = {.id = p->op->id, .ns = put->ns, .sub = put->checkpoint_id, .task = put->task_id},
        .task = {.stamp = task->stamp,
                 .seq = task->seq,
                 .form = p->at.form,
                 .task_path = task->task_path,
                 .writes = p->writes.items,
                 .n_writes = p->writes.n},
    };

    return copies_thread(p->op, p->op->id, p->at.ns.tomb, target_written_us(&p->at, p->op), err) &&
           copies_add(p->op, &record, err);
}

static bool store(struct put *p, struct err *err)
{
    const struct op_writes_put *put = &p->op->writes_put;
    struct task_row task = {
        .id = p->at.task.id,
        .seq = p->at.task.id ? p->at.task.seq : p->stamp,
        .stamp = p->stamp,
        .task_path = p->at.task.id && put->mode == WRITES_IGNORE ? p->at.task.task_path
                                                                 : put->task_path,
    };
    struct ns_change change = {.stamp = p->stamp};

    if (!pack_writes(p->writes.items, p->writes.n, p->op->arena, &task.body, err) ||
        !ns_make(p->d, &p->at.key, p->at.form, &p->at.ns, err) ||
        !task_store(p->d, &p->at, put->task_id, &task, err))
        return false;
    change.bytes = (int64_t)task.body.len - (int64_t)p->at.task.body.len;
    return ns_grow(p->d, p->at.ns.id, &change, err) &&
           thread_touch(p->d, p->at.ns.thread, target_written_us(&p->at, p->op), err) &&
           copy(p, &task, err);
}

/*
 * In a quick batch: stores the writes by one statement in the usual case. That touches the session, too, but with
 * other ops it would lock it between their threads.
 */
static bool put_next(struct put *p, bool *done, struct err *err)
{
    const struct op_writes_put *put = &p->op->writes_put;
    AUTO(query_end) struct query q = {0};
    struct op *op = p->op;
    struct slice body;

    *done = false;
    if (!p->d->quick)
        return true;
    if (!writes_combine(put, &p->stored, op->arena, &p->writes, err) ||
        !pack_writes(p->writes.items, p->writes.n, op->arena, &body, err) ||
        (!p->d->lone && !sql_session_touch(p->d, op, p->at.key.tenant, op->id, err)) ||
        !query_begin(p->d, SQL_TASK_NEXT, &q, err))
        return false;
    query_int(&q, p->at.key.tenant);
    query_blob(&q, op->id);
    query_blob(&q, put->ns);
    query_blob(&q, put->checkpoint_id);
    query_blob(&q, put->task_id);
    query_int(&q, put->form);
    query_int(&q, op->stamp);
    query_int(&q, clock_expired_us(p->d->checkpoint_ttl_us, op->now_us));
    query_blob(&q, load_text(put->task_path));
    query_blob(&q, body);
    query_int(&q, (int64_t)body.len);
    query_int(&q, op->now_us);
    query_int(&q, row_minute(op->now_us));
    query_int(&q, clock_expired_us(p->d->session_ttl_us, op->now_us));
    query_int(&q, p->d->lone);
    return query_step(&q, done, err);
}

bool sql_writes_put(struct sql *d, struct op *op, struct err *err)
{
    struct op_writes_put *put = &op->writes_put;
    AUTO(query_end) struct query session = {0};
    struct put p = {.d = d, .op = op};
    bool done;

    p.at = (struct target){.key = {.thread = op->id, .ns = put->ns},
                           .checkpoint_id = put->checkpoint_id,
                           .task_id = put->task_id,
                           .form = put->form};
    if (!sql_tenant(d, op->tenant, true, &p.at.key.tenant, err) || !put_next(&p, &done, err))
        return false;
    put->out.created = done;
    if (done)
        return true;
    if (!sql_touch_ask(d, op, p.at.key.tenant, &session, err) || !prepare(&p, err) ||
        (p.writes.changed && !store(&p, err)) || !sql_touch(d, op, p.at.key.tenant, &session, err))
        return false;
    put->out.created = p.stored.n == 0;
    return true;
}

bool sql_writes_get(struct sql *d, struct op *op, struct err *err)
{
    struct op_writes_get *get = &op->writes_get;
    struct target at = {.key = {.thread = op->id, .ns = get->ns},
                        .checkpoint_id = get->checkpoint_id};
    struct loader l = load_start(d, op);
    struct checkpoint holder = {0};
    const struct checkpoint_row *row = &at.row;

    if (!sql_tenant(d, op->tenant, false, &at.key.tenant, err) || !target_find(d, op, &at, err))
        return false;
    if (row->id && row->created_us > l.expired_us &&
        !load_writes(&l, row->id, at.ns.form, row->stamp == 0, &holder, err))
        return false;
    get->out.items = holder.writes;
    get->out.n = holder.n_writes;
    return true;
}

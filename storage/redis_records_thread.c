/* redis_records_thread.c - OP_READ_RANGE of threads and what is in them; see record.h. */
#include <stdlib.h>

#include "clock.h"
#include "pack.h"
#include "record_fields.h"
#include "redis_load.h"
#include "redis_records.h"
#include "redis_removal.h"

/* How a namespace of the thread at hand compares to the one where the range begins. */
static int order_ns(const struct records *r, struct slice ns)
{
    return redis_records_first(r, r->c->id) ? slice_compare(ns, r->range->after.ns) : 1;
}

/*
 * Marks the values to list. One that came from another store may be older than the deletion of the
 * thread: it is listed only if a younger checkpoint refers to it, though it may be stored.
 */
static bool need_values(struct call *c, const struct thread_row *thread, struct removal_space *s,
                        struct err *err)
{
    s->last = thread->tomb;
    return redis_removal_need(c, s, err);
}

static bool read_value(struct records *r, const struct removal_space *s, const struct reply *reply,
                       int64_t id, struct err *err)
{
    struct record *out = redis_records_next(r);
    struct loader l = redis_load_start(r->c);
    struct value *value;

    if (!out)
        return true;
    if (!redis_load_value_take(&l, id, reply, &value, err))
        return false;
    out->key.ns = s->space->ns;
    out->key.number = id;
    out->value = (struct record_value){value->of, value->blob};
    return true;
}

static bool list_values(struct records *r, const struct removal_space *s, struct err *err)
{
    int64_t after = order_ns(r, s->space->ns) == 0 ? r->range->after.number : INT64_MIN;
    size_t n = 0, from = 0, most = redis_records_left(r) + 1;
    struct reply **replies;

    while (from < s->n_values && s->values[from].id <= after)
        from++;
    for (size_t i = from; i < s->n_values && n < most; i++)
        if (s->values[i].needed) {
            ASK(r->c, SLICE("HGET"), call_key_ns(r->c, "values", s->space->ns),
                call_number(r->c, s->values[i].id));
            n++;
        }
    if (!call_answers(r->c, &replies, err))
        return false;
    n = 0;
    for (size_t i = from; i < s->n_values && n < most; i++)
        if (s->values[i].needed && !read_value(r, s, replies[n++], s->values[i].id, err))
            return false;
    return true;
}

bool redis_records_take_checkpoint(struct call *c, const struct cp_row *row, struct record *out,
                                   struct err *err)
{
    struct record_checkpoint *to = &out->checkpoint;
    int64_t *refs;

    *to = (struct record_checkpoint){
        .stamp = row->stamp,
        .created_us = row->created_us,
        .form = row->form,
        .parent_id = row->parent_id,
        .metadata = row->metadata,
        .run_id = row->run_id,
        .head = row->head,
    };
    if (!unpack_refs(row->refs, c->arena, &refs, &to->n_refs, err))
        return false;
    to->refs = refs;
    return true;
}

static bool read_checkpoint(struct records *r, const struct removal_space *s,
                            const struct cp_row *row, struct err *err)
{
    struct record *out = redis_records_next(r);

    if (!out)
        return true;
    out->key.ns = s->space->ns;
    out->key.sub = row->id;
    return redis_records_take_checkpoint(r->c, row, out, err);
}

static int order_ids(const void *a, const void *b)
{
    const struct task_row *x = a, *y = b;

    return slice_compare(x->id, y->id);
}

bool redis_records_take_task(struct call *c, const struct task_row *task, enum form form,
                             struct record *out, struct err *err)
{
    struct record_task *to = &out->task;

    *to = (struct record_task){
        .stamp = task->stamp, .seq = task->seq, .form = form, .task_path = task->task_path};
    if (!unpack_writes(task->body, c->arena, &to->writes, &to->n_writes, err))
        return false;
    for (size_t i = 0; i < to->n_writes; i++) {
        to->writes[i].task_id = task->id;
        to->writes[i].task_path = task->task_path;
    }
    return true;
}

static bool read_task(struct records *r, const struct removal_space *s, const struct cp_row *row,
                      const struct task_row *task, struct err *err)
{
    struct record *out = redis_records_next(r);

    if (!out)
        return true;
    out->key.ns = s->space->ns;
    out->key.sub = row->id;
    out->key.task = task->id;
    return redis_records_take_task(r->c, task, row->form, out, err);
}

static bool list_tasks(struct records *r, const struct removal_space *s, const struct cp_row *row,
                       bool first, struct err *err)
{
    int64_t expired_us = row->stamp > 0
                             ? INT64_MIN
                             : clock_expired_us(r->c->d->checkpoint_ttl_us, r->c->op->now_us);
    struct reply **replies;
    struct task_row *tasks;
    size_t n;

    ASK(r->c, SLICE("HGETALL"), call_writes_key(r->c, s->space->ns, row->id));
    if (!call_answers(r->c, &replies, err) ||
        !redis_tasks_take(r->c, replies[0], row->form, &tasks, &n, err))
        return false;
    if (n > 1)
        qsort(tasks, n, sizeof(*tasks), order_ids);
    for (size_t i = 0; i < n && !r->full; i++) {
        if (first && slice_compare(tasks[i].id, r->range->after.task) <= 0)
            continue;
        if (stamp_us(tasks[i].stamp) > expired_us && !read_task(r, s, row, &tasks[i], err))
            return false;
    }
    return true;
}

/* Lists the checkpoints of a namespace, or the tasks on them. */
static bool list_rows(struct records *r, const struct removal_space *s, struct err *err)
{
    bool first = order_ns(r, s->space->ns) == 0, tasks = r->range->kind == RECORD_TASK;

    for (size_t i = 0; i < s->n && !r->full; i++) {
        const struct cp_row *row = &s->rows[i].row;
        int order = first ? slice_compare(row->id, r->range->after.sub) : 1;

        if (row->created_us <= clock_expired_us(r->c->d->checkpoint_ttl_us, r->c->op->now_us) ||
            order < 0)
            continue;
        if (tasks ? !list_tasks(r, s, row, order == 0, err)
                  : row->stamp > 0 && order > 0 && !read_checkpoint(r, s, row, err))
            return false;
    }
    return true;
}

static bool list_spaces(struct records *r, const struct thread_row *thread, struct err *err)
{
    struct removal_space *spaces;

    if (!redis_removal_load(r->c, thread, &spaces, err))
        return false;
    for (size_t i = 0; i < thread->n && !r->full; i++) {
        if (order_ns(r, thread->spaces[i].ns) < 0)
            continue;
        if (r->range->kind != RECORD_VALUE
                ? !list_rows(r, &spaces[i], err)
                : !need_values(r->c, thread, &spaces[i], err) || !list_values(r, &spaces[i], err))
            return false;
    }
    return true;
}

/* Lists a thread in which something has not expired, or that was deleted. */
static bool read_thread(struct records *r, const struct thread_row *thread, struct err *err)
{
    int64_t expired_us = clock_expired_us(r->c->d->checkpoint_ttl_us, r->c->op->now_us);
    bool seen = thread->tomb > 0;
    struct reply **replies;
    struct record *out;

    for (size_t i = 0; i < thread->n; i++)
        ASK(r->c, SLICE("ZCOUNT"), call_key_ns(r->c, "ages", thread->spaces[i].ns),
            call_concat(r->c, SLICE("("), call_number(r->c, expired_us)), SLICE("+inf"));
    if (!call_answers(r->c, &replies, err))
        return false;
    for (size_t i = 0; i < thread->n; i++)
        seen |= replies[i]->number > 0;
    out = seen ? redis_records_next(r) : NULL;
    if (out)
        out->thread = record_thread_of(thread->tomb, thread->updated_us);
    return true;
}

bool redis_records_of_thread(struct records *r, struct slice id UNUSED, struct err *err)
{
    struct thread_row thread;

    if (!redis_thread_read(r->c, &thread, err))
        return false;
    return r->range->kind == RECORD_THREAD ? read_thread(r, &thread, err)
                                           : list_spaces(r, &thread, err);
}

/*
 * redis_thread_copy.c - OP_THREAD_COPY; see op_checkpoints.h.
 *
 * The source is read, then its rev once more to see that it has not changed meanwhile. The copy gets new
 * stamps and value ids. Its values are written first, in parts; nobody sees them before the last part,
 * which holds the rows.
 */
#include "clock.h"
#include "copies.h"
#include "pack.h"
#include "redis_load.h"
#include "redis_removal.h"
#include "redis_rows.h"
#include "redis_ops.h"
#include "renumber.h"

/* How much goes into one part, at most. */
enum { PART_BYTES = 4 * 1024 * 1024, PART_VALUES = 1000 };

struct copy_row {
    struct cp_row row;
    struct task_row *tasks;
    size_t n_tasks;
};

struct copy_space {
    struct space *from;
    struct copy_row *rows;
    size_t n;
    const struct reply *values; /* the reply to HGETALL */
    struct renumber ids;
};

struct copy {
    struct call *c;
    struct thread_row from, to;
    struct copy_space *spaces;
    struct renumber stamps;
    int64_t checkpoints, writes;
};

static bool read_rows(struct copy *cp, struct copy_space *s, const struct reply *rows,
                      struct err *err)
{
    s->rows = arena_zalloc(cp->c->arena, rows->n / 2 + 1, sizeof(*s->rows));
    if (!s->rows)
        return err_no_memory(err);
    for (size_t i = 0; i + 1 < rows->n; i += 2) {
        struct copy_row *r = &s->rows[s->n++];

        if (!redis_cp_take(rows->items[i]->text, rows->items[i + 1], &r->row, err) ||
            !renumber_add(&cp->stamps, r->row.stamp, cp->c->arena, err))
            return false;
        ASK(cp->c, SLICE("HGETALL"), call_writes_key(cp->c, s->from->ns, r->row.id));
    }
    for (size_t i = 0; i + 1 < s->values->n; i += 2)
        if (!renumber_add(&s->ids, redis_number(s->values->items[i]->text), cp->c->arena, err))
            return false;
    return renumber_take(&s->ids, cp->c->arena, err);
}

static bool read_tasks(struct copy *cp, struct copy_row *r, const struct reply *reply,
                       struct err *err)
{
    if (!redis_tasks_take(cp->c, reply, r->row.form, &r->tasks, &r->n_tasks, err))
        return false;
    for (size_t i = 0; i < r->n_tasks; i++)
        if (!renumber_add(&cp->stamps, r->tasks[i].stamp, cp->c->arena, err) ||
            !renumber_add(&cp->stamps, r->tasks[i].seq, cp->c->arena, err))
            return false;
    return true;
}

/* Reads all of the source, as it was at one moment. */
static bool read_source(struct copy *cp, struct err *err)
{
    struct call *c = cp->c;
    struct reply **replies;
    size_t at = 0;

    cp->spaces = arena_zalloc(c->arena, cp->from.n + 1, sizeof(*cp->spaces));
    if (!cp->spaces)
        return err_no_memory(err);
    for (size_t i = 0; i < cp->from.n; i++) {
        ASK(c, SLICE("HGETALL"), call_key_ns(c, "checkpoints", cp->from.spaces[i].ns));
        ASK(c, SLICE("HGETALL"), call_key_ns(c, "values", cp->from.spaces[i].ns));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < cp->from.n; i++) {
        cp->spaces[i].from = &cp->from.spaces[i];
        cp->spaces[i].values = replies[2 * i + 1];
        if (!read_rows(cp, &cp->spaces[i], replies[2 * i], err))
            return false;
    }
    ASK(c, SLICE("HGET"), call_key(c, "thread"), SLICE("rev"));
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < cp->from.n; i++)
        for (size_t k = 0; k < cp->spaces[i].n; k++)
            if (!read_tasks(cp, &cp->spaces[i].rows[k], replies[at++], err))
                return false;
    return slice_equal(replies[at]->text, cp->from.rev) || call_torn(c, err);
}

/* Commits a part. Each is guarded by the rev that the target had when it was read. */
static bool end_part(struct copy *cp, struct err *err)
{
    if (cp->c->n_changes == 0)
        return true;
    call_guard(cp->c, call_key(cp->c, "thread"), cp->to.rev);
    return call_commit(cp->c, err);
}

static bool write_values(struct copy *cp, const struct copy_space *s, struct err *err)
{
    struct loader l = redis_load_start(cp->c);
    size_t bytes = 0, n = 0;

    for (size_t i = 0; i + 1 < s->values->n; i += 2) {
        struct value *value;

        if (!redis_load_value_take(&l, redis_number(s->values->items[i]->text),
                                   s->values->items[i + 1], &value, err))
            return false;
        value->blob.id = renumber_of(&s->ids, value->blob.id);
        value->blob.base_id = renumber_of(&s->ids, value->blob.base_id);
        if (!redis_value_store(cp->c, s->from->ns, &value->blob,
                               slice_present(value->of.channel) ? &value->of : NULL, err))
            return false;
        bytes += value->blob.bytes.len;
        if ((bytes > PART_BYTES || ++n == PART_VALUES)) {
            if (!end_part(cp, err))
                return false;
            bytes = n = 0;
        }
    }
    return true;
}

static bool write_tasks(struct copy *cp, const struct copy_space *s, const struct copy_row *r,
                        int64_t *newest, struct err *err)
{
    static const struct task_row none;
    size_t n;

    for (size_t i = 0; i < r->n_tasks; i++) {
        struct task_row task = r->tasks[i];

        task.stamp = renumber_of(&cp->stamps, task.stamp);
        task.seq = renumber_of(&cp->stamps, task.seq);
        if (task.stamp > *newest)
            *newest = task.stamp;
        if (!unpack_count(task.body, &n, err) ||
            !redis_task_store(cp->c, s->from->ns, r->row.id, &none, &task, err))
            return false;
        cp->writes += (int64_t)n;
    }
    return true;
}

static bool write_row(struct copy *cp, const struct copy_space *s, const struct copy_row *r,
                      struct err *err)
{
    static const struct cp_row none;
    struct cp_row row = r->row;
    int64_t *refs, newest = 0;
    size_t n;

    if (!write_tasks(cp, s, r, &newest, err) ||
        !unpack_refs(row.refs, cp->c->arena, &refs, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        refs[i] = renumber_of(&s->ids, refs[i]);
    row.head = renumber_of(&s->ids, row.head);
    row.stamp = renumber_of(&cp->stamps, row.stamp);
    if (row.stamp == 0)
        row.created_us = stamp_us(newest);
    cp->checkpoints += row.stamp > 0;
    return pack_refs(refs, n, cp->c->arena, &row.refs, err) &&
           redis_cp_store(cp->c, s->from->ns, &none, &row, err);
}

static bool write_all(struct copy *cp, struct err *err)
{
    struct call *c = cp->c;
    int64_t newest = cp->stamps.n ? renumber_of(&cp->stamps, cp->stamps.old[cp->stamps.n - 1]) : 0;
    struct reply **replies;

    for (size_t i = 0; i < cp->from.n; i++)
        if (!write_values(cp, &cp->spaces[i], err))
            return false;
    redis_thread_touch(&cp->to, c->op->now_us);
    for (size_t i = 0; i < cp->from.n; i++) {
        struct space space = *cp->spaces[i].from;

        for (size_t k = 0; k < cp->spaces[i].n; k++)
            if (!write_row(cp, &cp->spaces[i], &cp->spaces[i].rows[k], err))
                return false;
        space.last_stamp = newest;
        if (!redis_thread_store(c, &cp->to, &space, err))
            return false;
        cp->to.stored = true;
    }
    redis_row_touch_ask(c);
    return call_answers(c, &replies, err) && redis_row_touch(c, replies[0], c->op->now_us, err) &&
           copies_thread(c->op, c->id, cp->to.tomb, cp->to.updated_us, err) &&
           copies_name(c->op, RECORD_CONTENTS, c->id, err) && call_commit(c, err);
}

/* Whether the thread at hand holds something that has not expired. */
static bool holds(struct call *c, const struct thread_row *thread, bool *any, struct err *err)
{
    int64_t expired_us = clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us);
    struct reply **replies;

    for (size_t i = 0; i < thread->n; i++)
        ASK(c, SLICE("ZCOUNT"), call_key_ns(c, "ages", thread->spaces[i].ns),
            call_concat(c, SLICE("("), call_number(c, expired_us)), SLICE("+inf"));
    if (!call_answers(c, &replies, err))
        return false;
    *any = false;
    for (size_t i = 0; i < thread->n; i++)
        *any |= replies[i]->number > 0;
    return true;
}

bool redis_thread_copy(struct call *c, struct op *op, struct err *err)
{
    struct op_thread_copy *copy = &op->thread_copy;
    struct copy cp = {.c = c};
    bool any, taken;

    memset(&copy->out, 0, sizeof(copy->out));
    call_at(c, op->tenant, op->id);
    if (!redis_removal_expired(c, err) || !redis_thread_read(c, &cp.from, err) ||
        !holds(c, &cp.from, &any, err))
        return false;
    call_at(c, op->tenant, copy->to);
    if (!redis_thread_read(c, &cp.to, err) || !holds(c, &cp.to, &taken, err))
        return false;
    if (taken)
        return err_set(err, ERR_THREAD, "The thread to copy to exists.");
    if (!any)
        return true;
    stamp_observe(cp.to.tomb);
    call_at(c, op->tenant, op->id);
    if (!read_source(&cp, err) || !renumber_take(&cp.stamps, c->arena, err))
        return false;
    call_at(c, op->tenant, copy->to);
    if (!redis_thread_clear(c, &cp.to, err) || !write_all(&cp, err))
        return false;
    copy->out.checkpoints = cp.checkpoints;
    copy->out.writes = cp.writes;
    return true;
}

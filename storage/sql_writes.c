/* sql_writes.c - OP_WRITES_PUT and OP_WRITES_GET; see op_checkpoints.h. */
#include <stdlib.h>

#include "pack.h"
#include "sql_target.h"

struct put {
    struct loader load;
    struct op *op;
    struct target at;
    struct task_row task; /* as stored */
    struct write *stored; /* its writes */
    size_t n_stored;
    struct write *writes; /* after the change */
    size_t n;
    bool changed;
    int64_t stamp;
};

static int order_writes(const void *a, const void *b)
{
    const struct write *x = a, *y = b;

    return (x->idx > y->idx) - (x->idx < y->idx);
}

/* What is stored, in the order of idx, with what is sent, by the mode of the op. */
static bool combine(struct put *p, struct err *err)
{
    const struct op_writes_put *put = &p->op->writes_put;
    size_t n_kept = put->mode == WRITES_REPLACE ? 0 : p->n_stored;

    p->writes = arena_alloc(p->op->arena, (n_kept + put->n) * sizeof(*p->writes));
    if (!p->writes)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    if (n_kept)
        memcpy(p->writes, p->stored, n_kept * sizeof(*p->writes));
    p->n = n_kept;
    p->changed = put->n > 0 ? put->mode != WRITES_IGNORE : n_kept < p->n_stored;
    for (size_t i = 0; i < put->n; i++) {
        struct write *known = n_kept ? bsearch(&put->writes[i], p->writes, n_kept, sizeof(*known),
                                               order_writes)
                                     : NULL;

        if (!known) {
            p->writes[p->n++] = put->writes[i];
            p->changed = true;
        } else if (put->mode == WRITES_UPSERT) {
            *known = put->writes[i];
        }
    }
    if (p->n > 1)
        qsort(p->writes, p->n, sizeof(*p->writes), order_writes);
    return true;
}

/* Tasks are ordered among themselves by their first write only: the fence is that of the task. */
static bool take_stamp(struct put *p, struct err *err)
{
    int64_t stored = p->op->fence ? p->task.stamp : p->at.ns.last_stamp;

    return op_stamp_above(p->op, stored > p->at.ns.tomb ? stored : p->at.ns.tomb, &p->stamp, err);
}

static bool prepare(struct put *p, struct err *err)
{
    if (!target_open(p->load.d, p->op, &p->at, err))
        return false;
    if (p->at.row.id &&
        !task_find(&p->load, p->at.row.id, p->op->writes_put.task_id, &p->task, err))
        return false;
    if (p->task.id && !unpack_writes(p->task.body, p->op->arena, &p->stored, &p->n_stored, err))
        return false;
    return take_stamp(p, err) && combine(p, err);
}

static bool store(struct put *p, struct err *err)
{
    const struct op_writes_put *put = &p->op->writes_put;
    struct task_row task = {
        .id = p->task.id,
        .seq = p->task.id ? p->task.seq : p->stamp,
        .stamp = p->stamp,
        .task_path = p->task.id && put->mode == WRITES_IGNORE ? p->task.task_path : put->task_path,
    };
    struct ns_change change = {.stamp = p->stamp};

    if (!pack_writes(p->writes, p->n, p->op->arena, &task.body, err) ||
        !ns_make(p->load.d, &p->at.key, p->at.form, &p->at.ns, err) ||
        !task_store(p->load.d, &p->at, put->task_id, &task, err))
        return false;
    change.bytes = (int64_t)task.body.len - (int64_t)p->task.body.len;
    return ns_grow(p->load.d, p->at.ns.id, &change, err) &&
           thread_touch(p->load.d, p->at.ns.thread, p->op->now_us, err);
}

bool sql_writes_put(struct sql *d, struct op *op, struct err *err)
{
    struct op_writes_put *put = &op->writes_put;
    struct put p = {.load = load_start(d, op), .op = op};

    p.at = (struct target){.key = {.thread = op->id, .ns = put->ns},
                           .checkpoint_id = put->checkpoint_id,
                           .form = put->form};
    if (!sql_tenant(d, op->tenant, true, &p.at.key.tenant, err) || !prepare(&p, err) ||
        (p.changed && !store(&p, err)) ||
        !sql_session_touch(d, p.at.key.tenant, op->id, op->now_us, err))
        return false;
    put->out.created = p.n_stored == 0;
    return true;
}

bool sql_writes_get(struct sql *d, struct op *op, struct err *err)
{
    struct op_writes_get *get = &op->writes_get;
    struct ns_key key = {.thread = op->id, .ns = get->ns};
    struct loader l = load_start(d, op);
    struct checkpoint holder = {0};
    struct checkpoint_row row = {0};
    struct ns_row ns;

    if (!sql_tenant(d, op->tenant, false, &key.tenant, err) || !ns_find(d, &key, &ns, err) ||
        (ns.id && !checkpoint_find(d, ns.id, get->checkpoint_id, &row, err)))
        return false;
    if (row.id && row.created_us > l.expired_us &&
        !load_writes(&l, row.id, ns.form, row.stamp == 0, &holder, err))
        return false;
    get->out.items = holder.writes;
    get->out.n = holder.n_writes;
    return true;
}

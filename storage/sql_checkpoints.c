/* sql_checkpoints.c - OP_CHECKPOINT_PUT, OP_CHECKPOINT_GET and OP_VALUES_GET; see op_checkpoints.h. */
#include "blob_hash.h"
#include "clock.h"
#include "copies.h"
#include "damage.h"
#include "pack.h"
#include "sorted.h"
#include "sql_checkpoint_next.h"
#include "sql_doomed.h"
#include "sql_garbage.h"
#include "sql_ops.h"
#include "sql_rows.h"
#include "sql_target.h"

struct put {
    struct sql *d;
    struct op *op;
    struct target at;
    struct target_values rests_on;
    int64_t stamp;
    int64_t *refs;
    size_t n_refs;
    int64_t bytes; /* how much the payload grows */
};

/* Lists what the new values are based on and come from, each once, and what is carried. */
static bool list_wanted(struct put *p, struct err *err)
{
    const struct op_checkpoint_put *put = &p->op->checkpoint_put;
    int64_t *bases = arena_alloc(p->op->arena,
                                 (put->n_values + put->n_sources + 1) * sizeof(*bases));
    size_t n = 0;

    p->rests_on.newest = arena_zalloc(p->op->arena, put->n_carried + 1,
                                      sizeof(*p->rests_on.newest));
    if (!bases || !p->rests_on.newest)
        return err_no_memory(err);
    for (size_t i = 0; i < put->n_values; i++)
        bases[n++] = put->values[i].blob.base_id;
    for (size_t i = 0; i < put->n_sources; i++)
        bases[n++] = put->sources[i];
    bases[n++] = put->head.base_id;
    p->rests_on.bases = bases;
    p->rests_on.n_bases = sorted_numbers(bases, n);
    p->rests_on.carried = put->carried;
    p->rests_on.n_carried = put->n_carried;
    p->at.values = &p->rests_on;
    return true;
}

/* Bases must be rows of the same namespace: whatever removes values looks no further. */
static bool check_bases(const struct put *p, struct err *err)
{
    return (p->at.ns.id ? p->rests_on.known : 0) == (int64_t)p->rests_on.n_bases ||
           err_set(err, ERR_NO_BASE, "The value that this one is based on is not stored.");
}

static bool add_value(struct put *p, const struct blob *blob, const struct channel_version *of,
                      struct err *err)
{
    p->bytes += (int64_t)blob->bytes.len;
    return value_add(p->d, p->at.ns.id, blob, of, err);
}

static bool put_values(struct put *p, struct err *err)
{
    const struct op_checkpoint_put *put = &p->op->checkpoint_put;

    for (size_t i = 0; i < put->n_values; i++)
        if (!add_value(p, &put->values[i].blob, &put->values[i].of, err))
            return false;
    return add_value(p, &put->head, NULL, err);
}

static bool put_row(struct put *p, struct err *err)
{
    const struct op_checkpoint_put *put = &p->op->checkpoint_put;
    struct checkpoint_cells cells = {
        .stamp = p->stamp,
        .created_us = p->op->now_us,
        .form = put->form,
        .parent_id = put->parent_id,
        .run_id = put->run_id,
        .metadata = put->metadata,
        .head = put->head.id,
    };

    p->bytes += (int64_t)put->metadata.len - p->at.row.metadata_len;
    return pack_refs(p->refs, p->n_refs, p->op->arena, &cells.refs, err) &&
           checkpoint_store(p->d, &p->at, &cells, err);
}

/*
 * Drops what only a replaced checkpoint of this id had. Its values stay, as they may be carried. So does a
 * head that another one is based on; clean-up finds those that no chain needs any more.
 */
static bool drop_replaced(struct put *p, struct err *err)
{
    int64_t freed = 0;

    if (p->at.row.head == 0)
        return true;
    if (!doomed_head(p->d, p->at.ns.id, p->at.row.head, &freed, err))
        return false;
    p->bytes -= freed;
    return freed > 0 || unswept_add(p->d, p->at.ns.id, 0, err);
}

static bool prepare(struct put *p, struct err *err)
{
    struct ns_row *ns = &p->at.ns;

    return target_open(p->d, p->op, &p->at, err) &&
           op_stamp_above(p->op, clock_later(ns->last_stamp, ns->tomb), &p->stamp, err) &&
           check_bases(p, err) &&
           checkpoint_refs(p->op, p->rests_on.newest, &p->refs, &p->n_refs, err);
}

/* Adds the records that another store needs. */
static bool copy(struct put *p, struct err *err)
{
    const struct op_checkpoint_put *put = &p->op->checkpoint_put;
    struct record checkpoint = {
        .kind = RECORD_CHECKPOINT,
        .key = {.id = p->op->id, .ns = put->ns, .sub = put->checkpoint_id},
        .checkpoint = {.stamp = p->stamp,
                       .created_us = p->op->now_us,
                       .form = put->form,
                       .parent_id = put->parent_id,
                       .metadata = put->metadata,
                       .run_id = put->run_id,
                       .head = put->head.id,
                       .refs = p->refs,
                       .n_refs = p->n_refs},
    };

    if (!copies_thread(p->op, p->op->id, p->at.ns.tomb, target_written_us(&p->at, p->op), err))
        return false;
    for (size_t i = 0; i < put->n_values; i++)
        if (!copies_value(p->op, put->ns, &put->values[i].blob, &put->values[i].of, err))
            return false;
    return copies_value(p->op, put->ns, &put->head, NULL, err) &&
           copies_add(p->op, &checkpoint, err);
}

bool sql_checkpoint_put(struct sql *d, struct op *op, struct err *err)
{
    struct op_checkpoint_put *put = &op->checkpoint_put;
    AUTO(query_end) struct query session = {0};
    struct put p = {.d = d, .op = op};
    bool created;

    p.at = (struct target){.key = {.thread = op->id, .ns = put->ns},
                           .checkpoint_id = put->checkpoint_id,
                           .form = put->form};
    if (!sql_tenant(d, op->tenant, true, &p.at.key.tenant, err) || !list_wanted(&p, err) ||
        !checkpoint_next(d, op, p.at.key.tenant, &p.rests_on, &created, err))
        return false;
    put->out.created = created;
    if (created)
        return true;
    if (!sql_touch_ask(d, op, p.at.key.tenant, &session, err) || !prepare(&p, err) ||
        !ns_make(d, &p.at.key, put->form, &p.at.ns, err))
        return false;
    created = p.at.row.stamp == 0;
    if (!put_values(&p, err) || !put_row(&p, err) || !drop_replaced(&p, err) ||
        !ns_grow(d, p.at.ns.id, &(struct ns_change){p.stamp, created, p.bytes}, err) ||
        !thread_touch(d, p.at.ns.thread, target_written_us(&p.at, op), err) || !copy(&p, err) ||
        !sql_touch(d, op, p.at.key.tenant, &session, err))
        return false;
    put->out.created = created;
    return true;
}

static bool ask(struct loader *l, const struct op *op, int64_t tenant, int which, struct query *q,
                struct err *err)
{
    const struct op_checkpoint_get *get = &op->checkpoint_get;

    if (!query_begin(l->d, which, q, err))
        return false;
    query_int(q, tenant);
    query_blob(q, op->id);
    query_blob(q, get->ns);
    query_int(q, l->expired_us);
    if (slice_present(get->checkpoint_id))
        query_blob(q, get->checkpoint_id);
    return query_ask(q, err);
}

/* Finds the checkpoint that is asked for: its row and its writes. */
static bool find_asked(struct loader *l, const struct op *op, struct loaded *out, struct err *err)
{
    bool latest = !slice_present(op->checkpoint_get.checkpoint_id), found;
    AUTO(query_end) struct query row = {0}, tasks = {0};
    int64_t tenant;

    if (!sql_tenant(l->d, op->tenant, false, &tenant, err) ||
        !ask(l, op, tenant, latest ? SQL_CHECKPOINT_LATEST : SQL_CHECKPOINT_ASKED, &row, err) ||
        !ask(l, op, tenant, latest ? SQL_TASKS_LATEST : SQL_TASKS_ASKED, &tasks, err) ||
        !query_step(&row, &found, err))
        return false;
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "There is no such checkpoint.");
    return load_checkpoint(l, &row, out, err) && load_tasks(l, &tasks, out, 1, err);
}

bool sql_checkpoint_get(struct sql *d, struct op *op, struct err *err)
{
    struct loader l = load_start(d, op);
    struct loaded item = {.checkpoint = NULL};

    if (!find_asked(&l, op, &item, err) || !load_contents(&l, &item, 1, LOAD_VALUES, err))
        return item.checkpoint && !slice_present(op->checkpoint_get.checkpoint_id)
                   ? damage_at(&(struct damage_place){.checkpoint = item.checkpoint->id}, err)
                   : false;
    item.checkpoint->thread = op->id;
    item.checkpoint->ns = op->checkpoint_get.ns;
    op->checkpoint_get.out.checkpoint = item.checkpoint;
    return true;
}

/* Lists what is asked for: values by id and values by name. */
static bool list_asked(const struct op *op, struct target_values *values, struct err *err)
{
    const struct op_values_get *get = &op->values_get;
    int64_t *ids = arena_alloc(op->arena, (get->n + 1) * sizeof(*ids));
    struct channel_version *names = arena_alloc(op->arena, (get->n + 1) * sizeof(*names));

    *values = (struct target_values){.bases = ids, .carried = names};
    values->newest = arena_zalloc(op->arena, get->n + 1, sizeof(*values->newest));
    if (!ids || !names || !values->newest)
        return err_no_memory(err);
    for (size_t i = 0; i < get->n; i++) {
        ids[i] = get->asks[i].id;
        if (get->asks[i].id == 0)
            names[values->n_carried++] = get->asks[i].of;
    }
    values->n_bases = sorted_numbers(ids, get->n);
    return true;
}

/* Chooses the value rows; 0 for those that are not in this namespace. */
static bool choose(struct sql *d, const struct target *at, const struct op_values_get *get,
                   int64_t *ids, struct err *err)
{
    const int64_t *newest = at->values->newest;
    bool all = at->values->known == (int64_t)at->values->n_bases;

    for (size_t i = 0; i < get->n; i++) {
        int64_t of = 0;

        ids[i] = get->asks[i].id ? get->asks[i].id : *newest++;
        if (get->asks[i].id == 0 || all)
            continue;
        if (!query_number(d, SQL_VALUE_KNOWN, (int64_t[]){ids[i], 0}, &of, err))
            return false;
        if (of != at->ns.id)
            ids[i] = 0;
    }
    return true;
}

bool sql_values_get(struct sql *d, struct op *op, struct err *err)
{
    struct op_values_get *get = &op->values_get;
    struct loader l = load_start(d, op);
    struct target_values wanted;
    struct target at = {.key = {.thread = op->id, .ns = get->ns}, .values = &wanted};
    struct value **values = arena_zalloc(op->arena, get->n + 1, sizeof(*values));
    int64_t *ids = arena_alloc(op->arena, (get->n + 1) * sizeof(*ids));

    get->out.items = arena_zalloc(op->arena, get->n, sizeof(*get->out.items));
    if (!values || !ids || !get->out.items)
        return err_no_memory(err);
    if (!sql_tenant(d, op->tenant, false, &at.key.tenant, err) || !list_asked(op, &wanted, err) ||
        !target_find(d, op, &at, err))
        return false;
    if (at.ns.id && (!choose(d, &at, get, ids, err) || !load_values(&l, ids, get->n, values, err)))
        return false;
    for (size_t i = 0; i < get->n; i++)
        get->out.items[i] = values[i];
    return true;
}

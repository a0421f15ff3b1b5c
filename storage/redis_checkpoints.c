/* redis_checkpoints.c - OP_CHECKPOINT_PUT, OP_CHECKPOINT_GET and OP_VALUES_GET; see op_checkpoints.h. */
#include "clock.h"
#include "copies.h"
#include "damage.h"
#include "pack.h"
#include "redis_load.h"
#include "redis_records.h"
#include "redis_target.h"
#include "redis_ops.h"

struct put {
    struct call *c;
    const struct op_checkpoint_put *put;
    struct target at;
    int64_t stamp;
    struct slice refs;
};

/* Asks for the newest value of a channel version. In the index, ':' follows the version; ';' is the next
 * byte. */
static void ask_value(struct call *c, struct slice ns, const struct channel_version *of)
{
    struct slice channel = call_concat(c, SLICE("v"), of->channel);
    struct slice text = redis_join((struct slice[]){channel, of->version}, 2, c->arena);

    ASK(c, SLICE("ZREVRANGEBYLEX"), call_key_ns(c, "names", ns),
        call_concat(c, call_concat(c, SLICE("("), text), SLICE(";")),
        call_concat(c, call_concat(c, SLICE("["), text), SLICE(":")), SLICE("LIMIT"), SLICE("0"),
        SLICE("1"));
}

/* The id of that value; 0 when there is none. */
static bool take_value(struct call *c, const struct reply *reply, int64_t *id, struct err *err)
{
    struct value_name name = {0};

    if (reply->n > 0 && !redis_value_name_take(c, reply->items[0]->text, &name, err))
        return false;
    *id = name.id;
    return true;
}

/* The id of the i-th row that must be stored for this put: the bases of the values, that of the head,
 * then the rows from which the head took small values. 0: none is needed. */
static int64_t needed(const struct op_checkpoint_put *put, size_t i)
{
    int64_t source;

    if (i < put->n_values)
        return put->values[i].blob.base_id;
    if (i == put->n_values)
        return put->head.base_id;
    source = put->sources[i - put->n_values - 1];
    return source == put->head.base_id ? 0 : source; /* asked for as a base already */
}

/* Asks whether all rows that must be stored are, then for the newest value of each carried channel. */
static void ask_values(struct put *p)
{
    struct call *c = p->c;

    for (size_t i = 0; i <= p->put->n_values + p->put->n_sources; i++)
        if (needed(p->put, i))
            ASK(c, SLICE("HEXISTS"), call_key_ns(c, "values", p->put->ns),
                call_number(c, needed(p->put, i)));
    for (size_t i = 0; i < p->put->n_carried; i++)
        ask_value(c, p->put->ns, &p->put->carried[i]);
}

static bool take_values(struct put *p, struct reply *const *replies, struct err *err)
{
    int64_t *refs = arena_alloc(p->c->arena,
                                (p->put->n_values + p->put->n_carried + 1) * sizeof(*refs));
    size_t n = 0, at = 0;

    if (!refs)
        return err_no_memory(err);
    for (size_t i = 0; i <= p->put->n_values + p->put->n_sources; i++)
        if (needed(p->put, i) && replies[at++]->number == 0)
            return err_set(err, ERR_NO_BASE, "The value that this one is based on is not stored.");
    for (size_t i = 0; i < p->put->n_values; i++)
        refs[n++] = p->put->values[i].blob.id;
    for (size_t i = 0; i < p->put->n_carried; i++, at++) {
        if (!take_value(p->c, replies[at], &refs[n], err))
            return false;
        n += refs[n] != 0;
    }
    return pack_refs(refs, n, p->c->arena, &p->refs, err);
}

static bool store_values(struct put *p, struct err *err)
{
    for (size_t i = 0; i < p->put->n_values; i++) {
        if (!redis_value_store(p->c, p->put->ns, &p->put->values[i].blob, &p->put->values[i].of,
                               err))
            return false;
        p->at.space->bytes += (int64_t)p->put->values[i].blob.bytes.len;
    }
    p->at.space->bytes += (int64_t)p->put->head.bytes.len;
    return redis_value_store(p->c, p->put->ns, &p->put->head, NULL, err);
}

/* Adds the copies that the other store of a pair needs. */
static bool copy(struct put *p, const struct cp_row *row, struct err *err)
{
    struct record checkpoint = {
        .kind = RECORD_CHECKPOINT,
        .key = {.id = p->c->op->id, .ns = p->put->ns, .sub = row->id},
    };

    if (!p->c->op->replicate)
        return true;
    if (!copies_thread(p->c->op, p->c->op->id, p->at.thread.tomb, p->at.thread.updated_us, err))
        return false;
    for (size_t i = 0; i < p->put->n_values; i++)
        if (!copies_value(p->c->op, p->put->ns, &p->put->values[i].blob, &p->put->values[i].of,
                          err))
            return false;
    return copies_value(p->c->op, p->put->ns, &p->put->head, NULL, err) &&
           redis_records_take_checkpoint(p->c, row, &checkpoint, err) &&
           copies_add(p->c->op, &checkpoint, err);
}

static bool store(struct put *p, struct err *err)
{
    struct cp_row row = {
        .id = p->put->checkpoint_id,
        .stamp = p->stamp,
        .created_us = p->c->op->now_us,
        .head = p->put->head.id,
        .form = p->put->form,
        .parent_id = p->put->parent_id,
        .run_id = p->put->run_id,
        .refs = p->refs,
        .metadata = p->put->metadata,
    };

    p->at.space->checkpoints += p->at.row.stamp == 0;
    p->at.space->bytes += (int64_t)row.metadata.len - (int64_t)p->at.row.metadata.len;
    return redis_target_drop_head(p->c, p->at.space, p->at.row.head, p->put, err) &&
           store_values(p, err) && redis_cp_store(p->c, p->put->ns, &p->at.row, &row, err) &&
           redis_target_store(p->c, &p->at, p->stamp, err) && copy(p, &row, err) &&
           call_commit(p->c, err);
}

/* Drops writes that came before their checkpoint and have expired: they must not appear with it. */
static bool drop_old_writes(struct put *p, const struct reply *writes, struct err *err)
{
    int64_t expired_us = clock_expired_us(p->c->d->checkpoint_ttl_us, p->c->op->now_us);
    struct task_row *tasks;
    size_t n;

    if (p->at.row.stamp > 0 || !p->at.row.stored)
        return true;
    if (!redis_tasks_take(p->c, writes, p->put->form, &tasks, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (stamp_us(tasks[i].stamp) <= expired_us)
            redis_task_drop(p->c, p->at.space, p->put->checkpoint_id, &tasks[i]);
    return true;
}

bool redis_checkpoint_put(struct call *c, struct op *op, struct err *err)
{
    struct op_checkpoint_put *put = &op->checkpoint_put;
    struct put p = {.c = c,
                    .put = put,
                    .at = {.ns = put->ns, .checkpoint_id = put->checkpoint_id, .form = put->form}};
    bool ages = c->d->checkpoint_ttl_us > 0;
    struct reply **replies;

    redis_target_ask(c, &p.at);
    if (ages)
        ASK(c, SLICE("HGETALL"), call_writes_key(c, put->ns, put->checkpoint_id));
    ask_values(&p);
    if (!call_answers(c, &replies, err) || !redis_target_take(c, &p.at, replies, err) ||
        !op_stamp_above(op, clock_later(p.at.space->last_stamp, p.at.thread.tomb), &p.stamp, err) ||
        !take_values(&p, replies + TARGET_REPLIES + ages, err) ||
        (ages && !drop_old_writes(&p, replies[TARGET_REPLIES], err)))
        return false;
    put->out.created = p.at.row.stamp == 0;
    return store(&p, err);
}

bool redis_checkpoint_get(struct call *c, struct op *op, struct err *err)
{
    struct op_checkpoint_get *get = &op->checkpoint_get;
    struct load_item item = {.thread = op->id, .ns = get->ns};
    struct loader l = redis_load_start(c);
    struct thread_row thread;
    struct reply **replies;

    call_at(c, op->tenant, op->id);
    redis_thread_ask(c, get->ns);
    if (slice_present(get->checkpoint_id))
        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", get->ns), get->checkpoint_id);
    if (!call_answers(c, &replies, err) || !redis_thread_take(c, get->ns, replies[0], &thread, err))
        return false;
    if (!slice_present(get->checkpoint_id)
            ? !redis_load_latest(c, &thread.spaces[0], &item.row, err)
            : !redis_cp_take(get->checkpoint_id, replies[1], &item.row, err))
        return false;
    if (item.row.stamp == 0 ||
        item.row.created_us <= clock_expired_us(c->d->checkpoint_ttl_us, op->now_us))
        return err_set(err, ERR_NOT_FOUND, "There is no such checkpoint.");
    if (!redis_load_item(&l, &item, true, err))
        return slice_present(get->checkpoint_id)
                   ? false
                   : damage_at(&(struct damage_place){.checkpoint = item.row.id}, err);
    get->out.checkpoint = item.out;
    return true;
}

/* Fills in the ids: those given, and the newest value of each channel and version. */
static bool find_ids(struct call *c, const struct op_values_get *get, int64_t *ids, struct err *err)
{
    struct reply **replies;
    size_t at = 0;

    for (size_t i = 0; i < get->n; i++)
        if (get->asks[i].id == 0)
            ask_value(c, get->ns, &get->asks[i].of);
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < get->n; i++) {
        ids[i] = get->asks[i].id;
        if (ids[i] == 0 && !take_value(c, replies[at++], &ids[i], err))
            return false;
    }
    return true;
}

bool redis_values_get(struct call *c, struct op *op, struct err *err)
{
    struct op_values_get *get = &op->values_get;
    const struct value **items = arena_zalloc(c->arena, get->n, sizeof(*items));
    int64_t *ids = arena_alloc(c->arena, (get->n + 1) * sizeof(*ids));
    struct loader l = redis_load_start(c);

    if (!items || !ids)
        return err_no_memory(err);
    call_at(c, op->tenant, op->id);
    if (!find_ids(c, get, ids, err) || !redis_load_values(&l, get->ns, ids, get->n, items, err))
        return false;
    get->out.items = items;
    return true;
}

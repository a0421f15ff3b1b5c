/* redis_load.c - see redis_load.h. */
#include "redis_load.h"

#include "clock.h"
#include "damage.h"
#include "pack.h"
#include "redis_scripts.h"

enum { LATEST_PAGE = 100 };

struct loader redis_load_start(struct call *c)
{
    return (struct loader){.c = c, .values = {.arena = c->arena}};
}

bool redis_load_value_take(struct loader *l, int64_t id, const struct reply *reply,
                           struct value **out, struct err *err)
{
    struct value *value = arena_zalloc(l->c->arena, 1, sizeof(*value));
    struct slice texts[5];
    int64_t numbers[2];

    if (!value)
        return err_no_memory(err);
    if (reply->type != REPLY_TEXT)
        return call_torn(l->c, err);
    if (!redis_unpack(reply->text, &(struct packed){numbers, 2, texts, 5}, err))
        return false;
    if (texts[0].len != BLOB_HASH_LEN || numbers[0] >= id)
        return err_set(err, ERR_DAMAGED, "redis: a stored value is damaged");
    value->blob.id = id;
    value->blob.base_id = numbers[0];
    value->blob.encoding = (int)numbers[1];
    memcpy(value->blob.hash, texts[0].at, BLOB_HASH_LEN);
    value->of = (struct channel_version){texts[1], texts[2]};
    value->blob.type = texts[3].at ? texts[3] : SLICE("");
    value->blob.bytes = texts[4].at ? texts[4] : SLICE("");
    l->bytes += sizeof(*value) + reply->text.len;
    *out = value;
    return true;
}

/* Asks for the wanted values of an item and all that they are based on, by one script. */
static bool ask_values(struct loader *l, const struct load_item *item, struct err *err)
{
    enum { BEFORE = 4 };
    struct slice *args = arena_alloc(l->c->arena, (item->n_wanted + BEFORE) * sizeof(*args));

    if (!args)
        return err_no_memory(err);
    args[0] = SLICE("EVAL");
    args[1] = slice_of(redis_scripts[REDIS_CHAINS]);
    args[2] = SLICE("1");
    args[3] = call_key_ns(l->c, "values", item->ns);
    for (size_t i = 0; i < item->n_wanted; i++)
        args[i + BEFORE] = call_number(l->c, item->wanted[i]);
    call_ask(l->c, args, item->n_wanted + BEFORE);
    return true;
}

/* Lists the values of an item that are not loaded yet: its head, and with `values` those it refers to. */
static bool want(struct loader *l, struct load_item *item, bool values, struct err *err)
{
    int64_t *refs = NULL;
    size_t n = 0;

    if (values && !unpack_refs(item->row.refs, l->c->arena, &refs, &n, err))
        return false;
    item->wanted = arena_alloc(l->c->arena, (n + 1) * sizeof(*item->wanted));
    if (!item->wanted)
        return err_no_memory(err);
    item->n_wanted = 0;
    if (!value_map_find(&l->values, item->row.head))
        item->wanted[item->n_wanted++] = item->row.head;
    for (size_t i = 0; i < n; i++)
        if (!value_map_find(&l->values, refs[i]))
            item->wanted[item->n_wanted++] = refs[i];
    return true;
}

/* Takes the reply of the script: id and field of each value. */
static bool take_values(struct loader *l, const struct reply *reply, struct err *err)
{
    struct value *value;

    for (size_t i = 0; i + 1 < reply->n; i += 2) {
        int64_t id = redis_number(reply->items[i]->text);

        if (value_map_find(&l->values, id))
            continue;
        if (!redis_load_value_take(l, id, reply->items[i + 1], &value, err) ||
            !value_map_add(&l->values, value, err))
            return false;
    }
    return true;
}

bool redis_load_values(struct loader *l, struct slice ns, const int64_t *ids, size_t n,
                       const struct value **out, struct err *err)
{
    struct load_item item = {.thread = l->c->id, .ns = ns};
    struct reply **replies;

    item.wanted = arena_alloc(l->c->arena, (n + 1) * sizeof(*item.wanted));
    if (!item.wanted)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (ids[i])
            item.wanted[item.n_wanted++] = ids[i];
    if (item.n_wanted > 0 && (!ask_values(l, &item, err) || !call_answers(l->c, &replies, err) ||
                              !take_values(l, replies[0], err)))
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = ids[i] ? value_map_tied(&l->values, ids[i]) : NULL;
    return true;
}

static bool attach_values(struct loader *l, const struct load_item *item, struct err *err)
{
    int64_t *refs;
    size_t n;

    if (!unpack_refs(item->row.refs, l->c->arena, &refs, &n, err))
        return false;
    item->out->values = arena_alloc(l->c->arena, (n + 1) * sizeof(*item->out->values));
    if (!item->out->values)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (!(item->out->values[i] = value_map_tied(&l->values, refs[i])))
            return call_lost(l->c, "a value that is referred to", err);
    item->out->n_values = n;
    return true;
}

bool redis_load_writes(struct loader *l, const struct task_row *tasks, size_t n, int64_t expired_us,
                       struct checkpoint *out, struct err *err)
{
    size_t cap = 0;

    for (size_t i = 0; i < n; i++) {
        struct write *writes;
        size_t count;

        if (stamp_us(tasks[i].stamp) <= expired_us)
            continue;
        if (!unpack_writes(tasks[i].body, l->c->arena, &writes, &count, err))
            return false;
        for (size_t k = 0; k < count; k++) {
            void *grown = arena_grow(l->c->arena, out->writes, out->n_writes, sizeof(*writes),
                                     &cap);

            if (!grown)
                return err_no_memory(err);
            out->writes = grown;
            writes[k].task_id = tasks[i].id;
            writes[k].task_path = tasks[i].task_path;
            out->writes[out->n_writes++] = writes[k];
        }
        l->bytes += tasks[i].body.len;
    }
    return true;
}

static bool make(struct loader *l, struct load_item *item, const struct reply *writes, bool values,
                 struct err *err)
{
    struct checkpoint *out = item->out = arena_zalloc(l->c->arena, 1, sizeof(*out));
    const struct value *head = value_map_tied(&l->values, item->row.head);
    struct task_row *tasks;
    size_t n;

    if (!out)
        return err_no_memory(err);
    if (!head)
        return call_lost(l->c, "a value that is referred to", err);
    *out = (struct checkpoint){
        .thread = item->thread,
        .ns = item->ns,
        .id = item->row.id,
        .parent_id = item->row.parent_id,
        .form = item->row.form,
        .head = head->blob,
        .metadata = item->row.metadata,
        .created_us = item->row.created_us,
        .stamp = item->row.stamp,
    };
    l->bytes += sizeof(*out) + out->id.len + out->parent_id.len + out->metadata.len +
                item->row.refs.len;
    return (!values || attach_values(l, item, err)) &&
           redis_tasks_take(l->c, writes, out->form, &tasks, &n, err) &&
           redis_load_writes(l, tasks, n, INT64_MIN, out, err);
}

bool redis_load_item(struct loader *l, struct load_item *item, bool values, struct err *err)
{
    struct reply **replies;
    size_t at = 0;

    call_at(l->c, l->c->op->tenant, item->thread);
    if (!want(l, item, values, err) || (item->n_wanted > 0 && !ask_values(l, item, err)))
        return false;
    ASK(l->c, SLICE("HGETALL"), call_writes_key(l->c, item->ns, item->row.id));
    if (!call_answers(l->c, &replies, err) ||
        (item->n_wanted > 0 && !take_values(l, replies[at++], err)))
        return false;
    return make(l, item, replies[at], values, err);
}

/* Reads the rows at these places of the order; *row is the first that has not expired. */
static bool first_fresh(struct call *c, const struct space *space, const struct reply *places,
                        struct cp_row *row, struct err *err)
{
    size_t cut = space->form == FORM_CHANNEL ? 1 : 21;
    struct reply **replies;

    for (size_t i = 0; i < places->n; i++) {
        struct slice place = places->items[i]->text;

        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", space->ns),
            (struct slice){place.at + cut, place.len - cut});
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < places->n; i++) {
        struct slice place = places->items[i]->text;

        if (!redis_cp_take((struct slice){place.at + cut, place.len - cut}, replies[i], row, err))
            return damage_at(&(struct damage_place){.checkpoint = row->id}, err);
        if (row->stored &&
            row->created_us > clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us))
            return true;
    }
    *row = (struct cp_row){0};
    return true;
}

bool redis_load_latest(struct call *c, const struct space *space, struct cp_row *row,
                       struct err *err)
{
    bool channel = space->form == FORM_CHANNEL;
    int64_t from = 0, page = c->d->checkpoint_ttl_us > 0 ? LATEST_PAGE : 1;
    struct reply **replies;

    *row = (struct cp_row){0};
    if (!space->stored || space->form == FORM_NONE)
        return true;
    for (;; from += page) {
        ASK(c, SLICE("ZREVRANGEBYLEX"), call_key_ns(c, "sequence", space->ns),
            channel ? SLICE("(d") : SLICE("(e"), channel ? SLICE("[c") : SLICE("[d"),
            SLICE("LIMIT"), call_number(c, from), call_number(c, page));
        if (!call_answers(c, &replies, err))
            return false;
        if (replies[0]->n == 0)
            return from > 0 || space->checkpoints == 0 ||
                   call_lost(c, "the order of its checkpoints", err);
        if (!first_fresh(c, space, replies[0], row, err))
            return false;
        if (row->stored)
            return true;
        if (page == 1)
            return call_lost(c, "the newest checkpoint", err);
    }
}

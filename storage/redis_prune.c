/* redis_prune.c - OP_THREAD_DELETE, OP_THREAD_PRUNE, OP_RUNS_DELETE; see op_checkpoints.h. */
#include <stdlib.h>

#include "clock.h"
#include "copies.h"
#include "chain.h"
#include "keep.h"
#include "pack.h"
#include "redis_load.h"
#include "redis_removal.h"
#include "redis_ops.h"
#include "redis_used.h"

struct pruner {
    struct call *c;
    struct keep keep;
    struct removal_space *spaces; /* keep_item.row has the numbers of one, and of a row in it */
    struct loader load;
};

enum { ROW_BITS = 32 };

static const struct removal_space *space_of(const struct pruner *p, const struct keep_item *item)
{
    return &p->spaces[item->row >> ROW_BITS];
}

static struct removal_row *row_in(const struct removal_space *s, const struct keep_item *item)
{
    return &s->rows[item->row & UINT32_MAX];
}

static const struct cp_row *row_of(const struct pruner *p, const struct keep_item *item)
{
    return &row_in(space_of(p, item), item)->row;
}

/* The channel of a value, by bisection; empty for a head, or a value that is not there. */
static struct slice channel_of(const struct removal_space *s, int64_t id)
{
    for (size_t low = 0, high = s->n_values; low < high;) {
        size_t mid = low + (high - low) / 2;

        if (s->values[mid].id == id)
            return s->values[mid].channel;
        if (s->values[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return SLICE("");
}

static bool load_values(struct pruner *p, struct keep_item *item, struct err *err)
{
    int64_t *refs;
    size_t n;

    if (!unpack_refs(row_of(p, item)->refs, p->c->arena, &refs, &n, err))
        return false;
    item->values = arena_alloc(p->c->arena, (n + 1) * sizeof(*item->values));
    if (!item->values)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        item->values[i] = channel_of(space_of(p, item), refs[i]);
    item->n_values = n;
    return true;
}

static bool load_channels(struct pruner *p, struct keep_item *item, struct err *err)
{
    struct checkpoint holder = {0};
    struct task_row *tasks;
    struct reply **replies;
    size_t n;

    ASK(p->c, SLICE("HGETALL"), call_writes_key(p->c, space_of(p, item)->space->ns, item->id));
    if (!call_answers(p->c, &replies, err) ||
        !redis_tasks_take(p->c, replies[0], FORM_CHANNEL, &tasks, &n, err) ||
        !redis_load_writes(&p->load, tasks, n, INT64_MIN, &holder, err))
        return false;
    item->writes = arena_alloc(p->c->arena, (holder.n_writes + 1) * sizeof(*item->writes));
    if (!item->writes)
        return err_no_memory(err);
    for (size_t i = 0; i < holder.n_writes; i++)
        item->writes[i] = holder.writes[i].channel;
    item->n_writes = holder.n_writes;
    return true;
}

static bool load_head(struct pruner *p, struct keep_item *item, struct err *err)
{
    int64_t head = row_of(p, item)->head;
    const struct value *value;
    struct blob whole;

    if (!redis_load_values(&p->load, space_of(p, item)->space->ns, &head, 1, &value, err))
        return false;
    if (!value)
        return call_lost(p->c, "a value that is referred to", err);
    whole = value->blob;
    if (chain_decode(NULL, &whole, NULL, p->c->arena, err))
        item->head = whole.bytes;
    return slice_present(item->head) || err->kind == ERR_DAMAGED; /* damaged: it stays absent */
}

static bool load_part(void *driver, struct keep_item *item, enum keep_part part, struct err *err)
{
    struct pruner *p = driver;

    switch (part) {
    case KEEP_VALUES:
        return load_values(p, item, err);
    case KEEP_WRITES:
        return load_channels(p, item, err);
    case KEEP_HEAD:
        return load_head(p, item, err);
    case KEEP_PARTS:
        break;
    }
    return err_set(err, ERR_INTERNAL, "no such part");
}

/* Lists the checkpoints of a namespace that are not doomed yet, newest first. */
static bool list_items(struct pruner *p, size_t number, struct keep_ns *to, struct err *err)
{
    const struct removal_space *from = &p->spaces[number];

    *to = (struct keep_ns){.ns = from->space->ns, .form = from->space->form};
    to->items = arena_zalloc(p->c->arena, from->n + 1, sizeof(*to->items));
    if (!to->items)
        return err_no_memory(err);
    for (size_t i = 0; i < from->n; i++) {
        const struct cp_row *row = &from->rows[i].row;

        if (from->rows[i].doomed || row->stamp == 0)
            continue;
        to->items[to->n++] = (struct keep_item){
            .row = (int64_t)(number << ROW_BITS | i),
            .id = row->id,
            .parent_id = row->parent_id,
            .metadata = row->metadata,
            .created_us = row->created_us,
            .stamp = row->stamp,
        };
    }
    keep_newest_first(to);
    return true;
}

/* Dooms what is not kept; in a namespace that goes, places of writes as well. Returns how many
 * checkpoints. */
static int64_t doom(struct removal_space *s, const struct keep_ns *space)
{
    int64_t n = 0;

    for (size_t i = 0; i < space->n; i++)
        if (!space->items[i].kept) {
            row_in(s, &space->items[i])->doomed = true;
            n++;
        }
    for (size_t i = 0; space->dropped && i < s->n; i++)
        s->rows[i].doomed |= s->rows[i].row.stamp == 0;
    return n;
}

static struct pruner pruner_new(struct call *c)
{
    return (struct pruner){
        .c = c,
        .keep = {.arena = c->arena, .load = load_part},
        .load = redis_load_start(c),
    };
}

static bool prune(struct call *c, struct thread_row *thread, struct err *err)
{
    const struct op_thread_prune *asked = &c->op->thread_prune;
    struct keep_ns *spaces = arena_alloc(c->arena, (thread->n + 1) * sizeof(*spaces));
    struct pruner p = pruner_new(c);
    int64_t removed = 0;
    bool expired = false;

    if (!spaces)
        return err_no_memory(err);
    p.keep.driver = &p;
    p.keep.keep_last = asked->keep_last;
    p.keep.older_than_us = asked->older_than_us;
    if (!redis_removal_load(c, thread, &p.spaces, err))
        return false;
    for (size_t i = 0; i < thread->n; i++) {
        redis_removal_expire(&p.spaces[i], clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us),
                             &expired);
        if (!list_items(&p, i, &spaces[i], err))
            return false;
    }
    if (!keep_prune(&p.keep, spaces, thread->n, err))
        return false;
    for (size_t i = 0; i < thread->n; i++)
        removed += doom(&p.spaces[i], &spaces[i]);
    c->op->thread_prune.out.removed = removed;
    redis_removal_stamp(p.spaces, thread->n, op_removal_stamp(c->op));
    return redis_removal_apply(c, thread, p.spaces, false, err) &&
           (removed == 0 || copies_name(c->op, RECORD_CHECKPOINTS, c->op->id, err)) &&
           call_commit(c, err);
}

bool redis_thread_delete(struct call *c, struct op *op, struct err *err)
{
    struct thread_row thread;
    int64_t stamp;

    call_at(c, op->tenant, op->id);
    return redis_thread_read(c, &thread, err) &&
           op_stamp_above(op, redis_thread_newest(&thread), &stamp, err) &&
           redis_thread_remove(c, stamp, err) && call_commit(c, err);
}

static bool delete_all(struct call *c, const struct thread_row *thread, struct err *err)
{
    struct removal_space *spaces;
    bool expired = false;
    int64_t removed = 0;

    if (!redis_removal_load(c, thread, &spaces, err))
        return false;
    for (size_t i = 0; i < thread->n; i++) {
        redis_removal_expire(&spaces[i], clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us),
                             &expired);
        for (size_t k = 0; k < spaces[i].n; k++)
            removed += !spaces[i].rows[k].doomed && spaces[i].rows[k].row.stamp > 0;
    }
    c->op->thread_prune.out.removed = removed;
    return redis_thread_delete(c, c->op, err);
}

bool redis_thread_prune(struct call *c, struct op *op, struct err *err)
{
    const struct op_thread_prune *asked = &op->thread_prune;
    struct thread_row thread;

    op->thread_prune.out.removed = 0;
    call_at(c, op->tenant, op->id);
    if (!redis_thread_read(c, &thread, err))
        return false;
    if (asked->delete_all)
        return delete_all(c, &thread, err);
    if (!thread.stored || (asked->keep_last == 0 && asked->older_than_us == 0))
        return true;
    if (!op_fence_allows(op, redis_thread_newest(&thread),
                         err)) /* the other store would keep the newer */
        return false;
    return prune(c, &thread, err);
}

/* A checkpoint that belongs to one of the runs, as its index says. */
struct place {
    struct slice parts[3]; /* thread, namespace, id */
};

static int order_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    for (int i = 0; i < 3; i++) {
        int order = slice_compare(x->parts[i], y->parts[i]);

        if (order)
            return order;
    }
    return 0;
}

static bool find_runs(struct call *c, struct place **places, size_t *n, struct err *err)
{
    const struct op_runs_delete *op = &c->op->runs_delete;
    struct reply **replies;
    unsigned *buckets;
    size_t n_buckets, all = 0;

    c->tenant = c->op->tenant;
    if (!used_buckets(c, c->tenant, &buckets, &n_buckets, err))
        return false;
    for (size_t i = 0; i < n_buckets; i++) {
        c->bucket = buckets[i];
        for (size_t k = 0; k < op->n; k++)
            ASK(c, SLICE("SMEMBERS"), call_index_of(c, "run", op->run_ids[k]));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n_buckets * op->n; i++)
        all += replies[i]->n;
    *places = arena_alloc(c->arena, (all + 1) * sizeof(**places));
    if (!*places)
        return err_no_memory(err);
    *n = 0;
    for (size_t i = 0; i < n_buckets * op->n; i++)
        for (size_t k = 0; k < replies[i]->n; k++)
            if (!redis_split(replies[i]->items[k]->text, (*places)[(*n)++].parts, 3, c->arena))
                return err_no_memory(err);
    if (*n > 1)
        qsort(*places, *n, sizeof(**places), order_places);
    return true;
}

/* Dooms the checkpoints at these places in one namespace, except those that others need. */
static bool doom_runs(struct pruner *p, size_t number, const struct place *places, size_t n,
                      int64_t *removed, struct err *err)
{
    int64_t expired_us = clock_expired_us(p->c->d->checkpoint_ttl_us, p->c->op->now_us);
    struct keep_ns space;
    size_t listed = 0;

    if (!list_items(p, number, &space, err))
        return false;
    for (size_t i = 0; i < space.n; i++) {
        struct place key = {{p->c->id, space.ns, space.items[i].id}};

        space.items[i].holds = space.items[i].created_us <= expired_us ||
                               !bsearch(&key, places, n, sizeof(key), order_places);
        listed += !space.items[i].holds;
    }
    if (listed == 0)
        return true;
    if (!keep_needed(&p->keep, &space, err))
        return false;
    *removed += doom(&p->spaces[number], &space);
    return true;
}

/* Removes the checkpoints of the runs from one thread, and commits. */
static bool remove_runs(struct call *c, const struct place *places, size_t n, int64_t *removed,
                        struct err *err)
{
    struct pruner p = pruner_new(c);
    struct thread_row thread;

    *removed = 0;
    p.keep.driver = &p;
    call_at(c, c->op->tenant, places[0].parts[0]);
    if (!redis_thread_read(c, &thread, err) ||
        !op_fence_allows(c->op, redis_thread_newest(&thread), err) ||
        !redis_removal_load(c, &thread, &p.spaces, err))
        return false;
    for (size_t i = 0; i < thread.n; i++)
        if (!doom_runs(&p, i, places, n, removed, err))
            return false;
    redis_removal_stamp(p.spaces, thread.n, op_removal_stamp(c->op));
    return redis_removal_apply(c, &thread, p.spaces, false, err) &&
           (*removed == 0 || copies_name(c->op, RECORD_CHECKPOINTS, c->id, err)) &&
           call_commit(c, err);
}

bool redis_runs_delete(struct call *c, struct op *op, struct err *err)
{
    struct place *places;
    int64_t removed = 0, more;
    size_t n;

    if (!find_runs(c, &places, &n, err))
        return false;
    for (size_t i = 0, count; i < n; i += count) {
        int tries = 0;

        for (count = 1; i + count < n; count++)
            if (!slice_equal(places[i].parts[0], places[i + count].parts[0]))
                break;
        while (!remove_runs(c, &places[i], count, &more, err))
            if (!call_again(c, &tries))
                return false;
        removed += more;
    }
    op->runs_delete.out.removed = removed;
    return true;
}

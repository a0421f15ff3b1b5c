/* redis_removal.c - see redis_removal.h. */
#include "redis_removal.h"

#include <stdlib.h>

#include "clock.h"
#include "pack.h"

static int order_values(const void *a, const void *b)
{
    const struct value_name *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static int order_rows(const void *a, const void *b)
{
    const struct removal_row *x = a, *y = b;

    return slice_compare(x->row.id, y->row.id);
}

static struct removal_row *find_row(const struct removal_space *s, struct slice id)
{
    struct removal_row key = {.row.id = id};

    return s->n ? bsearch(&key, s->rows, s->n, sizeof(key), order_rows) : NULL;
}

static void load_weights(struct removal_space *s, const struct reply *weights)
{
    for (size_t i = 0; i + 1 < weights->n; i += 2) {
        struct removal_row *r = find_row(s, weights->items[i]->text);

        if (!r)
            continue;
        r->weighed = true;
        r->weight = redis_number(weights->items[i + 1]->text);
    }
}

static bool load_rows(struct call *c, struct removal_space *s, const struct reply *rows,
                      struct err *err)
{
    s->rows = arena_zalloc(c->arena, rows->n / 2 + 1, sizeof(*s->rows));
    if (!s->rows)
        return err_no_memory(err);
    for (size_t i = 0; i + 1 < rows->n; i += 2) {
        struct removal_row *r = &s->rows[s->n++];

        if (!redis_cp_take(rows->items[i]->text, rows->items[i + 1], &r->row, err))
            return false;
        r->as = r->row;
    }
    if (s->n > 1)
        qsort(s->rows, s->n, sizeof(*s->rows), order_rows);
    return true;
}

static bool load_values(struct call *c, struct removal_space *s, const struct reply *names,
                        struct err *err)
{
    s->values = arena_zalloc(c->arena, names->n + 1, sizeof(*s->values));
    if (!s->values)
        return err_no_memory(err);
    for (size_t i = 0; i < names->n; i++)
        if (!redis_value_name_take(c, names->items[i]->text, &s->values[i], err))
            return false;
    s->n_values = names->n;
    if (s->n_values > 1)
        qsort(s->values, s->n_values, sizeof(*s->values), order_values);
    return true;
}

bool redis_removal_load(struct call *c, const struct thread_row *thread,
                        struct removal_space **spaces, struct err *err)
{
    struct removal_space *list = arena_zalloc(c->arena, thread->n + 1, sizeof(*list));
    struct reply **replies;

    if (!list)
        return err_no_memory(err);
    for (size_t i = 0; i < thread->n; i++) {
        struct slice ns = thread->spaces[i].ns;

        ASK(c, SLICE("HGETALL"), call_key_ns(c, "checkpoints", ns));
        ASK(c, SLICE("ZRANGE"), call_key_ns(c, "names", ns), SLICE("0"), SLICE("-1"));
        ASK(c, SLICE("HGETALL"), call_key_ns(c, "weights", ns));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < thread->n; i++) {
        list[i].space = &thread->spaces[i];
        list[i].last = list[i].stamp = INT64_MAX;
        if (!load_rows(c, &list[i], replies[3 * i], err) ||
            !load_values(c, &list[i], replies[3 * i + 1], err))
            return false;
        load_weights(&list[i], replies[3 * i + 2]);
    }
    *spaces = list;
    return true;
}

void redis_removal_expire(struct removal_space *s, int64_t expired_us, bool *any)
{
    for (size_t i = 0; i < s->n; i++) {
        s->rows[i].doomed |= s->rows[i].row.created_us <= expired_us;
        *any |= s->rows[i].doomed;
    }
}

void redis_removal_undo(struct removal_space *s, struct removal_row *r, int64_t newest)
{
    r->rewritten = true;
    s->space->checkpoints -= r->row.stamp > 0;
    r->row = (struct cp_row){true, r->row.id, 0,  stamp_us(newest), 0, r->row.form, {0},
                             {0},  {0},       {0}};
}

static struct value_name *find_value(const struct removal_space *s, int64_t id)
{
    struct value_name key = {.id = id};

    return s->n_values ? bsearch(&key, s->values, s->n_values, sizeof(key), order_values) : NULL;
}

/* Marks a value as needed, if it is there. */
static void need(struct removal_space *s, int64_t id)
{
    struct value_name *found = find_value(s, id);

    if (found)
        found->needed = true;
}

bool redis_removal_need(struct call *c, struct removal_space *s, struct err *err)
{
    int64_t *refs;
    size_t n;

    for (size_t i = 0; i < s->n; i++) {
        if (s->rows[i].doomed || s->rows[i].row.stamp == 0)
            continue;
        need(s, s->rows[i].row.head);
        if (!unpack_refs(s->rows[i].row.refs, c->arena, &refs, &n, err))
            return false;
        for (size_t k = 0; k < n; k++)
            need(s, refs[k]);
    }
    for (size_t i = s->n_values; i-- > 0;) { /* from the end: a base has a lower id */
        s->values[i].needed |= s->values[i].id > s->last;
        if (s->values[i].needed && s->values[i].base)
            need(s, s->values[i].base);
    }
    return true;
}

static bool is_left(const struct removal_space *s, struct slice id)
{
    const struct removal_row *r = find_row(s, id);

    return r && !r->doomed && r->row.stamp > 0;
}

void redis_removal_stamp(struct removal_space *spaces, size_t n, int64_t stamp)
{
    for (size_t i = 0; i < n; i++)
        spaces[i].stamp = stamp;
}

/* Takes parents that go, or are gone, out of the rows that stay and are no newer than the removal. */
static void unparent(struct removal_space *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct removal_row *r = &s->rows[i];

        if (r->doomed || r->row.stamp > s->stamp || !slice_present(r->row.parent_id) ||
            is_left(s, r->row.parent_id))
            continue;
        r->row.parent_id = (struct slice){NULL, 0};
        r->rewritten = true;
    }
}

static bool apply_rows(struct call *c, struct removal_space *s, struct cp_drops *drops,
                       struct err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        struct removal_row *r = &s->rows[i];

        if (r->doomed) {
            redis_cp_drop(drops, &r->as);
            if (r->weighed)
                redis_cp_drop_writes(drops, r->row.id);
            s->space->checkpoints -= r->as.stamp > 0;
            s->space->bytes -= r->weight + (int64_t)r->as.metadata.len;
        } else if (r->rewritten) {
            s->space->bytes += (int64_t)r->row.metadata.len - (int64_t)r->as.metadata.len;
            if (!redis_cp_store(c, s->space->ns, &r->as, &r->row, err))
                return false;
        }
    }
    return true;
}

/* Removes values that nothing needs. What counts the values that are based on one comes last: it may need
 * memory, and a script that begins with it is refused when there is none. */
static void apply_values(struct call *c, struct removal_space *s, struct cp_drops *drops)
{
    const struct value_name *base;

    for (size_t i = 0; i < s->n_values; i++) {
        if (s->values[i].needed)
            continue;
        redis_cp_drop_value(drops, &s->values[i]);
        s->space->bytes -= s->values[i].len;
    }
    redis_cp_drops_end(drops);
    for (size_t i = 0; i < s->n_values; i++) {
        if (s->values[i].needed || !s->values[i].base)
            continue;
        base = find_value(s, s->values[i].base);
        if (base && base->needed)
            CHANGE(c, SLICE("HINCRBY"), call_key_ns(c, "bases", s->space->ns),
                   call_number(c, base->id), SLICE("-1"));
    }
}

/* Plans the removal in one namespace. *empty: nothing is left in it. */
static bool apply_space(struct call *c, struct removal_space *s, bool *empty, struct err *err)
{
    struct cp_drops drops = {.c = c, .ns = s->space->ns};
    size_t left = 0, waiting = 0;

    unparent(s);
    if (!redis_removal_need(c, s, err))
        return false;
    for (size_t i = 0; i < s->n; i++)
        left += !s->rows[i].doomed;
    for (size_t i = 0; i < s->n_values; i++)
        waiting += s->values[i].needed;
    *empty = left == 0 && waiting == 0;
    drops.whole = *empty;
    if (!apply_rows(c, s, &drops, err))
        return false;
    apply_values(c, s, &drops);
    if (left == 0)
        s->space->form = FORM_NONE;
    return true;
}

bool redis_removal_apply(struct call *c, struct thread_row *thread, struct removal_space *spaces,
                         bool settle, struct err *err)
{
    size_t left = thread->n;
    bool empty, any = false;

    for (size_t i = 0; i < thread->n; i++) {
        size_t doomed = 0;

        for (size_t k = 0; k < spaces[i].n; k++)
            doomed += spaces[i].rows[k].doomed || spaces[i].rows[k].rewritten;
        if (doomed == 0 && !settle)
            continue;
        any = true;
        if (doomed == 0)
            spaces[i].stamp = 0; /* only values are removed: rows keep the names of their parents */
        if (!apply_space(c, &spaces[i], &empty, err))
            return false;
        if (empty)
            redis_thread_drop_space(c, thread, spaces[i].space, --left == 0);
        else if (!redis_thread_store(c, thread, spaces[i].space, err))
            return false;
    }
    if (any && left == thread->n)
        return true;
    if (any && (left > 0 || thread->tomb > 0))
        return redis_thread_store(c, thread, NULL, err);
    if (any)
        call_guard(c, call_key(c, "thread"), thread->rev);
    return true;
}

bool redis_removal_expired(struct call *c, struct err *err)
{
    int64_t expired_us = clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us);
    struct removal_space *spaces;
    struct thread_row thread;
    bool any = false;

    if (expired_us == INT64_MIN)
        return true;
    if (!redis_thread_read(c, &thread, err) || !redis_removal_load(c, &thread, &spaces, err))
        return false;
    for (size_t i = 0; i < thread.n; i++)
        redis_removal_expire(&spaces[i], expired_us, &any);
    return !any || (redis_removal_apply(c, &thread, spaces, false, err) && call_commit(c, err));
}

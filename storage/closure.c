/* closure.c - see closure.h. */
#include "closure.h"

#include <stdlib.h>

#include "pair_notes.h"

enum { TRIES = 10, AT_ONCE = 100 };

/* A try to bring a checkpoint. */
struct attempt {
    const struct closure *c;
    const struct record_key *key;
    struct arena arena;
    struct record *thread, *checkpoint; /* NULL: it does not exist */
    struct record *values;
    size_t n_values;
    int64_t *ids; /* of values: first those that were read, then those to be read */
    size_t n_ids, cap;
};

static bool run_backend(void *store, struct op *op, struct err *err)
{
    return backend_run(store, op, err);
}

struct closure closure_between(void *from, void *to, struct slice tenant)
{
    return (struct closure){from, to, run_backend, tenant};
}

static bool get(struct attempt *t, const struct record_name *names, size_t n,
                struct op_records_get *out, struct err *err)
{
    struct op op = pair_op(OP_RECORDS_GET, t->c->tenant, t->key->id, &t->arena);

    op.records_get.names = names;
    op.records_get.n = n;
    if (!t->c->run(t->c->from, &op, err))
        return false;
    *out = op.records_get;
    return true;
}

static bool read_checkpoint(struct attempt *t, struct err *err)
{
    struct record_name names[] = {{.kind = RECORD_THREAD, .key.id = t->key->id},
                                  {.kind = RECORD_CHECKPOINT, .key = *t->key}};
    struct op_records_get got;

    if (!get(t, names, COUNT_OF(names), &got, err))
        return false;
    t->thread = t->checkpoint = NULL;
    for (size_t i = 0; i < got.out.n; i++)
        *(got.out.items[i].kind == RECORD_THREAD ? &t->thread : &t->checkpoint) = &got.out.items[i];
    return true;
}

/* Adds an id to those to be read, if it is new; 0 is none. */
static bool want(struct attempt *t, int64_t id, struct err *err)
{
    void *grown;

    for (size_t i = 0; i < t->n_ids; i++)
        if (t->ids[i] == id)
            return true;
    if (id == 0)
        return true;
    grown = arena_grow(&t->arena, t->ids, t->n_ids, sizeof(*t->ids), &t->cap);
    if (!grown)
        return err_no_memory(err);
    t->ids = grown;
    t->ids[t->n_ids++] = id;
    return true;
}

/* Reads some values from *at on, and adds their bases to the list. *whole becomes false if any is missing. */
static bool read_some(struct attempt *t, size_t *at, size_t *cap, bool *whole, struct err *err)
{
    struct record_name names[AT_ONCE];
    struct op_records_get got;
    size_t n = 0;

    for (; n < AT_ONCE && *at < t->n_ids; n++, ++*at) {
        names[n] = (struct record_name){.kind = RECORD_VALUE, .key = *t->key};
        names[n].key.sub = names[n].key.task = (struct slice){NULL, 0};
        names[n].key.number = t->ids[*at];
    }
    if (!get(t, names, n, &got, err))
        return false;
    *whole &= got.out.n == n;
    for (size_t i = 0; i < got.out.n; i++) {
        void *grown = arena_grow(&t->arena, t->values, t->n_values, sizeof(*t->values), cap);

        if (!grown)
            return err_no_memory(err);
        t->values = grown;
        t->values[t->n_values++] = got.out.items[i];
        if (!want(t, got.out.items[i].value.blob.base_id, err))
            return false;
    }
    return true;
}

/* Reads all values that the checkpoint needs; bases are read after what is based on them. */
static bool read_values(struct attempt *t, bool *whole, struct err *err)
{
    const struct record_checkpoint *from = &t->checkpoint->checkpoint;
    size_t at = 0, cap = 0;

    *whole = true;
    if (!want(t, from->head, err))
        return false;
    for (size_t i = 0; i < from->n_refs; i++)
        if (!want(t, from->refs[i], err))
            return false;
    while (at < t->n_ids)
        if (!read_some(t, &at, &cap, whole, err))
            return false;
    return true;
}

static int by_id(const void *left, const void *right)
{
    const struct record *a = left, *b = right;

    return (a->key.number > b->key.number) - (a->key.number < b->key.number);
}

/* Merges records; *done: none was left out. */
static bool merge(struct attempt *t, const struct record *items, size_t n, bool *done,
                  bool *applied, struct err *err)
{
    struct op op = pair_op(OP_MERGE, t->c->tenant, t->key->id, &t->arena);

    op.merge.items = items;
    op.merge.n = n;
    if (!t->c->run(t->c->to, &op, err))
        return false;
    *done = op.merge.out.broken == 0;
    *applied = *done && op.merge.out.applied > 0;
    return true;
}

/* Merges all of it. Sorted by id, each base comes before what is based on it. */
static bool merge_whole(struct attempt *t, bool *done, bool *applied, struct err *err)
{
    struct record *all = arena_alloc(&t->arena, (t->n_values + 2) * sizeof(*all));
    size_t n = 0;

    if (!all)
        return err_no_memory(err);
    if (t->thread)
        all[n++] = *t->thread;
    if (t->n_values > 0)
        memcpy(all + n, t->values, t->n_values * sizeof(*all));
    qsort(all + n, t->n_values, sizeof(*all), by_id);
    n += t->n_values;
    all[n++] = *t->checkpoint;
    return merge(t, all, n, done, applied, err);
}

/* *done is false if what is read has changed meanwhile, or what was merged has been removed. */
static bool bring(struct attempt *t, bool *done, bool *applied, struct err *err)
{
    bool whole;

    if (!read_checkpoint(t, err))
        return false;
    *done = !t->checkpoint;
    if (*done)
        return true;
    return merge(t, t->checkpoint, 1, done, applied, err) &&
           (*done ||
            (read_values(t, &whole, err) && (!whole || merge_whole(t, done, applied, err))));
}

bool closure_bring(const struct closure *c, const struct record_key *key, bool *applied,
                   struct err *err)
{
    bool ok = true, done = false;

    *applied = false;
    for (int i = 0; ok && !done && i < TRIES; i++) {
        struct attempt t = {.c = c, .key = key};

        ok = bring(&t, &done, applied, err);
        arena_done(&t.arena);
    }
    if (ok && !done)
        return err_set(err, ERR_DAMAGED,
                       "checkpoint %.*s of thread %.*s refers to a value that is not there",
                       SLICE_ARGS(key->sub), SLICE_ARGS(key->id));
    return ok;
}

bool closure_bring_all(const struct closure *c, const struct record *records, size_t n,
                       struct err *left_out, struct err *err)
{
    struct err why;
    bool applied;

    for (size_t i = 0; i < n; i++) {
        if (records[i].kind != RECORD_CHECKPOINT || records[i].gone ||
            closure_bring(c, &records[i].key, &applied, &why))
            continue;
        if (!left_out || why.kind != ERR_DAMAGED) {
            *err = why;
            return false;
        }
        *left_out = why;
    }
    return true;
}

/* sql_load.c - see sql_load.h. */
#include "sql_load.h"

#include <stdio.h>

#include "clock.h"
#include "pack.h"
#include "sql_ns.h"
#include "value_cache.h"

struct loader load_start(struct sql *d, const struct op *op)
{
    return (struct loader){
        .d = d,
        .arena = op->arena,
        .values = {.arena = op->arena},
        .expired_us = clock_expired_us(d->checkpoint_ttl_us, op->now_us),
    };
}

struct slice load_text(struct slice s)
{
    return s.at ? s : SLICE("");
}

/* Copies a column into the loader's arena, and counts it in `bytes`. */
static bool load_copy(struct loader *l, struct query *q, int column, struct slice *out,
                      struct err *err)
{
    if (!query_copy(q, column, l->arena, out, err))
        return false;
    l->bytes += out->len;
    return true;
}

/* A type that is NULL becomes empty: plain JSON. */
static bool copy_text(struct loader *l, struct query *q, int column, struct slice *out,
                      struct err *err)
{
    struct slice copied;

    if (!load_copy(l, q, column, &copied, err))
        return false;
    *out = load_text(copied);
    return true;
}

/* Reads a row of columns VALUE_COLUMNS. */
bool load_take(struct loader *l, struct query *q, struct value **out, struct err *err)
{
    struct value *value = arena_zalloc(l->arena, 1, sizeof(*value));
    struct slice hash;

    if (!value)
        return err_no_memory(err);
    value->blob.id = query_col_int(q, 0);
    value->blob.base_id = query_col_int(q, 1);
    value->blob.encoding = (int)query_col_int(q, 2);
    hash = query_col(q, 3);
    if (hash.len != BLOB_HASH_LEN || value->blob.base_id >= value->blob.id)
        return err_set(err, ERR_DAMAGED, "store: the row of a value is damaged");
    memcpy(value->blob.hash, hash.at, BLOB_HASH_LEN);
    *out = value;
    l->bytes += sizeof(*value);
    return load_copy(l, q, 4, &value->of.channel, err) &&
           unpack_version(query_col(q, 5), l->arena, &value->of.version, err) &&
           copy_text(l, q, 6, &value->blob.type, err) &&
           copy_text(l, q, 7, &value->blob.bytes, err);
}

bool load_row(struct loader *l, int64_t id, struct value **out, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(l->d, SQL_VALUE_READ, &q, err))
        return false;
    query_int(&q, id);
    if (!query_step(&q, &found, err))
        return false;
    if (!found)
        return err_set(err, ERR_DAMAGED, "store: a value that is referred to is not there");
    return load_take(l, &q, out, err);
}

enum { DIGITS = 21 }; /* with a comma or bracket before the number */

bool load_bind_numbers(struct query *q, const int64_t *numbers, size_t n, struct arena *arena,
                       struct err *err)
{
    char *text = arena_alloc(arena, n * DIGITS + 1);
    size_t len = 0;

    if (!text)
        return err_no_memory(err);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, DIGITS + 1, "%s%lld", i ? "," : "",
                                (long long)numbers[i]);
    query_blob(q, (struct slice){text, len});
    return true;
}

bool load_begin_among(struct sql *d, int which, const int64_t *numbers, size_t n,
                      struct arena *arena, struct query *q, struct err *err)
{
    if (!query_begin(d, which, q, err))
        return false;
    if (load_bind_numbers(q, numbers, n, arena, err))
        return true;
    query_end(q);
    return false;
}

bool load_bind_rows(struct query *q, const int64_t *numbers, size_t n, size_t width,
                    struct arena *arena, struct err *err)
{
    size_t cap = n * (width * DIGITS + 2) + 1, len = 0;
    char *text = arena_alloc(arena, cap);

    if (!text)
        return err_no_memory(err);
    text[0] = '\0';
    for (size_t i = 0; i < n * width; i++)
        len += (size_t)snprintf(text + len, cap - len, "%s%s%lld%s", i ? "," : "",
                                i % width ? "" : "[", (long long)numbers[i],
                                i % width + 1 == width ? "]" : "");
    query_blob(q, (struct slice){text, len});
    return true;
}

/* Reads rows and all that they are based on. */
static bool ask_chains(struct loader *l, const int64_t *ids, size_t n, struct query *q,
                       struct err *err)
{
    return load_begin_among(l->d, SQL_VALUE_CHAINS, ids, n, l->arena, q, err) && query_ask(q, err);
}

static bool take_chains(struct loader *l, struct query *q, struct err *err)
{
    struct value *value;
    bool found;

    for (;;) {
        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        if (value_map_find(&l->values, query_col_int(q, 0)))
            continue;
        if (!load_take(l, q, &value, err) || !value_map_add(&l->values, value, err))
            return false;
    }
}

/* Takes a value from the cache if it is there, unless the page is full; `named`: only with its channel. */
static bool recall(struct loader *l, int64_t id, bool named, struct err *err)
{
    const struct cached_value *found;
    struct value *value;
    bool copied = true;

    if (id == 0 || l->bytes >= PAGE_BYTES_MAX || value_map_find(&l->values, id))
        return true;
    found = value_cache_find(l->d->cache, id);
    if (found && (!named || slice_present(found->of.channel))) {
        value = arena_alloc(l->arena, sizeof(*value));
        copied = value && value_cache_copy(found, l->arena, value) &&
                 value_map_add(&l->values, value, err);
        l->bytes += sizeof(*value) + found->bytes.len;
    }
    value_cache_release(l->d->cache, found);
    return copied || err_no_memory(err);
}

/* Lists in `wanted` those ids that have to be read; returns how many. */
static size_t list_unknown(const struct loader *l, const int64_t *ids, size_t n, int64_t *wanted)
{
    size_t n_wanted = 0;

    for (size_t i = 0; i < n; i++)
        if (ids[i] && !value_map_find(&l->values, ids[i]))
            wanted[n_wanted++] = ids[i];
    return n_wanted;
}

static bool tie(struct loader *l, const int64_t *ids, size_t n, struct value **values,
                struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        values[i] = ids[i] ? value_map_tied(&l->values, ids[i]) : NULL;
        if (ids[i] && !values[i])
            return err_set(err, ERR_DAMAGED, "store: a value that is referred to is not there");
    }
    return true;
}

bool load_values(struct loader *l, const int64_t *ids, size_t n, struct value **values,
                 struct err *err)
{
    int64_t *wanted = arena_alloc(l->arena, (n + 1) * sizeof(*wanted));
    AUTO(query_end) struct query q = {0};
    size_t n_wanted;

    if (!wanted)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (!recall(l, ids[i], true, err))
            return false;
    n_wanted = list_unknown(l, ids, n, wanted);
    if (n_wanted > 0 && (!ask_chains(l, wanted, n_wanted, &q, err) || !take_chains(l, &q, err)))
        return false;
    return tie(l, ids, n, values, err);
}

/* Makes room for n more writes. The arena serves other texts in between, so a list that grows moves. */
static bool make_room(struct loader *l, struct checkpoint *out, size_t n, size_t *cap,
                      struct err *err)
{
    size_t size = sizeof(*out->writes), more = *cap * 2;
    void *grown;

    if (out->n_writes + n <= *cap)
        return true;
    if (more < out->n_writes + n)
        more = out->n_writes + n;
    grown = arena_resize(l->arena, out->writes, out->n_writes * size, more * size);
    if (!grown)
        return err_no_memory(err);
    out->writes = grown;
    *cap = more;
    return true;
}

static bool add_writes(struct loader *l, struct query *q, struct checkpoint *out, size_t *cap,
                       struct err *err)
{
    struct slice task_id, task_path, body;
    struct write *writes;
    size_t n;

    if (!load_copy(l, q, 0, &task_id, err) || !copy_text(l, q, 1, &task_path, err) ||
        !load_copy(l, q, 4, &body, err) || !unpack_writes(body, l->arena, &writes, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        writes[i].task_id = task_id;
        writes[i].task_path = task_path;
    }
    if (out->n_writes == 0) {
        out->writes = writes;
        out->n_writes = *cap = n;
        return true;
    }
    if (!make_room(l, out, n, cap, err))
        return false;
    memcpy(out->writes + out->n_writes, writes, n * sizeof(*writes));
    out->n_writes += n;
    return true;
}

static bool ask_writes(struct loader *l, const int64_t *rows, size_t n, enum form form,
                       struct query *q, struct err *err)
{
    int which = form == FORM_DOCUMENT ? SQL_TASK_DOCUMENT : SQL_TASK_CHANNEL;

    return load_begin_among(l->d, which, rows, n, l->arena, q, err) && query_ask(q, err);
}

bool load_writes(struct loader *l, int64_t row, enum form form, bool anchor, struct checkpoint *out,
                 struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t cap = 0;
    bool found;

    if (!ask_writes(l, &row, 1, form, &q, err))
        return false;
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (anchor && stamp_us(query_col_int(&q, 2)) <= l->expired_us)
            continue;
        if (!add_writes(l, &q, out, &cap, err))
            return false;
    }
}

bool load_tasks(struct loader *l, struct query *q, struct loaded *items, size_t n, struct err *err)
{
    size_t cap = 0, at = 0;
    bool found;

    for (;;) {
        int64_t row;

        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        row = query_col_int(q, 5);
        if (items[at].row != row) {
            cap = 0;
            for (at = 0; at + 1 < n && items[at].row != row; at++)
                continue;
        }
        if (!add_writes(l, q, items[at].checkpoint, &cap, err))
            return false;
    }
}

bool load_checkpoint(struct loader *l, struct query *q, struct loaded *out, struct err *err)
{
    struct checkpoint *c = arena_zalloc(l->arena, 1, sizeof(*c));

    if (!c)
        return err_no_memory(err);
    *out = (struct loaded){
        .checkpoint = c, .row = query_col_int(q, 0), .head = query_col_int(q, 6)};
    c->stamp = query_col_int(q, 2);
    c->form = (enum form)query_col_int(q, 3);
    c->created_us = query_col_int(q, 4);
    l->bytes += sizeof(*c);
    return load_copy(l, q, 1, &c->id, err) && load_copy(l, q, 5, &c->parent_id, err) &&
           load_copy(l, q, 7, &out->refs, err) && load_copy(l, q, 8, &c->metadata, err);
}

/* The ids of all values needed, item by item: those that it refers to, then its head. */
struct needs {
    int64_t *ids;
    size_t n, cap;
};

static bool need(struct loader *l, struct needs *needs, struct loaded *item, bool values,
                 struct err *err)
{
    int64_t *refs = NULL, *grown;
    size_t n = 0;

    if (values && slice_present(item->refs) && !unpack_refs(item->refs, l->arena, &refs, &n, err))
        return false;
    while (needs->n + n + 1 > needs->cap) {
        grown = arena_grow(l->arena, needs->ids, needs->cap, sizeof(*needs->ids), &needs->cap);
        if (!grown)
            return err_no_memory(err);
        needs->ids = grown;
    }
    if (n)
        memcpy(needs->ids + needs->n, refs, n * sizeof(*refs));
    needs->n += n;
    needs->ids[needs->n++] = item->head;
    item->checkpoint->n_values = n;
    for (size_t i = 0; i < n; i++)
        if (!recall(l, refs[i], true, err))
            return false;
    return recall(l, item->head, false, err);
}

/* Distributes the loaded values to their checkpoints. */
static bool give(struct loader *l, const struct needs *needs, struct loaded *items, size_t n,
                 struct err *err)
{
    struct value **values = arena_alloc(l->arena, needs->n * sizeof(*values));

    if (!values)
        return err_no_memory(err);
    if (!tie(l, needs->ids, needs->n, values, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct checkpoint *c = items[i].checkpoint;

        c->values = arena_alloc(l->arena, (c->n_values + 1) * sizeof(*c->values));
        if (!c->values)
            return err_no_memory(err);
        for (size_t k = 0; k < c->n_values; k++)
            c->values[k] = *values++;
        if (!*values)
            return err_set(err, ERR_DAMAGED, "store: a checkpoint has no head");
        c->head = (*values++)->blob;
    }
    return true;
}

bool load_contents(struct loader *l, struct loaded *items, size_t n, unsigned what, struct err *err)
{
    AUTO(query_end) struct query chains = {0}, writes = {0};
    int64_t *rows = arena_alloc(l->arena, (n + 1) * sizeof(*rows)), *wanted;
    struct needs needs = {0};
    size_t n_wanted;

    if (!rows)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        rows[i] = items[i].row;
        if (!need(l, &needs, &items[i], what & LOAD_VALUES, err))
            return false;
    }
    if (n == 0)
        return true;
    wanted = arena_alloc(l->arena, needs.n * sizeof(*wanted));
    if (!wanted)
        return err_no_memory(err);
    n_wanted = list_unknown(l, needs.ids, needs.n, wanted);
    return (n_wanted == 0 || ask_chains(l, wanted, n_wanted, &chains, err)) &&
           (!(what & LOAD_WRITES) ||
            ask_writes(l, rows, n, items[0].checkpoint->form, &writes, err)) &&
           (n_wanted == 0 || take_chains(l, &chains, err)) &&
           (!(what & LOAD_WRITES) || load_tasks(l, &writes, items, n, err)) &&
           give(l, &needs, items, n, err);
}

bool checkpoint_find(struct sql *d, int64_t ns, struct slice id, struct checkpoint_row *row,
                     struct err *err)
{
    AUTO(query_end) struct query q = {0};

    if (!query_begin(d, SQL_CHECKPOINT_FIND, &q, err))
        return false;
    query_int(&q, ns);
    query_blob(&q, id);
    return checkpoint_take(&q, row, err);
}

bool checkpoint_take(struct query *q, struct checkpoint_row *row, struct err *err)
{
    bool found;

    if (!query_step(q, &found, err))
        return false;
    *row = (struct checkpoint_row){0};
    if (found) {
        row->id = query_col_int(q, 0);
        row->stamp = query_col_int(q, 1);
        row->created_us = query_col_int(q, 2);
        row->head = query_col_int(q, 3);
        row->metadata_len = query_col_int(q, 4);
    }
    return true;
}

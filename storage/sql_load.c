/* sql_load.c - see sql_load.h. */
#include "sql_load.h"

#include <stdio.h>

#include "clock.h"
#include "pack.h"
#include "sql_ns.h"

struct loader load_start(struct sql *d, const struct op *op)
{
    return (struct loader){
        .d = d,
        .arena = op->arena,
        .values = {.arena = op->arena},
        .expired_us = ns_expired_us(d, op->now_us),
    };
}

struct slice load_text(struct slice s)
{
    return s.at ? s : SLICE("");
}

bool load_copy(struct loader *l, struct query *q, int column, struct slice *out, struct err *err)
{
    if (!query_copy(q, column, l->arena, out, err))
        return false;
    l->bytes += out->len;
    return true;
}

/* A type that is NULL is an empty one: plain JSON. */
static bool copy_text(struct loader *l, struct query *q, int column, struct slice *out,
                      struct err *err)
{
    struct slice copied;

    if (!load_copy(l, q, column, &copied, err))
        return false;
    *out = load_text(copied);
    return true;
}

/* The row of columns VALUE_COLUMNS that q stands on. */
static bool take_row(struct loader *l, struct query *q, struct value **out, struct err *err)
{
    struct value *value = arena_zalloc(l->arena, 1, sizeof(*value));
    struct slice hash;

    if (!value)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    value->blob.id = query_col_int(q, 0);
    value->blob.base_id = query_col_int(q, 1);
    value->blob.encoding = (int)query_col_int(q, 2);
    hash = query_col(q, 3);
    if (hash.len != BLOB_HASH_LEN || value->blob.base_id >= value->blob.id)
        return err_set(err, ERR_STORAGE, "store: the row of a value is damaged");
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
        return err_set(err, ERR_STORAGE, "store: a value that is referred to is not there");
    return take_row(l, &q, out, err);
}

/* Reads rows and all that they are based on, with one statement. */
static bool read_chains(struct loader *l, struct slice ids, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct value *value;
    bool found;

    if (!query_begin(l->d, SQL_VALUE_CHAINS, &q, err))
        return false;
    query_blob(&q, ids);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (value_map_find(&l->values, query_col_int(&q, 0)))
            continue;
        if (!take_row(l, &q, &value, err) || !value_map_add(&l->values, value, err))
            return false;
    }
}

/* The value of an id, tied to what it is based on; what is not there is left open. */
static struct value *tied(struct loader *l, int64_t id)
{
    struct value *first = value_map_find(&l->values, id), *at = first;

    while (at && at->blob.base_id && !at->blob.base) {
        struct value *base = value_map_find(&l->values, at->blob.base_id);

        if (base)
            at->blob.base = &base->blob;
        at = base;
    }
    return first;
}

struct slice load_numbers(const int64_t *numbers, size_t n, struct arena *arena)
{
    enum { DIGITS = 21 };
    char *text = arena_alloc(arena, n * DIGITS + 1);
    size_t len = 0;

    if (!text)
        return (struct slice){NULL, 0};
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, DIGITS + 1, "%s%lld", i ? "," : "",
                                (long long)numbers[i]);
    return (struct slice){text, len};
}

bool load_values(struct loader *l, const int64_t *ids, size_t n, struct value **values,
                 struct err *err)
{
    int64_t *wanted = arena_alloc(l->arena, (n + 1) * sizeof(*wanted));
    size_t n_wanted = 0;
    struct slice list;

    if (!wanted)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (ids[i] && !value_map_find(&l->values, ids[i]))
            wanted[n_wanted++] = ids[i];
    list = load_numbers(wanted, n_wanted, l->arena);
    if (!list.at)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    if (n_wanted > 0 && !read_chains(l, list, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        values[i] = ids[i] ? tied(l, ids[i]) : NULL;
        if (ids[i] && !values[i])
            return err_set(err, ERR_STORAGE, "store: a value that is referred to is not there");
    }
    return true;
}

bool load_value(struct loader *l, int64_t id, struct value **value, struct err *err)
{
    return load_values(l, &id, 1, value, err);
}

/* Room for n more writes. Texts are copied in between, so the list moves when it grows. */
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
        return err_set(err, ERR_NO_MEMORY, "out of memory");
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

bool load_writes(struct loader *l, int64_t row, enum form form, bool anchor, struct checkpoint *out,
                 struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t cap = 0;
    bool found;

    if (!query_begin(l->d, form == FORM_DOCUMENT ? SQL_TASK_DOCUMENT : SQL_TASK_CHANNEL, &q, err))
        return false;
    query_int(&q, row);
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

static bool read_checkpoint(struct loader *l, int64_t row, struct checkpoint *out, int64_t *head,
                            struct slice *refs, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(l->d, SQL_CHECKPOINT_READ, &q, err))
        return false;
    query_int(&q, row);
    if (!query_step(&q, &found, err))
        return false;
    if (!found)
        return err_set(err, ERR_STORAGE, "store: a checkpoint that was found is not there");
    out->stamp = query_col_int(&q, 1);
    out->form = (enum form)query_col_int(&q, 2);
    out->created_us = query_col_int(&q, 3);
    *head = query_col_int(&q, 5);
    l->bytes += sizeof(*out);
    return load_copy(l, &q, 0, &out->id, err) && load_copy(l, &q, 4, &out->parent_id, err) &&
           load_copy(l, &q, 6, refs, err) && load_copy(l, &q, 7, &out->metadata, err);
}

/* The ids of the head and, if asked for, of the values: read together. */
static bool list_refs(struct loader *l, int64_t head, struct slice packed, int64_t **ids, size_t *n,
                      struct err *err)
{
    int64_t *refs = NULL;

    *n = 0;
    if (slice_present(packed) && !unpack_refs(packed, l->arena, &refs, n, err))
        return false;
    *ids = arena_alloc(l->arena, (*n + 1) * sizeof(**ids));
    if (!*ids)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    if (*n)
        memcpy(*ids, refs, *n * sizeof(**ids));
    (*ids)[(*n)++] = head;
    return true;
}

static bool load_refs(struct loader *l, int64_t head, struct slice packed, struct checkpoint *out,
                      struct err *err)
{
    struct value **values;
    int64_t *ids;
    size_t n;

    if (!list_refs(l, head, packed, &ids, &n, err))
        return false;
    values = arena_alloc(l->arena, n * sizeof(*values));
    out->values = arena_alloc(l->arena, n * sizeof(*out->values));
    if (!values || !out->values)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    if (!load_values(l, ids, n, values, err))
        return false;
    out->n_values = n - 1;
    for (size_t i = 0; i < out->n_values; i++)
        out->values[i] = values[i];
    out->head = values[n - 1]->blob;
    return true;
}

bool load_checkpoint(struct loader *l, int64_t row, bool values, struct checkpoint **out,
                     struct err *err)
{
    struct checkpoint *checkpoint = arena_zalloc(l->arena, 1, sizeof(*checkpoint));
    struct slice refs, none = {NULL, 0};
    int64_t head_id;

    if (!checkpoint)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    if (!read_checkpoint(l, row, checkpoint, &head_id, &refs, err) ||
        !load_refs(l, head_id, values ? refs : none, checkpoint, err) ||
        !load_writes(l, row, checkpoint->form, false, checkpoint, err))
        return false;
    *out = checkpoint;
    return true;
}

bool checkpoint_find(struct sql *d, int64_t ns, struct slice id, struct checkpoint_row *row,
                     struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_CHECKPOINT_FIND, &q, err))
        return false;
    query_int(&q, ns);
    query_blob(&q, id);
    if (!query_step(&q, &found, err))
        return false;
    *row = (struct checkpoint_row){0};
    if (found) {
        row->id = query_col_int(&q, 0);
        row->stamp = query_col_int(&q, 1);
        row->created_us = query_col_int(&q, 2);
        row->head = query_col_int(&q, 3);
        row->metadata_len = query_col_int(&q, 4);
    }
    return true;
}

bool task_find(struct loader *l, int64_t checkpoint, struct slice task_id, struct task_row *row,
               struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    *row = (struct task_row){0};
    if (!query_begin(l->d, SQL_TASK_FIND, &q, err))
        return false;
    query_int(&q, checkpoint);
    query_blob(&q, task_id);
    if (!query_step(&q, &found, err))
        return false;
    if (!found)
        return true;
    row->id = query_col_int(&q, 0);
    row->seq = query_col_int(&q, 1);
    row->stamp = query_col_int(&q, 2);
    return query_copy(&q, 3, l->arena, &row->body, err) &&
           copy_text(l, &q, 4, &row->task_path, err);
}

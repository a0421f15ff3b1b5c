/* sql_checkpoint_next.c - see sql_checkpoint_next.h. */
#include "sql_checkpoint_next.h"

#include "blob_hash.h"
#include "pack.h"
#include "session_state.h"
#include "sorted.h"
#include "sql_load.h"
#include "sql_ns.h"
#include "sql_rows.h"

/* More travels better row by row. */
enum { VALUES_MAX = 64, BYTES_MAX = 1 << 16 };

/* The numbers of a new value, as PUT_NEXT_CHECKPOINT reads them: first all ids, then all keys, ... */
enum {
    ID,
    KEY, /* 0 = NULL */
    BASE,
    ENCODING,
    CHANNEL, /* a place in the bytes and a length, -1 = NULL; so have the next */
    VERSION = CHANNEL + 2,
    TYPE = VERSION + 2,
    BYTES = TYPE + 2,
    COLUMNS = BYTES + 2
};

struct next {
    struct op *op;
    int64_t *numbers;
    size_t n; /* values, the head included */
    char *bytes, *end, *hashes;
    int64_t *refs, *bases;
    size_t n_refs, n_bases;
    int64_t size; /* of payload */
};

static size_t bytes_of(const struct blob *blob, const struct channel_version *of)
{
    return blob->bytes.len + blob->type.len + (of ? of->channel.len + of->version.len : 0) +
           PACKED_VERSION_MAX;
}

static size_t bytes_of_all(const struct op_checkpoint_put *put)
{
    size_t bytes = bytes_of(&put->head, NULL);

    for (size_t i = 0; i < put->n_values; i++)
        bytes += bytes_of(&put->values[i].blob, &put->values[i].of);
    return bytes;
}

bool checkpoint_is_usual(const struct op *op)
{
    const struct op_checkpoint_put *put = &op->checkpoint_put;

    return put->carried_ids && !op->replicate && !op->fence && put->n_values < VALUES_MAX &&
           bytes_of_all(put) <= BYTES_MAX;
}

static void add_text(struct next *x, size_t i, int column, struct slice s)
{
    int64_t *at = &x->numbers[(size_t)column * x->n + i];

    at[0] = x->end - x->bytes + 1; /* SQL counts from 1 */
    at[x->n] = slice_present(s) ? (int64_t)s.len : -1;
    if (s.len)
        memcpy(x->end, s.at, s.len);
    x->end += s.len;
}

static void add_value(struct next *x, size_t i, const struct blob *blob,
                      const struct channel_version *of)
{
    struct slice none = {NULL, 0};
    char room[PACKED_VERSION_MAX];
    int64_t *at = &x->numbers[i];

    at[ID * x->n] = blob->id;
    at[KEY * x->n] = of ? blob_key(of->channel, of->version) : blob->base_id;
    at[BASE * x->n] = blob->base_id;
    at[ENCODING * x->n] = blob->encoding;
    memcpy(x->hashes + i * BLOB_HASH_LEN, blob->hash, BLOB_HASH_LEN);
    add_text(x, i, CHANNEL, of ? load_text(of->channel) : none);
    add_text(x, i, VERSION, of ? pack_version(load_text(of->version), room) : none);
    add_text(x, i, TYPE, blob->type);
    add_text(x, i, BYTES, load_text(blob->bytes));
    x->bases[i] = blob->base_id;
    x->size += (int64_t)blob->bytes.len;
    if (of)
        x->refs[x->n_refs++] = blob->id;
}

/* The new values, and what the checkpoint refers to. */
static bool gather(struct next *x, struct err *err)
{
    const struct op_checkpoint_put *put = &x->op->checkpoint_put;
    struct arena *arena = x->op->arena;

    x->n = put->n_values + 1;
    x->numbers = arena_alloc(arena, x->n * COLUMNS * sizeof(*x->numbers));
    x->bases = arena_alloc(arena, x->n * sizeof(*x->bases));
    x->refs = arena_alloc(arena, (x->n + put->n_carried) * sizeof(*x->refs));
    x->hashes = arena_alloc(arena, x->n * BLOB_HASH_LEN);
    x->bytes = x->end = arena_alloc(arena, bytes_of_all(put));
    if (!x->numbers || !x->bases || !x->refs || !x->hashes || !x->bytes)
        return err_no_memory(err);
    for (size_t i = 0; i < put->n_values; i++)
        add_value(x, i, &put->values[i].blob, &put->values[i].of);
    add_value(x, put->n_values, &put->head, NULL);
    x->n_bases = sorted_numbers(x->bases, x->n);
    for (size_t i = 0; i < put->n_carried; i++)
        x->refs[x->n_refs++] = put->carried_ids[i];
    x->size += (int64_t)put->metadata.len;
    return true;
}

/* The keys by which the carried values are looked for: whether they are the newest of theirs. */
static bool bind_carried(struct query *q, const struct op *op, struct err *err)
{
    const struct op_checkpoint_put *put = &op->checkpoint_put;
    int64_t *keys = arena_alloc(op->arena, (put->n_carried + 1) * sizeof(*keys));

    if (!keys)
        return err_no_memory(err);
    for (size_t i = 0; i < put->n_carried; i++)
        keys[i] = blob_key(put->carried[i].channel, put->carried[i].version);
    return load_bind_numbers(q, put->carried_ids, put->n_carried, op->arena, err) &&
           load_bind_numbers(q, keys, put->n_carried, op->arena, err);
}

static bool bind_values(struct query *q, const struct next *x, struct err *err)
{
    query_int(q, (int64_t)x->n);
    if (!load_bind_numbers(q, x->numbers, x->n * COLUMNS, x->op->arena, err))
        return false;
    query_blob(q, (struct slice){x->hashes, x->n * BLOB_HASH_LEN});
    query_blob(q, (struct slice){x->bytes, (size_t)(x->end - x->bytes)});
    return true;
}

static void bind_row(struct query *q, const struct next *x, int64_t tenant, struct slice refs)
{
    const struct op *op = x->op;
    const struct op_checkpoint_put *put = &op->checkpoint_put;

    query_int(q, tenant);
    query_blob(q, op->id);
    query_blob(q, put->ns);
    query_blob(q, put->checkpoint_id);
    query_int(q, put->form);
    query_int(q, op->stamp);
    query_int(q, x->size);
    query_int(q, op->now_us);
    query_blob(q, put->parent_id);
    query_blob(q, put->run_id);
    query_int(q, put->head.id);
    query_blob(q, refs);
    query_blob(q, put->metadata);
    query_int(q, row_minute(op->now_us));
    query_int(q, session_state_expired_us(q->d->session_ttl_us, op->now_us));
}

bool checkpoint_next(struct sql *d, struct op *op, int64_t tenant, bool *done, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct next x = {.op = op};
    struct slice refs;

    *done = false;
    if (!d->quick || !checkpoint_is_usual(op))
        return true;
    if (!gather(&x, err) || !pack_refs(x.refs, x.n_refs, op->arena, &refs, err) ||
        !query_begin(d, SQL_CHECKPOINT_NEXT, &q, err))
        return false;
    bind_row(&q, &x, tenant, refs);
    if (!load_bind_numbers(&q, x.bases, x.n_bases, op->arena, err))
        return false;
    query_int(&q, (int64_t)x.n_bases);
    return bind_carried(&q, op, err) && bind_values(&q, &x, err) && query_step(&q, done, err);
}

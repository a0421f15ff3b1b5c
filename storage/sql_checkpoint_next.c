/* sql_checkpoint_next.c - see sql_checkpoint_next.h. */
#include "sql_checkpoint_next.h"

#include "clock.h"
#include "pack.h"
#include "session_state.h"
#include "sql_ns.h"
#include "sql_rows.h"

/* Larger checkpoints are put row by row instead. */
enum { VALUES_MAX = 64, BYTES_MAX = 1 << 16 };

/* The numbers of a new value, as PUT_NEXT_CHECKPOINT reads them: first all ids, then all keys, ... */
enum {
    ID,
    KEY, /* 0 = NULL */
    BASE,
    ENCODING,
    CHANNEL, /* a position in the bytes and a length (-1 = NULL); likewise the next three */
    VERSION = CHANNEL + 2,
    TYPE = VERSION + 2,
    BYTES = TYPE + 2,
    COLUMNS = BYTES + 2
};

struct next {
    struct op *op;
    int64_t *numbers;
    size_t n; /* values, including the head */
    char *bytes, *end, *hashes;
    int64_t size; /* of payload */
};

bool checkpoint_refs(const struct op *op, const int64_t *carried, int64_t **refs, size_t *n,
                     struct err *err)
{
    const struct op_checkpoint_put *put = &op->checkpoint_put;

    *n = 0;
    *refs = arena_alloc(op->arena, (put->n_values + put->n_carried + 1) * sizeof(**refs));
    if (!*refs)
        return err_no_memory(err);
    for (size_t i = 0; i < put->n_values; i++)
        (*refs)[(*n)++] = put->values[i].blob.id;
    for (size_t i = 0; i < put->n_carried; i++)
        if (carried[i])
            (*refs)[(*n)++] = carried[i];
    return true;
}

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
    at[KEY * x->n] = value_row_key(blob, of);
    at[BASE * x->n] = blob->base_id;
    at[ENCODING * x->n] = blob->encoding;
    memcpy(x->hashes + i * BLOB_HASH_LEN, blob->hash, BLOB_HASH_LEN);
    add_text(x, i, CHANNEL, of ? load_text(of->channel) : none);
    add_text(x, i, VERSION, of ? pack_version(load_text(of->version), room) : none);
    add_text(x, i, TYPE, blob->type);
    add_text(x, i, BYTES, load_text(blob->bytes));
    x->size += (int64_t)blob->bytes.len;
}

/* Puts all new values into the arrays. */
static bool gather(struct next *x, struct err *err)
{
    const struct op_checkpoint_put *put = &x->op->checkpoint_put;
    struct arena *arena = x->op->arena;

    x->n = put->n_values + 1;
    x->numbers = arena_alloc(arena, x->n * COLUMNS * sizeof(*x->numbers));
    x->hashes = arena_alloc(arena, x->n * BLOB_HASH_LEN);
    x->bytes = x->end = arena_alloc(arena, bytes_of_all(put));
    if (!x->numbers || !x->hashes || !x->bytes)
        return err_no_memory(err);
    for (size_t i = 0; i < put->n_values; i++)
        add_value(x, i, &put->values[i].blob, &put->values[i].of);
    add_value(x, put->n_values, &put->head, NULL);
    x->size += (int64_t)put->metadata.len;
    return true;
}

/* Binds its bases, and what it carries: the statement checks whether that is still the newest. */
static bool bind_rests_on(struct query *q, const struct op *op, const struct target_values *on,
                          struct err *err)
{
    const int64_t *ids = op->checkpoint_put.carried_ids;

    if (!load_bind_numbers(q, on->bases, on->n_bases, op->arena, err))
        return false;
    query_int(q, (int64_t)on->n_bases);
    return load_bind_numbers(q, ids, on->n_carried, op->arena, err) &&
           target_bind_names(q, on->carried, on->n_carried, op->arena, err);
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
    query_int(q, clock_expired_us(q->d->session_ttl_us, op->now_us));
}

bool checkpoint_next(struct sql *d, struct op *op, int64_t tenant,
                     const struct target_values *rests_on, bool *done, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct next x = {.op = op};
    struct slice packed;
    int64_t *refs;
    size_t n_refs;

    *done = false;
    if (!d->quick) /* only set for a checkpoint that is alone in its batch, and usual */
        return true;
    if (!gather(&x, err) ||
        !checkpoint_refs(op, op->checkpoint_put.carried_ids, &refs, &n_refs, err) ||
        !pack_refs(refs, n_refs, op->arena, &packed, err) ||
        !query_begin(d, SQL_CHECKPOINT_NEXT, &q, err))
        return false;
    bind_row(&q, &x, tenant, packed);
    return bind_rests_on(&q, op, rests_on, err) && bind_values(&q, &x, err) &&
           query_step(&q, done, err);
}

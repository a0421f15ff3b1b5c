/* versions.c - see versions.h. */
#include "versions.h"

#include <stdlib.h>

#include "blob_hash.h"
#include "clock.h"
#include "value_map.h"

struct versions {
    struct backend base;
    struct backend *below;
};

/* Ids are new each time that the op runs: an earlier run may have stored its own. */
static void encode_put(struct op_checkpoint_put *put)
{
    int64_t step = INT64_C(1) << STAMP_NODE_BITS;
    int64_t id = stamp_take((int64_t)put->n_values + 1);

    for (size_t i = 0; i <= put->n_values; i++, id += step) {
        struct blob *blob = i < put->n_values ? &put->values[i].blob : &put->head;

        blob->id = id;
        blob->base_id = 0;
        blob->base = NULL;
        blob->encoding = BLOB_WHOLE;
        blob_hash(blob->type, blob->bytes, blob->hash);
    }
}

static bool decode(struct blob *blob, struct err *err)
{
    uint8_t hash[BLOB_HASH_LEN];

    if (blob->encoding != BLOB_WHOLE)
        return err_set(err, ERR_STORAGE, "the encoding %d of a stored value is unknown",
                       blob->encoding);
    blob_hash(blob->type, blob->bytes, hash);
    if (memcmp(hash, blob->hash, sizeof(hash)) != 0)
        return err_set(err, ERR_STORAGE, "a stored value does not match its hash");
    blob->base_id = 0;
    blob->base = NULL;
    return true;
}

/* Values are shared and the driver's: each is decoded once, into one of our own. */
static bool decode_value(struct value_map *done, const struct value **value, struct err *err)
{
    struct value *own = value_map_find(done, (*value)->blob.id);

    if (!own) {
        own = arena_alloc(done->arena, sizeof(*own));
        if (!own)
            return err_set(err, ERR_NO_MEMORY, "out of memory");
        *own = **value;
        if (!decode(&own->blob, err) || !value_map_add(done, own, err))
            return false;
    }
    *value = own;
    return true;
}

static bool decode_checkpoint(struct value_map *done, struct checkpoint *checkpoint,
                              struct err *err)
{
    if (!decode(&checkpoint->head, err))
        return false;
    for (size_t i = 0; i < checkpoint->n_values; i++)
        if (!decode_value(done, &checkpoint->values[i], err))
            return false;
    return true;
}

static bool decode_list(struct op *op, struct err *err)
{
    struct value_map done = {.arena = op->arena};

    for (size_t i = 0; i < op->checkpoint_list.out.n; i++)
        if (!decode_checkpoint(&done, op->checkpoint_list.out.items[i], err))
            return false;
    return true;
}

static bool decode_get(struct op *op, struct err *err)
{
    struct value_map done = {.arena = op->arena};

    return decode_checkpoint(&done, op->checkpoint_get.out.checkpoint, err);
}

static bool decode_values(struct op *op, struct err *err)
{
    struct value_map done = {.arena = op->arena};

    for (size_t i = 0; i < op->values_get.n; i++)
        if (op->values_get.out.items[i] && !decode_value(&done, &op->values_get.out.items[i], err))
            return false;
    return true;
}

static void decode_op(struct op *op)
{
    struct err err;

    if (op->status.kind != ERR_OK)
        return;
    if ((op->type == OP_CHECKPOINT_GET && !decode_get(op, &err)) ||
        (op->type == OP_VALUES_GET && !decode_values(op, &err)) ||
        (op->type == OP_CHECKPOINT_LIST && !decode_list(op, &err)))
        op->status = err;
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct versions *v = (struct versions *)self;

    for (size_t i = 0; i < n; i++)
        if (ops[i]->type == OP_CHECKPOINT_PUT)
            encode_put(&ops[i]->checkpoint_put);
    if (!v->below->ops->execute(v->below, ops, n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        decode_op(ops[i]);
    return true;
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct versions *v = (struct versions *)self;

    if (!backend_probe(v->below, deadline_ns, err))
        return false;
    v->base.caps = v->below->caps;
    return true;
}

static void close_both(struct backend *self)
{
    struct versions *v = (struct versions *)self;

    backend_close(v->below);
    free(v);
}

static const struct backend_ops versions_ops = {
    .name = "versions",
    .execute = execute,
    .probe = probe,
    .close = close_both,
};

struct backend *versions_open(struct backend *below, struct err *err)
{
    struct versions *v = malloc(sizeof(*v));

    if (!v) {
        backend_close(below);
        err_fill(err, ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    *v = (struct versions){.base = {.ops = &versions_ops, .caps = below->caps}, .below = below};
    return &v->base;
}

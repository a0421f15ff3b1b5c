/* patch_bases.c - see patch_bases.h. */
#include "patch_bases.h"

#include "blob_hash.h"
#include "channel_key.h"
#include "pack.h"

enum { HEADS_MAX = 100 }; /* the base of a patch is seldom older */

/* Takes the newest value of the channel from the cache, if it has the version and hash that are asked
 * for. */
static bool serve_row(struct value_cache *cache, const struct op *op, const struct value_ask *ask,
                      struct value *out)
{
    struct value_key key = channel_key(op, op->values_get.ns, &ask->of.channel, false);
    const struct cached_value *found;
    bool copied = false;
    uint64_t tag;

    found = value_cache_newest(cache, &key, &tag);
    if (found && tag == (uint64_t)blob_key(ask->of.channel, ask->of.version) &&
        memcmp(found->hash, ask->hash, BLOB_HASH_LEN) == 0)
        copied = value_cache_copy(found, op->arena, out);
    value_cache_release(cache, found);
    return copied;
}

static bool copy_inlined(const struct inlined *in, const struct value_ask *ask, struct arena *arena,
                         struct value *out)
{
    *out = (struct value){.blob = {.type = in->type, .bytes = in->bytes, .whole = true}};
    blob_hash(in->type, in->bytes, out->blob.hash);
    return memcmp(out->blob.hash, ask->hash, BLOB_HASH_LEN) == 0 &&
           arena_keep(arena, &out->blob.type) && arena_keep(arena, &out->blob.bytes);
}

/* Takes it from the newest head of the namespace, if that holds it. */
static bool serve_inlined(struct value_cache *cache, const struct op *op,
                          const struct value_ask *ask, struct value *out)
{
    struct value_key key = channel_key(op, op->values_get.ns, NULL, false);
    const struct cached_value *newest;
    const struct inlined *in = NULL;
    bool copied = false;
    struct packed_head head;
    struct err err;
    uint64_t tag;

    newest = value_cache_newest(cache, &key, &tag);
    if (newest && unpack_head(newest->bytes, op->arena, &head, &err))
        in = head_find(&head, &ask->of);
    if (in && in->place == IN_HEAD)
        copied = copy_inlined(in, ask, op->arena, out);
    value_cache_release(cache, newest);
    return copied;
}

static const struct value *serve_one(struct value_cache *cache, const struct op *op,
                                     const struct value_ask *ask)
{
    struct value *out = arena_alloc(op->arena, sizeof(*out));

    if (!out || !ask->hash ||
        (!serve_row(cache, op, ask, out) && !serve_inlined(cache, op, ask, out)))
        return NULL;
    out->of = ask->of;
    return out;
}

bool patch_bases_serve(struct value_cache *cache, struct op *op)
{
    const struct value **items;

    if (op->type != OP_VALUES_GET || !cache)
        return false;
    items = arena_alloc(op->arena, (op->values_get.n + 1) * sizeof(*items));
    for (size_t i = 0; i < op->values_get.n; i++)
        if (!items || !(items[i] = serve_one(cache, op, &op->values_get.asks[i])))
            return false;
    op->values_get.out.items = items;
    op->status = (struct err){.kind = ERR_OK};
    return items != NULL;
}

static bool is_missing(const struct op *op, size_t i)
{
    return op->values_get.asks[i].id == 0 && !op->values_get.out.items[i];
}

bool patch_bases_seek(const struct op *op, struct op **read, struct err *err)
{
    bool missing = false;

    *read = NULL;
    if (op->type != OP_VALUES_GET || op->status.kind != ERR_OK)
        return true;
    for (size_t i = 0; i < op->values_get.n; i++)
        missing |= is_missing(op, i);
    if (!missing)
        return true;
    *read = op_before(op, OP_CHECKPOINT_LIST);
    if (!*read)
        return err_no_memory(err);
    (*read)->checkpoint_list = (struct op_checkpoint_list){.ns = op->values_get.ns,
                                                           .limit = HEADS_MAX};
    return true;
}

/* The value of a channel version that the head of a checkpoint holds (its id is below 0), or NULL. */
static const struct value *find(const struct checkpoint *c, const struct channel_version *of)
{
    for (size_t i = 0; i < c->n_values; i++)
        if (c->values[i]->blob.id < 0 && slice_equal(c->values[i]->of.channel, of->channel) &&
            slice_equal(c->values[i]->of.version, of->version))
            return c->values[i];
    return NULL;
}

void patch_bases_take(struct op *op, const struct op *read)
{
    const struct op_checkpoint_list *list = &read->checkpoint_list;

    if (read->status.kind != ERR_OK)
        return;
    for (size_t i = 0; i < op->values_get.n; i++)
        for (size_t k = 0; k < list->out.n && is_missing(op, i); k++)
            op->values_get.out.items[i] = find(list->out.items[k], &op->values_get.asks[i].of);
}

/* patches.c - see patches.h. */
#include "patches.h"

#include "blob_hash.h"
#include "config.h"
#include "service.h"

static bool list_bases(struct request *req, const struct op_checkpoint_put *put,
                       struct value_ask **of, size_t *n, struct err *err)
{
    uint64_t most = (uint64_t)request_service(req)->config->max_body, left = most;

    *of = arena_alloc(request_arena(req), (put->n_values + 1) * sizeof(**of));
    if (!*of)
        return err_no_memory(err);
    *n = 0;
    for (size_t i = 0; i < put->n_values; i++) {
        const struct patch *patch = put->values[i].blob.patch;

        if (!patch)
            continue;
        if (patch->len > left)
            return err_set(err, ERR_INVALID,
                           "/values/%zu/parts: the whole values are larger than a body may be", i);
        left -= patch->len;
        (*of)[(*n)++] = (struct value_ask){.of = {put->values[i].of.channel, patch->version},
                                           .hash = patch->base_hash};
    }
    return *n == 0 || request_hold(req, (size_t)(most - left), err);
}

bool patches_op(struct request *req, const struct op_checkpoint_put *put, struct op **op,
                struct err *err)
{
    struct value_ask *of;
    size_t n;

    *op = NULL;
    if (!list_bases(req, put, &of, &n, err))
        return false;
    if (n == 0)
        return true;
    *op = request_op(req, OP_VALUES_GET, request_param(req, "t"), err);
    if (!*op)
        return false;
    (*op)->values_get = (struct op_values_get){.ns = put->ns, .asks = of, .n = n};
    return true;
}

static bool missing(size_t i, struct err *err)
{
    return err_set(err, ERR_NO_BASE,
                   "/values/%zu/base: no such value is stored, send the whole value", i);
}

static bool rebuild(struct request *req, size_t i, const struct value *base, struct blob *blob,
                    struct err *err)
{
    struct patch *patch = arena_alloc(request_arena(req), sizeof(*patch));
    uint8_t hash[BLOB_HASH_LEN];
    size_t bad;
    char *whole;

    if (!base || memcmp(base->blob.hash, blob->patch->base_hash, sizeof(hash)) != 0)
        return missing(i, err);
    if (!patch || !(whole = arena_alloc(request_arena(req), blob->patch->len + 1)))
        return err_no_memory(err);
    bad = patch_beyond(blob->patch, base->blob.bytes.len);
    if (bad < blob->patch->n)
        return err_set(err, ERR_INVALID,
                       "/values/%zu/parts/%zu/copy: reaches beyond the base of %zu bytes", i, bad,
                       base->blob.bytes.len);
    patch_apply(blob->patch, base->blob.bytes, whole);
    blob->bytes = (struct slice){whole, blob->patch->len};
    blob_hash(blob->type, blob->bytes, hash);
    if (memcmp(hash, blob->patch->hash, sizeof(hash)) != 0)
        return err_set(err, ERR_INVALID,
                       "/values/%zu/hash: not that of what the parts make of the base", i);
    *patch = *blob->patch;
    patch->base = base->blob.bytes; /* the op that read it lives as long as the request */
    patch->base_id = base->blob.id;
    patch->anchor_id = base->blob.anchor_id;
    patch->place = base->blob.place;
    blob->patch = patch;
    return true;
}

bool patches_rebuild(struct request *req, const struct op_values_get *bases,
                     struct op_checkpoint_put *put, struct err *err)
{
    size_t at = 0;

    for (size_t i = 0; i < put->n_values; i++)
        if (put->values[i].blob.patch &&
            !rebuild(req, i, bases->out.items[at++], &put->values[i].blob, err))
            return false;
    return true;
}

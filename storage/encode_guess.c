/* encode_guess.c - guesses from the cache where carried values are stored; see encode_internal.h. */
#include "channel_key.h"
#include "encode_internal.h"

enum { CARRIED_MAX = 64 }; /* more are not looked up one by one */

/* The id of the newest value of a key, if it is the one that is wanted; else 0. */
static int64_t guess_of_key(const struct encoder *e, const struct channel_version *of,
                            const struct value_key *key)
{
    const struct cached_value *found;
    int64_t id = 0;
    uint64_t tag;

    found = value_cache_newest(e->cache, key, &tag);
    if (found && found->bytes.len > 0 && slice_equal(found->of.channel, of->channel) &&
        slice_equal(found->of.version, of->version))
        id = found->id;
    value_cache_release(e->cache, found);
    return id;
}

/* Where a carried value is stored, according to the cache; 0 = not known. */
static int64_t guess_carried(const struct encoder *e, const struct channel_version *of)
{
    int64_t id = 0;

    for (int is_short = 0; id == 0 && is_short < 2; is_short++) {
        struct value_key key = channel_key(e->op, e->asked.ns, &of->channel, is_short);

        id = guess_of_key(e, of, &key);
    }
    return id;
}

bool encode_guess(struct encoder *e, struct err *err)
{
    struct op_checkpoint_put *put = &e->op->checkpoint_put;
    bool known = put->n_carried + put->n_sources > 0;
    int64_t *ids;

    put->carried_ids = NULL;
    for (size_t i = 0; i < e->n; i++)
        known |= e->values[i].blob->base_id != 0;
    if (!e->cache || !known || put->n_carried > CARRIED_MAX || e->values[0].is_newest)
        return true;
    ids = arena_alloc(e->op->arena, (put->n_carried + 1) * sizeof(*ids));
    if (!ids)
        return err_no_memory(err);
    for (size_t i = 0; i < put->n_carried; i++)
        if (!(ids[i] = guess_carried(e, &put->carried[i])))
            return true;
    put->carried_ids = ids;
    return true;
}

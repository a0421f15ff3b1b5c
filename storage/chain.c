/* chain.c - see chain.h. */
#include "chain.h"

#include "blob_hash.h"
#include "delta.h"

/* The longest chain: 31 in the block of the value, 31 anchors, and the value at place 0. */
enum { LINKS_MAX = 64 };

/* The base of the next link. */
struct link {
    int64_t anchor_id;
    uint32_t place;
    struct slice whole;
};

struct chain {
    struct value_cache *cache;
    struct arena *arena;
    struct arena scratch[2];             /* intermediate whole bytes, alternately */
    const struct blob *links[LINKS_MAX]; /* the blob asked for comes first */
    size_t n;
    const struct channel_version *of; /* what the first one is the value of; NULL: a head */
    /* The base of the last link, from the cache or as the driver gave it; both NULL: it has none. */
    const struct cached_value *known;
    const struct blob *whole;
};

static bool is_known(struct chain *c, const struct blob *blob)
{
    c->known = value_cache_find(c->cache, blob->id);
    if (c->known && memcmp(c->known->hash, blob->hash, BLOB_HASH_LEN) == 0)
        return true;
    value_cache_release(c->cache, c->known);
    c->known = NULL;
    return false;
}

/* Lists the links down to one that needs no base, or whose base is known. */
static bool list(struct chain *c, const struct blob *blob, struct err *err)
{
    for (; blob; blob = blob->base) {
        if (blob->whole) {
            c->whole = blob;
            return true;
        }
        if (is_known(c, blob))
            return true;
        if (c->n == LINKS_MAX)
            return err_set(err, ERR_DAMAGED, "a stored value has too many bases");
        c->links[c->n++] = blob;
        if (!delta_has_base(blob->encoding))
            return true;
    }
    return err_set(err, ERR_DAMAGED, "what a stored value is based on is not there");
}

/* Whether a value at this place may be based on one at that place. */
static bool follows(uint32_t place, uint32_t base)
{
    return place == base + (place % DELTA_BLOCK ? 1 : DELTA_BLOCK);
}

static bool check_hash(const struct blob *blob, struct slice whole, struct err *err)
{
    uint8_t hash[BLOB_HASH_LEN];

    blob_hash(blob->type, whole, hash);
    return memcmp(hash, blob->hash, sizeof(hash)) == 0 ||
           err_set(err, ERR_DAMAGED, "a stored value does not match its hash");
}

static void keep(struct chain *c, size_t i, const struct link *at)
{
    const struct blob *blob = c->links[i];
    struct cached_value value = {
        .id = blob->id,
        .base_id = blob->base_id,
        .anchor_id = at->anchor_id,
        .place = at->place,
        .type = blob->type,
        .bytes = at->whole,
    };

    if (i == 0 && c->of)
        value.of = *c->of;
    memcpy(value.hash, blob->hash, sizeof(value.hash));
    value_cache_put(c->cache, &value);
}

/* Decodes a link; `at` is its base before the call, and the link itself after it. */
static bool decode_link(struct chain *c, size_t i, struct link *at, struct err *err)
{
    const struct blob *blob = c->links[i];
    struct delta in = {(enum blob_encoding)blob->encoding, blob->bytes};
    struct arena *arena = i == 0 ? c->arena : &c->scratch[i % 2];
    bool based = delta_has_base(blob->encoding);
    uint32_t place;

    if (i > 0)
        arena_reset(arena);
    if (!delta_place(blob->encoding, blob->bytes, &place, err))
        return false;
    if (based && !follows(place, at->place))
        return err_set(err, ERR_DAMAGED, "a stored value is based on another than it should be");
    if (!delta_decode(&in, based ? at->whole : (struct slice){NULL, 0}, arena, &at->whole, err))
        return false;
    at->place = place;
    if (place % DELTA_BLOCK == 0)
        at->anchor_id = blob->id;
    if (i > 0 && place % DELTA_BLOCK != 0)
        return true;
    if (!check_hash(blob, at->whole, err))
        return false;
    keep(c, i, at);
    return true;
}

static bool decode(struct chain *c, struct blob *blob, struct err *err)
{
    struct link at = {0};

    if (blob->whole) {
        blob->base = NULL;
        return true;
    }
    if (!list(c, blob, err))
        return false;
    if (c->whole)
        at = (struct link){c->whole->anchor_id, c->whole->place, c->whole->bytes};
    if (c->known)
        at = (struct link){c->known->anchor_id, c->known->place, c->known->bytes};
    for (size_t i = c->n; i-- > 0;)
        if (!decode_link(c, i, &at, err))
            return false;
    if (c->n == 0) {
        at.whole = arena_copy(c->arena, at.whole);
        if (!at.whole.at)
            return err_no_memory(err);
    }
    blob->bytes = at.whole;
    blob->place = at.place;
    blob->anchor_id = at.anchor_id;
    blob->base = NULL;
    blob->encoding = BLOB_WHOLE;
    return true;
}

bool chain_decode(struct value_cache *cache, struct blob *blob, const struct channel_version *of,
                  struct arena *arena, struct err *err)
{
    struct chain c = {.cache = cache, .arena = arena, .of = of};
    bool ok = decode(&c, blob, err);

    value_cache_release(cache, c.known);
    arena_done(&c.scratch[0]);
    arena_done(&c.scratch[1]);
    return ok;
}

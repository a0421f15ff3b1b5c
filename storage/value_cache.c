/* value_cache.c - see value_cache.h. */
#include "value_cache.h"

#include <pthread.h>
#include <stdlib.h>

#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "delta.h"

enum { BUCKETS_FIRST = 256, LARGEST = 2 /* a value may take this part of all */ };

/* A value, or a note which value is the newest. */
struct entry {
    struct cached_value value; /* what value_cache_find() returns; a note uses only its id */
    struct value_key key;
    uint64_t tag;
    size_t charge;
    unsigned refs;               /* uses that were not released */
    bool held;                   /* it is in the cache */
    struct entry *next;          /* in its bucket */
    struct entry *newer, *older; /* list in order of use */
    char bytes[];
};

struct value_cache {
    pthread_mutex_t lock; /* guards all below, and all entries except their values */
    size_t max, used, n;
    struct entry **buckets;
    size_t n_buckets; /* a power of two */
    struct entry *newest, *oldest;
};

struct value_cache *value_cache_new(size_t bytes)
{
    struct value_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        return NULL;
    cache->max = bytes;
    cache->n_buckets = BUCKETS_FIRST;
    cache->buckets = calloc(cache->n_buckets, sizeof(struct entry *));
    if (!cache->buckets) {
        free(cache);
        return NULL;
    }
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void value_cache_free(struct value_cache *cache)
{
    if (!cache)
        return;
    for (struct entry *e = cache->newest; e;) {
        struct entry *older = e->older;

        free(e);
        e = older;
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache->buckets);
    free(cache);
}

/* Keys of ids begin with zeros; keys of channels are hashes that never do. */
static struct value_key key_of(int64_t id)
{
    struct value_key key = {{0}};

    memcpy(key.bytes + sizeof(int64_t), &id, sizeof(id));
    return key;
}

struct value_key value_cache_key(const struct slice *parts, size_t n)
{
    XXH128_canonical_t canonical;
    XXH3_state_t state;
    struct value_key key;

    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < n; i++) {
        uint64_t len = parts[i].len;

        XXH3_128bits_update(&state, &len, sizeof(len));
        XXH3_128bits_update(&state, parts[i].at, parts[i].len);
    }
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(key.bytes, canonical.digest, sizeof(key.bytes));
    key.bytes[0] |= 1;
    return key;
}

static struct entry **slot_of(struct value_cache *cache, const struct value_key *key)
{
    uint64_t low, high;
    struct entry **at;

    memcpy(&low, key->bytes, sizeof(low));
    memcpy(&high, key->bytes + sizeof(low), sizeof(high));
    low = (low ^ high) * UINT64_C(0x9E3779B97F4A7C15) >> 32;
    at = &cache->buckets[low & (cache->n_buckets - 1)];
    while (*at && memcmp(&(*at)->key, key, sizeof(*key)) != 0)
        at = &(*at)->next;
    return at;
}

static void unlink_use(struct value_cache *cache, struct entry *e)
{
    *(e->newer ? &e->newer->older : &cache->newest) = e->older;
    *(e->older ? &e->older->newer : &cache->oldest) = e->newer;
}

static void link_newest(struct value_cache *cache, struct entry *e)
{
    e->newer = NULL;
    e->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = e;
    cache->newest = e;
}

static void link_oldest(struct value_cache *cache, struct entry *e)
{
    e->older = NULL;
    e->newer = cache->oldest;
    *(cache->oldest ? &cache->oldest->older : &cache->newest) = e;
    cache->oldest = e;
}

static void drop(struct value_cache *cache, struct entry *e)
{
    struct entry **slot = slot_of(cache, &e->key);

    *slot = e->next;
    unlink_use(cache, e);
    cache->used -= e->charge;
    cache->n--;
    e->held = false;
    if (e->refs == 0)
        free(e);
}

/* Doubles the buckets; without memory the old ones remain, only slower. */
static void spread(struct value_cache *cache)
{
    struct value_cache more = {.n_buckets = cache->n_buckets * 2};

    more.buckets = calloc(more.n_buckets, sizeof(struct entry *));
    if (!more.buckets)
        return;
    for (size_t i = 0; i < cache->n_buckets; i++) {
        for (struct entry *e = cache->buckets[i]; e;) {
            struct entry *next = e->next;

            e->next = NULL;
            *slot_of(&more, &e->key) = e;
            e = next;
        }
    }
    free(cache->buckets);
    cache->buckets = more.buckets;
    cache->n_buckets = more.n_buckets;
}

static void add(struct value_cache *cache, struct entry *e)
{
    if (cache->n >= cache->n_buckets)
        spread(cache);
    e->next = NULL;
    *slot_of(cache, &e->key) = e;
    link_newest(cache, e);
    e->held = true;
    cache->used += e->charge;
    cache->n++;
    while (cache->used > cache->max)
        drop(cache, cache->oldest);
}

/* Whether a value of this size fits and is not in the cache yet. */
static bool wants(struct value_cache *cache, const struct value_key *key, size_t size)
{
    bool wanted;

    if (!cache || size > cache->max / LARGEST)
        return false;
    pthread_mutex_lock(&cache->lock);
    wanted = !*slot_of(cache, key);
    pthread_mutex_unlock(&cache->lock);
    return wanted;
}

/* Copies a text to `at` and lets *s point there; returns the end of the copy. */
static char *keep_text(char *at, struct slice *s)
{
    if (s->len)
        memcpy(at, s->at, s->len);
    s->at = at;
    return at + s->len;
}

void value_cache_put(struct value_cache *cache, const struct cached_value *value)
{
    struct value_key key = key_of(value->id);
    size_t size = sizeof(struct entry) + value->type.len + value->bytes.len +
                  value->of.channel.len + value->of.version.len;
    struct entry *e;
    char *end;

    if (!wants(cache, &key, size) || !(e = malloc(size)))
        return;
    *e = (struct entry){.value = *value, .key = key, .charge = size};
    e->value.held = e;
    end = keep_text(e->bytes, &e->value.type);
    end = keep_text(end, &e->value.bytes);
    if (slice_present(value->of.channel)) {
        end = keep_text(end, &e->value.of.channel);
        (void)keep_text(end, &e->value.of.version);
    }
    pthread_mutex_lock(&cache->lock);
    if (*slot_of(cache, &key))
        free(e); /* another lane was faster */
    else
        add(cache, e);
    pthread_mutex_unlock(&cache->lock);
}

/* Moves an entry to the front and counts a use; NULL stays NULL. The lock is held. */
static const struct cached_value *used(struct value_cache *cache, struct entry *e)
{
    if (!e)
        return NULL;
    unlink_use(cache, e);
    link_newest(cache, e);
    e->refs++;
    return &e->value;
}

bool value_cache_copy(const struct cached_value *found, struct arena *arena, struct value *out)
{
    *out = (struct value){.blob =
                              {
                                  .id = found->id,
                                  .base_id = found->base_id,
                                  .anchor_id = found->anchor_id,
                                  .place = found->place,
                                  .encoding = BLOB_WHOLE,
                                  .whole = true,
                                  .type = found->type,
                                  .bytes = found->bytes,
                              },
                          .of = found->of};
    memcpy(out->blob.hash, found->hash, BLOB_HASH_LEN);
    return arena_keep(arena, &out->blob.type) && arena_keep(arena, &out->blob.bytes) &&
           arena_keep(arena, &out->of.channel) && arena_keep(arena, &out->of.version);
}

const struct cached_value *value_cache_find(struct value_cache *cache, int64_t id)
{
    struct value_key key = key_of(id);
    const struct cached_value *found;

    if (!cache)
        return NULL;
    pthread_mutex_lock(&cache->lock);
    found = used(cache, *slot_of(cache, &key));
    pthread_mutex_unlock(&cache->lock);
    return found;
}

/* Makes a value that is no longer the newest the first to go; it will hardly be asked for. */
static void set_back(struct value_cache *cache, int64_t id)
{
    struct value_key key = key_of(id);
    struct entry *e = *slot_of(cache, &key);

    if (!e || e->value.place % DELTA_BLOCK == 0)
        return;
    unlink_use(cache, e);
    link_oldest(cache, e);
}

void value_cache_note(struct value_cache *cache, const struct value_key *key, int64_t id,
                      uint64_t tag)
{
    struct entry *e, *fresh;

    if (!cache || sizeof(*e) > cache->max / LARGEST)
        return;
    fresh = malloc(sizeof(*fresh));
    pthread_mutex_lock(&cache->lock);
    e = *slot_of(cache, key);
    if (!e && fresh) {
        *fresh = (struct entry){.key = *key, .charge = sizeof(*fresh)};
        e = fresh;
        fresh = NULL;
        add(cache, e);
    } else if (e) {
        unlink_use(cache, e);
        link_newest(cache, e);
        if (e->value.id != id)
            set_back(cache, e->value.id);
    }
    if (e) {
        e->value.id = id;
        e->tag = tag;
    }
    pthread_mutex_unlock(&cache->lock);
    free(fresh);
}

const struct cached_value *value_cache_newest(struct value_cache *cache,
                                              const struct value_key *key, uint64_t *tag)
{
    const struct cached_value *found = NULL;
    struct value_key of;
    struct entry *note;

    if (!cache)
        return NULL;
    pthread_mutex_lock(&cache->lock);
    note = *slot_of(cache, key);
    if (note) {
        unlink_use(cache, note);
        link_newest(cache, note);
        *tag = note->tag;
        of = key_of(note->value.id);
        found = used(cache, *slot_of(cache, &of));
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

bool value_cache_noted(struct value_cache *cache, const struct value_key *key)
{
    bool noted;

    if (!cache)
        return false;
    pthread_mutex_lock(&cache->lock);
    noted = *slot_of(cache, key) != NULL;
    pthread_mutex_unlock(&cache->lock);
    return noted;
}

void value_cache_forget(struct value_cache *cache, const struct value_key *key)
{
    struct entry *e;

    if (!cache)
        return;
    pthread_mutex_lock(&cache->lock);
    e = *slot_of(cache, key);
    if (e)
        drop(cache, e);
    pthread_mutex_unlock(&cache->lock);
}

void value_cache_release(struct value_cache *cache, const struct cached_value *value)
{
    struct entry *e;

    if (!value)
        return;
    e = value->held;
    pthread_mutex_lock(&cache->lock);
    if (--e->refs == 0 && !e->held)
        free(e);
    pthread_mutex_unlock(&cache->lock);
}

size_t value_cache_bytes(struct value_cache *cache)
{
    size_t used;

    pthread_mutex_lock(&cache->lock);
    used = cache->used;
    pthread_mutex_unlock(&cache->lock);
    return used;
}

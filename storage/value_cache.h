/*
 * value_cache.h - caches whole values by id, and notes the newest id of each channel; bounded in size.
 *
 *     versions.c: decoded, stored -> value_cache_put() -> value_cache_find() | value_cache_newest()
 *
 * A value row never changes, so no entry can be stale, whatever other instances do. That an id is the newest
 * is a guess: whoever uses it must cope if it is wrong.
 *
 * Threads    all functions except free may be called from any thread; the lanes of a store share a cache.
 * Ownership  what was found stays valid until value_cache_release(), even if it is evicted meanwhile.
 * Units      bytes, of values and their bookkeeping.
 * Errors     none: when memory runs out, or a value is too large, it is not kept. A NULL cache is empty.
 */
#ifndef VALUE_CACHE_H
#define VALUE_CACHE_H

#include "arena.h"
#include "model.h"

struct value_cache;

enum { VALUE_KEY_LEN = 16 };

/* Identifies a channel of a namespace, or its heads; see value_cache_key(). */
struct value_key {
    uint8_t bytes[VALUE_KEY_LEN];
};

struct cached_value {
    int64_t id;
    int64_t base_id; /* 0 = none */
    /* The last one in its chain, up to this, whose place is a multiple of DELTA_BLOCK. */
    int64_t anchor_id;
    uint32_t place; /* in its chain: delta.h */
    uint8_t hash[BLOB_HASH_LEN];
    struct channel_version of; /* absent: a head, or not known */
    struct slice type, bytes;  /* whole */
    void *held;                /* for the cache itself */
};

/* Makes a cache of at most this many bytes; NULL when memory runs out. */
struct value_cache *value_cache_new(size_t bytes) MUST_USE;

/* Frees a cache; all that was found must have been released. NULL is allowed. */
void value_cache_free(struct value_cache *cache);

/* Adds a copy of the value, unless its id is there already. */
void value_cache_put(struct value_cache *cache, const struct cached_value *value);

/* Finds the value of an id, or NULL. */
const struct cached_value *value_cache_find(struct value_cache *cache, int64_t id) MUST_USE;

/* Copies what was found into a value in the arena; false when memory runs out. */
bool value_cache_copy(const struct cached_value *found, struct arena *arena,
                      struct value *out) MUST_USE;

/* Makes a key of the parts that identify a channel: tenant, thread, namespace, kind, channel. */
struct value_key value_cache_key(const struct slice *parts, size_t n) MUST_USE;

/* Notes the newest value of a channel; `tag` is stored with it, for the caller. The previous one becomes the
 * first to be evicted, unless it is an anchor. */
void value_cache_note(struct value_cache *cache, const struct value_key *key, int64_t id,
                      uint64_t tag);

/* Finds the newest value of a channel and its tag, as far as it is known; NULL if not. */
const struct cached_value *value_cache_newest(struct value_cache *cache,
                                              const struct value_key *key, uint64_t *tag) MUST_USE;

/* Whether anything is noted under a key, even if its value is not in the cache. */
bool value_cache_noted(struct value_cache *cache, const struct value_key *key) MUST_USE;

/* Removes the note under a key. */
void value_cache_forget(struct value_cache *cache, const struct value_key *key);

/* Ends the use of what was found; NULL is allowed. */
void value_cache_release(struct value_cache *cache, const struct cached_value *value);

/* How many bytes it holds. */
size_t value_cache_bytes(struct value_cache *cache) MUST_USE;

#endif

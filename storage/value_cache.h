/*
 * value_cache.h - whole values by their id, and the newest id of each channel; within a bound.
 *
 *     versions.c: decoded, stored -> value_cache_put() -> value_cache_find() | value_cache_newest()
 *
 * A value row never changes, so what is here cannot be stale, whatever other instances do. That an
 * id is the newest is a guess: whoever goes by it must be able to go without.
 *
 * Threads    all functions may be called from any thread, but free; the lanes of a store share one.
 * Ownership  what is found stays until value_cache_release(), also when it was thrown out meanwhile.
 * Units      bytes, of values and of what it takes to know them.
 * Errors     none: where memory ends, or a value is too large, it is not kept. A NULL cache holds nothing.
 */
#ifndef VALUE_CACHE_H
#define VALUE_CACHE_H

#include "arena.h"
#include "model.h"

struct value_cache;

enum { VALUE_KEY_LEN = 16 };

/* A channel of a namespace, or its heads; see value_cache_key(). */
struct value_key {
    uint8_t bytes[VALUE_KEY_LEN];
};

struct cached_value {
    int64_t id;
    int64_t base_id;   /* 0 = none */
    int64_t anchor_id; /* the last one up to this whose place is a multiple of DELTA_BLOCK */
    uint32_t place;    /* delta.h */
    uint8_t hash[BLOB_HASH_LEN];
    struct channel_version of; /* absent: a head, or not known */
    struct slice type, bytes;  /* whole */
    void *held;                /* the cache's own */
};

/* A cache of at most so many bytes; NULL when memory ends. */
struct value_cache *value_cache_new(size_t bytes) MUST_USE;

/* Nothing that was found is held any more. NULL is allowed. */
void value_cache_free(struct value_cache *cache);

/* Adds a copy of the value, unless its id is known. */
void value_cache_put(struct value_cache *cache, const struct cached_value *value);

/* The value of an id, or NULL. */
const struct cached_value *value_cache_find(struct value_cache *cache, int64_t id) MUST_USE;

/* What was found, as a value of the arena; false when memory ends. */
bool value_cache_copy(const struct cached_value *found, struct arena *arena,
                      struct value *out) MUST_USE;

/* The key of parts that together say what it is: tenant, thread, namespace, kind, channel. */
struct value_key value_cache_key(const struct slice *parts, size_t n) MUST_USE;

/* Notes which value is the newest of a channel; `tag` is whatever goes with that. The one before
 * is the first to go, unless it is an anchor. */
void value_cache_note(struct value_cache *cache, const struct value_key *key, int64_t id,
                      uint64_t tag);

/* The newest value of a channel and its tag, as far as is known, or NULL. */
const struct cached_value *value_cache_newest(struct value_cache *cache,
                                              const struct value_key *key, uint64_t *tag) MUST_USE;

/* Whether anything was noted under a key, be the value here or not. */
bool value_cache_noted(struct value_cache *cache, const struct value_key *key) MUST_USE;

/* Forgets which is the newest. */
void value_cache_forget(struct value_cache *cache, const struct value_key *key);

/* Ends the use of what was found; NULL is allowed. */
void value_cache_release(struct value_cache *cache, const struct cached_value *value);

/* What it holds. */
size_t value_cache_bytes(struct value_cache *cache) MUST_USE;

#endif

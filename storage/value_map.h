/*
 * value_map.h - the values of one op by their id, so that each is loaded and decoded once.
 *
 *     driver: several checkpoints refer to one row -> one struct value
 *     versions.c: one struct value -> one decoded one
 *
 * Threads    one op's.
 * Ownership  map and values live in the arena.
 * Units      none.
 * Errors     ERR_NO_MEMORY.
 */
#ifndef VALUE_MAP_H
#define VALUE_MAP_H

#include "arena.h"
#include "err.h"
#include "model.h"

struct value_map {
    struct arena *arena;
    struct value **slots; /* by hash of blob.id, open addressing */
    size_t cap, n;        /* cap is 0 or a power of two */
};

/* The value with this id, or NULL. */
struct value *value_map_find(const struct value_map *map, int64_t id) MUST_USE;

/* Adds a value under its blob.id, which is not in the map yet. */
bool value_map_add(struct value_map *map, struct value *value, struct err *err) MUST_USE;

/* The value of an id, tied to what it is based on; what is not in the map is left open. */
struct value *value_map_tied(const struct value_map *map, int64_t id) MUST_USE;

#endif

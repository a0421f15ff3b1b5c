/*
 * value_map.h - maps ids to the values of one op, so that each is loaded and decoded once.
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

/* Finds the value with this id, or NULL. */
struct value *value_map_find(const struct value_map *map, int64_t id) MUST_USE;

/* Adds a value under its blob.id, which must not be in the map yet. */
bool value_map_add(struct value_map *map, struct value *value, struct err *err) MUST_USE;

/* Finds a value and links it to its bases, as far as these are in the map. */
struct value *value_map_tied(const struct value_map *map, int64_t id) MUST_USE;

#endif

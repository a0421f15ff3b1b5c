/* value_map.c - see value_map.h. */
#include "value_map.h"

enum { CAP_FIRST = 32 };

/* Ids are stamps with equal low bits; Fibonacci hashing uses the high ones. */
static size_t slot_of(const struct value_map *map, int64_t id)
{
    size_t i = (size_t)((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (map->cap - 1);

    while (map->slots[i] && map->slots[i]->blob.id != id)
        i = (i + 1) & (map->cap - 1);
    return i;
}

struct value *value_map_find(const struct value_map *map, int64_t id)
{
    return map->cap ? map->slots[slot_of(map, id)] : NULL;
}

static bool grow(struct value_map *map, struct err *err)
{
    struct value_map more = {map->arena, NULL, map->cap ? map->cap * 2 : CAP_FIRST, map->n};

    more.slots = arena_zalloc(more.arena, more.cap, sizeof(*more.slots));
    if (!more.slots)
        return err_no_memory(err);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i])
            more.slots[slot_of(&more, map->slots[i]->blob.id)] = map->slots[i];
    *map = more;
    return true;
}

bool value_map_add(struct value_map *map, struct value *value, struct err *err)
{
    if (map->n >= map->cap / 2 && !grow(map, err))
        return false;
    map->slots[slot_of(map, value->blob.id)] = value;
    map->n++;
    return true;
}

struct value *value_map_tied(const struct value_map *map, int64_t id)
{
    struct value *first = value_map_find(map, id), *at = first;

    while (at && at->blob.base_id && !at->blob.base) {
        struct value *base = value_map_find(map, at->blob.base_id);

        if (base)
            at->blob.base = &base->blob;
        at = base;
    }
    return first;
}

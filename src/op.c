/* op.c - see op.h. */
#include "op.h"

#include "clock.h"

static const struct {
    const char *name;
    unsigned flags;
} types[OP_TYPE_COUNT] = {
#define X(type, member, flags) [OP_##type] = {#member, (flags)},
    OP_TYPES(X)
#undef X
};

const char *op_name(enum op_type type)
{
    return types[type].name;
}

size_t op_count(const struct op *first)
{
    size_t n = 0;

    for (; first; first = first->next)
        n++;
    return n;
}

bool op_writes(const struct op *op)
{
    return types[op->type].flags & OP_WRITES;
}

bool op_scans(const struct op *op)
{
    return (types[op->type].flags & OP_SCANS) && !slice_present(op->id);
}

bool op_as_held(const struct op *op)
{
    return (types[op->type].flags & OP_AS_HELD) || (op->type == OP_CLEANUP && op->cleanup.expired);
}

size_t op_ids(const struct op *op, struct slice ids[2])
{
    ids[0] = op->id;
    if (op->type != OP_THREAD_COPY)
        return 1;
    ids[1] = op->thread_copy.to;
    return 2;
}

bool op_not_missing(const struct op *op, struct err *err)
{
    return !op->missing || err_set(err, ERR_UNAVAILABLE,
                                   "The fallback lacks the newest changes; the primary has them.");
}

bool op_is_idempotent(const struct op *op)
{
    unsigned flags = types[op->type].flags;

    return (flags & OP_IDEMPOTENT) || (op->repeat.present && (flags & OP_KEYED));
}

bool op_stamp_above(struct op *op, int64_t stored, int64_t *stamp, struct err *err)
{
    if (op->stamp > stored) {
        *stamp = op->stamp;
        return true;
    }
    if (op->fence) {
        op->newest = stored;
        return err_set(err, ERR_FENCED, "The store holds a newer change.");
    }
    stamp_observe(stored);
    *stamp = stamp_next();
    return true;
}

bool op_fence_allows(struct op *op, int64_t stored, struct err *err)
{
    int64_t stamp;

    return !op->fence || op_stamp_above(op, stored, &stamp, err);
}

int64_t op_removal_stamp(const struct op *op)
{
    return op->replicate ? op->stamp : INT64_MAX;
}

struct op *op_before(const struct op *op, enum op_type type)
{
    struct op *made = arena_zalloc(op->arena, 1, sizeof(*made));

    if (!made)
        return NULL;
    made->type = type;
    made->tenant = op->tenant;
    made->id = op->id;
    made->now_us = op->now_us;
    made->deadline_ns = op->deadline_ns;
    made->arena = op->arena;
    return made;
}

/* FNV-1a: ids are short, and choosing ids that collide does no more harm than one busy id. */
static uint64_t mix(uint64_t hash, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t op_lane_hash(const struct op *op)
{
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), op->tenant);

    hash = mix(hash, (struct slice){"", 1}); /* so that ("a", "bc") differs from ("ab", "c") */
    hash = mix(hash, op->id);
    return hash ^ hash >> 32; /* the low bits of FNV alone are weak */
}

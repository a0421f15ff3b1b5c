/* lane_pick.c - see lane_pick.h. */
#include "lane_pick.h"

/* A bucket: the number of the lane above, the count of ops below. */
enum { COUNT_BITS = 24 };
#define COUNT_MASK ((UINT32_C(1) << COUNT_BITS) - 1)

static atomic_uint_least32_t *bucket_of(struct lane_picks *p, uint64_t hash)
{
    return &p->buckets[hash % LANE_BUCKETS];
}

size_t lane_pick(struct lane_picks *p, uint64_t hash, size_t n, bool first_has_enough)
{
    size_t lane = first_has_enough ? (size_t)(hash / LANE_BUCKETS % n) : 0;
    atomic_uint_least32_t *bucket = bucket_of(p, hash);
    uint32_t is = atomic_load(bucket), next;

    do {
        next = (is & COUNT_MASK) ? is + 1 : ((uint32_t)lane << COUNT_BITS) + 1;
    } while (!atomic_compare_exchange_weak(bucket, &is, next));
    return next >> COUNT_BITS;
}

void lane_picked_done(struct lane_picks *p, uint64_t hash)
{
    atomic_fetch_sub(bucket_of(p, hash), 1);
}

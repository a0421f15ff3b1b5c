/*
 * lane_pick.h - which of some equal lanes an op goes to.
 *
 *     lanes_submit -> lane_pick(hash of the record) -> queue -> batch -> lane_picked_done(the same hash)
 *
 * While an op on a record is under way, later ones follow it into its lane, so that they keep their order and
 * never overlap. Other ops go to the first lane, or, if that has enough to do, to the one that the hash names.
 * "Under way" is from lane_pick(), before the op is queued, to lane_picked_done(), after its last part.
 *
 * Threads    any.
 * Ownership  the struct is plain memory, all zeros at first.
 * Units      lanes are numbered from 0.
 * Errors     none.
 */
#ifndef LANE_PICK_H
#define LANE_PICK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANE_BUCKETS = 1024 };

/* Records share buckets by their hash. */
struct lane_picks {
    atomic_uint_least32_t buckets[LANE_BUCKETS]; /* lane, and how many ops are under way in it */
};

/* The lane of n for an op whose record has this hash. Each call needs a lane_picked_done(). */
size_t lane_pick(struct lane_picks *p, uint64_t hash, size_t n, bool first_has_enough);

/* An op that was given a lane has run. */
void lane_picked_done(struct lane_picks *p, uint64_t hash);

#endif

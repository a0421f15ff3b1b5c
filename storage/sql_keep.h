/*
 * sql_keep.h - loads for keep.h what it asks of a SQL store, for many items by one statement.
 *
 *     op function: its namespaces -> keep_prune() | keep_needed() -> keeper_load()
 *
 * On a distant store, a part of one item is fetched together with that of items that follow, twice as many
 * each time: keep.h goes from child to parent, which is the order of the items.
 *
 * Threads    the lane's.
 * Ownership  what is loaded lives in the arena of the op.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_KEEP_H
#define SQL_KEEP_H

#include "keep.h"
#include "sql_load.h"

struct keeper {
    struct loader load; /* its values have only their channel, except for heads */
    const struct keep_ns *spaces;
    size_t n_spaces;
    size_t others[KEEP_PARTS]; /* by part: how many further items to fetch next time */
};

/* Implements struct keep.load; `driver` is a struct keeper. */
bool keeper_load(void *driver, struct keep_item *item, enum keep_part part,
                 struct err *err) MUST_USE;

#endif

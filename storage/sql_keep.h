/*
 * sql_keep.h - what keep.h asks of a SQL store, of many items by one statement.
 *
 *     op function: its namespaces -> keep_prune() | keep_needed() -> keeper_load()
 *
 * Where a statement is a way to a server, what is asked of one item is fetched of others as well, of
 * twice as many each time: keep.h goes from child to parent, and items are in that order.
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
    struct loader load; /* its values have their channel only, but for heads */
    const struct keep_ns *spaces;
    size_t n_spaces;
    size_t others[KEEP_PARTS]; /* of how many items a part is fetched next, beside the one */
};

/* struct keep.load; its driver is a struct keeper. */
bool keeper_load(void *driver, struct keep_item *item, enum keep_part part,
                 struct err *err) MUST_USE;

#endif

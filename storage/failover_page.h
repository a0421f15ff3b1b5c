/*
 * failover_page.h - records that were read from one store of a pair, merged into the other.
 *
 *     failover_fill.c, failover_place.c: OP_READ_RANGE -> page_merge()
 *
 * Threads    that of failover_tend().
 * Ownership  nothing is kept.
 * Units      none.
 * Errors     those of the two stores, and those of closure.h.
 */
#ifndef FAILOVER_PAGE_H
#define FAILOVER_PAGE_H

#include "backend.h"

struct page {
    struct backend *from, *to;
    struct slice tenant;
    const struct record *items; /* in key order */
    size_t n;
    struct err *
        left_out; /* why a checkpoint cannot be brought, and the others are; NULL: it is an error */
};

/* Merges the records, those of each id by an op of its own; checkpoints with all that they need. */
bool page_merge(const struct page *page, struct err *err) MUST_USE;

#endif

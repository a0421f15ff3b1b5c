/*
 * failover_page.h - merges records that were read from one store of a pair into the other.
 *
 *     failover_fill_page.c, failover_place.c: OP_READ_RANGE -> page_merge()
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
    /* If set: why a checkpoint could not be brought, while all others are. NULL: that is an error. */
    struct err *left_out;
};

/* Merges the records, one op for each id. Checkpoints that are left out are brought with all they need. */
bool page_merge(const struct page *page, struct err *err) MUST_USE;

#endif

/*
 * record_reader.h - reads the records of a store one after the other, one page ahead.
 *
 *     reader_begin(tenant, kind) -> reader_peek(), reader_next() ... -> NULL
 *
 * While the records of one page are looked at, the next page is on its way. Pages are small at first
 * and grow as their records turn out to be small, so that memory stays bounded.
 *
 * Threads    one, that of the caller.
 * Ownership  a record lives until the page after its own is taken; reader_turns() says so beforehand.
 * Units      none.
 * Errors     those of OP_READ_RANGE. After a failure the kind is at its end.
 */
#ifndef RECORD_READER_H
#define RECORD_READER_H

#include "caller.h"

enum { READER_PAGE_MAX = 1000 };

struct reader_page {
    struct arena arena;
    struct op op;
};

struct record_reader {
    struct caller *store;
    struct inbox home;
    struct reader_page pages[2];
    struct reader_page *page, *ahead; /* the one at hand; the one on its way. NULL: none */
    size_t at;                        /* record at hand, in `page` */
    int64_t limit;
    struct slice tenant;
    enum record_kind kind;
    bool pending, strict;
};

/* Starts without a kind. The reader must stay where it is: ops point into it. */
bool reader_open(struct record_reader *r, struct caller *store, struct err *err) MUST_USE;

/* Waits for what is on its way, and ends. A struct filled with zeros was never opened. */
void reader_close(struct record_reader *r);

/* Turns to the first record of a kind; `pending` and `strict` as in OP_READ_RANGE. */
void reader_begin(struct record_reader *r, struct slice tenant, enum record_kind kind, bool pending,
                  bool strict);

/* Whether reader_peek() will take the next page: that ends the records of the page before. */
bool reader_turns(const struct record_reader *r) MUST_USE;

/* Gives the record at hand; NULL after the last one. */
bool reader_peek(struct record_reader *r, const struct record **record, struct err *err) MUST_USE;

/* Moves on to the next record. */
void reader_next(struct record_reader *r);

#endif

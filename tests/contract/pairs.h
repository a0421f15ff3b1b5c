/*
 * pairs.h - what two stores of a pair tell each other, for the contract suite.
 *
 *     change here -> copies, or an entry of its outbox -> pair_merge(), pair_drain() -> there
 *
 * Threads    one.
 * Ownership  results live in the store's arena.
 * Units      numbers of entries are stamps.
 * Errors     a test fails.
 */
#ifndef PAIRS_H
#define PAIRS_H

#include "threads.h"

/* Opens and closes the two. */
void pair_open(void);
void pair_close(void);

/* What waits in a store, in order. */
struct op_pair_read pair_read(struct store *s, int64_t limit);

/* Changes it. */
void pair_change(struct store *s, struct op_pair_change change);

/* Merges records of one id (absent: any) in the order of their kinds: the op, or what it did. */
struct op pair_merge_op(struct store *s, struct slice id, const struct record *records, size_t n);
struct op_merge pair_merge(struct store *s, struct slice id, const struct record *records,
                           size_t n);

/* The records of those names that have this id. */
struct op_records_get pair_get(struct store *s, struct slice id, const struct record_name *names,
                               size_t n);

/* Copies what the entries name, some at a time, until the outbox is empty; how many changes there
 * were. */
size_t pair_drain(struct store *from, struct store *to, int64_t limit);

/* A request with an Idempotency-Key of its own. */
struct op_repeat pair_request(int64_t number);

#endif

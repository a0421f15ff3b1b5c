/*
 * inlined.h - stores in which small values of checkpoints stand in heads, for the contract suite.
 *
 * Threads    one.
 * Ownership  texts live in the store's arena.
 * Units      bytes.
 * Errors     a test fails.
 */
#ifndef INLINED_H
#define INLINED_H

#include "threads.h"

enum { INLINE_MAX = 1024 };

/* Opens store `number` of the target; with a cache of its own if the case is the cached one. */
void inlined_open(struct store *s, int number, size_t inline_max);

/* The values of a checkpoint by channel and version, as values_text(). */
const char *sorted_text(struct store *s, const struct checkpoint *checkpoint);

/* Fails unless the checkpoint of namespace "" has these values, wherever it is read: "a=1:xx b=2:yy" by channel. */
void check_values(struct store *s, const char *thread, const char *id, const char *want);

/* Copies a thread. */
void copy_thread(struct store *s, const char *from, const char *to);

/* Adds the tests of what is removed, copied, merged, damaged. */
void contract_inlined_kept_add(TCase *tc);

#endif

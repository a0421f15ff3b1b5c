/*
 * inlined.h - stores in which heads hold the small values of checkpoints, for the contract suite.
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

/* Opens store `number` of the target; in the cached case with a cache of its own. */
void inlined_open(struct store *s, int number, size_t inline_max);

/* The values of a checkpoint, sorted by channel and version; text as values_text(). */
const char *sorted_text(struct store *s, const struct checkpoint *checkpoint);

/* Fails unless the checkpoint in namespace "" has these values wherever it is read: "a=1:xx b=2:yy",
 * sorted by channel. */
void check_values(struct store *s, const char *thread, const char *id, const char *want);

/* Copies a thread. */
void copy_thread(struct store *s, const char *from, const char *to);

/* Adds the tests of values that are removed, copied, merged, damaged. */
void contract_inlined_kept_add(TCase *tc);

#endif

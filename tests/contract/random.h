/*
 * random.h - random tests of two stores that must hold the same, for the contract suite.
 *
 * Threads    one.
 * Ownership  texts live in the store's arena.
 * Units      none.
 * Errors     a test fails.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include "state.h"
#include "support.h"

/* Starts the random numbers of the i-th run of a test. */
void random_start(int i);

/* The place in the random numbers; random_return() goes back to it. */
uint64_t random_place(void);
void random_return(uint64_t place);

/* A random number below n. */
uint64_t random_below(uint64_t n);

/* The stem, followed by a random number below n. */
const char *random_text(struct store *s, const char *stem, uint64_t n);

/* Opens a memory: store at the time of another one, without a cache. Of cfg neither URL nor role counts.
 * store_close() closes it. */
void memory_open(struct store *s, const struct store *like, struct backend_config cfg);

/* Fails unless both hold the same, to this detail. `when` is for the message. */
void same_state(struct store *got, struct store *want, enum state_detail detail, const char *when);

#endif

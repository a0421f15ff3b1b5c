/*
 * check.h - checks what must hold when a world has come to rest.
 *
 *     both stores hold the same, and nothing waits; what clients were told is done is there, once;
 *     what they were told has failed is not
 *
 * Threads    one.
 * Ownership  the world's.
 * Units      as in world.h.
 * Errors     findings (journal.h).
 */
#ifndef CHECK_H
#define CHECK_H

#include "journal.h"

/* Checks both stores, and the whole journal against the primary. */
void check_world(struct world *w);

/* The part of it that compares the stores. */
void check_stores(struct world *w);

#endif

/*
 * check.h - what must hold when a world has come to rest.
 *
 *     both stores hold the same, nothing waits; what clients were told to be done is there, once;
 *     what they were told to have failed is not
 *
 * Threads    one.
 * Ownership  the world's.
 * Units      as in world.h.
 * Errors     findings (journal.h).
 */
#ifndef CHECK_H
#define CHECK_H

#include "journal.h"

/* Looks at both stores and at the whole journal. */
void check_world(struct world *w);

/* The part that compares the stores alone. */
void check_stores(struct world *w);

#endif

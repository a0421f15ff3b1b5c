/*
 * failover_tend.h - looks at both stores now and then, and makes them equal.
 *
 *     one thread of the process -> failover_tend(), again and again -> failover_free()
 *
 * Threads    failover_tend() is called by one thread at a time.
 * Ownership  the stores belong to the caller; the keeper, which lives between calls, to struct failover.
 * Units      milliseconds.
 * Errors     reported by failover_report().
 */
#ifndef FAILOVER_TEND_H
#define FAILOVER_TEND_H

#include <stdint.h>

struct backend;
struct failover;
struct failover_keeper;

/*
 * Does what is due: clears entries that were copied, looks at both stores, copies what waits. Returns how
 * many milliseconds to wait before the next call; 0: more waits to be copied.
 */
int64_t failover_tend(struct failover *f, struct backend *primary, struct backend *fallback);

/* Frees what failover_tend() keeps. NULL is allowed. */
void failover_keeper_free(struct failover_keeper *k);

#endif

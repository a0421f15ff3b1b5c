/*
 * failover_tend.h - the look at both stores, now and then, and what follows from it.
 *
 *     one thread of the process -> failover_tend() -> struct failover.keeper, until the next call
 *                                                         `-> failover_free()
 *
 * Threads    one at a time calls failover_tend().
 * Ownership  the stores are the caller's, the keeper is struct failover's.
 * Units      milliseconds.
 * Errors     told by failover_report().
 */
#ifndef FAILOVER_TEND_H
#define FAILOVER_TEND_H

#include <stdint.h>

struct backend;
struct failover;
struct failover_keeper;

/*
 * Does what is due: takes copied entries out of outboxes, looks at both stores, copies what waits. How
 * many milliseconds to wait until the next call; 0 when more is to be copied.
 */
int64_t failover_tend(struct failover *f, struct backend *primary, struct backend *fallback);

/* NULL is allowed. */
void failover_keeper_free(struct failover_keeper *k);

#endif

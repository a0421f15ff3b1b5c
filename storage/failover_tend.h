/*
 * failover_tend.h - what failover_tend() keeps between two calls.
 *
 *     failover_tend() -> struct failover.keeper -> failover_free()
 *
 * Threads    that of failover_tend().
 * Ownership  failover's.
 * Units      none.
 * Errors     none.
 */
#ifndef FAILOVER_TEND_H
#define FAILOVER_TEND_H

struct failover_keeper;

/* NULL is allowed. */
void failover_keeper_free(struct failover_keeper *k);

#endif

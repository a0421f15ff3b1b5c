/*
 * pair_stores.h - failover over two stores of one thread, each behind a fault.c.
 *
 *     pair_stores_open() -> pair.lane -> the stores;  pair_stores_settle(): failover_tend() until equal
 *
 * Time is faked: settling moves it, so that nothing is waited for.
 *
 * Threads    one.
 * Ownership  closed by pair_stores_close(), also when opening failed.
 * Units      none.
 * Errors     those of the stores.
 */
#ifndef PAIR_STORES_H
#define PAIR_STORES_H

#include "failover.h"
#include "fault.h"

struct pair_stores {
    struct failover *failover;
    struct fault_plan plans[2];
    struct backend *stores[2]; /* behind the faults: what each of them really holds */
    struct backend *faults[2];
    struct backend *lane; /* where ops go */
    char why[1024];
};

/* Takes over two stores, and looks at both until they are a pair. */
bool pair_stores_open(struct pair_stores *p, struct backend *primary, struct backend *fallback,
                      struct err *err) MUST_USE;

/* Lets time pass and looks at both until nothing waits. False: they do not become equal; p->why. */
bool pair_stores_settle(struct pair_stores *p) MUST_USE;

void pair_stores_close(struct pair_stores *p);

#endif

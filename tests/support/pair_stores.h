/*
 * pair_stores.h - runs failover over two stores in one thread, each behind a fault.c.
 *
 *     pair_stores_open() -> p.lane -> the stores;  pair_stores_settle(): failover_tend() until equal
 *
 * Time is faked: settling moves it, so no test waits.
 *
 * Threads    one.
 * Ownership  pair_stores_close() closes everything, also if opening failed.
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
    struct backend *stores[2]; /* behind the faults: what each store really holds */
    struct backend *faults[2];
    struct backend *lane; /* ops go here */
    char why[1024];
};

/* Takes over two stores, and tends them until they are a pair. */
bool pair_stores_open(struct pair_stores *p, struct backend *primary, struct backend *fallback,
                      struct err *err) MUST_USE;

/* Lets time pass and tends both until nothing waits. False: they do not become equal; p->why says why. */
bool pair_stores_settle(struct pair_stores *p) MUST_USE;

void pair_stores_close(struct pair_stores *p);

#endif

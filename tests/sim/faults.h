/*
 * faults.h - plans what goes wrong in a world: stores crash or hang, instances are killed, contact between
 * an instance and a store is cut.
 *
 * Threads    one.
 * Ownership  the world's.
 * Units      microseconds since its start.
 * Errors     none.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "world.h"

/* Plans faults up to end_us. From then on all are over, and none comes any more. */
void faults_plan(struct world *w, int64_t end_us);

/* Chooses how stores show that they have forgotten something, in a world where they may. */
void faults_choose_stores(struct world *w);

#endif

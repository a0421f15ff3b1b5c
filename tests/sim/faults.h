/*
 * faults.h - what goes wrong in a world, and when: stores crash or hang, instances are killed, and
 * contact between one instance and one store is cut.
 *
 * Threads    one.
 * Ownership  the world's.
 * Units      microseconds since its start.
 * Errors     none.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "world.h"

/* Plans faults up to end_us; from then on nothing goes wrong any more. */
void faults_plan(struct world *w, int64_t end_us);

#endif

/*
 * port.h - a backend that reaches a store over a network that loses and delays packets.
 *
 *     failover -> port: leaves the fiber -> the request arrives, or not -> store.c -> the reply
 *                                                                       arrives, or not
 *
 * Like a real driver it answers ERR_UNAVAILABLE only if nothing was done, or will be, and ERR_IN_DOUBT if
 * it gave up waiting: then the request was done, or was not, or will be done later.
 *
 * Threads    one.
 * Ownership  a port belongs to the chain for which it was opened.
 * Units      as in world.h.
 * Errors     as backend.h.
 */
#ifndef PORT_H
#define PORT_H

#include "instance.h"

/* Makes a backend by which this instance reaches a store of its world. */
struct backend *port_new(struct instance *i, int side);

#endif

/*
 * port.h - the way from an instance to a store, over a network that loses and delays.
 *
 *     failover -> port: leaves the fiber -> the request arrives, or not -> store.c -> the reply
 *                                                                       arrives, or not
 *
 * As a real driver does, it says ERR_UNAVAILABLE only when nothing was and will be done, and
 * ERR_IN_DOUBT when it gave up waiting: then the request was done, or not, or will be done later.
 *
 * Threads    one.
 * Ownership  a port belongs to the chain that it is opened for.
 * Units      as in world.h.
 * Errors     as backend.h.
 */
#ifndef PORT_H
#define PORT_H

#include "instance.h"

/* A backend of this instance over a store of its world. */
struct backend *port_new(struct instance *i, int side);

#endif

/*
 * redis_lasting.h - makes sessions last that Redis would drop by itself.
 *
 *     clean-up -> redis_lasting()
 *
 * Redis must drop nothing of a session: it would go by the setting of its last write, whatever the setting is
 * now, and from under its indexes. Versions before gave the keys of sessions such an expiry, so it is taken off.
 *
 * Threads    the lane's.
 * Ownership  nothing.
 * Units      none.
 * Errors     those of redis.h.
 */
#ifndef REDIS_LASTING_H
#define REDIS_LASTING_H

#include "redis_call.h"

/*
 * Takes the expiry off all sessions of all tenants, once for each connection, for it may lead to another store.
 * If there was any, instances of an older version may be at work: it comes again half an hour later.
 */
bool redis_lasting(struct call *c, struct err *err) MUST_USE;

#endif

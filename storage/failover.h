/*
 * failover.h - makes one backend of two: a primary store, and a fallback that takes over.
 *
 *     lane -> failover_open()'s backend -> primary -> copies -> fallback -> answer
 *     one thread of the process -> failover_tend(): looks at both, copies what only one of them has
 *
 * docs/failover.md says what is promised and why it holds. Backends above and below know nothing of it,
 * except for the members `replicate` and `alone` of ops (op_pair.h).
 *
 * Threads    lanes share struct failover, which locks itself, but never while a store is called.
 *            failover_tend() is called by one thread at a time.
 * Ownership  a lane's backend owns its two. struct failover outlives all of them.
 * Units      milliseconds, microseconds, nanoseconds as named.
 * Errors     a store that fails is ERR_UNAVAILABLE or ERR_IN_DOUBT of an op; see op_pair.h too.
 */
#ifndef FAILOVER_H
#define FAILOVER_H

#include "backend.h"
#include "failover_config.h"
#include "failover_report.h"

struct failover;

/* Makes the state that the lanes of a pair share. NULL: ERR_NO_MEMORY. */
struct failover *failover_new(const struct failover_config *cfg, struct err *err) MUST_USE;

/* Frees it, when all lanes are closed. NULL is allowed. */
void failover_free(struct failover *f);

/* Makes the backend of one lane, which owns the two others; they are closed on failure as well. */
struct backend *failover_open(struct failover *f, struct backend *primary, struct backend *fallback,
                              struct err *err) MUST_USE;

/* Says how the pair is now. */
void failover_report(struct failover *f, struct failover_report *out);

#endif

/*
 * failover.h - a backend made of two: a primary store, and a fallback that takes over.
 *
 *     lane -> failover_open()'s backend -> primary -> copies -> fallback -> answer
 *     one thread of the process -> failover_tend(): looks at both, copies what only one of them has
 *
 * What is promised, and why it holds, is in docs/failover.md. Nothing above or below knows of it but
 * for the members `replicate` and `alone` of ops (op_pair.h).
 *
 * Threads    what lanes share is in struct failover, which locks itself and never while a store is
 *            called. failover_tend() is called by one thread at a time.
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

/* NULL: ERR_NO_MEMORY. */
struct failover *failover_new(const struct failover_config *cfg, struct err *err) MUST_USE;

/* NULL is allowed. */
void failover_free(struct failover *f);

/* The chain of one lane, above two others. They are closed with it, and if it fails. */
struct backend *failover_open(struct failover *f, struct backend *primary, struct backend *fallback,
                              struct err *err) MUST_USE;

/* How it all is now. */
void failover_report(struct failover *f, struct failover_report *out);

#endif

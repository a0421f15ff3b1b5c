/*
 * accept.h - how much a client wants a media type.
 *
 *     request_wants_frame() -> accept_quality() for each type we have
 *
 * Threads    no state: any.
 * Ownership  nothing is kept.
 * Units      thousandths: 1000 is q=1.
 * Errors     none: an entry that is not as RFC 9110 has it counts as q=0.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include "bytes.h"
#include "compiler.h"

/*
 * The quality that the value of an Accept header gives to a type such as "application/json". The most
 * specific entry decides: the type itself, else "application" with a star, else two stars (the wildcards
 * only if not `named`); 0 if none matches. Parameters other than q are ignored; of equally specific
 * entries the highest counts.
 */
int accept_quality(struct slice accept, struct slice type, bool named) MUST_USE;

#endif

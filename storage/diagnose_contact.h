/*
 * diagnose_contact.h - the part of a diagnosis that needs no driver: is there somebody at the address?
 *
 *     diagnose_connection() -> diagnose_contact(): address, name of the host, TCP or socket
 *
 * Threads    one.
 * Ownership  none.
 * Units      none.
 * Errors     each check is told to the listener; the result says whether all went well.
 */
#ifndef DIAGNOSE_CONTACT_H
#define DIAGNOSE_CONTACT_H

#include "diagnosis.h"

/* For the store that a URL names. */
bool diagnose_contact(const struct diagnosis *d, const char *url) MUST_USE;

#endif

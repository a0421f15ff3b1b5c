/*
 * diagnose_contact.h - checks, without a driver, whether a store listens at the address of a URL.
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

/* Makes these checks for the store that a URL names. */
bool diagnose_contact(const struct diagnosis *d, const char *url) MUST_USE;

#endif

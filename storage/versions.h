/*
 * versions.h - a backend that turns whole values into stored ones, and back.
 *
 *     lane -> versions -> driver
 *
 * On the way down every value gets an id, a hash and its encoding (for now always BLOB_WHOLE); on
 * the way up a chain of value rows becomes the whole bytes and the hash is checked. Drivers see
 * opaque bytes.
 *
 * Threads    as backend.h.
 * Ownership  owns the backend below.
 * Units      bytes.
 * Errors     ERR_STORAGE on an op whose stored value does not match its hash or has an encoding
 *            that this binary does not know.
 */
#ifndef VERSIONS_H
#define VERSIONS_H

#include "backend.h"

/* Wraps `below`, which it owns from now on, also on failure (closed). NULL: ERR_NO_MEMORY. */
struct backend *versions_open(struct backend *below, struct err *err) MUST_USE;

#endif

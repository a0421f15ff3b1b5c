/*
 * versions.h - a backend that encodes values on their way to the store, and decodes them on the way back.
 *
 *     lane -> versions -> driver
 *
 * On the way down every value gets an id, a hash and its encoding, mostly as a delta of an earlier one
 * (encode.h), or a place in the head of its checkpoint. On the way up a chain of value rows becomes whole
 * bytes, whose hash is checked (chain.h). Drivers see opaque bytes, and that one row is based on another.
 *
 * Threads    as backend.h; the cache is shared by the lanes of a store.
 * Ownership  owns the backend below, not the cache.
 * Units      bytes.
 * Errors     ERR_DAMAGED on an op whose stored value is damaged; the text names thread, namespace,
 *            checkpoint and channel.
 */
#ifndef VERSIONS_H
#define VERSIONS_H

#include "backend.h"
#include "encode.h"

/*
 * Wraps `below` and owns it from now on; it is closed on failure. Without a cache every base is read from the
 * store. NULL: ERR_NO_MEMORY.
 */
struct backend *versions_open(struct backend *below, const struct encoding_rules *rules,
                              struct err *err) MUST_USE;

#endif

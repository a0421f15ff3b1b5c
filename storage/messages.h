/*
 * messages.h - helpers for pages of messages, for any store.
 *
 * Threads    no state.
 * Ownership  the caller's.
 * Units      bytes.
 * Errors     none.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "compiler.h"
#include "model.h"

enum { TRIM_MAX = 1000 }; /* messages removed in one part of a trim */

/* How many bytes of a page a message takes. */
size_t message_bytes(const struct message *m) MUST_USE;

/* Reverses the order of n messages. */
void messages_reverse(struct message *items, size_t n);

#endif

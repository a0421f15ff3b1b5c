/*
 * messages.h - the order of messages, and helpers for pages of them, for any store.
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

/* Whether a comes before b: by seq, then by id as bytes. */
bool message_pos_before(const struct message_pos *a, const struct message_pos *b) MUST_USE;

/* How many bytes of a page a message takes. */
size_t message_bytes(const struct message *m) MUST_USE;

/* Reverses the order of n messages. */
void messages_reverse(struct message *items, size_t n);

#endif

/*
 * messages.h - pages of messages, in whatever store.
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

/* What a message takes of a page. */
size_t message_bytes(const struct message *m) MUST_USE;

/* The other way round. */
void messages_reverse(struct message *items, size_t n);

#endif

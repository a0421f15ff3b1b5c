/*
 * redis_messages.h - packs and unpacks messages as they are stored.
 *
 * Threads    the lane's.
 * Ownership  texts point into what was read.
 * Units      seq microseconds.
 * Errors     DAMAGED, NO_MEMORY.
 */
#ifndef REDIS_MESSAGES_H
#define REDIS_MESSAGES_H

#include "redis_rows.h"

/* The field of a message in the hash. */
bool redis_message_pack(struct call *c, const struct message *m, int64_t stamp, struct slice *out,
                        struct err *err) MUST_USE;

/* Unpacks a field. m->id is not in it and stays as it is. */
bool redis_message_unpack(struct slice field, struct message *m, int64_t *stamp,
                          struct err *err) MUST_USE;

/* The member for a message in the order of its conversation. */
struct slice redis_message_place(struct call *c, int64_t seq, struct slice id) MUST_USE;

#endif

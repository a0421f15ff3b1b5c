/*
 * copies.h - collects the records that an op has changed, for the other store of a pair.
 *
 *     driver: makes a change -> copies_*() -> the entry in its outbox: copies_pack()
 *             -> failover: OP_MERGE of op->copies into the other store
 *
 * What adds records does nothing unless the op is to be replicated.
 *
 * Threads    the lane's.
 * Ownership  the list lives in the op's arena; texts are borrowed and must live as long.
 * Units      as in record.h.
 * Errors     ERR_NO_MEMORY.
 */
#ifndef COPIES_H
#define COPIES_H

#include "session_state.h"

/* Empties the list: an op that runs again has changed nothing yet. */
void copies_reset(struct op *op);

/* Adds a record. */
bool copies_add(struct op *op, const struct record *record, struct err *err) MUST_USE;

/* Adds the session `id` in its present state. */
bool copies_session(struct op *op, struct slice id, const struct session_state *s,
                    struct err *err) MUST_USE;

/* Adds a thread: the stamp of its deletion (0 = none) and the time of its last change. */
bool copies_thread(struct op *op, struct slice id, int64_t tomb, int64_t updated_us,
                   struct err *err) MUST_USE;

/* Adds the request of the op, if it has an Idempotency-Key. */
bool copies_repeat(struct op *op, struct err *err) MUST_USE;

/* Adds what the op, a patch while the store is alone, has left pending; nothing if it adds to no counter. */
bool copies_pending(struct op *op, struct err *err) MUST_USE;

/* Adds the messages that the op, an append, has created. */
bool copies_messages(struct op *op, struct err *err) MUST_USE;

/* Adds a stored value of a checkpoint on the thread op->id; `of` is NULL for a head. */
bool copies_value(struct op *op, struct slice ns, const struct blob *blob,
                  const struct channel_version *of, struct err *err) MUST_USE;

/* Adds the name of something that is not copied itself: RECORD_MESSAGES and the kinds after it. */
bool copies_name(struct op *op, enum record_kind kind, struct slice id, struct err *err) MUST_USE;

/* Packs the names of the copies from number `from` on, as the outbox keeps them. */
bool copies_pack(const struct op *op, size_t from, struct slice *packed, struct err *err) MUST_USE;

/* Whether a patch adds to counters. */
bool copies_adds(const struct op *op) MUST_USE;

#endif

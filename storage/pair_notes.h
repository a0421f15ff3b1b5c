/*
 * pair_notes.h - reads and changes what a store knows of its pair, by ops that no client has sent.
 *
 *     failover_fill.c, failover_drain.c, failover_tend.c, alone.c, settle.c -> pair_read_run(),
 *         pair_note_text(), pair_change_run()
 *
 * Threads    no state.
 * Ownership  texts live in the arena that was given to pair_read_run().
 * Units      none.
 * Errors     those of the store.
 */
#ifndef PAIR_NOTES_H
#define PAIR_NOTES_H

#include "backend.h"

/* An op that no client has asked for, with a new stamp. id absent: it is about no single one. */
struct op pair_op(enum op_type type, struct slice tenant, struct slice id, struct arena *arena);

/*
 * Reads what a store knows of its pair, and up to `limit` outbox entries with numbers above `after`. The
 * results live in the arena.
 */
bool pair_read_run(struct backend *store, int64_t after, int64_t limit, struct arena *arena,
                   struct op_pair_read *out, struct err *err) MUST_USE;

/* The text of a note; absent if there is no note of this name. */
struct slice pair_note_text(const struct op_pair_read *read, const char *name) MUST_USE;

/* Makes a change to it (op_pair.h). */
bool pair_change_run(struct backend *store, struct op_pair_change change, struct err *err) MUST_USE;

/* Writes notes, or removes those whose text is absent. */
bool pair_notes_run(struct backend *store, const struct pair_note *notes, size_t n,
                    struct err *err) MUST_USE;

#endif

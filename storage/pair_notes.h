/*
 * pair_notes.h - what a store knows of its pair: reading a note, changing any of it; and ops of a pair's own.
 *
 *     failover_fill.c, failover_drain.c, failover_tend.c, alone.c, settle.c -> pair_read_run(),
 *         pair_note_text(), pair_change_run()
 *
 * Threads    no state.
 * Ownership  texts are those of the op that has read them.
 * Units      none.
 * Errors     those of the store.
 */
#ifndef PAIR_NOTES_H
#define PAIR_NOTES_H

#include "backend.h"

/* An op that no client has asked for, with a new stamp. id absent: of no single one. */
struct op pair_op(enum op_type type, struct slice tenant, struct slice id, struct arena *arena);

/*
 * Reads the notes, and up to `limit` entries behind number `after` of the outbox; the results live in
 * the arena.
 */
bool pair_read_run(struct backend *store, int64_t after, int64_t limit, struct arena *arena,
                   struct op_pair_read *out, struct err *err) MUST_USE;

/* The text of a note; absent if there is none of this name. */
struct slice pair_note_text(const struct op_pair_read *read, const char *name) MUST_USE;

/* Makes a change (op_pair.h). */
bool pair_change_run(struct backend *store, struct op_pair_change change, struct err *err) MUST_USE;

/* The same of notes alone. */
bool pair_notes_run(struct backend *store, const struct pair_note *notes, size_t n,
                    struct err *err) MUST_USE;

#endif

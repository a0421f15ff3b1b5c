/*
 * pair_notes.h - what a store knows of its pair: reading a note, changing any of it.
 *
 *     failover_fill.c, failover_drain.c, failover_tend.c, alone.c -> pair_note_text(), pair_change_run()
 *
 * Threads    no state.
 * Ownership  results are those of the op that has read them.
 * Units      none.
 * Errors     those of the store.
 */
#ifndef PAIR_NOTES_H
#define PAIR_NOTES_H

#include "backend.h"

/* The text of a note; absent if there is none of this name. */
struct slice pair_note_text(const struct op_pair_read *read, const char *name) MUST_USE;

/* Makes a change (op_pair.h). */
bool pair_change_run(struct backend *store, struct op_pair_change change, struct err *err) MUST_USE;

#endif

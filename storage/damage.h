/*
 * damage.h - says which record is damaged.
 *
 *     driver: lists, which know the record -> decode.c: ops on one record, and what is decoded
 *
 * Threads    no state.
 * Ownership  a place points to texts of the caller.
 * Units      none.
 * Errors     only makes one clearer.
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "bytes.h"
#include "err.h"

/* Where damage was found: absent what is not known, or is not so. */
struct damage_place {
    struct slice session, message, thread, ns, checkpoint, channel;
};

/* Puts the place before the text of an ERR_DAMAGED, and leaves other errors as they are. Returns false. */
bool damage_at(const struct damage_place *place, struct err *err) COLD;

#endif

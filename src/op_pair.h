/*
 * op_pair.h - operations that keep two stores, a primary and its fallback, equal.
 *
 * Part of op.h; include that. Two members of every op tell the store its role in a pair:
 *
 * op->replicate  The transaction of the change also adds an entry to the outbox: its number is op->stamp,
 *                and it names the records that changed. op->copies gets these records whole, as they
 *                are now. What changes nothing leaves no entry and no copies; OP_MERGE never does. An op
 *                that is done in parts may add the same entry again. OP_CLEANUP without `expired` names
 *                each session and thread that it removed.
 * op->alone      This store stands in for the primary. An op on an id that the store is missing, or on
 *                no single id while it is missing any, ends in ERR_UNAVAILABLE, with op->missing set.
 *                What OP_SESSION_PATCH adds to counters is not counted but kept as a PENDING record of
 *                op->repeat; its answer, and reads with this flag, show the sum. A deletion removes the
 *                pending additions up to its stamp.
 *
 * Threads    plain data.
 * Ownership  inputs outlive the op; results live in op->arena.
 * Units      *_us wall microseconds since 1970; numbers of entries are stamps (clock.h).
 * Errors     those that any op may have.
 */
#ifndef OP_PAIR_H
#define OP_PAIR_H

#include "record.h"

/* A change that the other store may not have yet. */
struct outbox_entry {
    int64_t number;
    struct slice tenant, id; /* id absent: see the names */
    const struct record_name *names;
    size_t n_names;
};

/* A session or thread. */
struct pair_id {
    struct slice tenant, id;
};

/* What one store remembers about the pair: a text by name. */
struct pair_note {
    struct slice name, text; /* text absent: there is no such note, or remove it */
    bool once;               /* setting: an existing note stays as it is */
};

/*
 * Reads what waits in this store for the other one, lowest numbers first, and what this store is missing.
 * op->tenant and op->id are ignored.
 */
struct op_pair_read {
    int64_t after; /* entries above this number; 0 = from the start */
    int64_t limit; /* of entries; 1..10000 */
    struct {
        struct outbox_entry *entries;
        size_t n;
        bool more;
        int64_t through; /* all entries up to this number are there: where the next page begins */
        struct pair_id *missing; /* all */
        size_t n_missing;
        struct pair_note *notes; /* all */
        size_t n_notes;
        struct slice incarnation; /* if it changes, this store may have lost or changed its past */
        /* Only rises within an incarnation; lower: the store is an older copy. 0 = not known. */
        int64_t position;
    } out;
};

/* Makes these changes, each list independently; what holds already is no error. */
struct op_pair_change {
    /* Removed from the outbox, by number, tenant and id. Entries that were read give their names too: an
     * op done in parts may have added another entry of this number since. */
    const struct outbox_entry *clear;
    size_t n_clear;
    const struct pair_id *missing; /* from now on this store lacks changes of these */
    size_t n_missing;
    const struct pair_id *found; /* it no longer does */
    size_t n_found;
    const struct pair_note *notes; /* set, or removed where the text is absent */
    size_t n_notes;
};

/*
 * Reads records of op->id by name, as of one moment; those that do not exist are left out. A CONTEXT is
 * found by its stamp alone, whatever its number; without a stamp it stands for all versions that are kept. A
 * REPEAT is left out while what it adds is PENDING here.
 */
struct op_records_get {
    const struct record_name *names;
    size_t n;
    struct {
        struct record *items;
        size_t n;
    } out;
};

#endif

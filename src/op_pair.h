/*
 * op_pair.h - operations by which two stores, a primary and its fallback, are kept equal.
 *
 * Part of op.h; include that. Two members of every op tell the store what it is to a pair:
 *
 * op->replicate  The change goes into the outbox of the store, in its own transaction: an entry of
 *                number op->stamp that names the records which changed. op->copies is set to these
 *                records as they are now, whole. No change, no entry, no copies; none of OP_MERGE. An
 *                op that is done in parts may add its entry again: it is the same. OP_CLEANUP without
 *                `expired` names each session and thread that it removed.
 * op->alone      This store stands in for the primary. An op on an id that it is missing, or on no
 *                single id while it is missing any, ends in ERR_UNAVAILABLE. What OP_SESSION_PATCH adds
 *                to counters is kept as a PENDING record of op->repeat and not counted; answers
 *                show the sum, as they do for the reads of such an op. A deletion removes what is pending up
 *                to its stamp.
 *
 * Threads    plain data.
 * Ownership  inputs outlive the op; results live in op->arena.
 * Units      *_us wall microseconds since 1970; numbers of entries are stamps (clock.h).
 * Errors     those that every op may have.
 */
#ifndef OP_PAIR_H
#define OP_PAIR_H

#include "record.h"

/* A change that the other store may not have yet. */
struct outbox_entry {
    int64_t number;
    struct slice tenant, id; /* id absent: the names tell */
    const struct record_name *names;
    size_t n_names;
};

/* A session or thread. */
struct pair_id {
    struct slice tenant, id;
};

/* What one store remembers of the pair: any name, any text. */
struct pair_note {
    struct slice name, text; /* text absent: there is none of this name */
    bool once;               /* to be set: what is there already stays */
};

/*
 * What waits in this store for the other one, lowest numbers first, and what it is missing. op->tenant
 * and op->id are ignored.
 */
struct op_pair_read {
    int64_t after; /* entries above this number; 0 = from the start */
    int64_t limit; /* of entries; 1..1000 */
    struct {
        struct outbox_entry *entries;
        size_t n;
        bool more;
        struct pair_id *missing; /* all */
        size_t n_missing;
        struct pair_note *notes; /* all */
        size_t n_notes;
        struct slice incarnation; /* another one: this store may have lost or changed its past */
        int64_t
            position; /* in one incarnation it only rises; lower: the store is an older copy. 0 =
                             not known */
    } out;
};

/* Changes these, each list on its own; what is so already is no error. */
struct op_pair_change {
    const struct outbox_entry *clear; /* number, tenant, id: leave the outbox; of an entry that was
                                         read the names as well: a change that is done in parts may
                                         have got another one since */
    size_t n_clear;
    const struct pair_id *missing; /* this store lacks changes of these from now on */
    size_t n_missing;
    const struct pair_id *found; /* it does not any more */
    size_t n_found;
    const struct pair_note *notes; /* set, or removed where the text is absent */
    size_t n_notes;
};

/*
 * Records by name, all of op->id, as they are at one moment; those that are not there are left out. A
 * CONTEXT of number 0 stands for all that are kept.
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

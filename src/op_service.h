/*
 * op_service.h - operations on a whole store: clean-up, totals, records.
 *
 * Part of op.h; include that. For each op: inputs first, `out` is the result. Besides the kinds
 * named here every op may end in STORAGE, DAMAGED, UNAVAILABLE, IN_DOUBT or NO_MEMORY.
 *
 * Threads    plain data.
 * Ownership  inputs outlive the op; results live in op->arena.
 * Units      *_us wall microseconds since 1970, sizes bytes.
 * Errors     named at each op.
 */
#ifndef OP_SERVICE_H
#define OP_SERVICE_H

#include "record.h"

/* Removes the checkpoints whose metadata.run_id is one of these, with their writes. No op->id. */
struct op_runs_delete {
    const struct slice *run_ids;
    size_t n;
    struct {
        int64_t removed;
    } out;
};

/*
 * Removes sessions whose last activity is at or before idle_us, with all that belongs to exactly
 * their ids, thread included; and idle conversations and contexts without a session, uncounted.
 * `expired`: instead what is past session_ttl or checkpoint_ttl, of every tenant (thread not
 * included). Also collects old idempotency keys and tombstones. At most `limit` sessions a call.
 */
struct op_cleanup {
    bool expired;
    bool sessions_stay; /* of `expired`: what is past session_ttl is not removed */
    int64_t idle_us;
    int64_t limit;
    struct {
        int64_t removed;
        bool more;
    } out;
};

/* Exact totals of one tenant. */
struct op_stats {
    struct {
        int64_t sessions, active_sessions, messages, checkpoints;
    } out;
};

/* Asks the store for a sign of life: answered by backend_probe(). */
struct op_probe {
    struct {
        unsigned caps; /* enum backend_caps, as they are now */
    } out;
};

/* What the store says of itself. */
struct op_describe {
    struct {
        struct slice server; /* "PostgreSQL 15.6" */
        int64_t schema;      /* number of the schema; 0 = it has none */
    } out;
};

/* Names of tenants, in order, from after `after` on: all that ever wrote, op->tenant is ignored. */
struct op_tenant_list {
    struct slice after; /* absent = from the start */
    int64_t limit;
    struct {
        struct slice *items;
        size_t n;
        bool more;
    } out;
};

/* Removes the name and the tombstones, some thousand a call, of a tenant that holds nothing else and
 * that no one uses. */
struct op_tenant_forget {
    struct {
        bool removed; /* it is not there now */
    } out;
};

/*
 * Records of one kind and one tenant in key order (record.h), from after `after` on. The same
 * state reads the same on every store. Deleted sessions and threads come too (gen, tomb). At most
 * about PAGE_BYTES_MAX a page.
 */
struct op_read_range {
    enum record_kind kind;
    struct record_key after; /* id absent = from the start */
    bool pending;            /* the counters of sessions with what is PENDING here */
    int64_t limit;
    struct {
        struct record *items;
        size_t n;
        bool more;
    } out;
};

/*
 * Merges records by the rules of record.h: running it twice, or in another order, gives the same
 * state. Value rows come before what refers to them. With op->id all records are of this session
 * or thread: such ops of one batch may run side by side.
 *
 * What a value is based on and what a checkpoint refers to is in its namespace, or comes before it in
 * this op; if it is not there the record is left out, as others may remove values that no checkpoint
 * needs. storage/closure.h brings such a checkpoint with all that it needs. A record of RECORD_CHECKPOINTS
 * that is `gone` removes the values of its thread that nothing needs.
 *
 * Of a pair (op_pair.h): a REPEAT removes what is PENDING of that op id, besides being remembered. A
 * PENDING is counted, and its request remembered, unless the request is remembered already, the outbox
 * here has an entry whose number is its stamp, or the stamp is not above the tomb. `own`: each PENDING
 * is counted if it is pending in this very store, where it is removed.
 */
struct op_merge {
    const struct record *items;
    size_t n;
    bool own;
    struct {
        size_t applied; /* records that changed something */
        size_t broken;  /* values and checkpoints left out, for what they need is not there */
        int64_t newest; /* the highest stamp here because of which a part of a record was not taken;
                           0 = none */
        bool outbox;    /* this store has entries in its outbox (a cluster: in this bucket) */
    } out;
};

#endif

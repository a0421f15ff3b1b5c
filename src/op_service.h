/*
 * op_service.h - operations on a whole store: clean-up, totals, tenants, records.
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

#include "clock.h"
#include "record.h"

/* Removes all checkpoints whose metadata.run_id is one of these, with their writes. No op->id. */
struct op_runs_delete {
    const struct slice *run_ids;
    size_t n;
    struct {
        int64_t removed;
    } out;
};

/* How old tombstones and idempotency keys get: an hour more than the repeat window. */
#define COLLECT_AFTER_US (REPEAT_WINDOW_US + HOUR_US)

/*
 * Removes sessions whose last activity is at or before idle_us with all that has exactly their id, the
 * thread included; and idle conversations and contexts without a session, which are not counted. With
 * `expired` it removes instead what is past session_ttl (without the thread) or checkpoint_ttl, of every
 * tenant. Also collects old idempotency keys and tombstones. At most `limit` sessions a call.
 */
struct op_cleanup {
    bool expired;
    bool sessions_stay; /* with `expired`: session_ttl is ignored */
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

/* Asks for a sign of life; answered by backend_probe(). */
struct op_probe {
    struct {
        unsigned caps; /* enum backend_caps, as they are now */
    } out;
};

/* Describes the store. */
struct op_describe {
    struct {
        struct slice server; /* "PostgreSQL 15.6" */
        int64_t schema;      /* version of the schema; 0 = none */
    } out;
};

/* Lists the names of tenants that ever wrote, in order, after `after`. op->tenant is ignored. */
struct op_tenant_list {
    struct slice after; /* absent = from the start */
    int64_t limit;
    struct {
        struct slice *items;
        size_t n;
        bool more;
    } out;
};

/* Removes the name and the tombstones, some thousand a call, of a tenant that holds nothing else and that
 * no one uses. */
struct op_tenant_forget {
    struct {
        bool removed; /* the tenant does not exist now */
    } out;
};

/*
 * Reads the records of one kind and one tenant in key order (record.h), after `after`. The same state
 * reads the same from every store. Deleted sessions and threads are included (gen, tomb). A page holds
 * at most about PAGE_BYTES_MAX.
 */
struct op_read_range {
    enum record_kind kind;
    struct record_key after; /* id absent = from the start */
    bool pending;            /* counters of sessions include what is PENDING here */
    bool strict; /* ERR_DAMAGED also where all is read, but other reads would miss some */
    int64_t limit;
    struct {
        struct record *items;
        size_t n;
        bool more;
    } out;
};

/*
 * Merges records by the rules of record.h: running it twice, or in another order, gives the same state.
 * Value rows come before what refers to them. With op->id all records belong to this session or thread;
 * such ops of one batch may run side by side.
 *
 * The base of a value, and the values that a checkpoint refers to, must be in its namespace or come before
 * it in this op; otherwise the record is left out, as others may have removed values that no checkpoint
 * needed. storage/closure.h brings such a checkpoint with all that it needs. A RECORD_CHECKPOINTS that is
 * `gone` removes the values of its thread that nothing needs.
 *
 * In a pair (op_pair.h): a REPEAT is remembered and removes the PENDING of its op id. A PENDING is counted
 * and its request remembered, unless the request is known already, this store's outbox has an entry whose
 * number is its stamp, or the stamp is not above the tomb. With `own` each PENDING is counted if it is
 * pending in this very store, and removed from there.
 */
struct op_merge {
    const struct record *items;
    size_t n;
    bool own;
    struct {
        size_t applied; /* records that changed something */
        size_t broken;  /* values and checkpoints left out, because what they need is missing */
        int64_t newest; /* highest stamp stored here that won over a part of a record; 0 = none */
        bool outbox;    /* this store has outbox entries (a Redis cluster: this bucket) */
    } out;
};

#endif

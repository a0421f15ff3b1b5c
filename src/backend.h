/*
 * backend.h - the interface that every storage backend implements, and all that its callers see.
 *
 *     route -> lane -> failover -> versions -> sqlite | redis | postgres
 *
 * A backend executes batches of domain operations (op.h). It knows nothing of HTTP,
 * of requests or of other backends. failover.c, versions.c and fault.c are backends
 * too: they own others and pass batches on, so a chain of them looks like one.
 *
 * Threads    a backend belongs to one lane and is called by one thread at a time: a worker of the
 *            lane, or whoever has borrowed it (lane_queue.h). What lanes share (cache, breaker,
 *            failover state) is passed to open and locks itself.
 * Ownership  Ops are borrowed until the call returns. What a result points to lives
 *            in that op's arena. Keep no pointer into an op.
 * Units      *_ns is CLOCK_MONOTONIC nanoseconds, *_us is wall-clock microseconds
 *            since 1970. Sizes are bytes.
 * Errors     A function that fails returns false (or NULL) and fills *err; err.h
 *            lists the kinds. Backends never log: only the edge knows the request.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include "compiler.h"
#include "err.h"
#include "op.h"

enum {
    BATCH_MAX = 256,   /* upper bound of the setting batch_max_ops; 1000 messages are one op */
    RECONNECT_MS = 50, /* ops wait this long for a new connection, which continues after that */
};

enum backend_caps {
    BACKEND_DURABLE = 1 << 0, /* an acknowledged write survives a restart of the store */
    BACKEND_SHARED = 1 << 1,  /* several processes may use the same store */
    BACKEND_EVICTS = 1 << 2,  /* throws data away when its memory is full; then it is not DURABLE */
};

/* What the lane that opens a backend uses it for. */
enum backend_role {
    BACKEND_ANY,     /* reads and writes */
    BACKEND_WRITER,  /* opened first; the only one that writes, and migrates the schema */
    BACKEND_READER,  /* never gets an op that writes */
    BACKEND_SCANNER, /* gets only ops that may take long (op_scans) */
};

/* Which lanes a kind of store works best with. */
enum backend_lanes {
    LANES_ONE,            /* one connection for everything */
    LANES_WRITER_READERS, /* one writer, some readers beside it */
    LANES_BY_KEY, /* equal lanes; ops on one record keep to one (lane_pick.h). One more for scans */
};

struct value_cache;  /* storage/value_cache.h */
struct acquaintance; /* storage/acquaintance.h */

/* Settings that a backend obeys. */
struct backend_config {
    const char *url;
    enum backend_role role;
    bool existing;          /* fails if the file or schema does not exist, instead of creating it */
    bool as_is;             /* refuses an older schema instead of upgrading it */
    int64_t session_ttl_us; /* 0 = sessions never expire */
    int64_t checkpoint_ttl_us; /* 0 = checkpoints never expire */
    int64_t context_versions;  /* how many versions of a context are kept, at least 1 */
    int64_t instance; /* stores on the network: number of this instance; 0 = the store assigns it */
    bool fallback;    /* the second store of a pair (failover.h) */
    bool alone;       /* opened by itself, even if the store belongs to a pair (storage/alone.h) */
    struct acquaintance
        *acquaintance; /* of a pair: shared by the lanes of the store; NULL = none */
    size_t inline_max; /* longer values of a checkpoint have rows of their own; 0 = all have */
    int64_t store_timeout_ms;    /* a store that sends nothing for this long is lost; 0 = 1 s */
    struct value_cache *cache;   /* shared by the lanes of the store; NULL = none */
    const char *postgres_schema; /* NULL = stateward */
    const char *redis_prefix;    /* of all keys; NULL = "aiecs:" */
    /* Called, on any thread, by the backend that has created a schema (`from` is 0) or upgraded it;
     * `to` is its number now. May be NULL. */
    void (*migrated)(bool fallback, int64_t from, int64_t to);
};

/* Range of the instance numbers that a store assigns. Primary and fallback have disjoint ranges, so no
 * two instances of a pair get the same number, whichever store they ask. */
struct instance_range {
    unsigned first, n;
};

/* The range of a fallback, or that of a primary or single store. */
const struct instance_range *instance_range(bool fallback);

/* First member of each implementation's own struct. One chain of backends per lane. */
struct backend {
    const struct backend_ops *ops;
    unsigned caps; /* enum backend_caps; a Redis without appendfsync always is not DURABLE */
};

struct backend_ops {
    const char *name; /* "postgres": in the configuration, logs and metrics */

    /*
     * Runs ops[0..n-1] and sets each op's status and result. Each op is atomic by
     * itself; together they may share a transaction, a pipeline, an fsync. A driver
     * that shares a transaction and loses it runs the ops again one by one, so that
     * one bad op fails alone. Ops that touch the same record keep their order.
     *
     * True: every op has its status. An absent record is ERR_NOT_FOUND on its op, not
     * a failure of the batch. Writes are as durable as caps says when this returns.
     *
     * An op on much data may be done in parts, so that others need not wait. It then ends with
     * ERR_OK and `again` set: this part is durable, and the caller runs the same op, unchanged,
     * once more. Other ops may run in between, on the same record too. `out` is complete once
     * `again` is not set. If a part fails, or the caller stops, the op is over: readers see what
     * has been done, a new op does the rest, and clean-up collects what nobody sees.
     *
     * False: the backend failed, and statuses are undefined. err->kind decides
     * whether the same ops may run again, here or elsewhere:
     *
     *   ERR_UNAVAILABLE  nothing was applied: repeat freely
     *   ERR_IN_DOUBT     contact was lost midway, writes may have been applied:
     *                    repeat only the ops for which op_is_idempotent() holds
     *   ERR_NO_MEMORY    nothing was applied: do not repeat, shed load
     */
    bool (*execute)(struct backend *self, struct op *const ops[], size_t n, struct err *err);

    /* Checks cheaply, without writing, whether the store answers and how durable it is now; sets caps.
     * ERR_UNAVAILABLE if it does not answer. */
    bool (*probe)(struct backend *self, int64_t deadline_ns, struct err *err);

    /* Releases connections, files and self. Cannot fail. */
    void (*close)(struct backend *self);
};

/*
 * Calls backend_ops.execute. An op whose deadline has passed is not run but gets ERR_UNAVAILABLE, unless
 * it has begun already (`again`). The others keep their order. OP_PROBE is answered by probe. n is at
 * most BATCH_MAX. After a failure `again` is not set.
 */
bool backend_execute(struct backend *b, struct op *const ops[], size_t n, struct err *err) MUST_USE;

/* Executes a single op; false also when the op itself has failed: *err then is its status. */
bool backend_run(struct backend *b, struct op *op, struct err *err) MUST_USE;

/* backend_ops.probe. */
bool backend_probe(struct backend *b, int64_t deadline_ns, struct err *err) MUST_USE;

/* backend_ops.close. NULL is allowed. */
void backend_close(struct backend *b);

#endif

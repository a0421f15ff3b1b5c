/*
 * backend.h - what every storage backend implements, and all that its callers see.
 *
 *     route -> lane -> failover -> versions -> sqlite | redis | postgres | object
 *
 * A backend executes batches of domain operations (op.h). It knows nothing of HTTP,
 * of requests or of other backends. failover.c, versions.c and fault.c are backends
 * too: they own others and pass batches on, so a chain of them looks like one.
 *
 * Threads    a backend belongs to one lane and is called by its thread alone; what lanes
 *            share (cache, breaker, failover state) is passed to open and locks itself.
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
    BATCH_MAX = 256, /* highest value of the setting batch_max_ops; 1000 messages are one op */
};

enum backend_caps {
    BACKEND_DURABLE = 1 << 0, /* an acknowledged write survives a restart of the store */
    BACKEND_SHARED = 1 << 1,  /* several processes may use the same store */
};

/* What the lane that opens a backend is for. */
enum backend_role {
    BACKEND_ANY,     /* reads and writes */
    BACKEND_WRITER,  /* opened first; the only one that writes, and migrates the schema */
    BACKEND_READER,  /* never given an op that writes */
    BACKEND_SCANNER, /* only given ops that may take long (op_scans) */
};

/* How many lanes a kind of store works best with. */
enum backend_lanes {
    LANES_ONE,            /* one connection for everything */
    LANES_WRITER_READERS, /* one writer, some readers beside it */
    LANES_BY_KEY, /* equal lanes; an op goes to that of hash(tenant, id). One more for scans */
};

struct value_cache;  /* storage/value_cache.h */
struct acquaintance; /* storage/acquaintance.h */

/* Settings that a backend obeys. */
struct backend_config {
    const char *url;
    enum backend_role role;
    bool existing;             /* what is not there is not made: a file, a schema */
    bool as_is;                /* an older schema is refused, not brought up to date */
    int64_t session_ttl_us;    /* 0 = keep */
    int64_t checkpoint_ttl_us; /* 0 = keep */
    int64_t context_versions;  /* how many versions of a context are kept, at least 1 */
    int64_t instance; /* stores on the network: number of this one; 0 = the store gives it */
    bool fallback;    /* the second store of a pair (failover.h) */
    bool alone;       /* not as one of a pair, though it may be of one (storage/alone.h) */
    struct acquaintance
        *acquaintance; /* of a pair: shared by the lanes of the store; NULL = none */
    size_t inline_max; /* longer values of a checkpoint have rows of their own; 0 = all have */
    int64_t store_timeout_ms;    /* they are lost when they send nothing for so long; 0 = 1 s */
    struct value_cache *cache;   /* shared by the lanes of the store; NULL = none */
    const char *postgres_schema; /* NULL = stateward */
    const char *redis_prefix;    /* of all keys; NULL = "aiecs:" */
    /* Told, on any thread, by whoever has made the schema of a store (`from` is 0) or brought it up to
     * date, and what it is now; NULL = nobody is. */
    void (*migrated)(bool fallback, int64_t from, int64_t to);
};

/* The numbers of instances that a store gives: no two instances of a pair get the same, whichever of
 * its stores they ask. */
struct instance_range {
    unsigned first, n;
};

/* Those that a primary, or any store by itself, gives; those that a fallback gives. */
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
     * An op on much data may be done in parts, so that others need not wait: it is ERR_OK
     * and `again` is set. That part is durable; the caller runs the op once more, as it
     * is, and other ops between, on the same record too. `out` is complete when `again`
     * is not set. A failure ends the op, and so does a caller that stops: readers see
     * what is done, running it anew does the rest, clean-up collects what nobody sees.
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

    /* Learns cheaply, without writing, if the store answers, and how durable it is now: sets caps.
     * ERR_UNAVAILABLE if it does not answer. */
    bool (*probe)(struct backend *self, int64_t deadline_ns, struct err *err);

    /* Releases connections, files and self. Cannot fail. */
    void (*close)(struct backend *self);
};

/*
 * backend_ops.execute. Ops whose deadline has passed are not run: they get ERR_UNAVAILABLE; an op
 * that has begun (`again`) goes on. The rest keep their order. OP_PROBE is answered by probe. n is at
 * most BATCH_MAX. After a failure `again` is not set.
 */
bool backend_execute(struct backend *b, struct op *const ops[], size_t n, struct err *err) MUST_USE;

/* The same of one op; false also when the op has failed: *err is why. */
bool backend_run(struct backend *b, struct op *op, struct err *err) MUST_USE;

/* backend_ops.probe. */
bool backend_probe(struct backend *b, int64_t deadline_ns, struct err *err) MUST_USE;

/* backend_ops.close. NULL is allowed. */
void backend_close(struct backend *b);

#endif

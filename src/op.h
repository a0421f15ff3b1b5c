/*
 * op.h - the operations of the domain, which routes submit and backends execute.
 *
 *     route -> struct op -> lane -> backend_execute() -> the same struct op, with status and out
 *
 * A union in domain words, not get and put: each store may use its best means. The caller sets the fields
 * above `out`, the backend `out`, only if status.kind is ERR_OK.
 *
 * Threads    an op belongs to one thread at a time: loop -> lane -> loop.
 * Ownership  inputs point into memory that outlives the op (request arena, body). Results live in
 *            op->arena, which is never shared with another op that may run at the same time.
 * Units      *_us wall microseconds since 1970, *_ns CLOCK_MONOTONIC nanoseconds, sizes bytes.
 * Errors     op->status; the op_*.h headers name the kinds of each op.
 */
#ifndef OP_H
#define OP_H

#include "err.h"
#include "op_checkpoints.h"
#include "op_pair.h"
#include "op_service.h"
#include "op_sessions.h"
#include "op_threads.h"

struct inbox;

enum op_flags {
    OP_WRITES = 1 << 0,     /* changes the store */
    OP_IDEMPOTENT = 1 << 1, /* running it again is harmless: readers see the same */
    OP_KEYED = 1 << 2,      /* honours op->repeat; with one it is idempotent */
    OP_SCANS = 1 << 3,      /* without an id it may look at all data of a tenant */
    OP_AS_HELD = 1 << 4,    /* asks for what this store holds, whatever it is missing */
};

/* type; member of the union, also the name in logs and metrics; flags */
#define OP_DRIVER_TYPES(X)                                                  \
    X(SESSION_PUT, session_put, OP_WRITES | OP_KEYED)                       \
    X(SESSION_GET, session_get, OP_IDEMPOTENT)                              \
    X(SESSION_LIST, session_list, OP_IDEMPOTENT | OP_SCANS)                 \
    X(SESSION_PATCH, session_patch, OP_WRITES | OP_KEYED)                   \
    X(SESSION_DELETE, session_delete, OP_WRITES | OP_IDEMPOTENT)            \
    X(CONTEXT_PUT, context_put, OP_WRITES)                                  \
    X(CONTEXT_GET, context_get, OP_IDEMPOTENT)                              \
    X(CONTEXT_LIST, context_list, OP_IDEMPOTENT)                            \
    X(MESSAGE_APPEND, message_append, OP_WRITES | OP_IDEMPOTENT)            \
    X(MESSAGE_LIST, message_list, OP_IDEMPOTENT)                            \
    X(MESSAGE_TRIM, message_trim, OP_WRITES)                                \
    X(CHECKPOINT_PUT, checkpoint_put, OP_WRITES | OP_IDEMPOTENT)            \
    X(CHECKPOINT_GET, checkpoint_get, OP_IDEMPOTENT)                        \
    X(CHECKPOINT_LIST, checkpoint_list, OP_IDEMPOTENT | OP_SCANS)           \
    X(VALUES_GET, values_get, OP_IDEMPOTENT)                                \
    X(WRITES_PUT, writes_put, OP_WRITES | OP_IDEMPOTENT)                    \
    X(WRITES_GET, writes_get, OP_IDEMPOTENT)                                \
    X(THREAD_GET, thread_get, OP_IDEMPOTENT)                                \
    X(THREAD_LIST, thread_list, OP_IDEMPOTENT | OP_SCANS)                   \
    X(THREAD_DELETE, thread_delete, OP_WRITES | OP_IDEMPOTENT)              \
    X(THREAD_COPY, thread_copy, OP_WRITES)                                  \
    X(THREAD_PRUNE, thread_prune, OP_WRITES)                                \
    X(RUNS_DELETE, runs_delete, OP_WRITES | OP_SCANS)                       \
    X(CLEANUP, cleanup, OP_WRITES | OP_SCANS)                               \
    X(STATS, stats, OP_IDEMPOTENT | OP_SCANS)                               \
    X(DESCRIBE, describe, OP_IDEMPOTENT | OP_AS_HELD)                       \
    X(TENANT_LIST, tenant_list, OP_IDEMPOTENT | OP_AS_HELD)                 \
    X(TENANT_FORGET, tenant_forget, OP_WRITES | OP_IDEMPOTENT | OP_AS_HELD) \
    X(READ_RANGE, read_range, OP_IDEMPOTENT | OP_AS_HELD)                   \
    X(RECORDS_GET, records_get, OP_IDEMPOTENT | OP_AS_HELD)                 \
    X(MERGE, merge, OP_WRITES | OP_IDEMPOTENT | OP_AS_HELD)                 \
    X(PAIR_READ, pair_read, OP_IDEMPOTENT | OP_AS_HELD)                     \
    X(PAIR_CHANGE, pair_change, OP_WRITES | OP_IDEMPOTENT | OP_AS_HELD)

/* No driver gets a probe: backend_execute() answers it. */
#define OP_TYPES(X) OP_DRIVER_TYPES(X) X(PROBE, probe, OP_IDEMPOTENT)

enum op_type {
#define X(type, member, flags) OP_##type,
    OP_TYPES(X)
#undef X
        OP_TYPE_COUNT
};

struct op {
    enum op_type type;
    struct err status; /* set by execute() */
    struct slice tenant;
    struct slice id; /* session or thread; absent where the op is about no single one */
    int64_t now_us;  /* the time that this op records */
    int64_t stamp;   /* writes: stamp of the change; without `fence` a store may raise it */
    bool fence;      /* if what is stored is as new, ERR_FENCED and `newest` set */
    int64_t newest;
    unsigned generation; /* of the store (acquaintance.h) when it was chosen for this op; 0: any */
    bool replicate, alone, missing; /* op_pair.h; missing: result, refused for what is missing */
    struct record *copies;          /* result if `replicate`: the changed records */
    size_t n_copies, copies_cap;
    bool entered; /* driver's: the outbox has the entry of the copies */
    struct op_repeat repeat;
    int64_t deadline_ns; /* it is not started after this */
    bool again;          /* set by execute(): a part is done; run the op once more for the rest */
    void *progress;      /* driver's, while `again`; lies in the arena; no one else changes it */
    struct arena *arena;
    struct op *next;    /* in the list that holds the op: outgoing, lane, inbox */
    struct op *sibling; /* next op of the same request, in order of creation */
    struct inbox *home; /* where the lane posts the finished op */
    void *owner;        /* the request, for its loop */
    int64_t started_ns; /* when it was submitted */
    union {
#define X(type, member, flags) struct op_##member member;
        OP_TYPES(X)
#undef X
    };
};

/* "session_put": for logs and metrics. */
const char *op_name(enum op_type type);

/* How many ops a list has that is linked by op->next. */
size_t op_count(const struct op *first);

/* Whether the op changes the store. */
bool op_writes(const struct op *op);

/* Whether the time of the op may grow with all data of its tenant. */
bool op_scans(const struct op *op);

/* Whether a store that is missing changes runs an op; else 1 or 2 ids to look for (absent: any). Fails if op->missing. */
bool op_as_held(const struct op *op);
size_t op_ids(const struct op *op, struct slice ids[2]);
bool op_not_missing(const struct op *op, struct err *err) MUST_USE;

/* Whether running the op again after an unknown outcome is harmless. */
bool op_is_idempotent(const struct op *op);

/*
 * The stamp for a change of what has the stamp `stored`: op->stamp, raised above `stored` if need be; or,
 * if op->fence, ERR_FENCED with op->newest set. A raised stamp is observed by the clock.
 */
bool op_stamp_above(struct op *op, int64_t stored, int64_t *stamp, struct err *err) MUST_USE;

/* For changes without a stamp: ERR_FENCED as above if op->fence and op->stamp is not above `stored`. */
bool op_fence_allows(struct op *op, int64_t stored, struct err *err) MUST_USE;

/* The stamp of a removal: the op's own in a pair, where a store may hear of it late; INT64_MAX else. */
int64_t op_removal_stamp(const struct op *op) MUST_USE;

/* A new op on the same id, to be run before this one; lies in op->arena. NULL when memory runs out. */
struct op *op_before(const struct op *op, enum op_type type) MUST_USE;

/* A hash of (tenant, id): ops on one record get the same, so they meet in one lane. */
uint64_t op_lane_hash(const struct op *op);

#endif

/*
 * op_sessions.h - operations on sessions, contexts and messages.
 *
 * Part of op.h; include that. For each op: inputs first, `out` is the result. Besides the kinds
 * named here every op may end in STORAGE, DAMAGED, UNAVAILABLE, IN_DOUBT or NO_MEMORY.
 *
 * Threads    plain data.
 * Ownership  inputs outlive the op; results live in op->arena.
 * Units      *_us wall microseconds since 1970, sizes bytes.
 * Errors     named at each op.
 */
#ifndef OP_SESSIONS_H
#define OP_SESSIONS_H

#include "clock.h"
#include "model.h"

/* Values of a guard on the version of a record (If-Match). */
enum { IF_NONE = 0, IF_EXISTS = -1 }; /* else the version itself */

/* A request that may be repeated (Idempotency-Key). It is remembered for REPEAT_WINDOW_US, even if its
 * session is deleted meanwhile: a repeat then gets ERR_NO_SESSION. */
struct op_repeat {
    bool present;
    uint8_t op_id[BLOB_HASH_LEN];     /* hash of tenant, session, key */
    uint8_t body_hash[BLOB_HASH_LEN]; /* the same key with another body is ERR_KEY_REUSED */
};

#define REPEAT_WINDOW_US (10 * MINUTE_US)

/*
 * Creates a session, or replaces user_id and metadata of an existing one (created_at, status and counters
 * stay). `create_only`: ERR_EXISTS if it exists. with_context: a session without a context gets one that
 * holds its metadata. ERR_EXISTS, _PRECONDITION, _KEY_REUSED, _NO_SESSION.
 */
struct op_session_put {
    struct slice user_id, metadata;
    bool create_only, with_context;
    int64_t if_version;
    struct {
        struct session session;
        bool created, replayed;
    } out;
};

/* Reads a session. ERR_NO_SESSION. */
struct op_session_get {
    struct {
        struct session session;
    } out;
};

/* Lists sessions of a tenant, latest activity first, then session_id descending. op->id is absent. At most
 * PAGE_BYTES_MAX a page. A store may stop after looking at SCAN_MAX rows, perhaps without items. */
struct op_session_list {
    struct slice user_id, status; /* absent = any */
    int64_t limit;                /* 1..1000 */
    struct session_pos after;     /* id absent = from the start */
    struct {
        struct session *items;
        size_t n;
        bool more;
        struct session_pos next; /* if `more`: of the last one looked at */
    } out;
};

/*
 * Changes a session atomically; absent members stay. ERR_NO_SESSION, _PRECONDITION, _KEY_REUSED; _TOO_LARGE: what
 * a merge would make has more than SPLIT_ITEMS_MAX members or metadata_max bytes.
 */
struct op_session_patch {
    struct slice user_id, status, metadata; /* replace */
    struct slice metadata_merge;            /* object: its keys replace those of metadata */
    int64_t metadata_max;                   /* 0 = no bound */
    bool increment_requests, mark_error;
    double add_processing_time; /* seconds */
    int64_t if_version;
    struct {
        struct session session;
        bool replayed;
    } out;
};

/* Deletes session, messages and contexts; with `threads` also the thread of that id. ERR_PRECONDITION. */
struct op_session_delete {
    bool threads;
    int64_t if_version;
};

/* Stores the next version; the last context_versions are kept. ERR_NO_SESSION, ERR_PRECONDITION. */
struct op_context_put {
    struct slice context;
    bool require_session;
    int64_t if_version; /* against the newest version of the context */
    struct {
        int64_t version, updated_us;
    } out;
};

/* Reads a context. ERR_NO_SESSION: nothing is stored for this id; ERR_NOT_FOUND: no such version. */
struct op_context_get {
    int64_t version; /* 0 = the newest */
    struct {
        struct context context;
    } out;
};

/* Lists versions, newest first, without bodies. An unknown session has none. */
struct op_context_list {
    int64_t limit;
    struct {
        struct context *items; /* body absent, body_len set */
        size_t n;
    } out;
};

/*
 * Appends messages in order, all or none. A message whose id is stored already stays as it is, with its
 * seq (created = false). New ones get seq = max(op->now_us, last seq of the session + 1). ERR_NO_SESSION.
 */
struct op_message_append {
    struct message *messages; /* id, role, content, metadata set; seq and created are results */
    size_t n;                 /* 1..1000; of two with the same id the second counts as stored */
    bool require_session;
};

/* Lists a page of messages, oldest first. Bounds are exclusive. Without `after` it is the newest page of
 * the range. At most PAGE_BYTES_MAX a page. */
struct op_message_list {
    int64_t limit; /* 1..1000 */
    bool has_before, has_after;
    struct message_pos before, after;
    struct {
        struct message *items;
        size_t n;
        bool more_before, more_after; /* messages exist before the first, after the last item */
    } out;
};

/* Removes all messages before a position, but never the newest keep_last. */
struct op_message_trim {
    bool has_before;
    struct message_pos before;
    int64_t keep_last; /* 0 = no such bound; at least one of the two bounds is given */
    struct {
        int64_t removed;
    } out;
};

#endif

/*
 * record.h - the records that two stores exchange: each is the whole state of one key.
 *
 *     read_range of one store -> struct record -> merge into another
 *
 * Used by failover, migrate, verify, export and import. A merge keeps, cell by cell, the higher stamp; a
 * record whose stamp is not above the tomb of its session or thread is dead.
 *
 * Threads    plain data.
 * Ownership  slices live in the arena of the op that carries the record.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     none.
 */
#ifndef RECORD_H
#define RECORD_H

#include "model.h"

/* In merge order: a record refers only to kinds above it. */
enum record_kind {
    RECORD_SESSION,    /* key: session id */
    RECORD_MESSAGE,    /* session id, message id */
    RECORD_CONTEXT,    /* session id, version, stamp */
    RECORD_THREAD,     /* thread id */
    RECORD_VALUE,      /* thread id, ns, value id */
    RECORD_CHECKPOINT, /* thread id, ns, checkpoint id */
    RECORD_TASK,       /* thread id, ns, checkpoint id, task id */
    RECORD_KIND_COUNT,

    /* Exchanged only between the two stores of a pair (op_pair.h). */
    RECORD_REPEAT = RECORD_KIND_COUNT, /* session id, op id: a request that was carried out */
    /* Session id, op id: an addition to counters that the primary has yet to count. */
    RECORD_PENDING,

    /* Only names, without a record: they say what has changed. */
    RECORD_MESSAGES,    /* session id: some of its messages were removed */
    RECORD_CHECKPOINTS, /* thread id: some of its checkpoints were removed */
    RECORD_CONTENTS,    /* thread id: all its contents were copied from elsewhere */
};

/* Whether records of this kind are of a thread. */
static inline bool record_is_of_thread(enum record_kind kind)
{
    return kind >= RECORD_THREAD && kind <= RECORD_TASK;
}

/* Keys are compared part by part: slices by bytes, then numbers. Unused parts are absent or 0. */
struct record_key {
    struct slice id; /* session or thread */
    struct slice ns;
    struct slice sub; /* message id, checkpoint id, op id, run id */
    struct slice task;
    int64_t number; /* context version, value id */
    int64_t stamp;  /* context */
};

/* A text that is merged by itself: the higher stamp wins. */
struct cell {
    int64_t stamp;
    struct slice text;
};

struct record_session {
    int64_t gen;  /* stamp of the newest create or upsert; the session lives iff gen > tomb */
    int64_t tomb; /* highest delete stamp; what has a stamp <= tomb is dead */
    struct cell user_id, status, metadata;
    int64_t request_count, error_count; /* merged as the higher: only one store counts */
    double total_processing_time;
    int64_t created_us, updated_us, last_activity_us;
    int64_t version;      /* the highest ever given; it and the next two outlive a deletion */
    int64_t last_seq;     /* of its messages */
    int64_t last_context; /* highest context version ever given */
};

struct record_message {
    int64_t stamp, seq; /* of one id with two seqs the higher stays */
    struct slice role, content, metadata;
};

struct record_context {
    int64_t updated_us;
    struct slice body;
};

struct record_thread {
    int64_t tomb, updated_us;
};

struct record_value {
    struct channel_version of; /* channel absent: the head of a checkpoint */
    struct blob blob;          /* encoded; base_id as stored */
};

struct record_checkpoint {
    int64_t stamp, created_us;
    enum form form;
    struct slice parent_id, metadata, run_id;
    int64_t head;        /* value id */
    const int64_t *refs; /* value ids */
    size_t n_refs;
};

struct record_task {
    int64_t stamp; /* of its newest write */
    int64_t seq;   /* stamp of its first write: the order of tasks in document form */
    enum form form;
    struct slice task_path;
    struct write *writes;
    size_t n_writes;
};

struct record_repeat {
    int64_t at_us;
    uint8_t body_hash[BLOB_HASH_LEN];
};

struct record_pending {
    int64_t stamp;
    int64_t requests, errors;
    double processing_time;
    struct record_repeat repeat; /* the request that added it */
};

/* The name of a record. */
struct record_name {
    enum record_kind kind;
    struct record_key key;
};

struct record {
    enum record_kind kind;
    struct record_key key;
    /* Not 0: the record does not exist, and a stored one with a stamp up to this goes too. Only messages,
     * checkpoints and tasks. Removing a checkpoint leaves the writes on it; of a task that is newer, the
     * first write was after this. */
    int64_t gone;
    union {
        struct record_session session;
        struct record_message message;
        struct record_context context;
        struct record_thread thread;
        struct record_value value;
        struct record_checkpoint checkpoint;
        struct record_task task;
        struct record_repeat repeat;
        struct record_pending pending;
    };
};

#endif

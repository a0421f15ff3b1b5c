/*
 * model.h - the domain objects that routes and backends exchange.
 *
 * Threads    plain data.
 * Ownership  slices point into the arena of the op that carries them.
 * Units      *_us wall microseconds since 1970.
 * Errors     none.
 */
#ifndef MODEL_H
#define MODEL_H

#include "blob.h"
#include "bytes.h"

/* A page of sessions, messages or checkpoints is full at this many bytes, whatever its limit; one item
 * always fits. What several items share counts once. */
enum { PAGE_BYTES_MAX = 16 * 1024 * 1024 };

/* Rows that one call of a list looks at at most: a filter may match none of them. */
enum { SCAN_MAX = 10000 };

struct session {
    struct slice id, user_id, status;
    struct slice metadata; /* JSON object */
    int64_t request_count, error_count;
    double total_processing_time; /* seconds */
    int64_t created_us, updated_us, last_activity_us;
    int64_t version; /* +1 on each change of anything except last_activity_us */
};

/* A place in the list of sessions. */
struct session_pos {
    int64_t last_activity_us;
    struct slice id;
};

struct context {
    int64_t version, updated_us;
    struct slice body; /* JSON */
    size_t body_len;
};

struct message {
    struct slice id, role;
    struct slice content;  /* JSON */
    struct slice metadata; /* JSON object */
    int64_t seq;  /* microseconds since 1970: its time, and its place in the conversation */
    bool fresh;   /* its id was generated for this request: no store can know it yet */
    bool created; /* result of an append: it was new */
};

/* A place in a conversation: messages are ordered by (seq, id). */
struct message_pos {
    int64_t seq;
    struct slice id;
};

/* The form of all checkpoints of one (thread, ns); fixed by the first checkpoint or write. */
enum form {
    FORM_NONE = 0,
    FORM_DOCUMENT = 1, /* one JSON value; ordered by write sequence */
    FORM_CHANNEL = 2,  /* LangGraph: values by channel and version; ordered by id, descending */
};

struct channel_version {
    struct slice channel; /* decoded text */
    struct slice version; /* JSON text, so that 1, 1.0 and "1" stay distinct */
};

struct value {
    struct channel_version of;
    struct blob blob;
};

struct write {
    struct slice task_id, task_path;
    int64_t idx;
    struct slice channel; /* decoded text */
    struct blob blob;     /* document form: bytes are the JSON, type is empty */
};

struct checkpoint {
    struct slice thread, ns, id;
    struct slice parent_id; /* absent = none */
    enum form form;
    struct blob head;    /* above versions.c its bytes are the JSON */
    struct slice packed; /* above versions.c: the head with its inlined values, as stored */
    struct slice metadata;
    int64_t created_us;
    int64_t stamp;               /* its write sequence */
    const struct value **values; /* shared within a list; id < 0: inlined in a head */
    size_t n_values;
    struct write *writes;
    size_t n_writes;
};

/* A place in a list of checkpoints; checkpoint_id absent = the start. */
struct checkpoint_pos {
    enum form form;
    struct slice checkpoint_id, thread, ns;
    int64_t stamp;
};

struct thread {
    struct slice id;
    struct slice *namespaces;
    size_t n_namespaces;
    int64_t checkpoints;
    struct slice latest; /* checkpoint id: of ns "", else of the first ns that has one */
    int64_t updated_us;
    int64_t bytes; /* of payload as stored: heads, metadata, values, writes */
};

#endif

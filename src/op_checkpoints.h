/*
 * op_checkpoints.h - operations on checkpoints, their values and writes.
 *
 * Part of op.h; include that. For each op: inputs first, `out` is the result. Besides the kinds
 * named here every op may end in STORAGE, DAMAGED, UNAVAILABLE, IN_DOUBT or NO_MEMORY.
 *
 * Threads    plain data.
 * Ownership  inputs outlive the op; results live in op->arena.
 * Units      *_us wall microseconds since 1970, sizes bytes.
 * Errors     named at each op.
 */
#ifndef OP_CHECKPOINTS_H
#define OP_CHECKPOINTS_H

#include "filter.h"
#include "model.h"

/*
 * Stores a checkpoint with its new values, replacing one of the same id. op->id is the thread. `values`
 * were sent; `carried` are the channels of channel_versions that were not: each refers to the newest
 * value stored for (thread, ns, channel, version), or to none. ERR_FORM; ERR_NO_BASE when a blob's
 * base_id or a head of `sources` is not stored (versions.c then sends the whole).
 */
struct op_checkpoint_put {
    struct slice ns, checkpoint_id, parent_id; /* parent absent = none */
    enum form form;
    struct blob head;      /* the JSON of checkpoint or checkpoint_data */
    struct slice metadata; /* JSON object, "{}" if none was sent */
    struct slice run_id;   /* metadata.run_id if that is a string, decoded; else absent */
    struct value *values;
    size_t n_values;
    struct channel_version *carried;
    size_t n_carried;
    struct channel_version *removed; /* channels without a value at this version */
    size_t n_removed;
    /* Heads that must still be stored: they tell where carried values are. */
    const int64_t *sources;
    size_t n_sources;
    /* Where carried values are stored, as a guess. NULL: not known, or this checkpoint may not be the
     * next of its namespace. */
    const int64_t *carried_ids;
    /* With first_id: the head as an earlier run has packed it, so that both stores hold the same;
     * absent = not packed yet. */
    struct slice settled;
    /* Id of the first new value, then the head: consecutive stamps, so that both stores of a pair use
     * the same ids; 0 = any. */
    int64_t first_id;
    struct {
        bool created;
    } out;
};

/* Reads a checkpoint with its values (chains) and writes. checkpoint_id absent = the latest of ns: by id
 * in channel form, by write sequence in document form. ERR_NOT_FOUND. */
struct op_checkpoint_get {
    struct slice ns, checkpoint_id;
    struct {
        struct checkpoint *checkpoint;
    } out;
};

/* Which value: the one of this id, or the newest stored for (thread, ns, channel, version). */
struct value_ask {
    struct channel_version of;
    const uint8_t *hash; /* its hash, if known: then a cache may answer; or NULL */
    int64_t id;          /* 0 = by channel and version */
};

/* Reads values; an item is NULL where there is none. */
struct op_values_get {
    struct slice ns;
    const struct value_ask *asks;
    size_t n;
    struct {
        const struct value **items;
    } out;
};

/*
 * Lists checkpoints, newest first: channel form by (id, thread, ns) descending, then document form by
 * write sequence descending. op->id absent = every thread of the tenant. A call looks at no more than
 * SCAN_MAX rows, and a page holds at most PAGE_BYTES_MAX; beyond that `more` is set and `next` says where
 * to continue; after SCAN_MAX rows there may be no items.
 * ERR_INVALID: `before` names no checkpoint (document form only).
 */
struct op_checkpoint_list {
    struct slice ns;            /* absent = all */
    struct slice checkpoint_id; /* absent = any; else only this one, in any namespace */
    struct slice before;        /* absent = none; id < before, or an older write sequence */
    const struct filter *filter;
    bool values;            /* with their values; writes always come */
    int64_t limit;          /* 1..1000 */
    bool chooses;           /* leaves out values and writes of other channels than these */
    struct slice *channels; /* the store sorts them */
    size_t n_channels;
    struct checkpoint_pos after;
    struct {
        struct checkpoint **items;
        size_t n;
        bool more;
        struct checkpoint_pos next;
    } out;
};

enum writes_mode {
    WRITES_UPSERT,  /* an idx that is stored is replaced */
    WRITES_IGNORE,  /* an idx that is stored stays */
    WRITES_REPLACE, /* all writes of the task are replaced */
};

/* Stores writes of one task, whose checkpoint may not exist yet. ERR_FORM. */
struct op_writes_put {
    struct slice ns, checkpoint_id, task_id, task_path;
    enum form form;
    enum writes_mode mode;
    struct write *writes; /* idx distinct; blobs have type and bytes */
    size_t n;
    struct {
        bool created; /* the task had no writes before */
    } out;
};

/* Reads the writes of a checkpoint in the order of its form: (task_path, task_id, idx), or (first write
 * of the task, idx). Having none is not an error. */
struct op_writes_get {
    struct slice ns, checkpoint_id;
    struct {
        struct write *items;
        size_t n;
    } out;
};

#endif

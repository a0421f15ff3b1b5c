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
 * Stores a checkpoint with its new values, replacing one of the same id. op->id is the thread.
 * `values` are sent; `carried` are channels of channel_versions that were not: each takes the
 * newest value stored for (thread, ns, channel, version), or is absent. ERR_FORM; ERR_NO_BASE when
 * a blob's base_id or a head of `sources` is not stored (versions.c answers by sending the whole).
 */
struct op_checkpoint_put {
    struct slice ns, checkpoint_id, parent_id; /* parent absent = none */
    enum form form;
    struct blob head;      /* the JSON of checkpoint or checkpoint_data */
    struct slice metadata; /* JSON object, "{}" if none was sent */
    struct slice run_id;   /* metadata.run_id where that is a string, decoded; else absent */
    struct value *values;
    size_t n_values;
    struct channel_version *carried;
    size_t n_carried;
    struct channel_version *removed; /* that have no value at this version */
    size_t n_removed;
    const int64_t *sources; /* heads that must be there still: they say where what is carried is */
    size_t n_sources;
    const int64_t *carried_ids; /* where they are stored, as a guess; NULL: not known, or the
                                   checkpoint may not be the next of its namespace */
    struct slice
        settled; /* with a first_id: the head as an earlier run has packed it, so that both stores
                             have the same; absent = not yet */
    int64_t
        first_id; /* of the new values, then the head, as stamps follow each other: the same in both
                         stores of a pair; 0 = any */
    struct {
        bool created;
    } out;
};

/* checkpoint_id absent = the latest of ns: by id in channel form, by write sequence in document
 * form. With its values (chains) and writes. ERR_NOT_FOUND. */
struct op_checkpoint_get {
    struct slice ns, checkpoint_id;
    struct {
        struct checkpoint *checkpoint;
    } out;
};

/* Which value: that of an id, or the newest stored for (thread, ns, channel, version). */
struct value_ask {
    struct channel_version of;
    const uint8_t
        *hash;  /* of what is wanted, BLOB_HASH_LEN bytes: then a cache may answer; or NULL */
    int64_t id; /* 0 = by channel and version */
};

/* Each item is NULL where there is none. */
struct op_values_get {
    struct slice ns;
    const struct value_ask *asks;
    size_t n;
    struct {
        const struct value **items;
    } out;
};

/*
 * Newest first: channel form by (id, thread, ns) descending, then document form by write sequence
 * descending. op->id absent = every thread of the tenant. At most SCAN_MAX rows are
 * looked at in one call, and a page holds at most PAGE_BYTES_MAX; then `more` is set and `next` says
 * where to go on, in the first case perhaps without items.
 * ERR_INVALID: `before` names no checkpoint (document form only).
 */
struct op_checkpoint_list {
    struct slice ns;            /* absent = all */
    struct slice checkpoint_id; /* absent = any; else exactly this one, in whatever namespace */
    struct slice before;        /* absent = none; id < before, or an older write sequence */
    const struct filter *filter;
    bool values;   /* also the values; writes always come */
    int64_t limit; /* 1..1000 */
    struct checkpoint_pos after;
    struct {
        struct checkpoint **items;
        size_t n;
        bool more;
        struct checkpoint_pos next;
    } out;
};

enum writes_mode {
    WRITES_UPSERT,  /* an idx that is known is replaced */
    WRITES_IGNORE,  /* an idx that is known stays */
    WRITES_REPLACE, /* the task's writes are replaced as a whole */
};

/* The writes of one task; the checkpoint may not exist yet. ERR_FORM. */
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

/* In the order of the form: (task_path, task_id, idx), or (first write of the task, idx). None is
 * not an error. */
struct op_writes_get {
    struct slice ns, checkpoint_id;
    struct {
        struct write *items;
        size_t n;
    } out;
};

#endif

/*
 * record_writer.h - merges records into a store, in batches that share round trips.
 *
 *     writer_put(tenant, record) ... writer_flush() -> one OP_MERGE for each session or thread
 *
 * A batch has one tenant and one kind. Records that cannot be merged are passed to `failed`, one by one;
 * the others are merged.
 *
 * Threads    one, that of the caller.
 * Ownership  records are borrowed until writer_flush(), or until writer_put() has flushed.
 * Units      none.
 * Errors     ERR_UNAVAILABLE, ERR_IN_DOUBT: the store was lost for longer than caller.h waits.
 *            ERR_NO_MEMORY.
 */
#ifndef RECORD_WRITER_H
#define RECORD_WRITER_H

#include "caller.h"

enum {
    WRITER_BATCH_MAX = 100,
    WRITER_BYTES_MAX = 8 * 1024 * 1024, /* of one batch, unless one record is larger */
};

struct record_writer {
    struct caller *store;
    void (*failed)(void *ctx, struct slice tenant, const struct record *record,
                   const struct err *why);
    /* Brings a checkpoint that was left out, with all that it needs (closure.h). NULL: it counts as
     * failed. */
    bool (*bring)(void *ctx, struct slice tenant, const struct record *record, bool *applied,
                  struct err *err);
    void *ctx;
    int64_t applied[RECORD_KIND_COUNT]; /* by kind: records that changed something */

    struct inbox home;
    struct slice tenant;
    struct record records[WRITER_BATCH_MAX];
    size_t n, bytes;
    struct op ops[WRITER_BATCH_MAX];
    struct op *out[WRITER_BATCH_MAX];
    struct arena arenas[WRITER_BATCH_MAX];
};

/* Starts empty. The caller has set store, failed, ctx, and bring if there is one. */
bool writer_open(struct record_writer *w, struct err *err) MUST_USE;

/* Ends; records that were not flushed are dropped. A writer without a store was never opened. */
void writer_close(struct record_writer *w);

/* Adds a record. If it does not fit into the batch, or belongs to another one, the batch is merged first. */
bool writer_put(struct record_writer *w, struct slice tenant, const struct record *record,
                struct err *err) MUST_USE;

/* Merges the batch. */
bool writer_flush(struct record_writer *w, struct err *err) MUST_USE;

#endif

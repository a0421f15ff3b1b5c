/*
 * record_writer.h - merges records into a store, in batches that share round trips.
 *
 *     writer_put(tenant, record) ... writer_flush() -> one OP_MERGE for each session or thread
 *
 * A batch is of one tenant and one kind. What cannot be merged is told to `failed` record by record,
 * and the rest goes on.
 *
 * Threads    one, that of the caller.
 * Ownership  records are borrowed until writer_flush(), or until writer_put() has flushed.
 * Units      none.
 * Errors     ERR_UNAVAILABLE, ERR_IN_DOUBT: the store was lost for longer than the caller has patience.
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
    /* Brings a checkpoint that was left out with all that it needs (closure.h). NULL: it has failed. */
    bool (*bring)(void *ctx, struct slice tenant, const struct record *record, bool *applied,
                  struct err *err);
    void *ctx;
    int64_t applied[RECORD_KIND_COUNT]; /* records that changed something */

    struct inbox home;
    struct slice tenant;
    struct record records[WRITER_BATCH_MAX];
    size_t n, bytes;
    struct op ops[WRITER_BATCH_MAX];
    struct op *out[WRITER_BATCH_MAX];
    struct arena arenas[WRITER_BATCH_MAX];
};

/* Starts empty; store, failed and ctx are set. */
bool writer_open(struct record_writer *w, struct err *err) MUST_USE;

/* Ends; what was not flushed is forgotten. A writer without a store was never opened. */
void writer_close(struct record_writer *w);

/* Adds a record; merges what is there when that fills a batch, or the record is of another one. */
bool writer_put(struct record_writer *w, struct slice tenant, const struct record *record,
                struct err *err) MUST_USE;

/* Merges what is there. */
bool writer_flush(struct record_writer *w, struct err *err) MUST_USE;

#endif

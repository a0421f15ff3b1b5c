/*
 * samples_fill.h - the inputs of the samples.
 *
 *     samples.c: {"session_put, new", OP_SESSION_PUT, "s3", fill_session_put} -> fill_session_put(&op)
 *
 * Threads    one.
 * Ownership  what is filled in is static, or samples_made's.
 * Units      *_us wall microseconds since 1970.
 * Errors     none.
 */
#ifndef SAMPLES_FILL_H
#define SAMPLES_FILL_H

#include "filter.h"
#include "op.h"

/* What samples are made of: by samples_init(), and the entry by each sample_seed_pair(). */
struct samples_made {
    struct arena arena;
    struct record *records;
    size_t n_records;
    struct filter filter;
    struct outbox_entry entry; /* that is in the outbox of the store */
};

extern struct samples_made samples_made;

/* clang-format off */
/* Each is the input of an op of some type, by the name of what it does. */
#define SAMPLES_FILLS(X) \
    X(session_put) X(session_put_again) X(session_list) X(session_patch) X(session_patch_again) \
    X(session_delete) X(context_put) X(context_list) X(message_append) X(message_list) \
    X(message_trim) X(checkpoint_put) X(checkpoint_replace) X(checkpoint_document) \
    X(checkpoint_get) X(values_get) X(checkpoint_list) X(writes_upsert) X(writes_ignore) \
    X(writes_replace) X(writes_get) X(thread_list) X(thread_copy) X(prune_number) X(prune_all) \
    X(runs_delete) X(cleanup_idle) X(cleanup_expired) X(tenant_list) X(range_sessions) \
    X(range_messages) X(range_contexts) X(range_threads) X(range_values) X(range_checkpoints) \
    X(range_tasks) X(merge) X(nothing) X(pair_read) X(pair_clear) X(pair_missing) X(pair_found) \
    X(pair_notes) X(pair_seed) X(records_get) X(merge_counts) X(merge_gone) \
    X(session_patch_alone) X(session_get_alone) X(session_delete_alone) X(seed_c1) X(seed_c2) \
    X(seed_c3) X(seed_document) X(seed_writes) X(seed_messages)

/* Those of which there is one more with `replicate` and `fence`: fill_<name>_told(). */
#define SAMPLES_TOLD(X) \
    X(session_put) X(session_put_again) X(session_patch) X(session_patch_again) \
    X(session_delete) X(context_put) X(message_append) X(message_trim) X(checkpoint_put) \
    X(checkpoint_replace) X(writes_upsert) X(thread_copy) X(prune_number) X(prune_all) \
    X(runs_delete) X(cleanup_idle) X(cleanup_expired) X(nothing)
/* clang-format on */

#define X(name) void fill_##name(struct op *op);
SAMPLES_FILLS(X)
#undef X

#define X(name) void fill_##name##_told(struct op *op);
SAMPLES_TOLD(X)
#undef X

#endif

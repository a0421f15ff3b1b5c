/* samples.c - see samples.h. */
#include "samples.h"

#include "clock.h"
#include "samples_fill.h"
#include "sqlite.h"
#include "sqlite_driver.h"
#include "versions.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define SEED_US (INT64_C(1800000000) * SECOND)
#define RUN_US (SEED_US + 60 * SECOND)

/* clang-format off */
const struct sample samples[] = {
    {"session_put, new",          OP_SESSION_PUT,     "s3", fill_session_put},
    {"session_put, known",        OP_SESSION_PUT,     "s1", fill_session_put},
    {"session_put, key",          OP_SESSION_PUT,     "s1", fill_session_put_again},
    {"session_get",               OP_SESSION_GET,     "s1", fill_nothing},
    {"session_list",              OP_SESSION_LIST,    NULL, fill_session_list},
    {"session_patch",             OP_SESSION_PATCH,   "s1", fill_session_patch},
    {"session_patch, key",        OP_SESSION_PATCH,   "s1", fill_session_patch_again},
    {"session_delete",            OP_SESSION_DELETE,  "s1", fill_session_delete},
    {"context_put",               OP_CONTEXT_PUT,     "s1", fill_context_put},
    {"context_get",               OP_CONTEXT_GET,     "s1", fill_nothing},
    {"context_list",              OP_CONTEXT_LIST,    "s1", fill_context_list},
    {"message_append",            OP_MESSAGE_APPEND,  "s1", fill_message_append},
    {"message_list",              OP_MESSAGE_LIST,    "s1", fill_message_list},
    {"message_trim",              OP_MESSAGE_TRIM,    "s1", fill_message_trim},
    {"checkpoint_put, new",       OP_CHECKPOINT_PUT,  "s1", fill_checkpoint_put},
    {"checkpoint_put, known",     OP_CHECKPOINT_PUT,  "s1", fill_checkpoint_replace},
    {"checkpoint_put, document",  OP_CHECKPOINT_PUT,  "s1", fill_checkpoint_document},
    {"checkpoint_get",            OP_CHECKPOINT_GET,  "s1", fill_checkpoint_get},
    {"checkpoint_list",           OP_CHECKPOINT_LIST, NULL, fill_checkpoint_list},
    {"values_get",                OP_VALUES_GET,      "s1", fill_values_get},
    {"writes_put, upsert",        OP_WRITES_PUT,      "s1", fill_writes_upsert},
    {"writes_put, ignore",        OP_WRITES_PUT,      "s1", fill_writes_ignore},
    {"writes_put, replace",       OP_WRITES_PUT,      "s1", fill_writes_replace},
    {"writes_get",                OP_WRITES_GET,      "s1", fill_writes_get},
    {"thread_get",                OP_THREAD_GET,      "s1", fill_nothing},
    {"thread_list",               OP_THREAD_LIST,     NULL, fill_thread_list},
    {"thread_delete",             OP_THREAD_DELETE,   "s1", fill_nothing},
    {"thread_copy",               OP_THREAD_COPY,     "s1", fill_thread_copy},
    {"thread_prune, number",      OP_THREAD_PRUNE,    "s1", fill_prune_number},
    {"thread_prune, all",         OP_THREAD_PRUNE,    "s1", fill_prune_all},
    {"runs_delete",               OP_RUNS_DELETE,     NULL, fill_runs_delete},
    {"cleanup, idle",             OP_CLEANUP,         NULL, fill_cleanup_idle},
    {"cleanup, expired",          OP_CLEANUP,         NULL, fill_cleanup_expired},
    {"stats",                     OP_STATS,           NULL, fill_nothing},
    {"probe",                     OP_PROBE,           NULL, fill_nothing},
    {"describe",                  OP_DESCRIBE,        NULL, fill_nothing},
    {"tenant_list",               OP_TENANT_LIST,     NULL, fill_tenant_list},
    {"tenant_forget",             OP_TENANT_FORGET,   NULL, fill_nothing},
    {"read_range, sessions",      OP_READ_RANGE,      NULL, fill_range_sessions},
    {"read_range, messages",      OP_READ_RANGE,      NULL, fill_range_messages},
    {"read_range, contexts",      OP_READ_RANGE,      NULL, fill_range_contexts},
    {"read_range, threads",       OP_READ_RANGE,      NULL, fill_range_threads},
    {"read_range, values",        OP_READ_RANGE,      NULL, fill_range_values},
    {"read_range, checkpoints",   OP_READ_RANGE,      NULL, fill_range_checkpoints},
    {"read_range, tasks",         OP_READ_RANGE,      NULL, fill_range_tasks},
    {"merge",                     OP_MERGE,           NULL, fill_merge},
    {"merge, gone",               OP_MERGE,           "s1", fill_merge_gone},
    {"merge, counts",             OP_MERGE,           "s1", fill_merge_counts},
    {"pair_read",                 OP_PAIR_READ,       NULL, fill_pair_read},
    {"pair_change, clear",        OP_PAIR_CHANGE,     NULL, fill_pair_clear},
    {"pair_change, missing",      OP_PAIR_CHANGE,     NULL, fill_pair_missing},
    {"pair_change, found",        OP_PAIR_CHANGE,     NULL, fill_pair_found},
    {"pair_change, notes",        OP_PAIR_CHANGE,     NULL, fill_pair_notes},
    {"records_get",               OP_RECORDS_GET,     "s1", fill_records_get},
    {"session_put, told",         OP_SESSION_PUT,     "s3", fill_session_put_told},
    {"session_put, key, told",    OP_SESSION_PUT,     "s1", fill_session_put_again_told},
    {"session_patch, told",       OP_SESSION_PATCH,   "s1", fill_session_patch_told},
    {"session_patch, key, told",  OP_SESSION_PATCH,   "s1", fill_session_patch_again_told},
    {"session_patch, alone",      OP_SESSION_PATCH,   "s1", fill_session_patch_alone},
    {"session_get, alone",        OP_SESSION_GET,     "s1", fill_session_get_alone},
    {"session_delete, told",      OP_SESSION_DELETE,  "s1", fill_session_delete_told},
    {"session_delete, alone",     OP_SESSION_DELETE,  "s1", fill_session_delete_alone},
    {"context_put, told",         OP_CONTEXT_PUT,     "s1", fill_context_put_told},
    {"message_append, told",      OP_MESSAGE_APPEND,  "s1", fill_message_append_told},
    {"message_trim, told",        OP_MESSAGE_TRIM,    "s1", fill_message_trim_told},
    {"checkpoint_put, told",      OP_CHECKPOINT_PUT,  "s1", fill_checkpoint_put_told},
    {"checkpoint_put, known, told", OP_CHECKPOINT_PUT, "s1", fill_checkpoint_replace_told},
    {"writes_put, told",          OP_WRITES_PUT,      "s1", fill_writes_upsert_told},
    {"thread_delete, told",       OP_THREAD_DELETE,   "s1", fill_nothing_told},
    {"thread_copy, told",         OP_THREAD_COPY,     "s1", fill_thread_copy_told},
    {"thread_prune, told",        OP_THREAD_PRUNE,    "s1", fill_prune_number_told},
    {"thread_prune, all, told",   OP_THREAD_PRUNE,    "s1", fill_prune_all_told},
    {"runs_delete, told",         OP_RUNS_DELETE,     NULL, fill_runs_delete_told},
    {"cleanup, idle, told",       OP_CLEANUP,         NULL, fill_cleanup_idle_told},
    {"cleanup, expired, told",    OP_CLEANUP,         NULL, fill_cleanup_expired_told},
};
/* clang-format on */

const size_t n_samples = COUNT_OF(samples);

struct backend_config sample_config(const char *url, enum backend_role role)
{
    return (struct backend_config){
        .url = url,
        .role = role,
        .session_ttl_us = HOUR,
        .checkpoint_ttl_us = HOUR,
        .context_versions = 3,
    };
}

struct backend *sample_open(const struct backend_config *cfg, sqlite3 **db, struct err *err)
{
    struct sqlite *driver = (struct sqlite *)sqlite_open(cfg, err);

    if (!driver)
        return NULL;
    driver->sql.part_steps = SIZE_MAX;
    if (db)
        *db = driver->db;
    return versions_open(&driver->sql.base, &(struct encoding_rules){cfg->cache, cfg->inline_max},
                         err);
}

struct op sample_op(enum op_type type, const char *id, struct arena *arena)
{
    return (struct op){
        .type = type,
        .tenant = SLICE("default"),
        .id = slice_of(id),
        .now_us = RUN_US,
        .stamp = stamp_next(),
        .arena = arena,
    };
}

struct op sample_make(const struct sample *s, struct arena *arena)
{
    struct op op = sample_op(s->type, s->id, arena);

    s->fill(&op);
    return op;
}

bool sample_run(struct backend *b, struct op *op, struct err *err)
{
    do
        if (!backend_execute(b, &op, 1, err))
            return false;
    while (op->again);
    if (op->status.kind != ERR_OK)
        *err = op->status;
    return op->status.kind == ERR_OK;
}

bool sample_seed(struct backend *b, struct err *err)
{
    static const struct sample seeds[] = {
        {"", OP_SESSION_PUT, "s1", fill_session_put},
        {"", OP_SESSION_PUT, "s2", fill_session_put},
        {"", OP_CONTEXT_PUT, "s1", fill_context_put},
        {"", OP_CONTEXT_PUT, "s1", fill_context_put},
        {"", OP_MESSAGE_APPEND, "s1", fill_seed_messages},
        {"", OP_CHECKPOINT_PUT, "s1", fill_seed_c1},
        {"", OP_CHECKPOINT_PUT, "s1", fill_seed_c2},
        {"", OP_CHECKPOINT_PUT, "s1", fill_seed_c3},
        {"", OP_CHECKPOINT_PUT, "s1", fill_seed_document},
        {"", OP_WRITES_PUT, "s1", fill_seed_writes},
        {"", OP_CHECKPOINT_PUT, "t2", fill_seed_c1},
    };
    struct arena arena = {0};
    bool done = true;

    for (size_t i = 0; done && i < COUNT_OF(seeds); i++) {
        struct op op = sample_make(&seeds[i], &arena);

        op.now_us = SEED_US;
        done = sample_run(b, &op, err);
    }
    arena_done(&arena);
    return done;
}

bool sample_seed_pair(struct backend *b, struct err *err)
{
    static const struct sample other = {"", OP_SESSION_PUT, "s2", fill_session_put_told};
    static const struct sample change = {"", OP_PAIR_CHANGE, NULL, fill_pair_seed};
    struct arena arena = {0};
    struct op put = sample_make(&other, &arena), seed = sample_make(&change, &arena);
    bool done;

    put.now_us = SEED_US;
    done = sample_run(b, &put, err) && sample_run(b, &seed, err);
    samples_made.entry = (struct outbox_entry){
        .number = put.stamp, .tenant = SLICE("default"), .id = SLICE("s2")};
    arena_done(&arena);
    return done;
}

/* What merge merges: a store that is younger, and has more. */
static bool read_records(struct backend *b, struct err *err)
{
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        struct op op = sample_op(OP_READ_RANGE, NULL, &samples_made.arena);
        size_t had = samples_made.n_records, n;

        op.read_range.kind = (enum record_kind)kind;
        op.read_range.limit = 100;
        if (!sample_run(b, &op, err))
            return false;
        n = op.read_range.out.n;
        if (n == 0)
            continue;
        samples_made.records = arena_resize(&samples_made.arena, samples_made.records,
                                            had * sizeof(*samples_made.records),
                                            (had + n) * sizeof(*samples_made.records));
        if (!samples_made.records)
            return err_no_memory(err);
        memcpy(samples_made.records + had, op.read_range.out.items,
               n * sizeof(*samples_made.records));
        samples_made.n_records += n;
    }
    return true;
}

static bool make_records(struct backend *b, struct err *err)
{
    static const struct sample more[] = {
        {"", OP_SESSION_DELETE, "s2", fill_nothing}, {"", OP_SESSION_PUT, "s3", fill_session_put},
        {"", OP_CHECKPOINT_PUT, "t3", fill_seed_c1}, {"", OP_WRITES_PUT, "t3", fill_writes_upsert},
        {"", OP_THREAD_DELETE, "t2", fill_nothing},
    };

    for (size_t i = 0; i < COUNT_OF(more); i++) {
        struct op op = sample_make(&more[i], &samples_made.arena);

        if (!sample_run(b, &op, err))
            return false;
    }
    return read_records(b, err);
}

bool samples_init(struct err *err)
{
    struct backend_config cfg = sample_config("memory:", BACKEND_ANY);
    struct backend *b = sample_open(&cfg, NULL, err);
    bool done;

    if (!b)
        return false;
    done = sample_seed(b, err) && make_records(b, err) &&
           filter_parse(SLICE("{\"run_id\": \"r1\"}"), &samples_made.arena, &samples_made.filter,
                        err);
    backend_close(b);
    return done;
}

/* samples.c - see samples.h. */
#include "samples.h"

#include "clock.h"
#include "filter.h"
#include "sqlite.h"
#include "versions.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define SEED_US (INT64_C(1800000000) * SECOND)
#define RUN_US (SEED_US + 60 * SECOND)

/* Counters of delta channels, so that prune has to look for what the kept ones need. */
#define DELTA "{\"run_id\": \"r1\", \"counters_since_delta_snapshot\": {\"list\": [1, 1]}}"

static struct {
    struct arena arena;
    struct record *records;
    size_t n_records;
    struct filter filter;
} made; /* by samples_init() */

/* --- sessions ------------------------------------------------------------------------------------ */

static void repeat(struct op *op)
{
    op->repeat.present = true;
    memset(op->repeat.op_id, 7, sizeof(op->repeat.op_id));
    memset(op->repeat.body_hash, 8, sizeof(op->repeat.body_hash));
}

static void session_put(struct op *op)
{
    op->session_put.user_id = SLICE("user");
    op->session_put.metadata = SLICE("{\"a\": 1, \"b\": {\"c\": [1, 2]}}");
    op->session_put.with_context = true;
}

static void session_put_again(struct op *op)
{
    session_put(op);
    repeat(op);
}

static void session_list(struct op *op)
{
    op->session_list.limit = 10;
    op->session_list.user_id = SLICE("user");
}

static void session_patch(struct op *op)
{
    op->session_patch.metadata_merge = SLICE("{\"a\": 2, \"d\\u0065\": [3]}");
    op->session_patch.status = SLICE("completed");
    op->session_patch.increment_requests = true;
    op->session_patch.add_processing_time = 0.5;
}

static void session_patch_again(struct op *op)
{
    session_patch(op);
    repeat(op);
}

static void session_delete(struct op *op)
{
    op->session_delete.threads = true;
}

static void context_put(struct op *op)
{
    op->context_put.context = SLICE("{\"new\": true}");
    op->context_put.require_session = true;
}

static void context_list(struct op *op)
{
    op->context_list.limit = 10;
}

static void message_append(struct op *op)
{
    static struct message messages[3];

    for (size_t i = 0; i < COUNT_OF(messages); i++)
        messages[i] = (struct message){
            .id = i == 0   ? SLICE("m1")
                  : i == 1 ? SLICE("m4")
                           : SLICE("m5"),
            .role = SLICE("user"),
            .content = SLICE("\"hello\""),
            .metadata = i == 1 ? SLICE("{\"k\": 1}") : SLICE("{}"),
        };
    op->message_append.messages = messages;
    op->message_append.n = COUNT_OF(messages);
}

static void message_list(struct op *op)
{
    op->message_list.limit = 2;
}

static void message_trim(struct op *op)
{
    op->message_trim.keep_last = 1;
}

/* --- threads ------------------------------------------------------------------------------------- */

/* The values of a checkpoint: channel "messages" of this version, and "list". */
static void checkpoint(struct op *op, const char *id, const char *parent, const char *version)
{
    static struct value values[2];
    static struct channel_version carried[1];
    struct op_checkpoint_put *put = &op->checkpoint_put;

    values[0] = (struct value){{SLICE("messages"), slice_of(version)},
                               {.type = SLICE("msgpack"), .bytes = SLICE("\x81\xa1m\x01")}};
    values[1] = (struct value){{SLICE("list"), SLICE("1")},
                               {.type = SLICE("msgpack"), .bytes = SLICE("\x90")}};
    carried[0] = values[1].of;
    put->ns = SLICE("");
    put->checkpoint_id = slice_of(id);
    put->parent_id = slice_of(parent);
    put->form = FORM_CHANNEL;
    put->head.type = SLICE("");
    put->head.bytes = SLICE("{\"v\": 3, \"channel_versions\": {\"messages\": 1}}");
    put->metadata = SLICE(DELTA);
    put->run_id = SLICE("r1");
    put->values = values;
    put->n_values = parent ? 1 : 2;
    put->carried = carried;
    put->n_carried = parent ? 1 : 0;
}

static void checkpoint_put(struct op *op)
{
    checkpoint(op, "c4", "c3", "4");
}

static void checkpoint_replace(struct op *op)
{
    checkpoint(op, "c2", "c1", "9");
}

static void checkpoint_document(struct op *op)
{
    op->checkpoint_put.ns = SLICE("doc");
    op->checkpoint_put.checkpoint_id = SLICE("d2");
    op->checkpoint_put.form = FORM_DOCUMENT;
    op->checkpoint_put.head.type = SLICE("");
    op->checkpoint_put.head.bytes = SLICE("{\"state\": [1, 2, 3]}");
    op->checkpoint_put.metadata = SLICE("{}");
}

static void checkpoint_get(struct op *op)
{
    op->checkpoint_get.ns = SLICE("");
}

static void values_get(struct op *op)
{
    static struct value_ask asks[2];

    asks[0].of = (struct channel_version){SLICE("list"), SLICE("1")};
    asks[1].of = (struct channel_version){SLICE("none"), SLICE("1")};
    op->values_get.ns = SLICE("");
    op->values_get.asks = asks;
    op->values_get.n = COUNT_OF(asks);
}

static void checkpoint_list(struct op *op)
{
    op->checkpoint_list.filter = &made.filter;
    op->checkpoint_list.values = true;
    op->checkpoint_list.limit = 10;
}

static void writes_put(struct op *op, enum writes_mode mode)
{
    static struct write writes[2];

    for (size_t i = 0; i < COUNT_OF(writes); i++)
        writes[i] = (struct write){
            .task_id = SLICE("task"),
            .task_path = SLICE("path"),
            .idx = (int64_t)i + 1,
            .channel = SLICE("list"),
            .blob = {.type = SLICE("msgpack"), .bytes = SLICE("\x93\x01\x02\x03")},
        };
    op->writes_put = (struct op_writes_put){
        .ns = SLICE(""),
        .checkpoint_id = SLICE("c2"),
        .task_id = SLICE("task"),
        .task_path = SLICE("path"),
        .form = FORM_CHANNEL,
        .mode = mode,
        .writes = writes,
        .n = COUNT_OF(writes),
    };
}

static void writes_upsert(struct op *op)
{
    writes_put(op, WRITES_UPSERT);
}

static void writes_ignore(struct op *op)
{
    writes_put(op, WRITES_IGNORE);
}

static void writes_replace(struct op *op)
{
    writes_put(op, WRITES_REPLACE);
}

static void writes_get(struct op *op)
{
    op->writes_get.ns = SLICE("");
    op->writes_get.checkpoint_id = SLICE("c2");
}

static void thread_list(struct op *op)
{
    op->thread_list.limit = 10;
}

static void thread_copy(struct op *op)
{
    op->thread_copy.to = SLICE("copy");
}

static void prune_number(struct op *op)
{
    op->thread_prune.keep_last = 1;
}

static void prune_all(struct op *op)
{
    op->thread_prune.delete_all = true;
}

/* --- the whole store ----------------------------------------------------------------------------- */

static void runs_delete(struct op *op)
{
    static const struct slice runs[] = {{"r1", 2}, {"none", 4}};

    op->runs_delete.run_ids = runs;
    op->runs_delete.n = COUNT_OF(runs);
}

static void cleanup_idle(struct op *op)
{
    op->cleanup.idle_us = RUN_US;
    op->cleanup.limit = 10;
}

static void cleanup_expired(struct op *op)
{
    op->now_us = SEED_US + 2 * HOUR;
    op->cleanup.expired = true;
    op->cleanup.limit = 10;
}

static void range(struct op *op, enum record_kind kind)
{
    op->read_range.kind = kind;
    op->read_range.limit = 10;
}

static void tenant_list(struct op *op)
{
    op->tenant_list.limit = 10;
}

static void range_sessions(struct op *op)
{
    range(op, RECORD_SESSION);
}

static void range_messages(struct op *op)
{
    range(op, RECORD_MESSAGE);
}

static void range_contexts(struct op *op)
{
    range(op, RECORD_CONTEXT);
}

static void range_threads(struct op *op)
{
    range(op, RECORD_THREAD);
}

static void range_values(struct op *op)
{
    range(op, RECORD_VALUE);
}

static void range_checkpoints(struct op *op)
{
    range(op, RECORD_CHECKPOINT);
}

static void range_tasks(struct op *op)
{
    range(op, RECORD_TASK);
}

static void merge(struct op *op)
{
    op->merge.items = made.records;
    op->merge.n = made.n_records;
}

/* --- of a pair ----------------------------------------------------------------------------------- */

static const struct slice request = {"\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7", BLOB_HASH_LEN};

static void get_of_session(struct op *op)
{
    static const struct record_name names[] = {
        {RECORD_SESSION, {.id = SLICE("s1")}},
        {RECORD_MESSAGE, {.id = SLICE("s1"), .sub = SLICE("m1")}},
        {RECORD_CONTEXT, {.id = SLICE("s1")}},
        {RECORD_REPEAT, {.id = SLICE("s1"), .sub = request}},
        {RECORD_PENDING, {.id = SLICE("s1"), .sub = request}},
    };

    op->records_get = (struct op_records_get){.names = names, .n = COUNT_OF(names)};
}

static void get_of_thread(struct op *op)
{
    static const struct record_name names[] = {
        {RECORD_THREAD, {.id = SLICE("s1")}},
        {RECORD_VALUE, {.id = SLICE("s1"), .ns = SLICE(""), .number = 1}},
        {RECORD_CHECKPOINT, {.id = SLICE("s1"), .ns = SLICE(""), .sub = SLICE("c1")}},
        {RECORD_TASK,
         {.id = SLICE("s1"), .ns = SLICE(""), .sub = SLICE("c3"), .task = SLICE("task")}},
    };

    op->records_get = (struct op_records_get){.names = names, .n = COUNT_OF(names)};
}

static void merge_requests(struct op *op)
{
    static struct record records[4];

    records[0] = (struct record){
        .kind = RECORD_MESSAGE, .key = {.id = SLICE("s1"), .sub = SLICE("m1")}, .gone = INT64_MAX};
    records[1] = (struct record){.kind = RECORD_CHECKPOINT,
                                 .key = {.id = SLICE("s1"), .ns = SLICE(""), .sub = SLICE("c1")},
                                 .gone = INT64_MAX};
    records[2] = (struct record){.kind = RECORD_REPEAT,
                                 .key = {.id = SLICE("s1"), .sub = SLICE("0123456789abcdef")}};
    records[3] = (struct record){.kind = RECORD_PENDING,
                                 .key = {.id = SLICE("s1"), .sub = request},
                                 .pending = {.stamp = stamp_next(), .requests = 1}};
    op->merge.items = records;
    op->merge.n = COUNT_OF(records);
    op->replicate = true;
}

static void patch_alone(struct op *op)
{
    session_patch_again(op);
    op->alone = op->replicate = true;
}

static void delete_alone(struct op *op)
{
    session_delete(op);
    op->alone = op->replicate = op->fence = true;
}

static void append_told(struct op *op)
{
    message_append(op);
    op->replicate = true;
}

static void checkpoint_told(struct op *op)
{
    checkpoint_replace(op);
    op->replicate = true;
}

static void writes_told(struct op *op)
{
    writes_upsert(op);
    op->replicate = true;
}

static void pair_read(struct op *op)
{
    op->pair_read.limit = 10;
}

static void pair_change(struct op *op)
{
    static const struct outbox_entry entry = {.number = 1, .tenant = SLICE("default")};
    static const struct pair_id lacks = {SLICE("default"), SLICE("s9")};
    static const struct pair_id found = {SLICE("default"), SLICE("s8")};
    static const struct pair_note notes[] = {
        {SLICE("a"), SLICE("1"), false}, {SLICE("b"), SLICE("1"), true}, {.name = SLICE("c")}};

    op->pair_change = (struct op_pair_change){.clear = &entry,
                                              .n_clear = 1,
                                              .missing = &lacks,
                                              .n_missing = 1,
                                              .found = &found,
                                              .n_found = 1,
                                              .notes = notes,
                                              .n_notes = COUNT_OF(notes)};
}

static void nothing(struct op *op UNUSED)
{
}

/* clang-format off */
const struct sample samples[] = {
    {"session_put, new",          OP_SESSION_PUT,     "s3", session_put},
    {"session_put, known",        OP_SESSION_PUT,     "s1", session_put},
    {"session_put, key",          OP_SESSION_PUT,     "s1", session_put_again},
    {"session_get",               OP_SESSION_GET,     "s1", nothing},
    {"session_list",              OP_SESSION_LIST,    NULL, session_list},
    {"session_patch",             OP_SESSION_PATCH,   "s1", session_patch},
    {"session_patch, key",        OP_SESSION_PATCH,   "s1", session_patch_again},
    {"session_delete",            OP_SESSION_DELETE,  "s1", session_delete},
    {"context_put",               OP_CONTEXT_PUT,     "s1", context_put},
    {"context_get",               OP_CONTEXT_GET,     "s1", nothing},
    {"context_list",              OP_CONTEXT_LIST,    "s1", context_list},
    {"message_append",            OP_MESSAGE_APPEND,  "s1", message_append},
    {"message_list",              OP_MESSAGE_LIST,    "s1", message_list},
    {"message_trim",              OP_MESSAGE_TRIM,    "s1", message_trim},
    {"checkpoint_put, new",       OP_CHECKPOINT_PUT,  "s1", checkpoint_put},
    {"checkpoint_put, known",     OP_CHECKPOINT_PUT,  "s1", checkpoint_replace},
    {"checkpoint_put, document",  OP_CHECKPOINT_PUT,  "s1", checkpoint_document},
    {"checkpoint_get",            OP_CHECKPOINT_GET,  "s1", checkpoint_get},
    {"checkpoint_list",           OP_CHECKPOINT_LIST, NULL, checkpoint_list},
    {"values_get",                OP_VALUES_GET,      "s1", values_get},
    {"writes_put, upsert",        OP_WRITES_PUT,      "s1", writes_upsert},
    {"writes_put, ignore",        OP_WRITES_PUT,      "s1", writes_ignore},
    {"writes_put, replace",       OP_WRITES_PUT,      "s1", writes_replace},
    {"writes_get",                OP_WRITES_GET,      "s1", writes_get},
    {"thread_get",                OP_THREAD_GET,      "s1", nothing},
    {"thread_list",               OP_THREAD_LIST,     NULL, thread_list},
    {"thread_delete",             OP_THREAD_DELETE,   "s1", nothing},
    {"thread_copy",               OP_THREAD_COPY,     "s1", thread_copy},
    {"thread_prune, number",      OP_THREAD_PRUNE,    "s1", prune_number},
    {"thread_prune, all",         OP_THREAD_PRUNE,    "s1", prune_all},
    {"runs_delete",               OP_RUNS_DELETE,     NULL, runs_delete},
    {"cleanup, idle",             OP_CLEANUP,         NULL, cleanup_idle},
    {"cleanup, expired",          OP_CLEANUP,         NULL, cleanup_expired},
    {"stats",                     OP_STATS,           NULL, nothing},
    {"probe",                     OP_PROBE,           NULL, nothing},
    {"describe",                  OP_DESCRIBE,        NULL, nothing},
    {"tenant_list",               OP_TENANT_LIST,     NULL, tenant_list},
    {"tenant_forget",             OP_TENANT_FORGET,   NULL, nothing},
    {"read_range, sessions",      OP_READ_RANGE,      NULL, range_sessions},
    {"read_range, messages",      OP_READ_RANGE,      NULL, range_messages},
    {"read_range, contexts",      OP_READ_RANGE,      NULL, range_contexts},
    {"read_range, threads",       OP_READ_RANGE,      NULL, range_threads},
    {"read_range, values",        OP_READ_RANGE,      NULL, range_values},
    {"read_range, checkpoints",   OP_READ_RANGE,      NULL, range_checkpoints},
    {"read_range, tasks",         OP_READ_RANGE,      NULL, range_tasks},
    {"merge",                     OP_MERGE,           NULL, merge},
    {"merge, of a pair",          OP_MERGE,           "s1", merge_requests},
    {"records_get, session",      OP_RECORDS_GET,     "s1", get_of_session},
    {"records_get, thread",       OP_RECORDS_GET,     "s1", get_of_thread},
    {"session_patch, alone",      OP_SESSION_PATCH,   "s1", patch_alone},
    {"session_delete, alone",     OP_SESSION_DELETE,  "s1", delete_alone},
    {"message_append, told",      OP_MESSAGE_APPEND,  "s1", append_told},
    {"checkpoint_put, told",      OP_CHECKPOINT_PUT,  "s1", checkpoint_told},
    {"writes_put, told",          OP_WRITES_PUT,      "s1", writes_told},
    {"pair_read",                 OP_PAIR_READ,       NULL, pair_read},
    {"pair_change",               OP_PAIR_CHANGE,     NULL, pair_change},
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
    return versions_open(&driver->sql.base, NULL, err);
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

/* --- the store they run on ----------------------------------------------------------------------- */

static void seed_c1(struct op *op)
{
    checkpoint(op, "c1", NULL, "1");
}

static void seed_c2(struct op *op)
{
    checkpoint(op, "c2", "c1", "2");
}

static void seed_c3(struct op *op)
{
    checkpoint(op, "c3", "c2", "3");
}

static void seed_document(struct op *op)
{
    checkpoint_document(op);
    op->checkpoint_put.checkpoint_id = SLICE("d1");
}

static void seed_writes(struct op *op)
{
    writes_put(op, WRITES_UPSERT);
    op->writes_put.n = 1;
}

static void seed_messages(struct op *op)
{
    message_append(op);
    op->message_append.messages[1].id = SLICE("m2");
    op->message_append.messages[2].id = SLICE("m3");
}

bool sample_seed(struct backend *b, struct err *err)
{
    static const struct sample seeds[] = {
        {"", OP_SESSION_PUT, "s1", session_put},      {"", OP_SESSION_PUT, "s2", session_put},
        {"", OP_CONTEXT_PUT, "s1", context_put},      {"", OP_CONTEXT_PUT, "s1", context_put},
        {"", OP_MESSAGE_APPEND, "s1", seed_messages}, {"", OP_CHECKPOINT_PUT, "s1", seed_c1},
        {"", OP_CHECKPOINT_PUT, "s1", seed_c2},       {"", OP_CHECKPOINT_PUT, "s1", seed_c3},
        {"", OP_CHECKPOINT_PUT, "s1", seed_document}, {"", OP_WRITES_PUT, "s1", seed_writes},
        {"", OP_CHECKPOINT_PUT, "t2", seed_c1},
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

/* What merge merges: a store that is younger, and has more. */
static bool read_records(struct backend *b, struct err *err)
{
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        struct op op = sample_op(OP_READ_RANGE, NULL, &made.arena);
        size_t had = made.n_records, n;

        op.read_range.kind = (enum record_kind)kind;
        op.read_range.limit = 100;
        if (!sample_run(b, &op, err))
            return false;
        n = op.read_range.out.n;
        if (n == 0)
            continue;
        made.records = arena_resize(&made.arena, made.records, had * sizeof(*made.records),
                                    (had + n) * sizeof(*made.records));
        if (!made.records)
            return err_set(err, ERR_NO_MEMORY, "out of memory");
        memcpy(made.records + had, op.read_range.out.items, n * sizeof(*made.records));
        made.n_records += n;
    }
    return true;
}

static bool make_records(struct backend *b, struct err *err)
{
    static const struct sample more[] = {
        {"", OP_SESSION_DELETE, "s2", nothing}, {"", OP_SESSION_PUT, "s3", session_put},
        {"", OP_CHECKPOINT_PUT, "t3", seed_c1}, {"", OP_WRITES_PUT, "t3", writes_upsert},
        {"", OP_THREAD_DELETE, "t2", nothing},
    };

    for (size_t i = 0; i < COUNT_OF(more); i++) {
        struct op op = sample_make(&more[i], &made.arena);

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
           filter_parse(SLICE("{\"run_id\": \"r1\"}"), &made.arena, &made.filter, err);
    backend_close(b);
    return done;
}

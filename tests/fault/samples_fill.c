/* samples_fill.c - see samples_fill.h. */
#include "samples_fill.h"

#include "clock.h"
#include "samples.h"

#define HOUR (INT64_C(3600) * 1000000)

/* Counters of delta channels, so that prune has to look for what the kept ones need. */
#define DELTA "{\"run_id\": \"r1\", \"counters_since_delta_snapshot\": {\"list\": [1, 1]}}"

struct samples_made samples_made;

static void repeat(struct op *op)
{
    op->repeat.present = true;
    memset(op->repeat.op_id, 7, sizeof(op->repeat.op_id));
    memset(op->repeat.body_hash, 8, sizeof(op->repeat.body_hash));
}

void fill_session_put(struct op *op)
{
    op->session_put.user_id = SLICE("user");
    op->session_put.metadata = SLICE("{\"a\": 1, \"b\": {\"c\": [1, 2]}}");
    op->session_put.with_context = true;
}

void fill_session_put_again(struct op *op)
{
    fill_session_put(op);
    repeat(op);
}

void fill_session_list(struct op *op)
{
    op->session_list.limit = 10;
    op->session_list.user_id = SLICE("user");
}

void fill_session_patch(struct op *op)
{
    op->session_patch.metadata_merge = SLICE("{\"a\": 2, \"d\\u0065\": [3]}");
    op->session_patch.status = SLICE("completed");
    op->session_patch.increment_requests = true;
    op->session_patch.add_processing_time = 0.5;
}

void fill_session_patch_again(struct op *op)
{
    fill_session_patch(op);
    repeat(op);
}

void fill_session_delete(struct op *op)
{
    op->session_delete.threads = true;
}

void fill_context_put(struct op *op)
{
    op->context_put.context = SLICE("{\"new\": true}");
    op->context_put.require_session = true;
}

void fill_context_list(struct op *op)
{
    op->context_list.limit = 10;
}

void fill_message_append(struct op *op)
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

void fill_message_list(struct op *op)
{
    op->message_list.limit = 2;
}

void fill_message_trim(struct op *op)
{
    op->message_trim.keep_last = 1;
}

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

void fill_checkpoint_put(struct op *op)
{
    checkpoint(op, "c4", "c3", "4");
}

void fill_checkpoint_replace(struct op *op)
{
    checkpoint(op, "c2", "c1", "9");
}

void fill_checkpoint_document(struct op *op)
{
    op->checkpoint_put.ns = SLICE("doc");
    op->checkpoint_put.checkpoint_id = SLICE("d2");
    op->checkpoint_put.form = FORM_DOCUMENT;
    op->checkpoint_put.head.type = SLICE("");
    op->checkpoint_put.head.bytes = SLICE("{\"state\": [1, 2, 3]}");
    op->checkpoint_put.metadata = SLICE("{}");
}

void fill_checkpoint_get(struct op *op)
{
    op->checkpoint_get.ns = SLICE("");
}

void fill_values_get(struct op *op)
{
    static struct value_ask asks[2];

    asks[0].of = (struct channel_version){SLICE("list"), SLICE("1")};
    asks[1].of = (struct channel_version){SLICE("none"), SLICE("1")};
    op->values_get.ns = SLICE("");
    op->values_get.asks = asks;
    op->values_get.n = COUNT_OF(asks);
}

void fill_checkpoint_list(struct op *op)
{
    op->checkpoint_list.filter = &samples_made.filter;
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

void fill_writes_upsert(struct op *op)
{
    writes_put(op, WRITES_UPSERT);
}

void fill_writes_ignore(struct op *op)
{
    writes_put(op, WRITES_IGNORE);
}

void fill_writes_replace(struct op *op)
{
    writes_put(op, WRITES_REPLACE);
}

void fill_writes_get(struct op *op)
{
    op->writes_get.ns = SLICE("");
    op->writes_get.checkpoint_id = SLICE("c2");
}

void fill_thread_list(struct op *op)
{
    op->thread_list.limit = 10;
}

void fill_thread_copy(struct op *op)
{
    op->thread_copy.to = SLICE("copy");
}

void fill_prune_number(struct op *op)
{
    op->thread_prune.keep_last = 1;
}

void fill_prune_all(struct op *op)
{
    op->thread_prune.delete_all = true;
}

void fill_runs_delete(struct op *op)
{
    static const struct slice runs[] = {{"r1", 2}, {"none", 4}};

    op->runs_delete.run_ids = runs;
    op->runs_delete.n = COUNT_OF(runs);
}

void fill_cleanup_idle(struct op *op)
{
    op->cleanup.idle_us = op->now_us;
    op->cleanup.limit = 10;
}

void fill_cleanup_expired(struct op *op)
{
    op->now_us += 2 * HOUR;
    op->cleanup.expired = true;
    op->cleanup.limit = 10;
}

static void range(struct op *op, enum record_kind kind)
{
    op->read_range.kind = kind;
    op->read_range.limit = 10;
}

void fill_tenant_list(struct op *op)
{
    op->tenant_list.limit = 10;
}

void fill_range_sessions(struct op *op)
{
    range(op, RECORD_SESSION);
}

void fill_range_messages(struct op *op)
{
    range(op, RECORD_MESSAGE);
}

void fill_range_contexts(struct op *op)
{
    range(op, RECORD_CONTEXT);
}

void fill_range_threads(struct op *op)
{
    range(op, RECORD_THREAD);
}

void fill_range_values(struct op *op)
{
    range(op, RECORD_VALUE);
}

void fill_range_checkpoints(struct op *op)
{
    range(op, RECORD_CHECKPOINT);
}

void fill_range_tasks(struct op *op)
{
    range(op, RECORD_TASK);
}

void fill_merge(struct op *op)
{
    op->merge.items = samples_made.records;
    op->merge.n = samples_made.n_records;
}

void fill_nothing(struct op *op UNUSED)
{
}

void fill_pair_read(struct op *op)
{
    op->pair_read.limit = 10;
}

void fill_pair_clear(struct op *op)
{
    op->pair_change.clear = &samples_made.entry;
    op->pair_change.n_clear = 1;
}

void fill_pair_missing(struct op *op)
{
    static const struct pair_id ids[] = {{{"default", 7}, {"s1", 2}}, {{"other", 5}, {"s1", 2}}};

    op->pair_change.missing = ids;
    op->pair_change.n_missing = COUNT_OF(ids);
}

void fill_pair_found(struct op *op)
{
    static const struct pair_id ids[] = {{{"default", 7}, {"lost", 4}}, {{"none", 4}, {"s1", 2}}};

    op->pair_change.found = ids;
    op->pair_change.n_found = COUNT_OF(ids);
}

void fill_pair_notes(struct op *op)
{
    static const struct pair_note notes[] = {
        {.name = {"pair", 4}, .text = {"other", 5}, .once = true},
        {.name = {"beat", 4}, .text = {"2", 1}},
        {.name = {"new", 3}, .text = {"3", 1}, .once = true},
        {.name = {"old", 3}},
    };

    op->pair_change.notes = notes;
    op->pair_change.n_notes = COUNT_OF(notes);
}

/* What the store is given before the ops of a pair. */
void fill_pair_seed(struct op *op)
{
    static const struct pair_id lost = {{"default", 7}, {"lost", 4}};
    static const struct pair_note notes[] = {
        {.name = {"pair", 4}, .text = {"p", 1}},
        {.name = {"beat", 4}, .text = {"1", 1}},
        {.name = {"old", 3}, .text = {"0", 1}},
        {.name = {"new", 3}},
    };

    op->pair_change.missing = &lost;
    op->pair_change.n_missing = 1;
    op->pair_change.notes = notes;
    op->pair_change.n_notes = COUNT_OF(notes);
}

/* Some that are there, and of each kind one that is not. */
void fill_records_get(struct op *op)
{
    static const struct record_name names[] = {
        {RECORD_PENDING, {.id = {"s1", 2}, .sub = {"0123456789abcdef", BLOB_HASH_LEN}}},
        {RECORD_REPEAT, {.id = {"s1", 2}, .sub = {"0123456789abcdef", BLOB_HASH_LEN}}},
        {RECORD_SESSION, {.id = {"s1", 2}}},
        {RECORD_MESSAGE, {.id = {"s1", 2}, .sub = {"m1", 2}}},
        {RECORD_MESSAGE, {.id = {"s1", 2}, .sub = {"none", 4}}},
        {RECORD_CONTEXT, {.id = {"s1", 2}}},
        {RECORD_CONTEXT, {.id = {"s1", 2}, .number = 1, .stamp = 1}},
        {RECORD_THREAD, {.id = {"s1", 2}}},
        {RECORD_VALUE, {.id = {"s1", 2}, .ns = {"", 0}, .number = 7}},
        {RECORD_CHECKPOINT, {.id = {"s1", 2}, .ns = {"", 0}, .sub = {"c2", 2}}},
        {RECORD_CHECKPOINT, {.id = {"s1", 2}, .ns = {"", 0}, .sub = {"none", 4}}},
        {RECORD_TASK, {.id = {"s1", 2}, .ns = {"", 0}, .sub = {"c2", 2}, .task = {"task", 4}}},
        {RECORD_TASK, {.id = {"s1", 2}, .ns = {"", 0}, .sub = {"c2", 2}, .task = {"none", 4}}},
    };

    op->records_get.names = names;
    op->records_get.n = COUNT_OF(names);
}

/* What another store has counted, and what this one is to count. */
void fill_merge_counts(struct op *op)
{
    static struct record records[2];

    records[0] = (struct record){
        .kind = RECORD_REPEAT,
        .key = {.id = SLICE("s1"), .sub = {"0123456789abcdef", BLOB_HASH_LEN}},
        .repeat = {.at_us = op->now_us},
    };
    records[1] = (struct record){
        .kind = RECORD_PENDING,
        .key = {.id = SLICE("s1"), .sub = {"fedcba9876543210", BLOB_HASH_LEN}},
        .pending = {.stamp = stamp_next(), .requests = 1, .repeat = {.at_us = op->now_us}},
    };
    op->merge.items = records;
    op->merge.n = COUNT_OF(records);
    op->replicate = true;
}

void fill_merge_gone(struct op *op)
{
    static struct record records[2];

    records[0] = (struct record){
        .kind = RECORD_MESSAGE, .key = {.id = SLICE("s1"), .sub = SLICE("m2")}, .gone = op->stamp};
    records[1] = (struct record){.kind = RECORD_CHECKPOINT,
                                 .key = {.id = SLICE("s1"), .ns = SLICE(""), .sub = SLICE("c1")},
                                 .gone = op->stamp};
    op->merge.items = records;
    op->merge.n = COUNT_OF(records);
}

/* The same as they are made in a store that is one of a pair. */
#define TOLD(name)                         \
    void fill_##name##_told(struct op *op) \
    {                                      \
        fill_##name(op);                   \
        op->replicate = op->fence = true;  \
    }

SAMPLES_TOLD(TOLD)

void fill_session_patch_alone(struct op *op)
{
    fill_session_patch_again(op);
    op->replicate = op->fence = op->alone = true;
}

void fill_session_get_alone(struct op *op)
{
    op->alone = true;
}

void fill_session_delete_alone(struct op *op)
{
    fill_session_delete(op);
    op->replicate = op->fence = op->alone = true;
}

void fill_seed_c1(struct op *op)
{
    checkpoint(op, "c1", NULL, "1");
}

void fill_seed_c2(struct op *op)
{
    checkpoint(op, "c2", "c1", "2");
}

void fill_seed_c3(struct op *op)
{
    checkpoint(op, "c3", "c2", "3");
}

void fill_seed_document(struct op *op)
{
    fill_checkpoint_document(op);
    op->checkpoint_put.checkpoint_id = SLICE("d1");
}

void fill_seed_writes(struct op *op)
{
    writes_put(op, WRITES_UPSERT);
    op->writes_put.n = 1;
}

void fill_seed_messages(struct op *op)
{
    fill_message_append(op);
    op->message_append.messages[1].id = SLICE("m2");
    op->message_append.messages[2].id = SLICE("m3");
}

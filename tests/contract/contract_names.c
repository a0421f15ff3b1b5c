/*
 * contract_names.c - which records each change names, and what is read and removed by name; see
 * op_pair.h.
 */
#include "clock.h"
#include "pairs.h"
#include "record_fields.h"

enum { PAGE = 10 };

/* The kinds of what the op has named, separated by spaces. */
static const char *named(const struct op *op)
{
    static const char *const kinds[] = {
        "session", "message", "context", "thread",   "value",       "checkpoint",
        "task",    "repeat",  "pending", "messages", "checkpoints", "contents",
    };
    const char *text = "";

    for (size_t i = 0; i < op->n_copies; i++)
        text = arena_printf(&here.arena, "%s%s%s", text, i ? " " : "", kinds[op->copies[i].kind])
                   .at;
    return text;
}

/* Runs a change of a store of a pair; what it has named, which is what its entry says. */
static const char *change(struct op op)
{
    struct op_pair_read waiting;
    size_t names = 0;

    op.replicate = true;
    (void)store_run(&here, &op);
    waiting = pair_read(&here, PAGE);
    for (size_t i = 0; i < waiting.out.n; i++) {
        ck_assert_int_eq(waiting.out.entries[i].number, op.stamp);
        names += waiting.out.entries[i].n_names;
    }
    ck_assert_uint_eq(names, op.n_copies);
    pair_change(&here,
                (struct op_pair_change){.clear = waiting.out.entries, .n_clear = waiting.out.n});
    return named(&op);
}

/* --- what is named -------------------------------------------------------------------------------- */

static struct op session_op(const char *id)
{
    struct op op = store_op(&here, OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    return op;
}

START_TEST(of_a_session)
{
    struct op op = session_op("s");

    ck_assert_str_eq(change(op), "session");
    op = session_op("s");
    op.session_put.with_context = true;
    op.repeat = pair_request(1);
    ck_assert_str_eq(change(op), "context session repeat");
    ck_assert_str_eq(change(op), ""); /* it is known */
    op.repeat.body_hash[0]++;
    ck_assert_str_eq(change(op), "");
    op = store_op(&here, OP_SESSION_PATCH, "s");
    op.session_patch.status = SLICE("x");
    ck_assert_str_eq(change(op), "session");
    op.session_patch.if_version = 99;
    ck_assert_str_eq(change(op), "");
    ck_assert_str_eq(change(store_op(&here, OP_SESSION_PATCH, "none")), "");
    op = store_op(&here, OP_SESSION_DELETE, "s");
    ck_assert_str_eq(change(op), "session");
    op = store_op(&here, OP_SESSION_DELETE, "s");
    op.session_delete.threads = true;
    ck_assert_str_eq(change(op), "session thread");
}
END_TEST

static struct op append_op(const char *message_id)
{
    struct op op = store_op(&here, OP_MESSAGE_APPEND, "s");
    struct message *m = arena_zalloc(&here.arena, 1, sizeof(*m));

    ck_assert_ptr_nonnull(m);
    *m = (struct message){.id = slice_of(message_id), .role = SLICE("user"), .content = SLICE("1")};
    op.message_append.messages = m;
    op.message_append.n = 1;
    return op;
}

START_TEST(of_a_conversation)
{
    struct op op;

    here.now_us += SECOND;
    ck_assert_str_eq(change(append_op("m1")), "message");
    here.now_us += SECOND;
    ck_assert_str_eq(change(append_op("m1")), "session"); /* it was active */
    op = append_op("m2");
    op.message_append.require_session = true;
    ck_assert_str_eq(change(op), "");
    op = store_op(&here, OP_CONTEXT_PUT, "s");
    op.context_put.context = SLICE("{}");
    ck_assert_str_eq(change(op), "context");
    op = store_op(&here, OP_MESSAGE_TRIM, "s");
    op.message_trim.keep_last = 1;
    ck_assert_str_eq(change(op), "");
    ck_assert_str_eq(change(append_op("m2")), "message");
    ck_assert_str_eq(change(op), "messages");
}
END_TEST

static struct op checkpoint_op(const char *id)
{
    return put_op(&here, (struct checkpoint_in){
                             .thread = "t", .id = id, .run = "r", .values = "a=1:x b=1:y"});
}

static struct op task_op(enum writes_mode mode)
{
    return writes_op(
        &here,
        (struct writes_in){
            .thread = "t", .checkpoint = "c1", .task = "k", .mode = mode, .writes = "0:a=b"});
}

START_TEST(of_a_thread)
{
    struct slice run = SLICE("r");
    struct op op;

    ck_assert_str_eq(change(checkpoint_op("c1")), "thread value value value checkpoint");
    ck_assert_str_eq(change(task_op(WRITES_IGNORE)), "thread task");
    ck_assert_str_eq(change(task_op(WRITES_IGNORE)), "");
    store_session(&here, "t");
    here.now_us += SECOND;
    ck_assert_str_eq(change(checkpoint_op("c2")), "thread value value value checkpoint session");
    op = store_op(&here, OP_THREAD_PRUNE, "t");
    op.thread_prune.keep_last = 2;
    ck_assert_str_eq(change(op), "");
    op.thread_prune.keep_last = 1;
    ck_assert_str_eq(change(op), "checkpoints");
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("t2");
    ck_assert_str_eq(change(op), "thread contents");
    ck_assert_str_eq(change(op), ""); /* it is taken */
    op = store_op(&here, OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = &run;
    op.runs_delete.n = 1;
    ck_assert_str_eq(change(op), "checkpoints checkpoints");
    ck_assert_str_eq(change(op), "");
    ck_assert_str_eq(change(store_op(&here, OP_THREAD_DELETE, "t")), "thread");
}
END_TEST

START_TEST(of_a_cleanup)
{
    struct op op = store_op(&here, OP_CLEANUP, NULL);

    store_session(&here, "s");
    op.cleanup.idle_us = here.now_us - SECOND;
    op.cleanup.limit = 10;
    ck_assert_str_eq(change(op), "");
    op.cleanup.idle_us = here.now_us;
    ck_assert_str_eq(change(op), "session thread");
}
END_TEST

/* --- what is read by name ------------------------------------------------------------------------- */

/* All records of a kind of this id, read by their names. */
static void check_kind(enum record_kind kind, const char *id, size_t least)
{
    size_t all, n = 0;
    struct record *records = store_records(&here, kind, 7, &all);
    struct record_name *names = arena_alloc(&here.arena, (all + 1) * sizeof(*names));
    struct op_records_get got;

    ck_assert_ptr_nonnull(names);
    for (size_t i = 0; i < all; i++)
        if (slice_equal(records[i].key.id, slice_of(id))) {
            records[n] = records[i];
            names[n++] = (struct record_name){kind, records[i].key};
        }
    ck_assert_uint_ge(n, least);
    got = pair_get(&here, slice_of(id), names, n);
    ck_assert_uint_eq(got.out.n, n);
    for (size_t i = 0; i < n; i++) {
        const char *other = record_difference(&records[i], &got.out.items[i]);

        ck_assert_int_eq(got.out.items[i].kind, kind);
        ck_assert_int_eq(record_key_compare(&got.out.items[i].key, &records[i].key), 0);
        ck_assert_msg(!other, "%s of kind %d", other, kind);
    }
}

START_TEST(each_kind)
{
    struct record_name contexts = {RECORD_CONTEXT, {.id = SLICE("t")}};

    store_session(&here, "t");
    store_context(&here, "t", "1");
    store_context(&here, "t", "2");
    (void)store_message(&here, "t", "m1");
    (void)store_message(&here, "t", "m2");
    (void)change(checkpoint_op("c1"));
    (void)change(task_op(WRITES_UPSERT));
    check_kind(RECORD_SESSION, "t", 1);
    check_kind(RECORD_MESSAGE, "t", 2);
    check_kind(RECORD_CONTEXT, "t", 2);
    check_kind(RECORD_THREAD, "t", 1);
    check_kind(RECORD_VALUE, "t", 3);
    check_kind(RECORD_CHECKPOINT, "t", 1);
    check_kind(RECORD_TASK, "t", 1);
    ck_assert_uint_eq(pair_get(&here, SLICE("t"), &contexts, 1).out.n, 2);
}
END_TEST

START_TEST(what_is_not_there)
{
    const struct slice id = SLICE("t"), none = SLICE("none"), root = SLICE("");
    const struct record_name names[] = {
        {RECORD_SESSION, {.id = id}},
        {RECORD_MESSAGE, {.id = id, .sub = none}},
        {RECORD_CONTEXT, {.id = id, .number = 7, .stamp = 7}},
        {RECORD_CONTEXT, {.id = id}},
        {RECORD_THREAD, {.id = id}},
        {RECORD_VALUE, {.id = id, .ns = root, .number = 7}},
        {RECORD_CHECKPOINT, {.id = id, .ns = root, .sub = none}},
        {RECORD_TASK, {.id = id, .ns = root, .sub = none, .task = none}},
        {RECORD_REPEAT, {.id = id, .sub = SLICE("0123456789abcdef")}},
        {RECORD_PENDING, {.id = id, .sub = SLICE("0123456789abcdef")}},
    };
    struct op_records_get got;

    ck_assert_uint_eq(pair_get(&here, id, names, COUNT_OF(names)).out.n, 0);
    store_session(&here, "t");
    (void)change(task_op(WRITES_UPSERT)); /* a checkpoint that is only the place of writes */
    got = pair_get(&here, id, names, COUNT_OF(names));
    ck_assert_uint_eq(got.out.n, 2);
    ck_assert_int_eq(got.out.items[0].kind, RECORD_SESSION);
    ck_assert_int_eq(got.out.items[1].kind, RECORD_THREAD);
}
END_TEST

/* --- what is gone --------------------------------------------------------------------------------- */

static struct record gone(enum record_kind kind, struct record_key key, int64_t stamp)
{
    return (struct record){.kind = kind, .key = key, .gone = stamp};
}

START_TEST(a_message_that_is_gone)
{
    struct op op = append_op("m1");
    struct record record = gone(
        RECORD_MESSAGE, (struct record_key){.id = SLICE("s"), .sub = SLICE("m1")}, op.stamp - 1);

    (void)change(op);
    (void)change(append_op("m2"));
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 0);
    ck_assert_uint_eq(store_count(&here, "s"), 2); /* it is younger */
    record.gone = op.stamp;
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 1);
    ck_assert_uint_eq(store_count(&here, "s"), 1);
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 0);
    record.key.id = SLICE("none");
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 0);
    ck_assert(!store_has(&here, "none"));
}
END_TEST

START_TEST(a_checkpoint_that_is_gone)
{
    struct op op = checkpoint_op("c1");
    struct record record = gone(
        RECORD_CHECKPOINT,
        (struct record_key){.id = SLICE("t"), .ns = SLICE(""), .sub = SLICE("c1")}, 0);

    (void)change(op);
    (void)change(task_op(WRITES_UPSERT));
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .parent = "c1", .head = "{}", .carried = "a=1"});
    record.gone = get(&here, "t", "", "c1")->stamp - 1;
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 0);
    ck_assert_ptr_nonnull(get(&here, "t", "", "c1")); /* it is younger */
    record.gone = stamp_next();
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 1);
    ck_assert_ptr_null(get(&here, "t", "", "c1"));
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "k//0:a=b"); /* these go by themselves */
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c2")), "a=1:x");
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 0);

    record = gone(RECORD_TASK, record.key, 1);
    record.key.task = SLICE("k");
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 0);
    record.gone = stamp_next();
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 1);
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "");
    ck_assert(!slice_present(get(&here, "t", "", "c2")->parent_id));
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 2); /* the head of c2, and a */
    ck_assert_uint_eq(pair_merge(&here, record.key.id, &record, 1).out.applied, 0);
}
END_TEST

/* --- what is newer -------------------------------------------------------------------------------- */

static int64_t newest_of(const struct op *op)
{
    return pair_merge(&there, op->id, op->copies, op->n_copies).out.newest;
}

static void change_told(struct op *op)
{
    op->replicate = true;
    store_ok(&here, op);
}

START_TEST(what_overrules_a_thread)
{
    struct op first = checkpoint_op("c1"), task = task_op(WRITES_REPLACE), second, deletion;

    change_told(&first);
    change_told(&task);
    ck_assert_int_eq(newest_of(&first), 0);
    ck_assert_int_eq(newest_of(&task), 0);
    ck_assert_int_eq(newest_of(&first), 0); /* it is the same */
    ck_assert_int_eq(newest_of(&task), 0);

    here.now_us += SECOND;
    second = checkpoint_op("c1");
    change_told(&second);
    ck_assert_int_eq(newest_of(&second), 0);
    ck_assert_int_eq(newest_of(&first), get(&there, "t", "", "c1")->stamp);
    second = task_op(WRITES_REPLACE);
    change_told(&second);
    ck_assert_int_eq(newest_of(&second), 0);
    ck_assert_int_ge(newest_of(&task), second.stamp);

    deletion = store_op(&here, OP_THREAD_DELETE, "t");
    change_told(&deletion);
    ck_assert_int_eq(newest_of(&deletion), 0);
    ck_assert_int_eq(newest_of(&first), deletion.copies[0].thread.tomb);
    ck_assert_int_eq(newest_of(&task), deletion.copies[0].thread.tomb);
}
END_TEST

START_TEST(what_overrules_a_session)
{
    struct op message = append_op("m1"), deletion = store_op(&here, OP_SESSION_DELETE, "s"), later;

    change_told(&message);
    deletion.stamp = stamp_next();
    change_told(&deletion);
    later = append_op("m2");
    change_told(&later);
    ck_assert_int_eq(newest_of(&later), 0);
    ck_assert_int_eq(newest_of(&deletion), later.copies[0].message.stamp); /* it outlives that */
    ck_assert_int_eq(newest_of(&message), deletion.copies[0].session.tomb);
    ck_assert_uint_eq(store_count(&there, "s"), 1);
}
END_TEST

/* --- requests ------------------------------------------------------------------------------------- */

START_TEST(a_request_is_known_there)
{
    struct op op = session_op("s"), again = session_op("s");

    op.repeat = again.repeat = pair_request(1);
    change_told(&op);
    ck_assert_uint_eq(pair_merge(&there, op.id, op.copies, op.n_copies).out.applied, 2);
    ck_assert_uint_eq(pair_merge(&there, op.id, op.copies, op.n_copies).out.applied, 0);
    again.arena = &there.arena;
    store_ok(&there, &again);
    ck_assert(again.session_put.out.replayed);
    again.repeat.body_hash[0]++;
    store_fails(&there, &again, ERR_KEY_REUSED);
    again.now_us += REPEAT_WINDOW_US + SECOND;
    store_ok(&there, &again);
    ck_assert(!again.session_put.out.replayed);
}
END_TEST

TCase *contract_names_case(void)
{
    TCase *tc = tcase_create("names");

    tcase_add_checked_fixture(tc, pair_open, pair_close);
    tcase_add_test(tc, of_a_session);
    tcase_add_test(tc, of_a_conversation);
    tcase_add_test(tc, of_a_thread);
    tcase_add_test(tc, of_a_cleanup);
    tcase_add_test(tc, each_kind);
    tcase_add_test(tc, what_is_not_there);
    tcase_add_test(tc, a_message_that_is_gone);
    tcase_add_test(tc, a_checkpoint_that_is_gone);
    tcase_add_test(tc, what_overrules_a_thread);
    tcase_add_test(tc, what_overrules_a_session);
    tcase_add_test(tc, a_request_is_known_there);
    return tc;
}

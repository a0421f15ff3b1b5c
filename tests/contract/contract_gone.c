/* contract_gone.c - what was removed in one store of a pair is removed in the other; see record.h. */
#include <stdlib.h>

#include "clock.h"
#include "threads.h"

static struct record gone_checkpoint(const char *id, int64_t stamp)
{
    return (struct record){
        .kind = RECORD_CHECKPOINT,
        .key = {.id = SLICE("t"), .ns = SLICE(""), .sub = slice_of(id), .task = SLICE("")},
        .gone = stamp};
}

static struct record gone_task(const char *checkpoint, const char *task, int64_t stamp)
{
    struct record r = gone_checkpoint(checkpoint, stamp);

    r.kind = RECORD_TASK;
    r.key.task = slice_of(task);
    return r;
}

static void put_task(const char *checkpoint, const char *task)
{
    put_writes(&there, (struct writes_in){.thread = "t",
                                          .checkpoint = checkpoint,
                                          .task = task,
                                          .form = FORM_DOCUMENT,
                                          .writes = "0:x=1"});
}

static void put_document(const char *id)
{
    put(&there, (struct checkpoint_in){.thread = "t", .id = id, .form = FORM_DOCUMENT});
}

START_TEST(a_checkpoint_that_is_gone_leaves_the_writes_on_it)
{
    struct record gone;

    put_document("c1");
    put_document("c2");
    gone = gone_checkpoint("c1", stamp_next());
    put_task("c1", "a");
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 1);
    ck_assert_ptr_null(get(&there, "t", "", "c1"));
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "a//0:x=1");
    ck_assert_str_eq(list(&there, list_op(&there, "t", NULL)), "t//c2");
    ck_assert_uint_eq(count_records(&there, RECORD_VALUE), 1);
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 0);
}
END_TEST

START_TEST(a_checkpoint_without_writes_goes_whole)
{
    struct record gone;

    put_document("c1");
    gone = gone_checkpoint("c1", stamp_next());
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 1);
    ck_assert_str_eq(thread_text(&there, "t"), "none");
    ck_assert_uint_eq(count_records(&there, RECORD_VALUE), 0);
}
END_TEST

START_TEST(writes_that_are_gone_leave_the_others)
{
    struct record gone;

    put_document("c1");
    put_task("c1", "a");
    put_task("c1", "b");
    gone = gone_task("c1", "a", stamp_next());
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 1);
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "b//0:x=1");
    gone = gone_task("c1", "b", stamp_next());
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 1);
    ck_assert_ptr_nonnull(get(&there, "t", "", "c1"));
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 0);
}
END_TEST

START_TEST(a_place_goes_with_the_last_writes)
{
    struct record gone[2];

    put_task("c1", "a");
    put_task("c1", "b");
    gone[0] = gone_task("c1", "a", stamp_next());
    gone[1] = gone_task("c1", "b", stamp_next());
    ck_assert_uint_ge(store_merge(&there, gone, 2), 2);
    ck_assert_str_eq(thread_text(&there, "t"), "none");
    ck_assert_uint_eq(count_records(&there, RECORD_TASK), 0);
}
END_TEST

START_TEST(what_is_newer_stays)
{
    struct record gone[] = {gone_checkpoint("c1", stamp_next()),
                            gone_task("c1", "a", stamp_next())};

    put_document("c1");
    put_task("c1", "a");
    ck_assert_uint_eq(store_merge(&there, gone, 2), 0);
    ck_assert_ptr_nonnull(get(&there, "t", "", "c1"));
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "a//0:x=1");
}
END_TEST

static const struct record *only_task(void)
{
    size_t n;
    const struct record *tasks = store_records(&there, RECORD_TASK, 4, &n);

    ck_assert_uint_eq(n, 1);
    return tasks;
}

START_TEST(writes_after_a_removal_are_the_first)
{
    struct record gone;

    put_document("c1");
    put_task("c1", "a");
    gone = gone_task("c1", "a", stamp_next());
    put_task("c1", "a");
    ck_assert_int_lt(only_task()->task.seq, gone.gone);
    put_writes(&there, (struct writes_in){.thread = "t",
                                          .checkpoint = "c1",
                                          .task = "a",
                                          .form = FORM_DOCUMENT,
                                          .writes = "0:x=2"});
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 1);
    ck_assert_int_eq(only_task()->task.seq, only_task()->task.stamp);
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "a//0:x=2");
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 0);
}
END_TEST

START_TEST(writes_after_a_deletion_are_the_first)
{
    struct record tomb = {.kind = RECORD_THREAD, .key.id = SLICE("t")};

    put_task("c1", "a");
    tomb.thread.tomb = stamp_next();
    put_writes(&there, (struct writes_in){.thread = "t",
                                          .checkpoint = "c1",
                                          .task = "a",
                                          .form = FORM_DOCUMENT,
                                          .writes = "0:x=2"});
    ck_assert_uint_eq(store_merge(&there, &tomb, 1), 1);
    ck_assert_int_eq(only_task()->task.seq, only_task()->task.stamp);
}
END_TEST

static int64_t newest_of_merge(const struct record *record)
{
    struct op op = store_op(&there, OP_MERGE, NULL);

    op.merge.items = record;
    op.merge.n = 1;
    store_ok(&there, &op);
    return op.merge.out.newest;
}

static void append_one(const char *id)
{
    struct op op = store_op(&there, OP_MESSAGE_APPEND, "s");
    struct message m = {
        .id = slice_of(id), .role = SLICE("user"), .content = SLICE("1"), .metadata = SLICE("{}")};

    op.message_append.messages = &m;
    op.message_append.n = 1;
    store_ok(&there, &op);
}

static size_t n_messages(void)
{
    struct op op = store_op(&there, OP_MESSAGE_LIST, "s");

    op.message_list.limit = 10;
    store_ok(&there, &op);
    return op.message_list.out.n;
}

START_TEST(newer_messages_outlive_removals_and_deletions)
{
    struct record gone = {.kind = RECORD_MESSAGE, .key = {.id = SLICE("s"), .sub = SLICE("m1")}};
    struct record tomb = {.kind = RECORD_SESSION, .key.id = SLICE("s")};

    gone.gone = stamp_next();
    append_one("m1");
    ck_assert_uint_eq(store_merge(&there, &gone, 1), 0);
    ck_assert_uint_eq(n_messages(), 1);
    tomb.session.tomb = stamp_next();
    append_one("m2");
    ck_assert_int_gt(newest_of_merge(&tomb), tomb.session.tomb);
    ck_assert_uint_eq(n_messages(), 1);
}
END_TEST

START_TEST(a_cell_that_outlives_a_deletion_is_told)
{
    struct record tomb = {.kind = RECORD_SESSION, .key.id = SLICE("s")};
    struct op op;

    store_session(&there, "s");
    tomb.session.tomb = stamp_next();
    op = store_op(&there, OP_SESSION_PATCH, "s");
    op.session_patch.status = SLICE("done");
    store_ok(&there, &op);
    ck_assert_int_gt(newest_of_merge(&tomb), tomb.session.tomb);
}
END_TEST

/* Of two messages with one id and one place the newer one stays, whichever comes first. */
START_TEST(of_two_messages_in_a_place_the_newer_stays)
{
    struct message stored;
    int64_t older = stamp_next(), newer = stamp_next();

    for (int first = 0; first < 2; first++) {
        struct record m = {
            .kind = RECORD_MESSAGE,
            .key = {.id = first ? SLICE("s1") : SLICE("s2"), .sub = SLICE("m1")},
            .message = {.seq = 1800000000000000, .role = SLICE("user"), .metadata = SLICE("{}")}};
        struct op op;

        for (int i = 0; i < 2; i++) {
            m.message.stamp = i == first ? newer : older;
            m.message.content = i == first ? SLICE("newer") : SLICE("older");
            (void)store_merge(&there, &m, 1);
        }
        op = store_op(&there, OP_MESSAGE_LIST, m.key.id.at);
        op.message_list.limit = 2;
        store_ok(&there, &op);
        ck_assert_uint_eq(op.message_list.out.n, 1);
        stored = op.message_list.out.items[0];
        ck_assert_slice(stored.content, "newer");
    }
}
END_TEST

START_TEST(content_that_outlives_a_deletion_is_told)
{
    struct record tomb = {.kind = RECORD_THREAD, .key.id = SLICE("t")};

    put_document("c1");
    tomb.thread.tomb = stamp_next();
    ck_assert_int_eq(newest_of_merge(&tomb), 0);
    tomb.thread.tomb = stamp_next();
    put_document("c2");
    ck_assert_int_gt(newest_of_merge(&tomb), tomb.thread.tomb);
    ck_assert_str_eq(list(&there, list_op(&there, "t", NULL)), "t//c2");
}
END_TEST

/* A removal is refused if what it may remove is newer: the other store would keep that. */
START_TEST(a_removal_is_fenced_by_what_it_may_remove)
{
    static const struct slice run = {"r", 1};
    struct op ops[4];

    if (contract_target->stamps_anew)
        return;
    ops[0] = store_op(&there, OP_THREAD_PRUNE, "t");
    ops[0].thread_prune.keep_last = 1;
    ops[1] = store_op(&there, OP_RUNS_DELETE, NULL);
    ops[1].runs_delete = (struct op_runs_delete){.run_ids = &run, .n = 1};
    ops[2] = store_op(&there, OP_MESSAGE_TRIM, "t");
    ops[2].message_trim.keep_last = 1;
    ops[3] = store_op(&there, OP_SESSION_DELETE, "u");
    ops[3].session_delete.threads = true;
    put_document("c1");
    put(&there, (struct checkpoint_in){.thread = "t",
                                       .id = "c2",
                                       .form = FORM_DOCUMENT,
                                       .run = "r",
                                       .metadata = "{\"run_id\":\"r\"}"});
    put(&there, (struct checkpoint_in){.thread = "u", .id = "c3", .form = FORM_DOCUMENT});
    store_message(&there, "t", "m1");
    store_message(&there, "t", "m2");
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].fence = ops[i].replicate = true;
        store_fails(&there, &ops[i], ERR_FENCED);
        ck_assert_int_gt(ops[i].newest, ops[i].stamp);
        ops[i].stamp = stamp_next();
        store_ok(&there, &ops[i]);
        ck_assert_uint_eq(ops[i].n_copies, ops[i].type == OP_SESSION_DELETE ? 2 : 1);
    }
    ck_assert_uint_eq(store_count(&there, "t"), 1);
}
END_TEST

START_TEST(a_deletion_is_fenced_by_what_is_pending)
{
    struct op patch, get, del = store_op(&there, OP_SESSION_DELETE, "s");
    struct record record = {.kind = RECORD_SESSION, .key.id = SLICE("s")};

    if (contract_target->stamps_anew)
        return;
    store_session(&there, "s");
    record.session.tomb = stamp_next();
    del.stamp = stamp_next();
    patch = store_op(&there, OP_SESSION_PATCH, "s");
    patch.alone = patch.replicate = patch.fence = true;
    patch.repeat = (struct op_repeat){.present = true, .op_id = {7}};
    patch.session_patch.increment_requests = true;
    store_ok(&there, &patch);
    del.alone = del.replicate = del.fence = true;
    store_fails(&there, &del, ERR_FENCED);
    get = store_op(&there, OP_SESSION_GET, "s");
    get.alone = true;
    store_ok(&there, &get);
    ck_assert_int_eq(get.session_get.out.session.request_count, 1);
    ck_assert_int_ge(newest_of_merge(&record), patch.stamp); /* a deletion made elsewhere */
    del.stamp = stamp_next();
    store_ok(&there, &del);
    store_session(&there, "s");
    store_ok(&there, &get);
    ck_assert_int_eq(get.session_get.out.session.request_count, 0);
}
END_TEST

void contract_gone_add(TCase *tc)
{
    tcase_add_test(tc, a_checkpoint_that_is_gone_leaves_the_writes_on_it);
    tcase_add_test(tc, a_checkpoint_without_writes_goes_whole);
    tcase_add_test(tc, writes_that_are_gone_leave_the_others);
    tcase_add_test(tc, a_place_goes_with_the_last_writes);
    tcase_add_test(tc, what_is_newer_stays);
    tcase_add_test(tc, writes_after_a_removal_are_the_first);
    tcase_add_test(tc, writes_after_a_deletion_are_the_first);
    tcase_add_test(tc, newer_messages_outlive_removals_and_deletions);
    tcase_add_test(tc, a_cell_that_outlives_a_deletion_is_told);
    tcase_add_test(tc, of_two_messages_in_a_place_the_newer_stays);
    tcase_add_test(tc, content_that_outlives_a_deletion_is_told);
    tcase_add_test(tc, a_removal_is_fenced_by_what_it_may_remove);
    tcase_add_test(tc, a_deletion_is_fenced_by_what_is_pending);
}

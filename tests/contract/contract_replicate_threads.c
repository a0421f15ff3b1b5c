/* contract_replicate_threads.c - changes of threads, and what they leave for the other store. */
#include "clock.h"
#include "pair.h"

static void have(struct checkpoint_in in)
{
    struct op op = put_op(&here, in);

    (void)replicated(&op);
}

static void have_writes(struct writes_in in)
{
    struct op op = writes_op(&here, in);

    (void)replicated(&op);
}

/* Puts some checkpoints of a thread, which carry values on, and writes. */
static void have_thread(const char *thread)
{
    have((struct checkpoint_in){.thread = thread, .id = "c1", .values = "a=1:xx b=1:yy"});
    have((struct checkpoint_in){.thread = thread,
                                .id = "c2",
                                .parent = "c1",
                                .run = "r1",
                                .metadata = "{\"run_id\":\"r1\"}",
                                .values = "a=2:zz",
                                .carried = "b=1"});
    have((struct checkpoint_in){
        .thread = thread, .id = "c3", .parent = "c2", .values = "a=3:vv", .carried = "b=1"});
    have_writes((struct writes_in){
        .thread = thread, .checkpoint = "c2", .task = "k", .path = "p", .writes = "0:a=b 1:c=d"});
    have((struct checkpoint_in){
        .thread = thread, .ns = "doc", .id = "d1", .form = FORM_DOCUMENT, .head = "{\"s\":1}"});
}

START_TEST(a_put_checkpoint)
{
    struct op op = put_op(
        &here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx b=1:yy"});

    ck_assert_str_eq(replicated(&op), "thread:t value:t value:t value:t checkpoint:t/c1");
    here.now_us += SECOND;
    op = put_op(&here, (struct checkpoint_in){.thread = "t",
                                              .id = "c2",
                                              .parent = "c1",
                                              .run = "r",
                                              .metadata = "{\"run_id\":\"r\"}",
                                              .values = "a=2:zz",
                                              .carried = "b=1"});
    ck_assert_str_eq(replicated(&op), "thread:t value:t value:t checkpoint:t/c2");
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", "c2")), "a=2:zz b=1:yy");
    op = put_op(&here, (struct checkpoint_in){
                           .thread = "t", .ns = "doc", .id = "d1", .form = FORM_DOCUMENT});
    ck_assert_str_eq(replicated(&op), "thread:t value:t checkpoint:t/d1");
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .ns = "doc", .id = "d2"});
    replicates_nothing(&op, ERR_FORM);
}
END_TEST

START_TEST(a_replaced_checkpoint)
{
    struct op op;

    have_thread("t");
    op = put_op(&here, (struct checkpoint_in){
                           .thread = "t", .id = "c2", .head = "{}", .values = "a=9:new"});
    ck_assert_str_eq(replicated(&op), "thread:t value:t value:t checkpoint:t/c2");
    ck_assert(!op.checkpoint_put.out.created);
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", "c2")), "a=9:new");
}
END_TEST

/* A long value of which little changes is stored as a delta. */
START_TEST(values_that_are_based_on_others)
{
    char text[3000];
    struct op op;

    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = (char)('a' + (i * i + i / 7) % 26);
    text[sizeof(text) - 1] = '\0';
    for (int i = 1; i < 5; i++) {
        const char *values = arena_printf(&here.arena, "a=%d:%s%d", i, text, i).at;

        op = put_op(&here, (struct checkpoint_in){
                               .thread = "t",
                               .id = arena_printf(&here.arena, "c%d", i).at,
                               .parent = i > 1 ? arena_printf(&here.arena, "c%d", i - 1).at : NULL,
                               .values = values});
        ck_assert_str_ne(replicated(&op), "");
        ck_assert_str_eq(values_text(&there, get(&there, "t", "", NULL)), values);
    }
}
END_TEST

START_TEST(activity_of_the_session_of_a_thread)
{
    struct op op = store_op(&here, OP_SESSION_PUT, "t");

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    (void)replicated(&op);
    here.now_us += SECOND;
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    ck_assert_str_eq(replicated(&op), "session:t thread:t value:t checkpoint:t/c1");
    ck_assert_int_eq(store_get(&there, "t").last_activity_us, here.now_us);
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c2"}); /* the session does not
                                                                              move again */
    ck_assert_str_eq(replicated(&op), "thread:t value:t checkpoint:t/c2");
    here.now_us += SECOND;
    op = writes_op(&here, (struct writes_in){
                              .thread = "t", .checkpoint = "c1", .task = "k", .writes = "0:a=b"});
    ck_assert_str_eq(replicated(&op), "session:t thread:t task:t/c1/k");
    here.now_us += SECOND;
    op = writes_op(&here, (struct writes_in){.thread = "t",
                                             .checkpoint = "c1",
                                             .task = "k",
                                             .mode = WRITES_IGNORE,
                                             .writes = "0:a=c"});
    ck_assert_str_eq(replicated(&op), "session:t"); /* only the session has moved */
}
END_TEST

START_TEST(put_writes_of_a_task)
{
    struct op op = writes_op(
        &here,
        (struct writes_in){
            .thread = "t", .checkpoint = "c1", .task = "k", .path = "p", .writes = "0:a=b 1:c=d"});

    ck_assert_str_eq(replicated(&op), "thread:t task:t/c1/k"); /* before the checkpoint */
    have_thread("t");
    for (int mode = WRITES_UPSERT; mode <= WRITES_REPLACE; mode++) {
        here.now_us += SECOND;
        op = writes_op(&here, (struct writes_in){.thread = "t",
                                                 .checkpoint = "c2",
                                                 .task = "k",
                                                 .path = "q",
                                                 .mode = (enum writes_mode)mode,
                                                 .writes = "1:c=e 2:f=g"});
        ck_assert_str_eq(replicated(&op), mode == WRITES_IGNORE ? "" : "thread:t task:t/c2/k");
    }
    op = writes_op(&here, (struct writes_in){.thread = "t",
                                             .checkpoint = "c2",
                                             .task = "k",
                                             .form = FORM_DOCUMENT,
                                             .writes = "0:a=b"});
    replicates_nothing(&op, ERR_FORM);
    ck_assert_str_eq(get_writes(&there, "t", "", "c2"), "k/q/1:c=e k/q/2:f=g");
}
END_TEST

START_TEST(a_deleted_thread)
{
    struct op op;

    have_thread("t");
    op = store_op(&here, OP_THREAD_DELETE, "t");
    ck_assert_str_eq(replicated(&op), "thread:t");
    ck_assert_str_eq(thread_text(&there, "t"), "none");
    op = store_op(&here, OP_THREAD_DELETE, "never there");
    ck_assert_str_eq(replicated(&op), "thread:never there");
    have_thread("t");
    ck_assert_str_eq(thread_text(&there, "t"), thread_text(&here, "t"));
}
END_TEST

START_TEST(a_copied_thread)
{
    struct op op = store_op(&here, OP_THREAD_COPY, "absent");

    op.thread_copy.to = SLICE("u");
    replicates_nothing(&op, ERR_OK);
    have_thread("t");
    here.now_us += SECOND;
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    ck_assert_str_eq(left_by(&op), "thread:u contents:u");
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    op.replicate = op.fence = true;
    store_fails(&here, &op, ERR_THREAD);
    ck_assert_uint_eq(op.n_copies, 0);
}
END_TEST

START_TEST(a_copied_thread_reaches_the_other_store)
{
    struct op op = store_op(&here, OP_SESSION_PUT, "u");

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    (void)replicated(&op);
    have_thread("t");
    here.now_us += SECOND;
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    ck_assert_str_eq(replicated(&op), "session:u thread:u contents:u");
    ck_assert_str_eq(thread_text(&there, "u"), thread_text(&here, "u"));
    ck_assert_str_eq(values_text(&there, get(&there, "u", "", "c2")), "a=2:zz b=1:yy");
}
END_TEST

START_TEST(a_pruned_thread)
{
    struct op op = store_op(&here, OP_THREAD_PRUNE, "t");

    op.thread_prune.keep_last = 1;
    replicates_nothing(&op, ERR_OK);
    have_thread("t");
    op = store_op(&here, OP_THREAD_PRUNE, "t");
    op.thread_prune.keep_last = 9;
    replicates_nothing(&op, ERR_OK);
    op = store_op(&here, OP_THREAD_PRUNE, "t");
    op.thread_prune.keep_last = 1;
    ck_assert_str_eq(replicated(&op), "checkpoints:t");
    ck_assert_int_eq(op.thread_prune.out.removed, 2);
    ck_assert_str_eq(list(&there, list_op(&there, "t", "")), "t//c3");
    op = store_op(&here, OP_THREAD_PRUNE, "t");
    op.thread_prune.delete_all = true;
    ck_assert_str_eq(replicated(&op), "thread:t");
    ck_assert_str_eq(thread_text(&there, "t"), "none");
}
END_TEST

/* `there` hears of a removal after a checkpoint was put that names what it has removed. */
static void name_what_is_gone(struct op *removal)
{
    struct op put;

    (void)left_by(removal);
    put = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c4", .parent = "c2"});
    (void)left_by(&put);
    copy_left(&put);
    copy_left(removal);
    same_stores(&here, &there);
    ck_assert_slice(get(&there, "t", "", "c4")->parent_id, "c2");
}

START_TEST(a_parent_that_was_pruned_before)
{
    struct op op = store_op(&here, OP_THREAD_PRUNE, "t");

    have_thread("t");
    op.stamp = stamp_next();
    op.thread_prune.keep_last = 1;
    name_what_is_gone(&op);
    ck_assert(!slice_present(get(&there, "t", "", "c3")->parent_id));
}
END_TEST

/* A removal in one namespace leaves the names in others, here and there. */
START_TEST(a_parent_that_is_not_there_in_another_namespace)
{
    struct op op = store_op(&here, OP_RUNS_DELETE, NULL);
    static const struct slice run = {"r1", 2};

    have_thread("t");
    have((struct checkpoint_in){.thread = "t", .ns = "n", .id = "x2", .parent = "x1"});
    op.stamp = stamp_next();
    op.runs_delete = (struct op_runs_delete){.run_ids = &run, .n = 1};
    ck_assert_str_eq(replicated(&op), "checkpoints:t");
    ck_assert_slice(get(&there, "t", "n", "x2")->parent_id, "x1");
}
END_TEST

START_TEST(a_parent_whose_run_was_deleted_before)
{
    static const struct slice run = {"r1", 2};
    struct op op = store_op(&here, OP_RUNS_DELETE, NULL);

    have_thread("t");
    op.stamp = stamp_next();
    op.runs_delete = (struct op_runs_delete){.run_ids = &run, .n = 1};
    name_what_is_gone(&op);
    ck_assert(!slice_present(get(&there, "t", "", "c3")->parent_id));
}
END_TEST

START_TEST(a_parent_that_was_deleted_before)
{
    struct op op = store_op(&here, OP_THREAD_DELETE, "t");

    have_thread("t");
    op.stamp = stamp_next();
    name_what_is_gone(&op);
}
END_TEST

START_TEST(a_prune_in_parts)
{
    enum { MANY = 40 };
    struct op op;

    for (int i = 0; i < MANY; i++) {
        op = put_op(
            &here, (struct checkpoint_in){.thread = "t",
                                          .id = arena_printf(&here.arena, "c%02d", i).at,
                                          .values = arena_printf(&here.arena, "a=%d:%d", i, i).at});
        (void)left_by(&op);
        merge_copies(&there, op.copies, op.n_copies);
    }
    same_stores(&here, &there);
    op = store_op(&here, OP_THREAD_PRUNE, "t");
    op.thread_prune.keep_last = 1;
    ck_assert_str_eq(replicated(&op), "checkpoints:t");
    ck_assert_int_eq(op.thread_prune.out.removed, MANY - 1);
}
END_TEST

START_TEST(deleted_runs)
{
    static const struct slice none[] = {{"none", 4}}, runs[] = {{"r1", 2}, {"none", 4}};
    struct op op = store_op(&here, OP_RUNS_DELETE, NULL);

    have_thread("t");
    have_thread("u");
    op.runs_delete.run_ids = none;
    op.runs_delete.n = 1;
    replicates_nothing(&op, ERR_OK);
    op = store_op(&here, OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = runs;
    op.runs_delete.n = 2;
    ck_assert_str_eq(replicated(&op), "checkpoints:t checkpoints:u");
    ck_assert_int_eq(op.runs_delete.out.removed, 2);
    ck_assert_str_eq(list(&there, list_op(&there, "u", "")), "u//c3 u//c1");
}
END_TEST

/* What a merge has brought is not sent back. */
START_TEST(merges_leave_nothing)
{
    struct op op = store_op(&there, OP_MERGE, NULL);
    struct record *records;
    size_t n;

    have_thread("t");
    pair_close_stores();
    pair_open_stores();
    put(&there, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx"});
    store_session(&there, "s1");
    for (enum record_kind kind = RECORD_SESSION; kind < RECORD_KIND_COUNT; kind++) {
        records = store_records(&there, kind, 10, &n);
        op = store_op(&here, OP_MERGE, NULL);
        op.merge.items = records;
        op.merge.n = n;
        ck_assert_str_eq(left_by(&op), "");
    }
    same_stores(&here, &there);
}
END_TEST

void contract_replicate_threads_add(TCase *tc)
{
    tcase_add_test(tc, a_put_checkpoint);
    tcase_add_test(tc, a_replaced_checkpoint);
    tcase_add_test(tc, values_that_are_based_on_others);
    tcase_add_test(tc, activity_of_the_session_of_a_thread);
    tcase_add_test(tc, put_writes_of_a_task);
    tcase_add_test(tc, a_deleted_thread);
    tcase_add_test(tc, a_copied_thread);
    tcase_add_test(tc, a_copied_thread_reaches_the_other_store);
    tcase_add_test(tc, a_pruned_thread);
    tcase_add_test(tc, a_parent_that_was_pruned_before);
    tcase_add_test(tc, a_parent_that_is_not_there_in_another_namespace);
    tcase_add_test(tc, a_parent_whose_run_was_deleted_before);
    tcase_add_test(tc, a_parent_that_was_deleted_before);
    tcase_add_test(tc, a_prune_in_parts);
    tcase_add_test(tc, deleted_runs);
    tcase_add_test(tc, merges_leave_nothing);
}

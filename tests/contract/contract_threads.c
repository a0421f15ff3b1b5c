/* contract_threads.c - reads, lists, deletes and copies threads. */
#include "pair.h"

struct store here, there;

/* A thread with all that there may be: two namespaces, carried values, writes, writes that came early. */
static void fill(const char *thread)
{
    put_two(thread);
    put_writes(&here,
               (struct writes_in){
                   .thread = thread, .checkpoint = "c3", .task = "t1", .writes = "0:early=e"});
    put(&here,
        (struct checkpoint_in){.thread = thread, .ns = "doc", .id = "d2", .form = FORM_DOCUMENT});
    put(&here,
        (struct checkpoint_in){.thread = thread, .ns = "doc", .id = "d1", .form = FORM_DOCUMENT});
}

START_TEST(thread_is_described)
{
    ck_assert_str_eq(thread_text(&here, "t"), "none");
    put(&here, (struct checkpoint_in){.thread = "t",
                                      .ns = "x",
                                      .id = "c1",
                                      .head = "12345",
                                      .metadata = "{}",
                                      .values = "a=1:xyz"});
    ck_assert_str_eq(thread_text(&here, "t"), "<x>|1|c1|10");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c0", .head = "1"});
    ck_assert_str_eq(thread_text(&here, "t"), "<> <x>|2|c0|13");
    here.tenant = SLICE("other");
    ck_assert_str_eq(thread_text(&here, "t"), "none");
}
END_TEST

START_TEST(thread_of_writes_only)
{
    put_writes(&here,
               (struct writes_in){
                   .thread = "t", .ns = "n", .checkpoint = "c", .task = "t", .writes = "0:a=b"});
    ck_assert_str_eq(thread_text(&here, "t"), "<n>|0||15");
}
END_TEST

static const char *thread_ids(struct op *op)
{
    const char *text = "";

    store_ok(&here, op);
    for (size_t i = 0; i < op->thread_list.out.n; i++)
        text = arena_printf(&here.arena, "%s%.*s ", text,
                            SLICE_ARGS(op->thread_list.out.items[i].id))
                   .at;
    return text;
}

START_TEST(threads_are_listed)
{
    static const char *const ids[] = {"b", "a", "ab", "a:b", "abc", "gone"};
    struct op op;

    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        put(&here, (struct checkpoint_in){.thread = ids[i], .id = "c"});
        here.now_us += SECOND;
    }
    delete_thread(&here, "gone");
    op = store_op(&here, OP_THREAD_LIST, NULL);
    op.thread_list.limit = 10;
    ck_assert_str_eq(thread_ids(&op), "a a:b ab abc b ");
    ck_assert(!op.thread_list.out.more);
    op.thread_list.prefix = SLICE("ab");
    ck_assert_str_eq(thread_ids(&op), "ab abc ");
    op.thread_list.prefix = SLICE("a\0b"); /* no id has a NUL */
    ck_assert_str_eq(thread_ids(&op), "");
    op.thread_list.prefix = SLICE("a");
    op.thread_list.limit = 2;
    ck_assert_str_eq(thread_ids(&op), "a a:b ");
    ck_assert(op.thread_list.out.more);
    op.thread_list.after = SLICE("a:b");
    ck_assert_str_eq(thread_ids(&op), "ab abc ");
    ck_assert(!op.thread_list.out.more);
    op = store_op(&here, OP_THREAD_LIST, NULL);
    op.thread_list.limit = 10;
    op.thread_list.updated_after_us = here.now_us - 4 * SECOND;
    ck_assert_str_eq(thread_ids(&op), "a:b abc ");
    here.tenant = SLICE("other");
    op = store_op(&here, OP_THREAD_LIST, NULL);
    op.thread_list.limit = 10;
    ck_assert_str_eq(thread_ids(&op), "");
}
END_TEST

/* A thread with many calls of subgraphs, and a checkpoint with many tasks. */
START_TEST(many_namespaces_and_tasks)
{
    enum { MANY = 100 };
    struct op op;

    for (int i = 0; i < MANY; i++) {
        const char *name = arena_printf(&here.arena, "n:%03d", i).at;

        put(&here, (struct checkpoint_in){.thread = "t", .ns = name, .id = "c"});
        put_writes(&here,
                   (struct writes_in){
                       .thread = "w", .checkpoint = "c", .task = name, .writes = "0:a=b 1:c=d"});
    }
    op = store_op(&here, OP_THREAD_GET, "t");
    store_ok(&here, &op);
    ck_assert_uint_eq(op.thread_get.out.thread.n_namespaces, MANY);
    ck_assert_slice(op.thread_get.out.thread.namespaces[MANY - 1], "n:099");
    op = store_op(&here, OP_WRITES_GET, "w");
    op.writes_get.ns = SLICE("");
    op.writes_get.checkpoint_id = SLICE("c");
    store_ok(&here, &op);
    ck_assert_uint_eq(op.writes_get.out.n, 2 * MANY);
    ck_assert_slice(op.writes_get.out.items[2 * MANY - 1].task_id, "n:099");
    op = store_op(&here, OP_THREAD_PRUNE, "t");
    op.thread_prune.keep_last = 1;
    store_ok(&here, &op);
    ck_assert_int_eq(op.thread_prune.out.removed, 0);
}
END_TEST

START_TEST(deleted_with_all_that_is_in_it)
{
    fill("t");
    fill("t:x");
    delete_thread(&here, "t");
    delete_thread(&here, "t");
    delete_thread(&here, "unknown");
    ck_assert_str_eq(thread_text(&here, "t"), "none");
    ck_assert_str_eq(list(&here, list_op(&here, "t", NULL)), "");
    ck_assert_str_eq(get_writes(&here, "t", "", "c3"), "");
    ck_assert_str_ne(thread_text(&here, "t:x"), "none");
    ck_assert_uint_eq(count_records(&here, RECORD_CHECKPOINT), 4);
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 3 + 4);
    ck_assert_uint_eq(count_records(&here, RECORD_TASK), 2);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c9", .carried = "b=1"});
    ck_assert_str_eq(list(&here, list_op(&here, "t", NULL)), "t//c9");
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c9")), "");
}
END_TEST

START_TEST(copied)
{
    struct op op;
    struct checkpoint *from, *to;
    const char *before;

    fill("t");
    before = dump(&here);
    here.now_us += SECOND;
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    store_ok(&here, &op);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, 4);
    ck_assert_int_eq(op.thread_copy.out.writes, 3);
    ck_assert_str_eq(thread_text(&here, "u"), thread_text(&here, "t"));
    from = get(&here, "t", "", "c2");
    to = get(&here, "u", "", "c2");
    ck_assert_str_eq(values_text(&here, to), "a=2:xz b=1:yy");
    ck_assert_int_eq(to->created_us, from->created_us);
    ck_assert_int_gt(to->stamp, from->stamp);
    ck_assert_slice(to->parent_id, "c1");
    ck_assert_slice(to->metadata, "{\"run_id\":\"r\"}");
    ck_assert_str_eq(writes_text(&here, to->writes, to->n_writes), "t1/p/0:a=b t1/p/1:c=d");
    ck_assert_str_eq(get_writes(&here, "u", "", "c3"), "t1//0:early=e");
    ck_assert_slice(get(&here, "u", "doc", NULL)->id, "d1");
    ck_assert_str_eq(list(&here, list_op(&here, "u", "doc")), "u/doc/d1 u/doc/d2");
    delete_thread(&here, "u");
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c2")), "a=2:xz b=1:yy");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c4", .carried = "a=1 b=1"});
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c4")), "a=1:xx b=1:yy");
    ck_assert_ptr_null(strstr(before, "/u "));
    store_ok(&here, &op);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, 5);
    ck_assert_str_eq(values_text(&here, get(&here, "u", "", "c2")), "a=2:xz b=1:yy");
}
END_TEST

START_TEST(copy_is_activity_of_the_target)
{
    struct op op;

    fill("t");
    store_session(&here, "t");
    store_session(&here, "u");
    here.now_us += SECOND;
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    store_ok(&here, &op);
    ck_assert_int_eq(store_get(&here, "u").last_activity_us, here.now_us);
    ck_assert_int_eq(store_get(&here, "t").last_activity_us, here.now_us - SECOND);
}
END_TEST

START_TEST(copied_onto_something)
{
    struct op op;

    fill("t");
    op = store_op(&here, OP_THREAD_COPY, "absent");
    op.thread_copy.to = SLICE("u");
    store_ok(&here, &op);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, 0);
    ck_assert_int_eq(op.thread_copy.out.writes, 0);
    ck_assert_str_eq(thread_text(&here, "u"), "none");
    put_writes(&here, (struct writes_in){
                          .thread = "u", .checkpoint = "c", .task = "t", .writes = "0:a=b"});
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    store_fails(&here, &op, ERR_THREAD);
    op.thread_copy.to = SLICE("t");
    store_fails(&here, &op, ERR_THREAD);
    ck_assert_str_eq(get_writes(&here, "u", "", "c2"), "");
    op = store_op(&here, OP_THREAD_COPY, "absent");
    op.thread_copy.to = SLICE("absent");
    store_ok(&here, &op);
}
END_TEST

TCase *contract_threads_case(void)
{
    TCase *tc = tcase_create("threads");

    tcase_add_checked_fixture(tc, pair_open_stores, pair_close_stores);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, thread_is_described);
    tcase_add_test(tc, thread_of_writes_only);
    tcase_add_test(tc, threads_are_listed);
    tcase_add_test(tc, many_namespaces_and_tasks);
    tcase_add_test(tc, deleted_with_all_that_is_in_it);
    tcase_add_test(tc, copied);
    tcase_add_test(tc, copy_is_activity_of_the_target);
    tcase_add_test(tc, copied_onto_something);
    contract_checkpoints_add(tc);
    contract_lists_add(tc);
    contract_prune_add(tc);
    contract_thread_records_add(tc);
    contract_ages_add(tc);
    contract_deltas_add(tc);
    contract_gone_add(tc);
    contract_whole_add(tc);
    return tc;
}

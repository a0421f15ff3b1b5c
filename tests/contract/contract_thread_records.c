/* contract_thread_records.c - reads and merges records of threads and what is in them. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "threads.h"

static void fill(const char *thread)
{
    put_two(thread);
    put_writes(&here,
               (struct writes_in){
                   .thread = thread, .checkpoint = "c3", .task = "t1", .writes = "-1:early=e"});
    put(&here,
        (struct checkpoint_in){.thread = thread, .ns = "doc", .id = "d1", .form = FORM_DOCUMENT});
}

START_TEST(round_trip)
{
    struct record *records;
    size_t n;

    fill("t");
    fill("t2");
    put(&here, (struct checkpoint_in){.thread = "gone", .id = "c1"});
    delete_thread(&here, "gone");
    ck_assert_uint_eq(count_records(&here, RECORD_THREAD), 3);
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 2 * 6);
    ck_assert_uint_eq(count_records(&here, RECORD_CHECKPOINT), 2 * 3);
    ck_assert_uint_eq(count_records(&here, RECORD_TASK), 2 * 2);
    records = thread_records(&here, 4, &n);
    ck_assert_uint_eq(store_merge(&there, records, n), n);
    ck_assert_str_eq(dump(&there), dump(&here));
    ck_assert_str_eq(thread_text(&there, "t"), thread_text(&here, "t"));
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", NULL)), "a=2:xz b=1:yy");
    ck_assert_str_eq(get_writes(&there, "t2", "", "c3"), "t1//-1:early=e");
    ck_assert_uint_eq(store_merge(&there, records, n), 0);
    ck_assert_str_eq(dump(&there), dump(&here));
    records = thread_records(&there, 4, &n);
    ck_assert_uint_eq(store_merge(&here, records, n), 0);
}
END_TEST

/* More rows than a store may hand over at once. */
START_TEST(many_in_one_page)
{
    enum { MANY = 1100 };
    char ids[MANY][8];
    size_t n;
    struct record *records;

    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof(ids[i]), "c%04d", i);
        put(&here, (struct checkpoint_in){.thread = "t", .id = ids[i]});
    }
    records = store_records(&here, RECORD_CHECKPOINT, 2 * MANY, &n);
    ck_assert_uint_eq(n, MANY);
    for (int i = 0; i < MANY; i++)
        ck_assert_slice(records[i].key.sub, ids[i]);
    store_records(&here, RECORD_VALUE, 1000, &n);
    ck_assert_uint_eq(n, MANY);
    store_records(&here, RECORD_CHECKPOINT, 500, &n);
    ck_assert_uint_eq(n, MANY);
}
END_TEST

START_TEST(pages_in_key_order)
{
    struct record *records;
    size_t n;

    fill("b");
    fill("a");
    for (int64_t page = 1; page < 6; page++) {
        records = store_records(&here, RECORD_CHECKPOINT, page, &n);
        ck_assert_uint_eq(n, 6);
        ck_assert_slice(records[0].key.id, "a");
        ck_assert_slice(records[1].key.sub, "c2");
        ck_assert_slice(records[2].key.ns, "doc");
        ck_assert_slice(records[3].key.id, "b");
        records = store_records(&here, RECORD_VALUE, page, &n);
        ck_assert_uint_eq(n, 12);
        ck_assert_int_lt(records[0].key.number, records[1].key.number);
        records = store_records(&here, RECORD_TASK, page, &n);
        ck_assert_uint_eq(n, 4);
        ck_assert_slice(records[1].key.sub, "c3");
        ck_assert_slice(records[1].key.task, "t1");
        ck_assert_slice(records[0].task.task_path, "p");
    }
    here.tenant = SLICE("other");
    ck_assert_uint_eq(count_records(&here, RECORD_THREAD), 0);
}
END_TEST

START_TEST(the_higher_stamp_wins)
{
    struct record *old, *new;
    size_t n_old, n_new;

    fill("t");
    old = thread_records(&here, 4, &n_old);
    here.now_us += SECOND;
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .head = "{}", .values = "a=3:n"});
    put_writes(&here, (struct writes_in){.thread = "t",
                                         .checkpoint = "c2",
                                         .task = "t1",
                                         .mode = WRITES_REPLACE,
                                         .writes = "5:n=n"});
    new = thread_records(&here, 4, &n_new);
    store_merge(&there, new, n_new);
    store_merge(&there, old, n_old);
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", NULL)), "a=3:n");
    ck_assert_str_eq(get_writes(&there, "t", "", "c2"), "t1//5:n=n");
    ck_assert_str_eq(dump(&there), dump(&here));
    ck_assert_str_eq(thread_text(&there, "t"), thread_text(&here, "t"));
    ck_assert_uint_eq(store_merge(&here, old, n_old), 1); /* the old head, which goes again */
    ck_assert_str_eq(dump(&there), dump(&here));
}
END_TEST

/* Of two records of one checkpoint, the one that has lost the name of its parent wins, in any order. */
START_TEST(the_name_of_a_parent_goes)
{
    struct record *named, *bare;
    size_t n_named, n_bare;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .parent = "c1"});
    named = thread_records(&here, 4, &n_named);
    bare = thread_records(&here, 4, &n_bare);
    for (size_t i = 0; i < n_bare; i++)
        if (bare[i].kind == RECORD_CHECKPOINT)
            bare[i].checkpoint.parent_id = (struct slice){NULL, 0};
    ck_assert_uint_eq(store_merge(&there, bare, n_bare), n_bare);
    ck_assert_uint_eq(store_merge(&there, named, n_named), 0);
    ck_assert(!slice_present(get(&there, "t", "", "c2")->parent_id));
    ck_assert_uint_eq(store_merge(&here, bare, n_bare), 1);
    ck_assert_uint_eq(store_merge(&here, bare, n_bare), 0);
    ck_assert(!slice_present(get(&here, "t", "", "c2")->parent_id));
    ck_assert_str_eq(dump(&there), dump(&here));
}
END_TEST

/* States of a thread before and after its deletion, and a later one, are merged in any order. */
START_TEST(order_does_not_matter)
{
    struct record *states[3];
    const char *first = NULL;
    size_t n[3];

    fill("t");
    states[0] = thread_records(&here, 4, &n[0]);
    delete_thread(&here, "t");
    states[1] = thread_records(&here, 4, &n[1]);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .values = "a=9:zz"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t2", .writes = "0:a=b"});
    states[2] = thread_records(&here, 4, &n[2]);
    for (int order = 0; order < 6; order++) {
        static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        struct store s;

        store_open(&s, store_config(), 10 + order);
        for (int i = 0; i < 3; i++)
            store_merge(&s, states[orders[order][i]], n[orders[order][i]]);
        if (!first)
            first = arena_copy(&here.arena, slice_of(dump(&s))).at;
        ck_assert_str_eq(dump(&s), first);
        ck_assert_str_eq(list(&s, list_op(&s, "t", NULL)), "t//c2");
        ck_assert_str_eq(get_writes(&s, "t", "", "c1"), "t2//0:a=b");
        store_close(&s);
    }
    ck_assert_str_eq(first, dump(&here));
}
END_TEST

START_TEST(a_tomb_kills_what_is_below)
{
    struct record tomb = {.kind = RECORD_THREAD, .key.id = SLICE("t")};

    fill("t");
    tomb.thread.tomb = stamp_next();
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c9", .parent = "c2", .carried = "b=1"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t9", .writes = "0:a=b"});
    ck_assert_uint_eq(store_merge(&here, &tomb, 1), 1);
    ck_assert_str_eq(list(&here, list_op(&here, "t", NULL)), "t//c9");
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c9")), "b=1:yy");
    ck_assert_slice(get(&here, "t", "", "c9")->parent_id,
                    "c2"); /* as where the deletion came first */
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "t9//0:a=b");
    ck_assert_str_eq(get_writes(&here, "t", "", "c3"), "");
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 2);
    ck_assert_str_eq(thread_text(&here, "t"), "<>|1|c9|36");
    ck_assert_uint_eq(store_merge(&here, &tomb, 1), 0);
    tomb.thread.tomb = stamp_next();
    store_merge(&here, &tomb, 1);
    ck_assert_str_eq(thread_text(&here, "t"), "none");
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 0);
    ck_assert_uint_eq(count_records(&here, RECORD_THREAD), 1);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .form = FORM_DOCUMENT});
}
END_TEST

/* By the clock of one instance it was deleted later than another one has written to it: when the tomb is collected, both
 * stores still show the same time. */
START_TEST(a_thread_that_came_again_has_a_later_time_than_its_tomb)
{
    struct record *threads;
    struct op op;
    size_t n;

    fill("from");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    op = store_op(&here, OP_THREAD_DELETE, "t");
    op.stamp += 5 * SECOND << STAMP_NODE_BITS;
    store_ok(&here, &op);
    stamp_observe(op.stamp);
    if (_i == 0) {
        put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    } else if (_i == 1) {
        put_writes(&here, (struct writes_in){
                              .thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    } else {
        op = store_op(&here, OP_THREAD_COPY, "from");
        op.thread_copy.to = SLICE("t");
        store_ok(&here, &op);
    }
    threads = store_records(&here, RECORD_THREAD, 10, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_slice(threads[1].key.id, "t");
    ck_assert_int_gt(threads[1].thread.updated_us, stamp_us(threads[1].thread.tomb));
}
END_TEST

START_TEST(order_of_tasks_is_that_of_the_first_write)
{
    struct record *tasks;
    size_t n;

    for (int i = 0; i < 2; i++)
        put_writes(&here, (struct writes_in){.thread = "t",
                                             .checkpoint = "c1",
                                             .task = i ? "a" : "b",
                                             .form = FORM_DOCUMENT,
                                             .writes = "0:x=1"});
    tasks = store_records(&here, RECORD_TASK, 9, &n);
    put_writes(&here, (struct writes_in){.thread = "t",
                                         .checkpoint = "c1",
                                         .task = "b",
                                         .form = FORM_DOCUMENT,
                                         .writes = "0:x=2"});
    store_merge(&there, store_records(&here, RECORD_TASK, 9, &n), 2);
    store_merge(&there, tasks, 2);
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "b//0:x=2 a//0:x=1");
}
END_TEST

/* Two stores have the same writes, but only one of them knows when the task began. */
START_TEST(of_the_same_writes_the_first_place_counts)
{
    struct record *tasks, late;
    size_t n;

    for (int i = 0; i < 3; i++)
        put_writes(&here, (struct writes_in){.thread = "t",
                                             .checkpoint = "c1",
                                             .task = i == 1 ? "a" : "b",
                                             .form = FORM_DOCUMENT,
                                             .writes = "0:x=1"});
    tasks = store_records(&here, RECORD_TASK, 9, &n);
    late = tasks[1];
    late.task.seq = late.task.stamp;
    ck_assert_uint_eq(store_merge(&there, &late, 1) + store_merge(&there, tasks, 1), 2);
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "a//0:x=1 b//0:x=1");
    ck_assert_uint_eq(store_merge(&there, &tasks[1], 1), 1);
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "b//0:x=1 a//0:x=1");
    ck_assert_uint_eq(store_merge(&there, &late, 1), 0);
    ck_assert_str_eq(get_writes(&there, "t", "", "c1"), "b//0:x=1 a//0:x=1");
}
END_TEST

/* The first writes of a task were deleted: in one store before its last writes came, in the other after. */
START_TEST(deleted_writes_give_no_place)
{
    struct record *first, *tomb, *last;
    size_t n, n_tomb;

    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "a", .writes = "0:x=1"});
    first = store_records(&here, RECORD_TASK, 9, &n);
    here.now_us += SECOND;
    delete_thread(&here, "t");
    tomb = thread_records(&here, 4, &n_tomb);
    here.now_us += SECOND;
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "a", .writes = "0:x=2"});
    last = store_records(&here, RECORD_TASK, 9, &n);
    ck_assert_int_eq(last->task.seq, last->task.stamp);
    store_merge(&there, first, 1); /* a store that has not heard of the deletion */
    store_merge(&there, last, 1);
    ck_assert_int_eq(store_records(&there, RECORD_TASK, 9, &n)->task.seq, last->task.stamp);
    last->task.seq = first->task.seq; /* as a store would say that had merged the two */
    store_merge(&there, tomb, n_tomb);
    store_merge(&there, last, 1);
    ck_assert_int_eq(store_records(&there, RECORD_TASK, 9, &n)->task.seq, last->task.stamp);
}
END_TEST

/* A deletion comes between values and their checkpoint, which is younger than it. */
START_TEST(values_wait_for_their_checkpoint)
{
    struct record tomb = {.kind = RECORD_THREAD, .key.id = SLICE("t")};
    struct record *values, *checkpoints;
    size_t n_values, n_checkpoints;

    put(&there, (struct checkpoint_in){.thread = "t", .id = "d1", .form = FORM_DOCUMENT});
    tomb.thread.tomb = stamp_next();
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx"});
    values = store_records(&here, RECORD_VALUE, 4, &n_values);
    checkpoints = store_records(&here, RECORD_CHECKPOINT, 4, &n_checkpoints);
    ck_assert_uint_eq(store_merge(&there, values, n_values), 2);
    ck_assert_uint_eq(store_merge(&there, &tomb, 1), 1);
    ck_assert_str_eq(thread_text(&there, "t"), "none");
    ck_assert_uint_eq(store_merge(&there, checkpoints, n_checkpoints), 1);
    ck_assert_str_eq(list(&there, list_op(&there, "t", NULL)), "t//c1");
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", "c1")), "a=1:xx");
    ck_assert_uint_eq(count_records(&there, RECORD_VALUE), 2);
}
END_TEST

/* A value that was damaged on its way, or has an unknown encoding, is never an answer. */
START_TEST(damaged_values)
{
    int64_t id = stamp_next(); /* one that no cache knows */
    struct record *records;
    struct op op;
    size_t n;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx"});
    records = thread_records(&here, 4, &n);
    for (size_t i = 0; i < n; i++) {
        if (records[i].kind == RECORD_CHECKPOINT)
            records[i].checkpoint.refs = &id;
        if (records[i].kind != RECORD_VALUE || !slice_present(records[i].value.of.channel))
            continue;
        records[i].value.blob.bytes = SLICE("xy");
        records[i].value.blob.id = records[i].key.number = id;
    }
    store_merge(&there, records, n);
    op = store_op(&there, OP_CHECKPOINT_GET, "t");
    op.checkpoint_get.ns = SLICE("");
    store_fails(&there, &op, ERR_DAMAGED);
    op = list_op(&there, "t", "");
    store_fails(&there, &op, ERR_DAMAGED);
    op.checkpoint_list.values = false;
    store_ok(&there, &op);
}
END_TEST

void contract_thread_records_add(TCase *tc)
{
    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, many_in_one_page);
    tcase_add_test(tc, pages_in_key_order);
    tcase_add_test(tc, the_higher_stamp_wins);
    tcase_add_test(tc, the_name_of_a_parent_goes);
    tcase_add_test(tc, order_does_not_matter);
    tcase_add_test(tc, a_tomb_kills_what_is_below);
    tcase_add_loop_test(tc, a_thread_that_came_again_has_a_later_time_than_its_tomb, 0, 3);
    tcase_add_test(tc, order_of_tasks_is_that_of_the_first_write);
    tcase_add_test(tc, of_the_same_writes_the_first_place_counts);
    tcase_add_test(tc, deleted_writes_give_no_place);
    tcase_add_test(tc, values_wait_for_their_checkpoint);
    tcase_add_test(tc, damaged_values);
}

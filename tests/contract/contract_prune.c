/* contract_prune.c - removes checkpoints by age, number or run, but none that those which stay need. */
#include "threads.h"

static int64_t prune(const char *thread, int64_t keep_last, int64_t older_than_us)
{
    struct op op = store_op(&here, OP_THREAD_PRUNE, thread);

    op.thread_prune.keep_last = keep_last;
    op.thread_prune.older_than_us = older_than_us;
    store_ok(&here, &op);
    return op.thread_prune.out.removed;
}

static int64_t delete_runs(const char *one, const char *two)
{
    struct slice runs[] = {slice_of(one), slice_of(two)};
    struct op op = store_op(&here, OP_RUNS_DELETE, NULL);

    op.runs_delete.run_ids = runs;
    op.runs_delete.n = two ? 2 : 1;
    store_ok(&here, &op);
    return op.runs_delete.out.removed;
}

static const char *all(const char *thread)
{
    return list(&here, list_op(&here, thread, NULL));
}

START_TEST(the_newest_stay)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx b=1:yy"});
    put(&here,
        (struct checkpoint_in){
            .thread = "t", .id = "c2", .parent = "c1", .values = "a=2:zz", .carried = "b=1"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c3", .parent = "c2", .head = "{}", .carried = "a=2 b=1"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n", .id = "c1"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c3", .task = "t1", .writes = "0:a=b"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c4", .task = "t1", .writes = "0:a=b"});
    ck_assert_int_eq(prune("t", 0, 0), 0);
    ck_assert_int_eq(prune("none", 1, 0), 0);
    ck_assert_int_eq(prune("t", 1, 0), 2);
    ck_assert_int_eq(prune("t", 1, 0), 0);
    ck_assert_str_eq(all("t"), "t//c3 t/n/c1");
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c3")), "a=2:zz b=1:yy");
    ck_assert(!slice_present(get(&here, "t", "", "c3")->parent_id));
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "");
    ck_assert_str_eq(get_writes(&here, "t", "", "c3"), "t1//0:a=b");
    ck_assert_str_eq(get_writes(&here, "t", "", "c4"), "t1//0:a=b");
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 4);
    ck_assert_str_eq(thread_text(&here, "t"), "<> <n>|2|c3|57");
}
END_TEST

START_TEST(by_age_and_number)
{
    int64_t middle;

    for (int i = 0; i < 3; i++) {
        put(&here, (struct checkpoint_in){.thread = "t",
                                          .id = arena_printf(&here.arena, "c%d", i).at,
                                          .form = FORM_DOCUMENT});
        here.now_us += SECOND;
    }
    middle = here.now_us - 2 * SECOND;
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c0", .form = FORM_DOCUMENT});
    ck_assert_str_eq(all("t"), "t//c0 t//c2 t//c1");
    ck_assert_int_eq(prune("t", 1, middle), 0);
    ck_assert_int_eq(prune("t", 3, middle + 10 * SECOND), 0);
    ck_assert_int_eq(prune("t", 0, middle + 1), 1);
    ck_assert_str_eq(all("t"), "t//c0 t//c2");
    ck_assert_int_eq(prune("t", 0, here.now_us + 1), 2);
    ck_assert_str_eq(thread_text(&here, "t"), "none");
    ck_assert_uint_eq(count_records(&here, RECORD_THREAD), 0);
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 0);
}
END_TEST

START_TEST(everything)
{
    struct op op;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n", .id = "c1"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c4", .task = "t1", .writes = "0:a=b"});
    op = store_op(&here, OP_THREAD_PRUNE, "t");
    op.thread_prune.delete_all = true;
    store_ok(&here, &op);
    ck_assert_int_eq(op.thread_prune.out.removed, 2);
    ck_assert_str_eq(thread_text(&here, "t"), "none");
    op = store_op(&here, OP_THREAD_PRUNE, "none");
    op.thread_prune.delete_all = true;
    store_ok(&here, &op);
    ck_assert_int_eq(op.thread_prune.out.removed, 0);
}
END_TEST

#define DELTA "{\"counters_since_delta_snapshot\":{\"d\":[1,1]}}"

static void delta(const char *id, const char *parent, const char *values, const char *write)
{
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = id, .parent = parent, .metadata = DELTA, .values = values});
    if (write)
        put_writes(&here, (struct writes_in){
                              .thread = "t", .checkpoint = id, .task = "t1", .writes = write});
}

START_TEST(delta_channels_need_their_ancestors)
{
    delta("c1", NULL, "d=1:old", "0:d=w");
    delta("c2", "c1", "d=2:seed", "0:d=w");
    delta("c3", "c2", NULL, "0:d=w");
    delta("c4", "c3", "x=1:xx", NULL);
    delta("c5", "c4", NULL, NULL);
    ck_assert_int_eq(prune("t", 1, 0), 1);
    ck_assert_str_eq(all("t"), "t//c5 t//c4 t//c3 t//c2");
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c2")), "d=2:seed");
    ck_assert_str_eq(get_writes(&here, "t", "", "c3"), "t1//0:d=w");
    delta("c6", "c5", "d=6:seed", NULL);
    ck_assert_int_eq(prune("t", 1, 0), 4);
    ck_assert_str_eq(all("t"), "t//c6");
}
END_TEST

START_TEST(delta_channels_without_a_seed)
{
    delta("c1", NULL, NULL, NULL);
    delta("c2", "c1", NULL, "0:d=w");
    delta("c3", "c2", NULL, NULL);
    delta("c4", "c3", NULL, "0:d=own");
    ck_assert_int_eq(prune("t", 2, 0), 1);
    ck_assert_str_eq(all("t"), "t//c4 t//c3 t//c2");
    delete_thread(&here, "t");
    delta("c1", NULL, NULL, "0:other=w");
    delta("c2", "c1", NULL, "0:d=own");
    ck_assert_int_eq(prune("t", 1, 0), 1);
    delete_thread(&here, "t");
    delta("c1", "c2", NULL, "0:d=w");
    delta("c2", "c1", NULL, NULL);
    delta("c3", "c2", NULL, NULL);
    ck_assert_int_eq(prune("t", 1, 0), 0);
}
END_TEST

START_TEST(sends_of_the_old_format)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .parent = "c1"});
    put_writes(&here, (struct writes_in){.thread = "t",
                                         .checkpoint = "c1",
                                         .task = "t1",
                                         .writes = "0:__pregel_tasks=x"});
    put_writes(&here, (struct writes_in){.thread = "t",
                                         .checkpoint = "c2",
                                         .task = "t1",
                                         .writes = "0:__pregel_tasks=x"});
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c3", .parent = "c2", .head = "{\"v\":3}"});
    ck_assert_int_eq(prune("t", 1, 0), 1);
    ck_assert_str_eq(all("t"), "t//c3 t//c2");
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c3", .parent = "c2", .head = "{\"v\":4}"});
    ck_assert_int_eq(prune("t", 1, 0), 1);
}
END_TEST

START_TEST(calls_of_subgraphs)
{
    static const char in_c1[] = "{\"parents\":{\"\":\"c1\"}}",
                      in_c2[] = "{\"parents\":{\"\":\"c2\"}}";

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "s:1", .id = "k1", .metadata = in_c1});
    put_writes(
        &here,
        (struct writes_in){
            .thread = "t", .ns = "s:1", .checkpoint = "k9", .task = "t1", .writes = "0:a=b"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "s:2", .id = "k1", .metadata = in_c2});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "s:2", .id = "k2", .metadata = in_c2});
    put(&here,
        (struct checkpoint_in){
            .thread = "t", .ns = "s:3", .id = "k1", .metadata = "{\"parents\":{\"\":\"c9\"}}"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .ns = "s:4", .id = "k1", .metadata = "{\"parents\":{}}"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "own", .id = "k1", .metadata = in_c1});
    ck_assert_int_eq(prune("t", 1, 0), 3);
    ck_assert_str_eq(all("t"), "t/s:2/k2 t/s:4/k1 t/s:3/k1 t/own/k1 t//c2");
    ck_assert_str_eq(get_writes(&here, "t", "s:1", "k9"), "");
}
END_TEST

START_TEST(runs)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .run = "r1", .values = "a=1:x"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .run = "r2", .parent = "c1", .carried = "a=1"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c3", .parent = "c2"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n:1", .id = "c1", .run = "r1"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    put(&here,
        (struct checkpoint_in){.thread = "u", .id = "c1", .run = "r1", .form = FORM_DOCUMENT});
    here.tenant = SLICE("other");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .run = "r1"});
    here.tenant = SLICE("default");
    ck_assert_int_eq(delete_runs("none", NULL), 0);
    ck_assert_int_eq(delete_runs("r1", "r1"), 3);
    ck_assert_int_eq(delete_runs("r1", NULL), 0);
    ck_assert_str_eq(list(&here, list_op(&here, NULL, NULL)), "t//c3 t//c2");
    ck_assert(!slice_present(get(&here, "t", "", "c2")->parent_id));
    ck_assert_slice(get(&here, "t", "", "c3")->parent_id, "c2");
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c2")), "a=1:x");
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "");
    ck_assert_str_eq(thread_text(&here, "u"), "none");
    here.tenant = SLICE("other");
    ck_assert_ptr_nonnull(get(&here, "t", "", "c1"));
}
END_TEST

START_TEST(runs_that_others_need)
{
    put(&here,
        (struct checkpoint_in){
            .thread = "t", .id = "c1", .run = "r1", .metadata = DELTA, .values = "d=1:seed"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .run = "r1", .parent = "c1", .metadata = DELTA});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c3", .run = "r2", .parent = "c2", .metadata = DELTA});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c4", .run = "r1", .parent = "c3", .metadata = DELTA});
    ck_assert_int_eq(delete_runs("r1", NULL), 1);
    ck_assert_str_eq(all("t"), "t//c3 t//c2 t//c1");
    ck_assert_int_eq(delete_runs("r1", "r2"), 3);
    ck_assert_str_eq(thread_text(&here, "t"), "none");
}
END_TEST

void contract_prune_add(TCase *tc)
{
    tcase_add_test(tc, the_newest_stay);
    tcase_add_test(tc, by_age_and_number);
    tcase_add_test(tc, everything);
    tcase_add_test(tc, delta_channels_need_their_ancestors);
    tcase_add_test(tc, delta_channels_without_a_seed);
    tcase_add_test(tc, sends_of_the_old_format);
    tcase_add_test(tc, calls_of_subgraphs);
    tcase_add_test(tc, runs);
    tcase_add_test(tc, runs_that_others_need);
}

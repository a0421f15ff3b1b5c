/* contract_ages.c - checkpoints and writes that expire. */
#include "clock.h"
#include "threads.h"

static void move_on(struct store *s, int64_t us)
{
    s->now_us += us;
    clock_fake(1, s->now_us);
}

static void close_ageing(struct store *s)
{
    store_close(s);
    clock_fake(0, 0);
}

static struct op_cleanup expire(struct store *s, int64_t limit)
{
    struct op op = store_op(s, OP_CLEANUP, NULL);

    op.cleanup.expired = true;
    op.cleanup.limit = limit;
    store_ok(s, &op);
    return op.cleanup;
}

START_TEST(expired_is_absent)
{
    struct store s;
    struct op op;

    store_open_ageing(&s);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c2", .values = "a=1:x"});
    put_writes(
        &s, (struct writes_in){.thread = "t", .checkpoint = "c2", .task = "t1", .writes = "0:a=b"});
    put(&s, (struct checkpoint_in){.thread = "u", .id = "c2", .form = FORM_DOCUMENT});
    move_on(&s, HOUR - 1);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c1", .parent = "c2", .carried = "a=1"});
    ck_assert_slice(get(&s, "t", "", NULL)->id, "c2");
    move_on(&s, 1);
    ck_assert_slice(get(&s, "t", "", NULL)->id, "c1");
    ck_assert_ptr_null(get(&s, "t", "", "c2"));
    ck_assert_ptr_null(get(&s, "u", "", NULL));
    ck_assert_str_eq(get_writes(&s, "t", "", "c2"), "");
    ck_assert_str_eq(list(&s, list_op(&s, NULL, NULL)), "t//c1");
    ck_assert_str_eq(thread_text(&s, "u"), "none");
    ck_assert_ptr_nonnull(strstr(thread_text(&s, "t"), "<>|1|c1|"));
    op = store_op(&s, OP_THREAD_LIST, NULL);
    op.thread_list.limit = 5;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.thread_list.out.n, 1);
    ck_assert_uint_eq(count_records(&s, RECORD_CHECKPOINT), 1);
    ck_assert_uint_eq(count_records(&s, RECORD_THREAD), 1);
    ck_assert_uint_eq(count_records(&s, RECORD_TASK), 0);
    ck_assert_str_eq(values_text(&s, get(&s, "t", "", "c1")), "a=1:x");
    close_ageing(&s);
}
END_TEST

START_TEST(put_on_an_expired_id_is_new)
{
    struct store s;

    store_open_ageing(&s);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c1"});
    put_writes(
        &s, (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c2"});
    move_on(&s, HOUR);
    ck_assert(put(&s, (struct checkpoint_in){.thread = "t", .id = "c1"}));
    ck_assert_str_eq(get_writes(&s, "t", "", "c1"), "");
    ck_assert(put_writes(
        &s,
        (struct writes_in){.thread = "t", .checkpoint = "c2", .task = "t1", .writes = "0:a=b"}));
    ck_assert_ptr_null(get(&s, "t", "", "c2"));
    ck_assert_str_eq(get_writes(&s, "t", "", "c2"), "t1//0:a=b");
    move_on(&s, HOUR + SECOND); /* stamps run ahead of a clock that stands still */
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c1", .form = FORM_DOCUMENT});
    ck_assert_str_eq(list(&s, list_op(&s, "t", NULL)), "t//c1");
    close_ageing(&s);
}
END_TEST

START_TEST(early_writes_expire_singly)
{
    struct store s;

    store_open_ageing(&s);
    put_writes(
        &s, (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=1"});
    move_on(&s, HOUR / 2);
    put_writes(
        &s, (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "t2", .writes = "0:a=2"});
    ck_assert_str_eq(get_writes(&s, "t", "", "c1"), "t1//0:a=1 t2//0:a=2");
    move_on(&s, HOUR / 2 + SECOND);
    ck_assert_str_eq(get_writes(&s, "t", "", "c1"), "t2//0:a=2");
    ck_assert_uint_eq(count_records(&s, RECORD_TASK), 1);
    put_writes(
        &s, (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "t3", .writes = "0:a=3"});
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c1"});
    ck_assert_str_eq(get_writes(&s, "t", "", "c1"), "t2//0:a=2 t3//0:a=3");
    move_on(&s, HOUR + SECOND);
    ck_assert_str_eq(get_writes(&s, "t", "", "c1"), "");
    ck_assert_str_eq(thread_text(&s, "t"), "none");
    close_ageing(&s);
}
END_TEST

START_TEST(cleanup_removes_the_rows)
{
    struct store s;

    store_open_ageing(&s);
    for (int i = 0; i < 5; i++)
        put(&s, (struct checkpoint_in){
                    .thread = "t", .id = arena_printf(&s.arena, "c%d", i).at, .values = "a=1:x"});
    put_writes(
        &s, (struct writes_in){.thread = "u", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    move_on(&s, HOUR + SECOND);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "d", .parent = "c4", .carried = "a=1"});
    while (expire(&s, 4).out.more)
        ;
    ck_assert_uint_eq(count_records(&s, RECORD_VALUE), 2);
    ck_assert_str_eq(values_text(&s, get(&s, "t", "", NULL)), "a=1:x");
    ck_assert(!slice_present(get(&s, "t", "", NULL)->parent_id));
    ck_assert_str_eq(thread_text(&s, "u"), "none");
    close_ageing(&s);
}
END_TEST

START_TEST(copy_and_prune_leave_the_expired_out)
{
    struct store s;
    struct op op;

    store_open_ageing(&s);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c1"});
    put(&s, (struct checkpoint_in){.thread = "u", .id = "c1"});
    put(&s, (struct checkpoint_in){.thread = "p", .id = "c1"});
    move_on(&s, HOUR);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c2"});
    op = store_op(&s, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    store_ok(&s, &op);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, 1);
    op = store_op(&s, OP_THREAD_PRUNE, "p");
    op.thread_prune.keep_last = 1;
    store_ok(&s, &op);
    ck_assert_int_eq(op.thread_prune.out.removed, 0);
    ck_assert_str_eq(list(&s, list_op(&s, NULL, NULL)), "u//c2 t//c2");
    close_ageing(&s);
}
END_TEST

void contract_ages_add(TCase *tc)
{
    tcase_add_test(tc, expired_is_absent);
    tcase_add_test(tc, put_on_an_expired_id_is_new);
    tcase_add_test(tc, early_writes_expire_singly);
    tcase_add_test(tc, cleanup_removes_the_rows);
    tcase_add_test(tc, copy_and_prune_leave_the_expired_out);
}

#include <check.h>
#include <stdio.h>

#include "op.h"

START_TEST(names_follow_the_table)
{
    ck_assert_str_eq(op_name(OP_SESSION_PUT), "session_put");
    ck_assert_str_eq(op_name(OP_MERGE), "merge");
    for (size_t i = 0; i < OP_TYPE_COUNT; i++)
        ck_assert_ptr_nonnull(op_name((enum op_type)i));
}
END_TEST

START_TEST(writes_and_repeats)
{
    struct op op = {.type = OP_SESSION_PATCH};

    ck_assert(op_writes(&op));
    ck_assert(!op_is_idempotent(&op));
    op.repeat.present = true;
    ck_assert(op_is_idempotent(&op));
    op = (struct op){.type = OP_SESSION_GET};
    ck_assert(!op_writes(&op));
    ck_assert(op_is_idempotent(&op));
    op.type = OP_MESSAGE_APPEND;
    ck_assert(op_writes(&op) && op_is_idempotent(&op));
    op.type = OP_THREAD_COPY;
    op.repeat.present = true; /* no driver honours it */
    ck_assert(!op_is_idempotent(&op));
}
END_TEST

START_TEST(one_record_has_one_hash)
{
    struct op a = {.type = OP_SESSION_PUT, .tenant = SLICE("a"), .id = SLICE("bc")};
    struct op b = {.type = OP_SESSION_GET, .tenant = SLICE("a"), .id = SLICE("bc")};
    struct op c = {.type = OP_SESSION_PUT, .tenant = SLICE("ab"), .id = SLICE("c")};

    ck_assert_uint_eq(op_lane_hash(&a), op_lane_hash(&b));
    ck_assert_uint_ne(op_lane_hash(&a), op_lane_hash(&c));
}
END_TEST

START_TEST(hashes_spread_over_few_lanes)
{
    unsigned count[4] = {0};

    for (int i = 0; i < 4000; i++) {
        char id[16];
        struct op op = {.tenant = SLICE("default")};

        op.id = (struct slice){id, (size_t)snprintf(id, sizeof(id), "s-%d", i)};
        count[op_lane_hash(&op) % 4]++;
    }
    for (int i = 0; i < 4; i++)
        ck_assert_uint_gt(count[i], 800);
}
END_TEST

Suite *suite_op(void);

Suite *suite_op(void)
{
    Suite *s = suite_create("op");
    TCase *t = tcase_create("op");

    tcase_add_test(t, names_follow_the_table);
    tcase_add_test(t, writes_and_repeats);
    tcase_add_test(t, one_record_has_one_hash);
    tcase_add_test(t, hashes_spread_over_few_lanes);
    suite_add_tcase(s, t);
    return s;
}

#include <check.h>

#include "parts_store.h"

/* A session with the id "bad" cannot be stored. */
static void setup_bad(void)
{
    parts_setup();
    ck_assert_int_eq(
        sqlite3_exec(parts_driver->db,
                     "CREATE TRIGGER no BEFORE INSERT ON session WHEN NEW.session_id = "
                     "x'626164' BEGIN SELECT RAISE(ABORT, 'no'); END",
                     NULL, NULL, NULL),
        SQLITE_OK);
}

/* Runs one part twice: the first time in a batch that is lost. Returns whether there are more. */
static bool lose_part(struct op *op)
{
    struct op bad = sqlite_store_put("bad"), *ops[] = {op, &bad};
    struct err err;

    ck_assert(backend_execute(parts_backend, ops, 2, &err));
    ck_assert_msg(op->status.kind == ERR_OK, "%s", op->status.text);
    ck_assert_int_eq(bad.status.kind, ERR_STORAGE);
    return op->again;
}

START_TEST(a_removal)
{
    struct op op;
    size_t parts = 1;

    parts_fill("t", 100);
    parts_append("s", 1);
    op = parts_prune("t", 10);
    for (; lose_part(&op); parts++)
        continue;
    ck_assert_uint_gt(parts, 10);
    ck_assert_int_eq(parts_count("t"), 10);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 21);
    parts_check_counters();
}
END_TEST

/* The newest stamps are found first, then sorted behind others in a part that is lost. */
START_TEST(a_copy)
{
    struct op op;
    size_t parts = 1;

    for (int i = 100; i-- > 0;)
        parts_put("t", i);
    ck_assert_int_eq(sqlite3_exec(parts_driver->db,
                                  "UPDATE namespace SET bytes = bytes - (SELECT "
                                  "total(length(body)) FROM task); DELETE FROM task",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    op = parts_copy("t", "u");
    for (; lose_part(&op); parts++)
        continue;
    ck_assert_uint_gt(parts, 10);
    ck_assert_int_eq(parts_count("u"), 100);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, 100);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint WHERE stamp = 0"), 0);
    parts_check_counters();
}
END_TEST

START_TEST(a_trim)
{
    struct op op;

    for (int i = 0; i < 2100; i++)
        parts_append("s", i);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s");
    op.message_trim.keep_last = 10;
    while (lose_part(&op))
        continue;
    ck_assert_int_eq(op.message_trim.out.removed, 2090);
    ck_assert_uint_eq(parts_messages("s"), 10);
}
END_TEST

Suite *suite_sqlite_parts_lost(void);

Suite *suite_sqlite_parts_lost(void)
{
    Suite *s = suite_create("sqlite_parts_lost");
    TCase *t = tcase_create("lost");

    tcase_add_checked_fixture(t, setup_bad, parts_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_removal);
    tcase_add_test(t, a_copy);
    tcase_add_test(t, a_trim);
    suite_add_tcase(s, t);
    return s;
}

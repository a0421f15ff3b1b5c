/* test_sqlite.c - what a store may do besides working. */
#include <check.h>
#include <stdlib.h>

#include "oom.h"
#include "sqlite_store.h"

Suite *suite_sqlite(void);

static sqlite3 *handle(struct backend *b)
{
    return ((struct sqlite *)b)->db;
}

static void pragma(struct backend *b, const char *text)
{
    ck_assert_int_eq(sqlite3_exec(handle(b), text, NULL, NULL, NULL), SQLITE_OK);
}

START_TEST(a_full_disk_fails_only_what_does_not_fit)
{
    struct backend *b = sqlite_store_open();
    struct op small = sqlite_store_put("small"), big = sqlite_store_put("big"),
              last = sqlite_store_put("last");
    struct op *ops[] = {&small, &big, &last};
    char *text = malloc(1 << 20);
    struct err err;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', 1 << 20);
    big.session_put.metadata = (struct slice){text, 1 << 20};
    pragma(b, "PRAGMA max_page_count = 60");
    ck_assert(backend_execute(b, ops, 3, &err));
    ck_assert_int_eq(small.status.kind, ERR_OK);
    ck_assert_int_eq(big.status.kind, ERR_UNAVAILABLE);
    ck_assert_str_eq(big.status.text, "sqlite: the disk is full");
    ck_assert_int_eq(last.status.kind, ERR_OK);
    big = sqlite_store_get("big");
    ck_assert_int_eq(sqlite_store_run(b, &big), ERR_NO_SESSION);
    last = sqlite_store_get("last");
    ck_assert_int_eq(sqlite_store_run(b, &last), ERR_OK);
    backend_close(b);
    free(text);
}
END_TEST

START_TEST(a_locked_database_is_unavailable)
{
    struct backend *b = sqlite_store_open();
    struct op op = sqlite_store_put("s1"), *ops[] = {&op};
    struct err err;
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(sqlite_store_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(handle(b), 1);
    ck_assert(!backend_execute(b, ops, 1, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    sqlite3_close(db);
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    backend_close(b);
}
END_TEST

START_TEST(an_op_that_fails_halfway_leaves_nothing)
{
    struct backend *b = sqlite_store_open();
    struct op early = sqlite_store_put("early"), late = sqlite_store_put("late");
    struct op clean = sqlite_store_op(OP_CLEANUP, NULL);
    struct op extra = sqlite_store_put("extra"), *ops[] = {&extra, &clean};
    struct err err;

    early.stamp = 1000;
    late.stamp = 9000;
    early.now_us = 60000000;
    late.now_us = 180000000;
    ck_assert_int_eq(sqlite_store_run(b, &early), ERR_OK);
    ck_assert_int_eq(sqlite_store_run(b, &late), ERR_OK);
    clean.stamp = 5000;
    clean.fence = true;
    clean.cleanup.idle_us = 200000000;
    clean.cleanup.limit = 10;
    ck_assert(backend_execute(b, ops, 2, &err));
    ck_assert_int_eq(clean.status.kind, ERR_FENCED);
    ck_assert_int_eq(clean.newest, 9000);
    ck_assert_int_eq(extra.status.kind, ERR_OK);
    early = sqlite_store_get("early");
    ck_assert_int_eq(sqlite_store_run(b, &early), ERR_OK);
    extra = sqlite_store_get("extra");
    ck_assert_int_eq(sqlite_store_run(b, &extra), ERR_OK);
    backend_close(b);
}
END_TEST

START_TEST(without_memory_nothing_is_lost)
{
    struct backend *b = sqlite_store_open();
    struct op put = sqlite_store_put("s1"), get = sqlite_store_get("s1"), *ops[] = {&get};
    struct err err;
    bool ran;

    ck_assert_int_eq(sqlite_store_run(b, &put), ERR_OK);
    arena_reset(&sqlite_store_arena);
    oom_set(true);
    ran = backend_execute(b, ops, 1, &err);
    oom_set(false);
    ck_assert(ran);
    ck_assert_int_eq(get.status.kind, ERR_NO_MEMORY);
    ck_assert_int_eq(sqlite_store_run(b, &get), ERR_OK);
    oom_set(true);
    ran = sqlite_store_try("memory:", BACKEND_ANY, &err) != NULL;
    oom_set(false);
    ck_assert(!ran);
    ck_assert_int_eq(err.kind, ERR_NO_MEMORY);
    backend_close(b);
}
END_TEST

/* Runs an op with ever more memory. Until that is enough, it must report ERR_NO_MEMORY. */
static void starve(struct backend *b, struct op op)
{
    struct op *ops[] = {&op};
    static char block[65536];
    struct arena small;
    struct err err;
    size_t room = 0;
    bool ran;

    op.arena = &small;
    do {
        ck_assert_uint_le(room, sizeof(block));
        arena_init(&small, block, room);
        oom_set(true);
        ran = backend_execute(b, ops, 1, &err);
        oom_set(false);
        ck_assert(ran);
        ck_assert_msg(op.status.kind == ERR_OK || op.status.kind == ERR_NO_MEMORY, "%s: %s",
                      op_name(op.type), op.status.text);
        room += 16;
    } while (op.status.kind != ERR_OK);
}

static void starve_writes(struct backend *b)
{
    struct message m = {.id = SLICE("m"), .role = SLICE("r"), .content = SLICE("1")};
    struct op op = sqlite_store_put("s1");

    op.session_put.metadata = SLICE("{\"a\":1}");
    op.session_put.with_context = true;
    starve(b, op);
    op = sqlite_store_op(OP_SESSION_PATCH, "s1");
    op.session_patch.metadata_merge = SLICE("{\"\\u0061\":2}");
    starve(b, op);
    op = sqlite_store_op(OP_MESSAGE_APPEND, "s1");
    op.message_append.messages = &m;
    op.message_append.n = 1;
    starve(b, op);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s1");
    op.message_trim.keep_last = 1;
    starve(b, op);
}

static void starve_reads(struct backend *b)
{
    struct op op = sqlite_store_op(OP_CONTEXT_LIST, "s1");

    starve(b, sqlite_store_op(OP_SESSION_GET, "s1"));
    starve(b, sqlite_store_op(OP_CONTEXT_GET, "s1"));
    op.context_list.limit = 3;
    starve(b, op);
    op = sqlite_store_op(OP_MESSAGE_LIST, "s1");
    op.message_list.limit = 3;
    starve(b, op);
    op = sqlite_store_op(OP_SESSION_LIST, NULL);
    op.session_list.limit = 3;
    starve(b, op);
    for (int kind = RECORD_SESSION; kind <= RECORD_CONTEXT; kind++) {
        op = sqlite_store_op(OP_READ_RANGE, NULL);
        op.read_range.kind = (enum record_kind)kind;
        op.read_range.limit = 3;
        starve(b, op);
    }
}

START_TEST(memory_may_end_in_every_op)
{
    struct backend *b = sqlite_store_open();
    struct op op;

    starve_writes(b);
    starve_reads(b);
    op = sqlite_store_op(OP_CLEANUP, NULL);
    op.cleanup.idle_us = op.now_us;
    op.cleanup.limit = 3;
    starve(b, op);
    backend_close(b);
}
END_TEST

Suite *suite_sqlite(void)
{
    Suite *suite = suite_create("sqlite");
    TCase *tc = tcase_create("stores");

    tcase_add_checked_fixture(tc, sqlite_store_make, sqlite_store_remove);
    tcase_add_test(tc, a_full_disk_fails_only_what_does_not_fit);
    tcase_add_test(tc, a_locked_database_is_unavailable);
    tcase_add_test(tc, an_op_that_fails_halfway_leaves_nothing);
    tcase_add_test(tc, without_memory_nothing_is_lost);
    tcase_add_test(tc, memory_may_end_in_every_op);
    suite_add_tcase(suite, tc);
    return suite;
}

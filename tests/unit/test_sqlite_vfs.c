/* test_sqlite_vfs.c - sums of pages, and writes that are gathered. */
#include "sqlite_vfs.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_store.h"

Suite *suite_sqlite_vfs(void);

static sqlite3 *open_db(void)
{
    int sum = SQLITE_PAGE_SUM;
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open_v2(sqlite_store_path, &db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, sqlite_vfs()),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA page_size = 8192", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &sum);
    return db;
}

static void run(sqlite3 *db, const char *sql)
{
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db));
}

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    int n;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_step(st) == SQLITE_ROW, "%s: %s", sql, sqlite3_errmsg(db));
    n = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* What a checkpoint has said to be in the database must be there, though it was not synced. */
START_TEST(others_see_what_a_partial_checkpoint_wrote)
{
    sqlite3 *writer = open_db(), *old = open_db(), *fresh = open_db();

    run(writer, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                "CREATE TABLE a (n); CREATE TABLE b (n); INSERT INTO a VALUES (1);"
                "INSERT INTO b VALUES (1); PRAGMA wal_checkpoint(TRUNCATE)");
    run(writer, "UPDATE a SET n = 2");
    run(old, "BEGIN");
    ck_assert_int_eq(number(old, "SELECT n FROM a"), 2);
    run(writer, "UPDATE b SET n = 2");
    run(writer, "PRAGMA wal_checkpoint(PASSIVE)");
    ck_assert_int_eq(number(fresh, "SELECT n FROM b"), 2);
    ck_assert_int_eq(number(fresh, "SELECT n FROM a"), 2);
    run(old, "COMMIT");
    sqlite3_close(old);
    sqlite3_close(fresh);
    sqlite3_close(writer);
}
END_TEST

Suite *suite_sqlite_vfs(void)
{
    Suite *suite = suite_create("sqlite_vfs");
    TCase *tc = tcase_create("files");

    tcase_add_checked_fixture(tc, sqlite_store_make, sqlite_store_remove);
    tcase_add_test(tc, others_see_what_a_partial_checkpoint_wrote);
    suite_add_tcase(suite, tc);
    return suite;
}

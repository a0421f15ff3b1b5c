/* test_sqlite_carrier.c - the log under heavy writing. */
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_carrier.h"
#include "sqlite_file.h"
#include "sqlite_store.h"
#include "sqlite_vfs.h"

enum { FRAME = 24 + SQLITE_PAGE, ROW = 1000000 };

Suite *suite_sqlite_carrier(void);

/* How many frames the log has room for. */
static long log_frames(void)
{
    struct stat st;
    char name[80];

    snprintf(name, sizeof(name), "%s-wal", sqlite_store_path);
    ck_assert_int_eq(stat(name, &st), 0);
    return (long)st.st_size / FRAME;
}

static void run(struct backend *b, const char *sql)
{
    struct err err;

    ck_assert_msg(sqlite_run((struct sqlite *)b, sql, &err), "%s", err.text);
}

/* Writes rows of a megabyte, each in a transaction of its own and over earlier ones. */
static void write_much(struct backend *b, int n)
{
    char sql[128];

    for (int i = 0; i < n; i++) {
        snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO tenant VALUES (%d, randomblob(%d))",
                 i % 10 + 1, ROW);
        run(b, sql);
    }
}

/* Checks that the database is whole, and holds the last ten rows. */
static void check_sound(void)
{
    struct backend *b = sqlite_store_open();
    struct sqlite *d = (struct sqlite *)b;
    AUTO(query_end) struct query q = {0};
    struct err err;
    bool found;

    ck_assert(query_begin(&d->sql, SQL_INTEGRITY, &q, &err) && query_step(&q, &found, &err) &&
              found);
    ck_assert_msg(slice_equal(query_col(&q, 0), SLICE("ok")), "%.*s", (int)query_col(&q, 0).len,
                  query_col(&q, 0).at);
    query_end(&q);
    run(b, "CREATE TEMP TABLE proof (right CHECK (right))");
    run(b, "INSERT INTO proof SELECT count(*) = 10 AND min(length(name)) = 1000000 FROM tenant");
    backend_close(b);
}

START_TEST(the_log_stays_bounded)
{
    struct backend *b = sqlite_store_open();

    for (int i = 0; i < 3; i++) {
        write_much(b, 60);
        ck_assert_int_le(log_frames(), CARRIER_MOST + CARRIER_WAKE);
    }
    backend_close(b);
    check_sound();
}
END_TEST

START_TEST(an_end_while_it_works)
{
    for (int i = 0; i < 5; i++) {
        struct backend *b = sqlite_store_open();

        write_much(b, CARRIER_WAKE * SQLITE_PAGE / ROW + 2 + i);
        backend_close(b);
    }
    check_sound();
}
END_TEST

/* What a reader still looks at stays in the log; afterwards the log begins anew. */
START_TEST(a_reader_in_the_way)
{
    struct backend *b = sqlite_store_open();
    struct err err;
    struct backend *reader = sqlite_store_try(sqlite_store_url, BACKEND_READER, &err);
    long most;

    ck_assert_ptr_nonnull(reader);
    write_much(b, 1);
    run(reader, "BEGIN");
    run(reader, "SELECT count(*) FROM tenant");
    write_much(b, 100);
    most = log_frames();
    ck_assert_int_gt(most, CARRIER_MOST);
    run(reader, "COMMIT");
    write_much(b, 100);
    ck_assert_int_le(log_frames(), most + CARRIER_WAKE);
    backend_close(reader);
    backend_close(b);
    check_sound();
}
END_TEST

Suite *suite_sqlite_carrier(void)
{
    Suite *suite = suite_create("sqlite_carrier");
    TCase *tests = tcase_create("log");

    tcase_add_checked_fixture(tests, sqlite_store_make, sqlite_store_remove);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, the_log_stays_bounded);
    tcase_add_test(tests, an_end_while_it_works);
    tcase_add_test(tests, a_reader_in_the_way);
    suite_add_tcase(suite, tests);
    return suite;
}

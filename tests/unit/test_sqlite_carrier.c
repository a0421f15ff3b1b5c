/* test_sqlite_carrier.c - the log under heavy writing. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_carrier.h"
#include "sqlite_file.h"
#include "sqlite_store.h"
#include "sqlite_vfs.h"

/* BOUND: a transaction may begin below the most; its row takes the place of another one. */
enum { FRAME = 24 + SQLITE_PAGE, ROW = 1000000, BOUND = CARRIER_MOST + 3 * ROW / SQLITE_PAGE };

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

/* Writes rows of a megabyte, each in a transaction of its own and over earlier ones. Returns how long the log
 * was at most. */
static long write_much(struct backend *b, int n)
{
    long most = 0;
    char sql[128];

    for (int i = 0; i < n; i++) {
        snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO tenant VALUES (%d, randomblob(%d))",
                 i % 10 + 1, ROW);
        run(b, sql);
        if (most < log_frames())
            most = log_frames();
    }
    return most;
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

static struct {
    int (*open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
    sqlite3_io_methods methods;
    int (*sync)(sqlite3_file *, int);
    pthread_t writer;
    atomic_bool on;
} slow;

/* The thread of the carrier gets stuck until the log is full, and then for a while, in which it may grow. */
static int slow_sync(sqlite3_file *f, int flags)
{
    bool stuck = !pthread_equal(pthread_self(), slow.writer);

    while (stuck && atomic_load(&slow.on) && log_frames() < CARRIER_MOST)
        usleep(1000);
    for (int ms = 0; stuck && atomic_load(&slow.on) && log_frames() <= BOUND && ms < 200; ms++)
        usleep(1000);
    return slow.sync(f, flags);
}

static int open_slow(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    int rc = slow.open(vfs, name, f, flags, out);

    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB)) {
        slow.methods = *f->pMethods;
        slow.sync = slow.methods.xSync;
        slow.methods.xSync = slow_sync;
        f->pMethods = &slow.methods;
    }
    return rc;
}

/* The writer does not run ahead of a disk that is slower than it. */
START_TEST(the_log_stays_bounded)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(sqlite_vfs());
    struct backend *b;
    long most;

    slow.writer = pthread_self();
    slow.open = vfs->xOpen;
    vfs->xOpen = open_slow;
    b = sqlite_store_open();
    vfs->xOpen = slow.open;
    atomic_store(&slow.on, true);
    most = write_much(b, 90);
    atomic_store(&slow.on, false);
    ck_assert_int_ge(most, CARRIER_MOST);
    ck_assert_int_le(most, BOUND);
    backend_close(b);
    check_sound();
}
END_TEST

START_TEST(an_end_while_it_works)
{
    for (int i = 0; i < 5; i++) {
        struct backend *b = sqlite_store_open();

        (void)write_much(b, CARRIER_WAKE * SQLITE_PAGE / ROW + 2 + i);
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
    (void)write_much(b, 1);
    run(reader, "BEGIN");
    run(reader, "SELECT count(*) FROM tenant");
    (void)write_much(b, 100);
    most = log_frames();
    ck_assert_int_gt(most, CARRIER_MOST);
    run(reader, "COMMIT");
    (void)write_much(b, 100);
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

/* test_sqlite_vfs.c - sums of pages, and writes that are gathered. */
#include "sqlite_vfs.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oom.h"
#include "oom_sqlite.h"
#include "sqlite_store.h"

Suite *suite_sqlite_vfs(void);

static sqlite3 *open_with(const char *name, int reserve)
{
    sqlite3 *db;

    ck_assert_int_eq(
        sqlite3_open_v2(sqlite_store_path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, name),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA page_size = 8192", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
    return db;
}

static sqlite3 *open_db(void)
{
    return open_with(sqlite_vfs(), SQLITE_PAGE_SUM);
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

static void sound(sqlite3 *db)
{
    ck_assert_int_eq(number(db, "SELECT count(*) FROM pragma_integrity_check() "
                                "WHERE integrity_check = 'ok'"),
                     1);
}

static long size_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_size;
}

/* Swaps the bytes at two places of the file. */
static void swap_bytes(long a, long b, size_t n)
{
    char at_a[SQLITE_PAGE], at_b[SQLITE_PAGE];
    FILE *f = fopen(sqlite_store_path, "r+");

    ck_assert_ptr_nonnull(f);
    ck_assert(fseek(f, a, SEEK_SET) == 0 && fread(at_a, 1, n, f) == n);
    ck_assert(fseek(f, b, SEEK_SET) == 0 && fread(at_b, 1, n, f) == n);
    ck_assert(fseek(f, a, SEEK_SET) == 0 && fwrite(at_b, 1, n, f) == n);
    ck_assert(fseek(f, b, SEEK_SET) == 0 && fwrite(at_a, 1, n, f) == n);
    fclose(f);
}

/* Reads all rows with pages checked. Returns the result code. */
static int read_all(void)
{
    sqlite3 *db = open_db();
    int rc;

    sqlite3_extended_result_codes(db, 1);
    ck_assert_int_eq(number(db, "PRAGMA page_size"), SQLITE_PAGE);
    ck_assert_int_eq(sqlite3_file_control(db, "main", SQLITE_VFS_CHECK, NULL), SQLITE_OK);
    rc = sqlite3_exec(db, "SELECT sum(length(x)) FROM t WHERE x != 'y'", NULL, NULL, NULL);
    sqlite3_close(db);
    return rc;
}

static void make_pages(void)
{
    sqlite3 *db = open_db();

    run(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (x);"
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
            "INSERT INTO t SELECT randomblob(6000) FROM n");
    sqlite3_close(db);
}

START_TEST(each_byte_of_a_page_counts)
{
    static const long places[] = {0, 3, 4000, SQLITE_PAGE - 9, SQLITE_PAGE - 8, SQLITE_PAGE - 1};

    make_pages();
    ck_assert_int_eq(read_all(), SQLITE_OK);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        FILE *f = fopen(sqlite_store_path, "r+");
        long at = 20 * SQLITE_PAGE + places[i];
        int byte;

        ck_assert(f && fseek(f, at, SEEK_SET) == 0);
        byte = fgetc(f);
        ck_assert(fseek(f, at, SEEK_SET) == 0 && fputc(byte ^ 1, f) != EOF && fflush(f) == 0);
        ck_assert_int_eq(read_all(), SQLITE_IOERR_DATA);
        ck_assert(fseek(f, at, SEEK_SET) == 0 && fputc(byte, f) != EOF && fclose(f) == 0);
    }
    ck_assert_int_eq(read_all(), SQLITE_OK);
}
END_TEST

START_TEST(a_page_counts_in_its_place_only)
{
    make_pages();
    swap_bytes(20 * SQLITE_PAGE, 21 * SQLITE_PAGE, SQLITE_PAGE);
    ck_assert_int_eq(read_all(), SQLITE_IOERR_DATA);
    swap_bytes(20 * SQLITE_PAGE, 21 * SQLITE_PAGE, SQLITE_PAGE);
    ck_assert_int_eq(read_all(), SQLITE_OK);
    swap_bytes(21 * SQLITE_PAGE - 8, 22 * SQLITE_PAGE - 8, SQLITE_PAGE_SUM);
    ck_assert_int_eq(read_all(), SQLITE_IOERR_DATA);
}
END_TEST

/* What another program keeps in the last bytes of a page is not overwritten. */
START_TEST(pages_without_room_stay_whole)
{
    sqlite3 *db = open_with(NULL, 0);

    run(db, "CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(50000))");
    sqlite3_close(db);
    db = open_db();
    run(db, "PRAGMA journal_mode = WAL; INSERT INTO t VALUES (randomblob(50000));"
            "INSERT INTO t VALUES (randomblob(50000))");
    sound(db);
    ck_assert_int_eq(sqlite3_file_control(db, "main", SQLITE_VFS_CHECK, NULL), SQLITE_IOERR_DATA);
    sqlite3_close(db);
    db = open_with(NULL, 0);
    sound(db);
    ck_assert_int_eq(number(db, "SELECT sum(length(x)) FROM t"), 150000);
    sqlite3_close(db);
}
END_TEST

/* Pages come, go and come again, in and out of a small cache: none lacks its sum. */
START_TEST(nothing_sound_is_taken_for_damaged)
{
    char sql[160];

    make_pages();
    for (int round = 0; round < 12; round++) {
        sqlite3 *db = open_db();

        run(db,
            "PRAGMA cache_size = 10; PRAGMA wal_autocheckpoint = 50; PRAGMA secure_delete = FAST");
        ck_assert_int_eq(sqlite3_file_control(db, "main", SQLITE_VFS_CHECK, NULL), SQLITE_OK);
        for (int i = 0; i < 4; i++) {
            snprintf(sql, sizeof(sql),
                     "BEGIN; INSERT INTO t VALUES (randomblob(262144)); DELETE FROM t WHERE "
                     "rowid %% 7 = %d; INSERT INTO t VALUES (zeroblob(%d)); SAVEPOINT s;",
                     (round + i) % 7, 1000 * i);
            run(db, sql);
            run(db, "INSERT INTO t VALUES (randomblob(262144)); DELETE FROM t WHERE rowid % 3 = 1;"
                    "INSERT INTO t VALUES (randomblob(100000))");
            run(db, i % 2 ? "ROLLBACK TO s; COMMIT" : i ? "ROLLBACK" : "COMMIT");
        }
        sound(db);
        sqlite3_close(db);
        ck_assert_int_eq(read_all(), SQLITE_OK);
    }
}
END_TEST

/* What a checkpoint has put into the database is there for others, though it was not synced. */
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

/* A log that the test writes to directly; the database is an empty file. */
static sqlite3_file *open_log(char log[80])
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(sqlite_vfs());
    sqlite3_file *f = calloc(1, (size_t)vfs->szOsFile);
    FILE *db = fopen(sqlite_store_path, "w");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;

    ck_assert(db && f && fclose(db) == 0);
    snprintf(log, 80, "%s-wal", sqlite_store_path);
    ck_assert_int_eq(vfs->xOpen(vfs, log, f, flags, &flags), SQLITE_OK);
    return f;
}

static void close_log(sqlite3_file *f)
{
    ck_assert_int_eq(f->pMethods->xClose(f), SQLITE_OK);
    free(f);
}

static void fill(char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 7 + i / 251);
}

/* Writes pieces of this size in turn, and reads everything back. */
static void write_and_read(sqlite3_file *f, size_t piece)
{
    enum { ALL = 1 << 20 };
    char *bytes = malloc(ALL), *back = malloc(ALL);
    sqlite3_int64 size;

    ck_assert(bytes && back);
    fill(bytes, ALL);
    for (size_t at = 0; at < ALL; at += piece) {
        size_t n = piece < ALL - at ? piece : ALL - at;

        ck_assert_int_eq(f->pMethods->xWrite(f, bytes + at, (int)n, (sqlite3_int64)at), SQLITE_OK);
    }
    ck_assert_int_eq(f->pMethods->xRead(f, back, ALL, 0), SQLITE_OK);
    ck_assert_int_eq(memcmp(bytes, back, ALL), 0);
    ck_assert_int_eq(f->pMethods->xFileSize(f, &size), SQLITE_OK);
    ck_assert_int_eq(size, ALL);
    ck_assert_int_eq(f->pMethods->xTruncate(f, 0), SQLITE_OK);
    free(bytes);
    free(back);
}

START_TEST(writes_become_one)
{
    char log[80], byte = 0;
    sqlite3_file *f = open_log(log);

    for (sqlite3_int64 at = 0; at < 1000; at++)
        ck_assert_int_eq(f->pMethods->xWrite(f, "x", 1, at), SQLITE_OK);
    ck_assert_int_eq(size_of(log), 0);
    ck_assert_int_eq(f->pMethods->xRead(f, &byte, 1, 999), SQLITE_OK);
    ck_assert(byte == 'x' && size_of(log) == 1000);
    ck_assert_int_eq(f->pMethods->xWrite(f, "y", 1, 1000), SQLITE_OK);
    ck_assert_int_eq(f->pMethods->xWrite(f, "z", 1, 5),
                     SQLITE_OK); /* elsewhere, so what was gathered is written */
    ck_assert_int_eq(size_of(log), 1001);
    ck_assert_int_eq(f->pMethods->xSync(f, SQLITE_SYNC_NORMAL), SQLITE_OK);
    ck_assert_int_eq(f->pMethods->xRead(f, &byte, 1, 5), SQLITE_OK);
    ck_assert_int_eq(byte, 'z');
    ck_assert_int_eq(f->pMethods->xWrite(f, "end", 3, 1001), SQLITE_OK);
    close_log(f);
    ck_assert_int_eq(size_of(log), 1004);
}
END_TEST

START_TEST(writes_of_every_size)
{
    static const size_t sizes[] = {24, 8192, 8216, 100000, 0x1fffe, 0x1ffff};
    char log[80];
    sqlite3_file *f = open_log(log);

    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        write_and_read(f, sizes[i]);
    close_log(f);
}
END_TEST

START_TEST(without_memory_writes_go_at_once)
{
    char log[80];
    sqlite3_file *f;

    sqlite3_shutdown();
    ck_assert(oom_sqlite_init());
    f = open_log(log);
    oom_set(true);
    (void)f->pMethods->xWrite(f, "abc", 3, 0);
    (void)f->pMethods->xWrite(f, "def", 3, 3);
    oom_set(false);
    ck_assert_int_eq(size_of(log), 6);
    write_and_read(f, 8216);
    close_log(f);
}
END_TEST

/* Whoever finds that gathered bytes cannot be written gets the error, and they are not written later. */
START_TEST(what_cannot_be_written_is_forgotten)
{
    struct rlimit all, none;
    char log[80], byte;
    sqlite3_file *f = open_log(log);
    sqlite3_int64 size;
    int failed[5];

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
    none = (struct rlimit){0, all.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < COUNT_OF(failed); i++) {
        ck_assert_int_eq(f->pMethods->xWrite(f, "abc", 3, 0), SQLITE_OK);
        setrlimit(RLIMIT_FSIZE, &none);
        failed[i] = i == 0   ? f->pMethods->xSync(f, SQLITE_SYNC_NORMAL)
                    : i == 1 ? f->pMethods->xRead(f, &byte, 1, 0)
                    : i == 2 ? f->pMethods->xTruncate(f, 3)
                    : i == 3 ? f->pMethods->xFileSize(f, &size)
                             : f->pMethods->xWrite(f, "abc", 3, 100);
        setrlimit(RLIMIT_FSIZE, &all);
        ck_assert_msg(failed[i] != SQLITE_OK, "%zu", i);
        ck_assert_int_eq(f->pMethods->xSync(f, SQLITE_SYNC_NORMAL), SQLITE_OK);
        ck_assert_int_eq(size_of(log), 0);
    }
    close_log(f);
}
END_TEST

Suite *suite_sqlite_vfs(void)
{
    Suite *suite = suite_create("sqlite_vfs");
    TCase *tc = tcase_create("files");

    tcase_add_checked_fixture(tc, sqlite_store_make, sqlite_store_remove);
    tcase_add_test(tc, each_byte_of_a_page_counts);
    tcase_add_test(tc, a_page_counts_in_its_place_only);
    tcase_add_test(tc, pages_without_room_stay_whole);
    tcase_add_test(tc, nothing_sound_is_taken_for_damaged);
    tcase_add_test(tc, others_see_what_a_partial_checkpoint_wrote);
    tcase_add_test(tc, writes_become_one);
    tcase_add_test(tc, writes_of_every_size);
    tcase_add_test(tc, without_memory_writes_go_at_once);
    tcase_add_test(tc, what_cannot_be_written_is_forgotten);
    suite_add_tcase(suite, tc);
    return suite;
}

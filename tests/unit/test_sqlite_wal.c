/* test_sqlite_wal.c - logs as a crash leaves them, and logs that were damaged. */
#include "sqlite_wal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "oom.h"
#include "sqlite_store.h"
#include "sqlite_vfs.h"

Suite *suite_sqlite_wal(void);

enum { HEADER = 32, FRAME = 24 + SQLITE_PAGE, ROOM = 2 << 20 };

static char log_path[80];
static unsigned char *bytes; /* a log of several transactions */
static size_t len, frames;

static void write_log(size_t n)
{
    FILE *f = fopen(log_path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void read_log(void)
{
    char name[80];
    FILE *f;

    snprintf(name, sizeof(name), "%s-wal", sqlite_store_path);
    f = fopen(name, "r");
    ck_assert(f && bytes);
    len = fread(bytes, 1, ROOM, f);
    fclose(f);
    frames = (len - HEADER) / FRAME;
    ck_assert(len < ROOM && frames > 5 && HEADER + frames * FRAME == len);
}

static void setup(void)
{
    struct backend *b;

    sqlite_store_make();
    snprintf(log_path, sizeof(log_path), "%s/log", sqlite_store_folder);
    bytes = calloc(1, ROOM);
    b = sqlite_store_open();
    for (int i = 0; i < 5; i++) {
        struct op op = sqlite_store_put("s1");

        ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    }
    read_log();
    backend_close(b);
}

static void teardown(void)
{
    free(bytes);
    remove(log_path);
    sqlite_store_remove();
}

static void fine(size_t n)
{
    struct err err = {0};

    write_log(n);
    ck_assert_msg(wal_check(log_path, &err), "%s", err.text);
}

static void damaged(const char *word)
{
    struct err err;

    write_log(len);
    ck_assert(!wal_check(log_path, &err));
    ck_assert_msg(err.kind == ERR_STORAGE && strstr(err.text, word), "%s", err.text);
    ck_assert_ptr_nonnull(strstr(err.text, log_path));
}

/* A place in a frame; frames count from 1. */
static unsigned char *in_frame(size_t frame, size_t at)
{
    return bytes + HEADER + (frame - 1) * FRAME + at;
}

START_TEST(whole_and_cut_off_anywhere)
{
    struct err err;

    ck_assert(wal_check(log_path, &err));
    fine(0);
    fine(HEADER - 1);
    fine(HEADER);
    for (size_t n = HEADER + 1; n < len; n += FRAME / 3)
        fine(n);
    fine(len);
}
END_TEST

/* As when a file has grown before its contents were written. */
START_TEST(nothing_but_zeros)
{
    memset(bytes, 0, len);
    fine(HEADER);
    fine(len);
}
END_TEST

START_TEST(a_damaged_header)
{
    static const size_t places[] = {0, 5, 10, 13, 17, 24, 31};

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        bytes[places[i]] ^= 4;
        damaged("header");
        bytes[places[i]] ^= 4;
    }
    fine(len);
}
END_TEST

START_TEST(damage_before_whole_transactions)
{
    static const size_t places[] = {0, 6, 10, 17, 24, 5000, FRAME - 1};

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        *in_frame(2, places[i]) ^= 1;
        damaged("damaged in frame 2");
        *in_frame(2, places[i]) ^= 1;
    }
    memset(in_frame(1, 0), 0, 2 * FRAME);
    damaged("damaged in frame 1");
}
END_TEST

/* A crash may leave this: the last transaction was never acknowledged. */
START_TEST(damage_in_the_last_frame)
{
    static const size_t places[] = {0, 6, 10, 17, 24, 5000, FRAME - 1};

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        *in_frame(frames, places[i]) ^= 1;
        fine(len);
        *in_frame(frames, places[i]) ^= 1;
    }
}
END_TEST

/* What stands behind it tells of a transaction that it had been synced: one is enough. */
START_TEST(damage_in_the_last_transaction_but_one)
{
    size_t end = frames - 1; /* of that transaction */
    char word[40];

    while (memcmp(in_frame(end, 4), "\0\0\0", 4) == 0)
        end--;
    *in_frame(end + 1, 24) ^= 1;
    fine(len);
    *in_frame(end + 1, 24) ^= 1;
    *in_frame(end, 24) ^= 1;
    snprintf(word, sizeof(word), "damaged in frame %zu", end);
    damaged(word);
}
END_TEST

START_TEST(frames_of_an_older_log_behind)
{
    struct backend *b = sqlite_store_open();
    struct op op = sqlite_store_put("s1");

    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    ck_assert_int_eq(
        sqlite3_exec(((struct sqlite *)b)->db, "PRAGMA wal_checkpoint(RESTART)", NULL, NULL, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    read_log();
    ck_assert_int_ne(memcmp(bytes + 16, in_frame(frames, 8), 8), 0);
    backend_close(b);
    fine(len);
}
END_TEST

START_TEST(a_log_of_other_pages)
{
    sqlite3 *db;
    char name[80], wal[88];
    FILE *f;

    snprintf(name, sizeof(name), "%s/other", sqlite_store_folder);
    snprintf(wal, sizeof(wal), "%s-wal", name);
    ck_assert_int_eq(sqlite3_open(name, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db,
                                  "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                                  "CREATE TABLE t (x)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    f = fopen(wal, "r");
    ck_assert_ptr_nonnull(f);
    len = fread(bytes, 1, ROOM, f);
    fclose(f);
    sqlite3_close(db);
    remove(name);
    fine(len);
    bytes[HEADER + 500] ^= 1;
    fine(len);
    bytes[10] ^= 1;
    damaged("header");
}
END_TEST

START_TEST(what_cannot_be_read)
{
    struct err err;
    char name[96];

    ck_assert(!wal_check(sqlite_store_folder, &err));
    ck_assert_msg(err.kind == ERR_UNAVAILABLE && strstr(err.text, "cannot be read"), "%s",
                  err.text);
    write_log(len);
    snprintf(name, sizeof(name), "%s/x", log_path);
    ck_assert(!wal_check(name, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
}
END_TEST

START_TEST(without_memory)
{
    struct err err;
    bool ok;

    write_log(len);
    oom_set(true);
    ok = wal_check(log_path, &err);
    oom_set(false);
    ck_assert(!ok && err.kind == ERR_NO_MEMORY);
}
END_TEST

Suite *suite_sqlite_wal(void)
{
    Suite *suite = suite_create("sqlite_wal");
    TCase *tc = tcase_create("logs");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, whole_and_cut_off_anywhere);
    tcase_add_test(tc, nothing_but_zeros);
    tcase_add_test(tc, a_damaged_header);
    tcase_add_test(tc, damage_before_whole_transactions);
    tcase_add_test(tc, damage_in_the_last_frame);
    tcase_add_test(tc, damage_in_the_last_transaction_but_one);
    tcase_add_test(tc, frames_of_an_older_log_behind);
    tcase_add_test(tc, a_log_of_other_pages);
    tcase_add_test(tc, what_cannot_be_read);
    tcase_add_test(tc, without_memory);
    suite_add_tcase(suite, tc);
    return suite;
}

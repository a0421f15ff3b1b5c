/* test_sqlite_open.c - files that are not ours, and who may open one. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "drivers.h"
#include "sqlite_store.h"
#include "sqlite_vfs.h"

Suite *suite_sqlite_open(void);

/* Opening fails with this kind; the text has this word and the path. */
static void open_fails(enum backend_role role, enum err_kind kind, const char *word)
{
    struct err err;

    ck_assert_ptr_null(sqlite_store_try(sqlite_store_url, role, &err));
    ck_assert_msg(err.kind == kind, "%s: %s", err_wire_name(err.kind), err.text);
    ck_assert_msg(strstr(err.text, word) != NULL, "%s", err.text);
    ck_assert_msg(strstr(err.text, sqlite_store_path) != NULL, "%s", err.text);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open_v2(sqlite_store_path, &db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, sqlite_vfs()),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void write_file(const char *bytes, size_t n, long at)
{
    FILE *f = fopen(sqlite_store_path, at ? "r+" : "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

START_TEST(opens_twice_in_turn_but_not_at_once)
{
    struct backend *b = sqlite_store_open();
    struct op op = sqlite_store_put("s1");
    char pid[48];

    ck_assert_uint_eq(b->caps, BACKEND_DURABLE);
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    snprintf(pid, sizeof(pid), "another process (pid %ld)", (long)getpid());
    open_fails(BACKEND_WRITER, ERR_CONFIG, pid);
    backend_close(b);
    b = sqlite_store_open();
    op = sqlite_store_get("s1");
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    backend_close(b);
}
END_TEST

START_TEST(readers_stand_beside_the_writer)
{
    struct backend *writer, *reader;
    struct op op = sqlite_store_put("s1"), *ops[] = {&op};
    struct err err;

    open_fails(BACKEND_READER, ERR_CONFIG, "does not exist");
    writer = sqlite_store_open();
    reader = sqlite_store_try(sqlite_store_url, BACKEND_READER, &err);
    ck_assert_ptr_nonnull(reader);
    ck_assert_int_eq(sqlite_store_run(writer, &op), ERR_OK);
    op = sqlite_store_get("s1");
    ck_assert_int_eq(sqlite_store_run(reader, &op), ERR_OK);
    ck_assert(backend_probe(reader, 0, &err) && backend_probe(writer, 0, &err));
    op = sqlite_store_put("s2");
    ck_assert(!backend_execute(reader, ops, 1, &err));
    ck_assert_str_eq(err.text, "sqlite: the database is read-only");
    backend_close(writer);
    backend_close(reader);
}
END_TEST

START_TEST(what_was_acknowledged_survives_a_kill)
{
    struct backend *b;
    struct op op;
    int status;
    pid_t child = fork();

    if (child == 0) {
        clock_fake(0, clock_now_us() + INT64_C(86400000000)); /* its stamps are of tomorrow */
        b = sqlite_store_open();
        op = sqlite_store_put("s1");
        _exit(sqlite_store_run(b, &op) == ERR_OK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    b = sqlite_store_open();
    ck_assert_int_gt(stamp_us(stamp_next()), clock_now_us() + INT64_C(86000000000));
    op = sqlite_store_get("s1");
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    backend_close(b);
}
END_TEST

START_TEST(files_of_others_are_refused)
{
    run_sql("CREATE TABLE t (x)");
    open_fails(BACKEND_WRITER, ERR_CONFIG, "another program");
    unlink(sqlite_store_path);
    run_sql("PRAGMA application_id = 7");
    open_fails(BACKEND_WRITER, ERR_CONFIG, "another program");
    unlink(sqlite_store_path);
    run_sql("PRAGMA user_version = 1");
    open_fails(BACKEND_WRITER, ERR_CONFIG, "another program");
}
END_TEST

START_TEST(newer_schemas_are_refused)
{
    backend_close(sqlite_store_open());
    run_sql("PRAGMA user_version = 999");
    open_fails(BACKEND_WRITER, ERR_CONFIG, "newer version");
}
END_TEST

static int told;
static int64_t told_from, told_to;

static void note_migration(bool fallback, int64_t from, int64_t to)
{
    told += !fallback;
    told_from = from;
    told_to = to;
}

START_TEST(a_migration_is_told_once)
{
    struct backend_config cfg = {
        .url = sqlite_store_url, .role = BACKEND_WRITER, .migrated = note_migration};

    for (int64_t from = 0; from <= 2; from += 2) {
        told = 0;
        for (int i = 0; i < 2; i++) {
            struct err err;
            struct backend *b = sqlite_open(&cfg, &err);

            ck_assert_msg(b != NULL, "%s", err.text);
            backend_close(b);
        }
        ck_assert_int_eq(told, 1);
        ck_assert_int_eq(told_from, from);
        ck_assert_int_eq(told_to, 3);
        run_sql("DROP TABLE outbox; DROP TABLE pending; DROP TABLE missing; DROP TABLE note;"
                "PRAGMA user_version = 2");
    }
}
END_TEST

START_TEST(older_schemas_are_left_as_they_are)
{
    struct backend_config cfg = {.url = sqlite_store_url, .role = BACKEND_WRITER, .as_is = true};
    struct err err = {0};

    backend_close(sqlite_store_open());
    run_sql("PRAGMA user_version = 2");
    open_fails(BACKEND_READER, ERR_CONFIG, "older schema: it is number 2, this program needs");
    for (int i = 0; i < 2; i++) { /* not even at the first opening */
        ck_assert_ptr_null(sqlite_open(&cfg, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert_msg(strstr(err.text, "older schema: it is number 2") != NULL, "%s", err.text);
        ck_assert_msg(strstr(err.text, "`stateward serve` brings it up") != NULL, "%s", err.text);
    }
    unlink(sqlite_store_path);
    write_file("", 0, 0);
    open_fails(BACKEND_READER, ERR_CONFIG, "older schema: it is number 0");
    cfg.existing = true;
    ck_assert_ptr_null(sqlite_open(&cfg, &err));
    ck_assert_msg(strstr(err.text, "has no tables of stateward") != NULL, "%s", err.text);
    cfg.existing = false; /* a missing file is made, and then has the present schema */
    for (int i = 0; i < 2; i++) {
        struct backend *b = sqlite_open(&cfg, &err);

        ck_assert_msg(b != NULL, "%s", err.text);
        backend_close(b);
        cfg.existing = true;
    }
}
END_TEST

START_TEST(garbage_is_refused)
{
    char garbage[8192];

    memset(garbage, 'x', sizeof(garbage));
    write_file(garbage, 10, 0);
    open_fails(BACKEND_WRITER, ERR_STORAGE, "not a database");
    write_file(garbage, sizeof(garbage), 0);
    open_fails(BACKEND_WRITER, ERR_STORAGE, "not a database");
}
END_TEST

START_TEST(an_empty_file_is_new)
{
    write_file("", 0, 0);
    backend_close(sqlite_store_open());
}
END_TEST

START_TEST(damage_is_an_error_not_an_answer)
{
    struct backend *b = sqlite_store_open();
    struct op op = sqlite_store_put("s1");
    char garbage[4096];
    struct stat st;

    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    backend_close(b);
    ck_assert_int_eq(stat(sqlite_store_path, &st), 0);
    memset(garbage, 'x', sizeof(garbage));
    for (long at = sizeof(garbage); at < st.st_size; at += (long)sizeof(garbage))
        write_file(garbage, sizeof(garbage), at);
    open_fails(BACKEND_WRITER, ERR_DAMAGED, "damaged");
}
END_TEST

START_TEST(impossible_places_are_refused)
{
    ck_assert_int_eq(mkdir(sqlite_store_path, 0700), 0);
    open_fails(BACKEND_WRITER, ERR_CONFIG, "directory");
    rmdir(sqlite_store_path);
    snprintf(sqlite_store_path, sizeof(sqlite_store_path), "%s/none/db", sqlite_store_folder);
    snprintf(sqlite_store_url, sizeof(sqlite_store_url), "sqlite://%s", sqlite_store_path);
    open_fails(BACKEND_WRITER, ERR_CONFIG, "does not exist");
    snprintf(sqlite_store_path, sizeof(sqlite_store_path), "%s/db", sqlite_store_folder);
}
END_TEST

START_TEST(a_lock_file_that_cannot_be_made)
{
    char lock[80];

    snprintf(lock, sizeof(lock), "%s.lock", sqlite_store_path);
    ck_assert_int_eq(mkdir(lock, 0700), 0);
    open_fails(BACKEND_WRITER, ERR_CONFIG, "cannot be opened");
}
END_TEST

START_TEST(a_lock_that_root_makes_is_the_owners)
{
    char lock[80];
    struct stat st;

    if (geteuid() != 0)
        return;
    write_file("", 0, 0);
    ck_assert_int_eq(chown(sqlite_store_path, 1234, 2345), 0);
    ck_assert_int_eq(chmod(sqlite_store_path, 0660), 0);
    snprintf(lock, sizeof(lock), "%s.lock", sqlite_store_path);
    for (int i = 0; i < 2; i++) {
        backend_close(sqlite_store_open());
        ck_assert_int_eq(stat(lock, &st), 0);
        ck_assert_uint_eq(st.st_uid, i == 0 ? 1234 : 0);
        ck_assert_uint_eq(st.st_gid, i == 0 ? 2345 : 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0660);
        ck_assert_int_eq(chown(lock, 0, 0), 0); /* one that is there stays as it is */
    }
}
END_TEST

START_TEST(a_file_with_two_names_is_refused)
{
    char other[80];

    backend_close(sqlite_store_open());
    snprintf(other, sizeof(other), "%s.lock", sqlite_store_path); /* a name that is cleared up */
    ck_assert_int_eq(unlink(other), 0);
    ck_assert_int_eq(link(sqlite_store_path, other), 0);
    open_fails(BACKEND_WRITER, ERR_CONFIG, "hard link");
    ck_assert_int_eq(unlink(other), 0);
    backend_close(sqlite_store_open());
}
END_TEST

START_TEST(urls)
{
    static const char *const bad[] = {"sqlite:", "sqlite://host/db", "memory:x", "memory://"};
    struct err err;
    struct backend *b;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_ptr_null(sqlite_store_try(bad[i], BACKEND_ANY, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
    }
    b = sqlite_store_try("memory:", BACKEND_ANY, &err);
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(b->caps, 0);
    backend_close(b);
    snprintf(sqlite_store_url, sizeof(sqlite_store_url), "sqlite://%s", sqlite_store_path);
    backend_close(sqlite_store_open());
    ck_assert_int_eq(access(sqlite_store_path, F_OK), 0);
    ck_assert_int_eq(driver_find("sqlite:x", &err)->layout, LANES_WRITER_READERS);
    ck_assert_int_eq(driver_find("memory:", &err)->layout, LANES_ONE);
    ck_assert_ptr_null(driver_find("mysql://u:secret@h/d", &err));
    ck_assert_str_eq(err.text, "Unsupported storage type: mysql");
    ck_assert_ptr_null(driver_find("", &err));
}
END_TEST

START_TEST(names_that_mean_something_to_sqlite)
{
    static const struct {
        const char *url, *why;
    } bad[] = {
        {"sqlite::memory:", "\"sqlite::memory:\" would be a file of that name: write memory:"},
        {"sqlite:///:memory:", "write memory:"},
        {"sqlite:db?mode=ro", "\"sqlite:db?mode=ro\" has parameters"},
        {"sqlite:///tmp/db?", "has parameters"},
    };
    static const char *const files[] = {":memory:x", "file:x", "db&mode=ro"};
    char url[32];
    struct err err;

    ck_assert_int_eq(chdir(sqlite_store_folder), 0);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_ptr_null(sqlite_store_try(bad[i].url, BACKEND_WRITER, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert_msg(strstr(err.text, bad[i].why) != NULL, "%s", err.text);
    }
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct backend *b;

        snprintf(url, sizeof(url), "sqlite:%s", files[i]);
        b = sqlite_store_try(url, BACKEND_WRITER, &err);
        ck_assert_msg(b != NULL, "%s", err.text);
        backend_close(b);
        ck_assert_int_eq(unlink(files[i]), 0);
        snprintf(url, sizeof(url), "%s.lock", files[i]);
        ck_assert_int_eq(unlink(url), 0);
    }
}
END_TEST

Suite *suite_sqlite_open(void)
{
    Suite *suite = suite_create("sqlite_open");
    TCase *tc = tcase_create("files");

    tcase_add_checked_fixture(tc, sqlite_store_make, sqlite_store_remove);
    tcase_add_test(tc, opens_twice_in_turn_but_not_at_once);
    tcase_add_test(tc, readers_stand_beside_the_writer);
    tcase_add_test(tc, what_was_acknowledged_survives_a_kill);
    tcase_add_test(tc, files_of_others_are_refused);
    tcase_add_test(tc, newer_schemas_are_refused);
    tcase_add_test(tc, a_migration_is_told_once);
    tcase_add_test(tc, older_schemas_are_left_as_they_are);
    tcase_add_test(tc, garbage_is_refused);
    tcase_add_test(tc, an_empty_file_is_new);
    tcase_add_test(tc, damage_is_an_error_not_an_answer);
    tcase_add_test(tc, impossible_places_are_refused);
    tcase_add_test(tc, a_lock_file_that_cannot_be_made);
    tcase_add_test(tc, a_lock_that_root_makes_is_the_owners);
    tcase_add_test(tc, a_file_with_two_names_is_refused);
    tcase_add_test(tc, urls);
    tcase_add_test(tc, names_that_mean_something_to_sqlite);
    suite_add_tcase(suite, tc);
    return suite;
}

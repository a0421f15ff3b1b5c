/* test_sqlite_seal.c - sealing when memory or the disk ends; the rest is in tests/http. */
#include "sqlite_seal.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "oom.h"
#include "sqlite_store.h"
#include "sqlite_vfs.h"

Suite *suite_sqlite_seal(void);

static void make_store(void)
{
    struct backend *b = sqlite_store_open();
    struct op op = sqlite_store_put("s1");

    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    backend_close(b);
}

/* Damages the sum of a page. */
static void unseal(long page)
{
    FILE *f = fopen(sqlite_store_path, "r+");
    long last = (page + 1) * SQLITE_PAGE - 1;
    int byte;

    ck_assert(f && fseek(f, last, SEEK_SET) == 0);
    byte = fgetc(f);
    ck_assert(fseek(f, last, SEEK_SET) == 0 && fputc(byte ^ 1, f) != EOF && fclose(f) == 0);
}

static struct sqlite_sealed seal(void)
{
    struct sqlite_sealed sealed;
    struct err err;

    ck_assert_msg(sqlite_seal(sqlite_store_url, &sealed, &err), "%s", err.text);
    return sealed;
}

START_TEST(seals_what_is_not_sealed)
{
    struct sqlite_sealed first, again;
    struct err err;

    make_store();
    first = seal();
    ck_assert_int_gt(first.pages, 10);
    ck_assert_int_eq(seal().sealed, 0);
    unseal(0);
    unseal(5);
    unseal((long)first.pages - 1);
    ck_assert_ptr_null(sqlite_store_try(sqlite_store_url, BACKEND_WRITER, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "stateward seal"));
    again = seal();
    ck_assert(again.pages == first.pages && again.sealed == 3);
    backend_close(sqlite_store_open());
}
END_TEST

START_TEST(what_is_no_file)
{
    static const char *const bad[] = {"memory:", "sqlite:", "sqlite://host/db", "db"};
    struct sqlite_sealed sealed;
    struct err err;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert(!sqlite_seal(bad[i], &sealed, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
    }
    ck_assert(!sqlite_seal(sqlite_store_url, &sealed, &err));
    ck_assert_msg(strstr(err.text, "does not exist") != NULL, "%s", err.text);
}
END_TEST

START_TEST(memory_ends)
{
    struct sqlite_sealed sealed;
    struct err err;
    bool struck = true;

    make_store();
    for (size_t n = 1; struck; n++) {
        bool done;

        oom_at(n);
        done = sqlite_seal(sqlite_store_url, &sealed, &err);
        struck = oom_end();
        ck_assert(done != struck);
        ck_assert(done || err.kind == ERR_NO_MEMORY);
    }
    ck_assert_int_eq(seal().sealed, 0);
}
END_TEST

/* A file that is sealed by half is no worse than before. */
START_TEST(the_disk_fails)
{
    struct sqlite_sealed sealed;
    struct rlimit all, few;
    struct err err;
    bool done;

    make_store();
    seal();
    unseal(0);
    unseal(5);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
    few = (struct rlimit){2 * SQLITE_PAGE, all.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &few);
    done = sqlite_seal(sqlite_store_url, &sealed, &err);
    setrlimit(RLIMIT_FSIZE, &all);
    ck_assert(!done && err.kind == ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, sqlite_store_path));
    ck_assert_int_eq(seal().sealed, 1);
}
END_TEST

Suite *suite_sqlite_seal(void)
{
    Suite *suite = suite_create("sqlite_seal");
    TCase *tc = tcase_create("files");

    tcase_add_checked_fixture(tc, sqlite_store_make, sqlite_store_remove);
    tcase_add_test(tc, seals_what_is_not_sealed);
    tcase_add_test(tc, what_is_no_file);
    tcase_add_test(tc, memory_ends);
    tcase_add_test(tc, the_disk_fails);
    suite_add_tcase(suite, tc);
    return suite;
}

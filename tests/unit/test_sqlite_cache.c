/* test_sqlite_cache.c - when SQLite's cache is told to drop what lies behind the end of a database. */
#include <check.h>
#include <stdio.h>

#include "sqlite_cache.h"

enum { ROWS = 4000 };

static sqlite3_pcache_methods2 real, outer;
static int looks; /* at all pages */
static unsigned last_limit;

Suite *suite_sqlite_cache(void);

static void look(sqlite3_pcache *cache, unsigned limit)
{
    looks++;
    last_limit = limit;
    real.xTruncate(cache, limit);
}

static void begin(void)
{
    sqlite3_pcache_methods2 counted;

    ck_assert_int_eq(sqlite3_shutdown(), SQLITE_OK);
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &real), SQLITE_OK);
    counted = real;
    counted.xTruncate = look;
    outer = sqlite_cache_around(&counted);
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_PCACHE2, &outer), SQLITE_OK);
    ck_assert_int_eq(sqlite3_initialize(), SQLITE_OK);
    looks = 0;
}

static void run(sqlite3 *db, const char *sql)
{
    char *why = NULL;

    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%s: %s", sql, why);
}

/* Inserts rows in no order, each in a transaction of its own, as balancing needs it. */
static void fill(sqlite3 *db)
{
    char sql[96];

    run(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, text BLOB)");
    for (int i = 0; i < ROWS; i++) {
        snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%d, zeroblob(300))",
                 (int)(i * 2654435761U % 1000003U));
        run(db, sql);
    }
}

START_TEST(does_not_look_for_what_was_there_for_a_moment)
{
    sqlite3 *db;

    begin();
    ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
    fill(db);
    ck_assert_int_eq(looks, 0);
    run(db, "DELETE FROM t; VACUUM"); /* from now on there is something to drop */
    ck_assert_int_gt(looks, 0);
    run(db, "PRAGMA integrity_check");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

/* Fetches a page, and lets go of it. */
static void visit(sqlite3_pcache *c, unsigned number)
{
    sqlite3_pcache_page *page = outer.xFetch(c, number, 2);

    ck_assert_ptr_nonnull(page);
    outer.xUnpin(c, page, 0);
}

static sqlite3_pcache *make(void)
{
    sqlite3_pcache *c;

    begin();
    c = outer.xCreate(4096, 64, 1);
    ck_assert_ptr_nonnull(c);
    outer.xCachesize(c, 100);
    for (unsigned i = 1; i <= 10; i++)
        visit(c, i);
    return c;
}

START_TEST(drops_what_is_behind_the_end)
{
    sqlite3_pcache *c = make();

    outer.xTruncate(c, 11);
    ck_assert_int_eq(looks, 0);
    outer.xTruncate(c, 8);
    ck_assert_int_eq(looks, 1);
    ck_assert_int_eq(outer.xPagecount(c), 7);
    outer.xTruncate(c, 8);
    ck_assert_int_eq(looks, 1);
    visit(c, 8);
    outer.xTruncate(c, 8);
    ck_assert_int_eq(looks, 2);
    ck_assert_int_eq(outer.xPagecount(c), 7);
    outer.xDestroy(c);
}
END_TEST

START_TEST(a_page_that_stays_far_behind_the_end_is_dropped)
{
    sqlite3_pcache *c = make();
    sqlite3_pcache_page *page = outer.xFetch(c, 3, 0);

    ck_assert_ptr_nonnull(page);
    outer.xRekey(c, page, 3, 5000);
    outer.xTruncate(c, 11);
    ck_assert_int_eq(looks, 1);
    ck_assert_uint_eq(last_limit, 11);
    ck_assert_int_eq(outer.xPagecount(c), 9);
    outer.xTruncate(c, 11);
    ck_assert_int_eq(looks, 1);
    outer.xDestroy(c);
}
END_TEST

START_TEST(pages_change_places_by_way_of_the_end)
{
    sqlite3_pcache *c = make();
    sqlite3_pcache_page *page = outer.xFetch(c, 3, 0), *other = outer.xFetch(c, 7, 0);

    outer.xRekey(c, page, 3, 5000);
    outer.xRekey(c, other, 7, 3);
    outer.xRekey(c, page, 5000, 7);
    outer.xTruncate(c, 11);
    ck_assert_int_eq(looks, 0);
    ck_assert_int_eq(outer.xPagecount(c), 10);
    outer.xUnpin(c, page, 0);
    outer.xUnpin(c, other, 0);
    outer.xDestroy(c);
}
END_TEST

Suite *suite_sqlite_cache(void)
{
    Suite *suite = suite_create("sqlite_cache");
    TCase *cases = tcase_create("sqlite_cache");

    tcase_add_test(cases, does_not_look_for_what_was_there_for_a_moment);
    tcase_add_test(cases, drops_what_is_behind_the_end);
    tcase_add_test(cases, a_page_that_stays_far_behind_the_end_is_dropped);
    tcase_add_test(cases, pages_change_places_by_way_of_the_end);
    suite_add_tcase(suite, cases);
    return suite;
}

#include <check.h>

#include "parts_store.h"
#include "sql_doomed.h"
#include "sql_part.h"

enum { CHECKPOINTS = 430, KEPT = 7 };

static struct doomed_item listed(const char *id)
{
    const char *of = arena_printf(&sqlite_store_arena,
                                  " FROM checkpoint WHERE checkpoint_id = CAST('%s' AS BLOB)", id)
                         .at;

    return (struct doomed_item){
        .ns = parts_number(arena_printf(&sqlite_store_arena, "SELECT namespace%s", of).at),
        .id = parts_number(arena_printf(&sqlite_store_arena, "SELECT id%s", of).at),
        .mark = parts_number(arena_printf(&sqlite_store_arena, "SELECT stamp%s", of).at)};
}

static struct ns_change drop(struct doomed *list)
{
    struct ns_change change = {0};
    struct err err;

    doomed_sort(list);
    ck_assert(doomed_rows(&parts_driver->sql, list->items, list->n, &change, &err));
    return change;
}

/* One row has changed since it was listed, one is gone, and one is listed twice. */
START_TEST(what_is_as_it_was_listed)
{
    struct doomed list = {.arena = &sqlite_store_arena};
    struct ns_change change;
    struct err err;
    int64_t bytes;

    parts_fill("t", 10);
    for (int i = 0; i < 6; i++) {
        const char *id = arena_printf(&sqlite_store_arena, "c%04d", i).at;
        struct doomed_item item = listed(id);

        ck_assert(doomed_add(&list, &item, &err));
        if (i % 2 == 0)
            ck_assert(doomed_add(&list, &item, &err));
    }
    ck_assert(
        doomed_add(&list, &(struct doomed_item){list.items[0].ns, INT64_C(1) << 40, 7}, &err));
    parts_put("t", 3);
    bytes = parts_number("SELECT sum(length(metadata)) + (SELECT sum(length(body)) FROM task) "
                         "FROM checkpoint");
    change = drop(&list);
    ck_assert_int_eq(change.checkpoints, -5);
    ck_assert_int_eq(change.bytes,
                     parts_number("SELECT sum(length(metadata)) + (SELECT sum(length(body)) "
                                  "FROM task) FROM checkpoint") -
                         bytes);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint"), 5);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM task"), 5);
    ck_assert_int_eq(listed("c0003").ns, list.items[0].ns);
    change = drop(&list);
    ck_assert_int_eq(change.checkpoints, 0);
    ck_assert_int_eq(change.bytes, 0);
}
END_TEST

/* A namespace only covers its own rows: an id of another one stays. */
START_TEST(a_row_of_another_namespace)
{
    struct doomed list = {.arena = &sqlite_store_arena};
    struct doomed_item item;
    struct err err;

    parts_fill("t", 2);
    item = listed("c0001");
    item.ns++;
    ck_assert(doomed_add(&list, &item, &err));
    ck_assert_int_eq(drop(&list).checkpoints, 0);
    ck_assert_int_eq(parts_count("t"), 2);
}
END_TEST

START_TEST(values_count_as_they_go)
{
    int64_t ids[PART_AT_ONCE], bytes, all;
    struct err err;

    parts_fill("t", 3);
    for (size_t i = 0; i < 3; i++)
        ids[i] = parts_number(arena_printf(&sqlite_store_arena,
                                           "SELECT id FROM value ORDER BY id LIMIT 1 OFFSET %zu", i)
                                  .at);
    all = parts_number("SELECT sum(length(bytes)) FROM value");
    ck_assert(doomed_values(&parts_driver->sql, ids, 3, &bytes, &err));
    ck_assert_int_eq(parts_number("SELECT sum(length(bytes)) FROM value"), all - bytes);
    ck_assert(doomed_values(&parts_driver->sql, ids, 3, &bytes, &err));
    ck_assert_int_eq(bytes, 0);
}
END_TEST

/* Parts end before, at and behind the end of a list; the namespace changes in between. */
START_TEST(parts_and_lists)
{
    static const size_t steps[] = {1, 2, 15, 16, 17, 199, 200, 201, 420, 440};
    struct op op;
    int parts = 0;

    parts_driver->sql.part_steps = steps[_i];
    parts_fill("t", CHECKPOINTS);
    op = parts_prune("t", KEPT);
    for (; parts_more(&op); parts++) {
        if (parts == 0)
            parts_put("t", CHECKPOINTS - KEPT - 1); /* it was to go, or has gone */
        if (parts < 3)
            parts_put("t", CHECKPOINTS + parts);
    }
    ck_assert_int_ge(parts, 1);
    ck_assert_int_eq(op.thread_prune.out.removed, CHECKPOINTS - KEPT);
    ck_assert_int_eq(parts_count("t"), KEPT + 1 + (parts < 3 ? parts : 3));
    ck_assert_int_eq(parts_number("SELECT count(*) FROM task"), parts_count("t"));
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 2 * parts_count("t") + 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread WHERE tenant < 0"), 0);
    parts_check_counters();
}
END_TEST

Suite *suite_sql_doomed(void);

Suite *suite_sql_doomed(void)
{
    Suite *s = suite_create("sql_doomed");
    TCase *t = tcase_create("doomed");

    tcase_add_checked_fixture(t, parts_setup, parts_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, what_is_as_it_was_listed);
    tcase_add_test(t, a_row_of_another_namespace);
    tcase_add_test(t, values_count_as_they_go);
    tcase_add_loop_test(t, parts_and_lists, 0, 10);
    suite_add_tcase(s, t);
    return s;
}

/* test_value_map.c - finds values by id. */
#include <check.h>

#include "oom.h"
#include "value_map.h"

Suite *suite_value_map(void);

enum { MANY = 1000 };

START_TEST(finds_what_was_added)
{
    struct arena arena = {0};
    struct value_map map = {.arena = &arena};
    static struct value values[MANY];
    struct err err;

    ck_assert_ptr_null(value_map_find(&map, 1));
    for (int i = 0; i < MANY; i++) {
        values[i].blob.id = ((int64_t)i - 5) * 1024; /* as stamps are, and worse */
        ck_assert(value_map_add(&map, &values[i], &err));
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_ptr_eq(value_map_find(&map, values[i].blob.id), &values[i]);
    ck_assert_ptr_null(value_map_find(&map, 1));
    arena_done(&arena);
}
END_TEST

static bool add_some(struct arena *arena, struct err *err)
{
    struct value_map map = {.arena = arena};
    static struct value values[40];

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        values[i].blob.id = (int64_t)i + 1;
        if (!value_map_add(&map, &values[i], err))
            return false;
    }
    return true;
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(add_some);
}
END_TEST

Suite *suite_value_map(void)
{
    Suite *suite = suite_create("value_map");
    TCase *tc = tcase_create("value_map");

    tcase_add_test(tc, finds_what_was_added);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

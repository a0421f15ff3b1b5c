/* test_lazy.c - a store that could not be reached when it was opened. */
#include <check.h>

#include "clock.h"
#include "drivers.h"
#include "lazy.h"

Suite *suite_lazy(void);

static struct err why = {.kind = ERR_UNAVAILABLE, .text = "nobody listens"};

static bool ask(struct backend *b, struct err *err)
{
    struct arena arena = {0};
    struct op op = {.type = OP_STATS, .tenant = SLICE("default"), .arena = &arena}, *ops[] = {&op};
    bool ok = backend_execute(b, ops, 1, err);

    arena_done(&arena);
    return ok && op.status.kind == ERR_OK;
}

START_TEST(opens_when_it_can)
{
    struct backend_config cfg = {.url = "memory:"};
    struct err err = why;
    struct backend *b = lazy_open(&cfg, &err);

    ck_assert_ptr_nonnull(b);
    ck_assert(ask(b, &err));
    ck_assert(backend_probe(b, 0, &err));
    backend_close(b);
}
END_TEST

START_TEST(says_why_until_then_and_does_not_ask_all_the_time)
{
    struct backend_config cfg = {.url = "sqlite:/nowhere/at/all.db", .role = BACKEND_WRITER};
    struct err err = why;
    struct backend *b;

    clock_fake(1000000000, 1000000);
    b = lazy_open(&cfg, &err);
    ck_assert_ptr_nonnull(b);
    ck_assert(!ask(b, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "nowhere"));
    ck_assert(!backend_probe(b, 0, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    backend_close(b);
    clock_fake(0, 0);
}
END_TEST

Suite *suite_lazy(void)
{
    Suite *s = suite_create("lazy");
    TCase *tc = tcase_create("lazy");

    tcase_add_test(tc, opens_when_it_can);
    tcase_add_test(tc, says_why_until_then_and_does_not_ask_all_the_time);
    suite_add_tcase(s, tc);
    return s;
}

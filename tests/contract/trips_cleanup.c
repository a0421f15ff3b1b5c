/* trips_cleanup.c - counts how often a clean-up waits for a store; see trips_cleanup.h. */
#include "trips_cleanup.h"

#include "threads.h"

static const struct trips_cleanup *target;

static int64_t clean(struct op op, int64_t n)
{
    int64_t before = target->so_far(&here);

    op.cleanup.limit = CLEANUP_MANY;
    store_ok(&here, &op);
    ck_assert_int_eq(op.cleanup.out.removed, n);
    return target->so_far(&here) - before;
}

static void fill(int n)
{
    for (int i = 0; i < n; i++) {
        const char *id = arena_printf(&here.arena, "s%03d", i).at;

        store_session(&here, id);
        store_message(&here, id, "m");
    }
}

/* The threads were deleted, so only tombstones are left: the contents of a thread are removed in parts. */
static void make_threads(int n)
{
    for (int i = 0; i < n; i += 2) {
        struct op op = store_op(&here, OP_THREAD_DELETE, arena_printf(&here.arena, "s%03d", i).at);

        store_ok(&here, &op);
        while (op.again)
            store_ok(&here, &op);
    }
}

static int64_t expire(int n)
{
    struct op op;

    fill(n);
    here.now_us += HOUR;
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.expired = true;
    return clean(op, n);
}

static int64_t idle(int n, bool told, bool alone)
{
    struct op op;

    fill(n);
    make_threads(n);
    here.now_us += SECOND;
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.idle_us = here.now_us;
    op.replicate = told;
    op.alone = alone;
    return clean(op, n);
}

/* So that the tenant and the statements are known. */
static void begin(void)
{
    (void)expire(2);
    (void)idle(2, true, true);
}

START_TEST(expired)
{
    begin();
    ck_assert_int_eq(expire(CLEANUP_FEW), target->expired.few);
    ck_assert_int_eq(expire(CLEANUP_MANY), target->expired.many);
}
END_TEST

START_TEST(idle_ones)
{
    begin();
    ck_assert_int_eq(idle(CLEANUP_FEW, false, false), target->idle.few);
    ck_assert_int_eq(idle(CLEANUP_MANY, false, false), target->idle.many);
}
END_TEST

START_TEST(of_a_pair)
{
    begin();
    ck_assert_int_eq(idle(CLEANUP_FEW, true, false), target->told.few);
    ck_assert_int_eq(idle(CLEANUP_MANY, true, false), target->told.many);
}
END_TEST

START_TEST(of_one_that_is_alone)
{
    begin();
    ck_assert_int_eq(idle(CLEANUP_FEW, true, true), target->alone.few);
    ck_assert_int_eq(idle(CLEANUP_MANY, true, true), target->alone.many);
}
END_TEST

TCase *trips_cleanup_case(const struct trips_cleanup *of)
{
    TCase *tc = tcase_create("trips of a clean-up");

    target = of;
    tcase_add_checked_fixture(tc, of->set_up, of->tear_down);
    tcase_add_test(tc, expired);
    tcase_add_test(tc, idle_ones);
    tcase_add_test(tc, of_a_pair);
    tcase_add_test(tc, of_one_that_is_alone);
    return tc;
}

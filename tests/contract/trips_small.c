/* trips_small.c - counts how often ops on small values wait for a store; see trips_small.h. */
#include "trips_small.h"

#include "threads.h"

static const struct trips_small *target;

/* The round trips of an op, which must succeed. */
static int64_t trips(struct store *s, struct op op)
{
    int64_t before = target->so_far(s);

    store_ok(s, &op);
    return target->so_far(s) - before;
}

static const char *id_of(struct store *s, int n)
{
    return arena_printf(&s->arena, "c%03d", n).at;
}

/* The n-th step of a thread: four new small values, and two that are carried. */
static struct op step(struct store *s, const char *thread, int n)
{
    const char *anew =
        arena_printf(&s->arena, "a=%d:%d b=%d:%d c=%d:%d d=%d:%d", n, n, n, n, n, n, n, n).at;

    return put_op(s, (struct checkpoint_in){.thread = thread,
                                            .id = id_of(s, n),
                                            .parent = n > 1 ? id_of(s, n - 1) : NULL,
                                            .values = n > 1 ? anew : "e=1:x f=1:y",
                                            .carried = n > 1 ? "e=1 f=1" : NULL});
}

static void check_step(struct store *s, const char *thread, int n, const char *carried)
{
    const char *want = arena_printf(&s->arena, "a=%d:%d b=%d:%d c=%d:%d d=%d:%d%s", n, n, n, n, n,
                                    n, n, n, carried)
                           .at;

    ck_assert_str_eq(values_text(s, get(s, thread, "", id_of(s, n))), want);
}

/* Puts steps 1 to 3 of thread "t" from `here`, after the tenant and the statements were made known. */
static void begin(void)
{
    for (int n = 1; n <= 3; n++)
        (void)trips(&here, step(&here, "other", n));
    (void)trips(&there, step(&there, "other", 4));
    for (int n = 1; n <= 3; n++)
        (void)trips(&here, step(&here, "t", n));
}

START_TEST(a_step)
{
    begin();
    ck_assert_int_eq(trips(&here, step(&here, "t", 4)), target->step);
    ck_assert_int_eq(trips(&here, step(&here, "t", 5)), target->step);
    check_step(&here, "t", 5, " e=1:x f=1:y");
}
END_TEST

START_TEST(steps_in_turns)
{
    begin();
    ck_assert_int_eq(trips(&there, step(&there, "t", 4)), target->cold);
    ck_assert_int_eq(trips(&here, step(&here, "t", 5)), target->stale);
    ck_assert_int_eq(trips(&here, step(&here, "t", 6)), target->step);
    check_step(&here, "t", 4, " e=1:x f=1:y");
    check_step(&there, "t", 6, " e=1:x f=1:y");
}
END_TEST

START_TEST(a_step_of_what_others_have_deleted)
{
    begin();
    delete_thread(&there, "t");
    ck_assert_int_eq(trips(&here, step(&here, "t", 4)), target->gone);
    check_step(&here, "t", 4, "");
}
END_TEST

START_TEST(reads)
{
    struct value_ask ask = {.of = {SLICE("e"), SLICE("1")}};
    struct op op;

    begin();
    op = store_op(&there, OP_CHECKPOINT_GET, "t");
    op.checkpoint_get.ns = SLICE("");
    ck_assert_int_eq(trips(&there, op), target->get);
    op = store_op(&there, OP_VALUES_GET, "t");
    op.values_get = (struct op_values_get){.ns = SLICE(""), .asks = &ask, .n = 1};
    ck_assert_int_eq(trips(&there, op), target->base);
}
END_TEST

TCase *trips_small_case(const struct trips_small *of)
{
    TCase *tc = tcase_create("trips of small values");

    target = of;
    tcase_add_checked_fixture(tc, of->set_up, of->tear_down);
    tcase_add_test(tc, a_step);
    tcase_add_test(tc, steps_in_turns);
    tcase_add_test(tc, a_step_of_what_others_have_deleted);
    tcase_add_test(tc, reads);
    return tc;
}

/* trips_removal.c - counts how often a removal waits for a store; see trips_removal.h. */
#include "trips_removal.h"

#include "threads.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

/* A step has a head, a delta, and two values in its head; a run has a tenth of all steps. */
enum { STEPS = 450, RUNS = 10, BIG = 1500 };

static const struct trips_removal *target;

/* Runs an op, which must succeed and remove that many rows, and checks its round trips. */
static void check_trips(struct op *op, int64_t rows)
{
    int64_t before = target->so_far(&here), trips;

    store_ok(&here, op);
    trips = target->so_far(&here) - before;
    ck_assert_msg(trips <= target->always + rows / target->rows, "%lld trips for %lld rows",
                  (long long)trips, (long long)rows);
}

static const char *id_of(int n)
{
    return arena_printf(&here.arena, "c%04d", n).at;
}

static struct checkpoint_in step(const char *thread, int n)
{
    const char *big = arena_printf(&here.arena, "%0*d%s", BIG, n / 30, LONG).at;

    return (struct checkpoint_in){
        .thread = thread,
        .id = id_of(n),
        .parent = n ? id_of(n - 1) : NULL,
        .run = arena_printf(&here.arena, "r%d", n % RUNS).at,
        .head = arena_printf(&here.arena, "{\"id\":\"%s\",\"x\":\"" LONG "\"}", id_of(n)).at,
        .values = arena_printf(&here.arena, "a=%d:%s%d b=%d:%d c=%d:" LONG, n, big, n, n, n, n).at};
}

/* Makes a thread of n checkpoints with writes. */
static void fill(const char *thread, int n)
{
    for (int i = 0; i < n; i++) {
        put(&here, step(thread, i));
        put_writes(&here, (struct writes_in){.thread = thread,
                                             .checkpoint = id_of(i),
                                             .task = "t",
                                             .writes = "0:a=x 1:b=y"});
    }
}

/* Checks that the newest checkpoint is whole. */
static void check_left(const char *thread, int n)
{
    const struct checkpoint *got = get(&here, thread, "", id_of(n));

    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(values_text(&here, got), step(thread, n).values);
    ck_assert_str_eq(get_writes(&here, thread, "", id_of(n)), "t//0:a=x t//1:b=y");
}

START_TEST(a_prune)
{
    struct op op = store_op(&here, OP_THREAD_PRUNE, "t");

    fill("other", 2); /* so that the tenant and the statements are known */
    fill("t", STEPS);
    op.thread_prune.keep_last = 1;
    check_trips(&op, 3 * STEPS);
    ck_assert_int_eq(op.thread_prune.out.removed, STEPS - 1);
    ck_assert_str_eq(list(&here, list_op(&here, "t", NULL)), "t//c0449");
    ck_assert(!slice_present(get(&here, "t", "", "c0449")->parent_id));
    check_left("t", STEPS - 1);
}
END_TEST

/* Every tenth checkpoint goes, and its child loses its parent. */
START_TEST(a_run)
{
    static const struct slice run = {"r3", 2};
    struct op op = store_op(&here, OP_RUNS_DELETE, NULL);

    fill("t", STEPS);
    op.runs_delete = (struct op_runs_delete){.run_ids = &run, .n = 1};
    check_trips(&op, 3 * STEPS / RUNS);
    ck_assert_int_eq(op.runs_delete.out.removed, STEPS / RUNS);
    ck_assert_ptr_null(get(&here, "t", "", "c0103"));
    ck_assert(!slice_present(get(&here, "t", "", "c0104")->parent_id));
    ck_assert_slice(get(&here, "t", "", "c0105")->parent_id, "c0104");
    check_left("t", STEPS - 1);
}
END_TEST

START_TEST(all_runs)
{
    struct slice runs[RUNS];
    struct op op = store_op(&here, OP_RUNS_DELETE, NULL);

    fill("t", STEPS);
    for (int i = 0; i < RUNS; i++)
        runs[i] = arena_printf(&here.arena, "r%d", i);
    op.runs_delete = (struct op_runs_delete){.run_ids = runs, .n = RUNS};
    check_trips(&op, 3 * STEPS);
    ck_assert_int_eq(op.runs_delete.out.removed, STEPS);
    ck_assert_str_eq(thread_text(&here, "t"), "none");
}
END_TEST

TCase *trips_removal_case(const struct trips_removal *of)
{
    TCase *tc = tcase_create("trips of removals");

    target = of;
    tcase_add_checked_fixture(tc, of->set_up, of->tear_down);
    tcase_add_test(tc, a_prune);
    tcase_add_test(tc, a_run);
    tcase_add_test(tc, all_runs);
    return tc;
}

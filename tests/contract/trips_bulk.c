/* trips_bulk.c - counts how often an op that goes through many rows waits for a store; see trips_bulk.h. */
#include "trips_bulk.h"

#include "threads.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

enum { FEW = 4, MANY = 400 };

static const struct trips_bulk *target;
static int64_t parts;

static void count_part(struct store *s)
{
    (void)s;
    parts++;
}

/* Puts checkpoints `from` to `to` - 1: each has a value that is the last one with a new end, and one
 * task. */
static void fill(const char *thread, const char *ns, int from, int to)
{
    for (int i = from; i < to; i++) {
        const char *id = arena_printf(&here.arena, "c%03d", i).at;
        const char *values = arena_printf(&here.arena, "a=%d:" LONG "%d", i, i).at;

        put(&here, (struct checkpoint_in){.thread = thread, .ns = ns, .id = id, .values = values});
        put_writes(&here, (struct writes_in){.thread = thread,
                                             .ns = ns,
                                             .checkpoint = id,
                                             .task = "t",
                                             .writes = "0:a=x 1:b=y"});
    }
}

/* The round trips of a copy. *n: how many checkpoints were copied. */
static int64_t copy(const char *from, const char *to, int64_t *n)
{
    struct op op = store_op(&here, OP_THREAD_COPY, from);
    int64_t before = target->so_far(&here);

    op.thread_copy.to = slice_of(to);
    parts = 0;
    here.between = count_part;
    store_ok(&here, &op);
    here.between = NULL;
    *n = op.thread_copy.out.checkpoints;
    ck_assert_int_eq(op.thread_copy.out.writes, 2 * *n);
    return target->so_far(&here) - before;
}

START_TEST(a_copy)
{
    int64_t n, trips;

    fill("t", "", 0, FEW);
    (void)copy("t", "known", &n); /* so that the tenant and the statements are known */
    ck_assert_int_eq(copy("t", "u", &n), target->copy + parts * target->part);
    fill("t", "", FEW, MANY);
    trips = copy("t", "v", &n);
    ck_assert_int_eq(n, MANY);
    ck_assert_int_le(trips, target->copy + parts * target->part +
                                MANY * target->per_rows / target->chunk_rows);
    ck_assert_str_eq(values_text(&here, get(&here, "v", "", "c399")), "a=399:" LONG "399");
    ck_assert_str_eq(values_text(&here, get(&here, "v", "", "c000")), "a=0:" LONG "0");
    ck_assert_str_eq(get_writes(&here, "v", "", "c200"), "t//0:a=x t//1:b=y");
}
END_TEST

/* A graph that has others in it makes many namespaces. */
START_TEST(a_copy_of_many_namespaces)
{
    int64_t n;

    fill("t", "", 0, 2);
    (void)copy("t", "known", &n);
    for (int i = 0; i < MANY / FEW; i++)
        fill("t", arena_printf(&here.arena, "ns%d", i).at, 0, 1);
    ck_assert_int_le(copy("t", "u", &n), target->copy + parts * target->part + FEW);
    ck_assert_int_eq(n, 2 + MANY / FEW);
    ck_assert_str_eq(thread_text(&here, "u"), thread_text(&here, "t"));
    ck_assert_str_eq(values_text(&here, get(&here, "u", "ns7", NULL)), "a=0:" LONG "0");
}
END_TEST

TCase *trips_bulk_case(const struct trips_bulk *of)
{
    TCase *tc = tcase_create("trips of many rows");

    target = of;
    tcase_add_checked_fixture(tc, of->set_up, of->tear_down);
    tcase_add_test(tc, a_copy);
    tcase_add_test(tc, a_copy_of_many_namespaces);
    return tc;
}

/* test_closure.c - a checkpoint is brought with all that it needs. */
#include <check.h>

#include "closure.h"
#include "sides.h"

Suite *suite_closure(void);

static struct sides sides;
static int hidden; /* how many more reads of values find none */
static int taken;  /* how many more merges lose their values at once */

static void setup(void)
{
    sides_open(&sides);
    hidden = taken = 0;
    sides_checkpoint(&sides, 0, "t", "c1");
}

static void teardown(void)
{
    sides_close(&sides);
}

/* Runs an op as if others worked on the stores meanwhile. */
static bool run(void *store, struct op *op, struct err *err)
{
    if (op->type == OP_MERGE && op->merge.n > 1 && taken-- > 0) {
        op->merge.out.broken = 1;
        return true;
    }
    if (!backend_run(store, op, err))
        return false;
    if (op->type == OP_RECORDS_GET && op->records_get.names->kind == RECORD_VALUE && hidden-- > 0)
        op->records_get.out.n = 0;
    return true;
}

static bool bring(const char *id, bool *applied, struct err *err)
{
    struct closure c = {sides.stores[0], sides.stores[1], run, SLICE("default")};
    struct record records[] = {
        {.kind = RECORD_THREAD, .key.id = SLICE("t")},
        {.kind = RECORD_CHECKPOINT,
         .key = {.id = SLICE("t"), .ns = SLICE(""), .sub = slice_of(id)}},
    };

    return applied ? closure_bring(&c, &records[1].key, applied, err)
                   : closure_bring_all(&c, records, COUNT_OF(records), NULL, err);
}

START_TEST(it_is_tried_again)
{
    struct err err = {0};
    bool applied = false;

    hidden = _i;
    taken = 3 - _i;
    ck_assert_msg(bring("c1", &applied, &err), "%s", err.text);
    ck_assert(applied);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_CHECKPOINT), 1);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_VALUE), 1);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_THREAD), 1);
    ck_assert(bring("c1", &applied, &err) && !applied);
    ck_assert(bring("none", &applied, &err) && !applied);
    ck_assert(bring("c1", NULL, &err));
}
END_TEST

/* What the source itself lacks is reported, and nothing is merged. */
START_TEST(it_ends_when_a_part_is_never_there)
{
    struct err err = {0};

    hidden = 1000;
    ck_assert(!bring("c1", NULL, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_CHECKPOINT), 0);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_VALUE), 0);
}
END_TEST

Suite *suite_closure(void)
{
    Suite *s = suite_create("closure");
    TCase *tc = tcase_create("closure");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, it_is_tried_again, 0, 4);
    tcase_add_test(tc, it_ends_when_a_part_is_never_there);
    suite_add_tcase(s, tc);
    return s;
}

/* test_relay.c - ops that pass through the lanes of a store. */
#include <check.h>

#include "fake_backend.h"
#include "inbox.h"
#include "relay.h"

Suite *suite_relay(void);

enum { OPS = 12 };

static struct fake_backend fake;
static struct lanes *lanes;
static struct backend *relay;

static struct backend *open_fake(void *ctx UNUSED, enum backend_role role UNUSED,
                                 struct err *err UNUSED)
{
    return &fake.base;
}

static void setup(void)
{
    struct lanes_config cfg = {
        .layout = LANES_ONE, .batch_max_ops = 100, .queue_max = OPS, .open = open_fake};
    struct err err;

    fake = FAKE_BACKEND;
    lanes = lanes_open(&cfg, &err);
    relay = lanes ? relay_open(lanes, &err) : NULL;
    ck_assert_ptr_nonnull(relay);
}

static void teardown(void)
{
    backend_close(relay);
    lanes_close(lanes);
}

static void make(struct op *ops, struct op **list, size_t n, struct inbox *home)
{
    for (size_t i = 0; i < n; i++) {
        ops[i] = (struct op){.type = OP_SESSION_GET, .id = SLICE("s"), .home = home};
        ops[i].next = i + 1 < n ? &ops[i + 1] : NULL;
        list[i] = &ops[i];
    }
}

START_TEST(ops_come_back_with_their_addresses)
{
    struct op ops[OPS], *list[OPS];
    struct inbox home;
    struct err err;

    make(ops, list, OPS, &home);
    ck_assert(backend_execute(relay, list, OPS, &err));
    ck_assert_uint_eq(fake.n_ran, OPS);
    for (size_t i = 0; i < OPS; i++) {
        ck_assert_int_eq(ops[i].status.kind, ERR_OK);
        ck_assert_ptr_eq(ops[i].home, &home);
        ck_assert_ptr_eq(ops[i].next, i + 1 < OPS ? &ops[i + 1] : NULL);
    }
}
END_TEST

START_TEST(a_lost_store_fails_each_op)
{
    struct op ops[2], *list[2];
    struct err err;

    make(ops, list, 2, NULL);
    ops[1].type = OP_SESSION_PUT;
    fake.fail = ERR_IN_DOUBT;
    ck_assert(backend_execute(relay, list, 2, &err));
    ck_assert_int_eq(ops[0].status.kind, ERR_UNAVAILABLE); /* it only reads */
    ck_assert_int_eq(ops[1].status.kind, ERR_IN_DOUBT);
    ck_assert(!backend_probe(relay, 0, &err));
}
END_TEST

START_TEST(a_full_queue_refuses_each_op)
{
    struct op ops[OPS + 1], *list[OPS + 1];
    struct err err;

    make(ops, list, OPS + 1, NULL);
    ck_assert(backend_execute(relay, list, OPS + 1, &err));
    for (size_t i = 0; i <= OPS; i++)
        ck_assert_int_eq(ops[i].status.kind, ERR_OVERLOADED);
    ck_assert_uint_eq(fake.n_ran, 0);
}
END_TEST

START_TEST(parts_are_done_below)
{
    struct op op, *list[1];
    struct err err;

    make(&op, list, 1, NULL);
    op.id = SLICE("long");
    fake.parts = 3;
    ck_assert(backend_execute(relay, list, 1, &err));
    ck_assert(!op.again);
    ck_assert_uint_eq(fake.n_ran, 4);
}
END_TEST

START_TEST(a_probe_tells_how_durable_it_is)
{
    struct err err;

    fake.base.caps = BACKEND_DURABLE;
    ck_assert(backend_probe(relay, 0, &err));
    ck_assert_uint_eq(relay->caps, BACKEND_DURABLE);
    fake.base.caps = 0;
    ck_assert(backend_probe(relay, 0, &err));
    ck_assert_uint_eq(relay->caps, 0);
}
END_TEST

Suite *suite_relay(void)
{
    Suite *s = suite_create("relay");
    TCase *tc = tcase_create("relay");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, ops_come_back_with_their_addresses);
    tcase_add_test(tc, a_lost_store_fails_each_op);
    tcase_add_test(tc, a_full_queue_refuses_each_op);
    tcase_add_test(tc, parts_are_done_below);
    tcase_add_test(tc, a_probe_tells_how_durable_it_is);
    suite_add_tcase(s, tc);
    return s;
}

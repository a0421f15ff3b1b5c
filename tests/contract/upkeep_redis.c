/* upkeep_redis.c - see upkeep_redis.h. */
#include "upkeep_redis.h"

#include "clock.h"
#include "threads.h"

static const struct upkeep_redis *target;

/* Sends one command about a key of the session, of its bucket, or of all buckets, and returns its number. */
static int64_t send(struct store *s, struct call *c, const struct slice *args, size_t n)
{
    struct reply **replies;
    struct err err = {0};

    c->d = target->driver(s);
    c->arena = &s->arena;
    call_ask(c, args, n);
    ck_assert_msg(call_answers(c, &replies, &err), "%s", err.text);
    return replies[0]->number;
}
#define SEND(s, c, ...)                                 \
    send((s), (c), (const struct slice[]){__VA_ARGS__}, \
         COUNT_OF(((const struct slice[]){__VA_ARGS__})))

static struct call at(struct store *s, const char *id)
{
    struct call c = {.d = target->driver(s), .arena = &s->arena};

    call_at(&c, s->tenant, slice_of(id));
    return c;
}

static struct slice shared(struct store *s, const char *kind, const char *tenant)
{
    struct slice of = tenant ? slice_of(tenant) : (struct slice){NULL, 0};

    return redis_key_single(target->driver(s)->prefix, kind, of, &s->arena);
}

/* As FLUSHALL leaves it: the connection still knows the marks. */
static void drop_marks(void)
{
    struct call c = at(&here, "s");

    (void)SEND(&here, &c, SLICE("DEL"), shared(&here, "tenants", NULL),
               shared(&here, "buckets", "default"));
}

/* A minute later, whatever the connection is asked. */
static void pass_minute(struct store *s)
{
    target->driver(s)->used_until_ns = 0;
    (void)store_has(s, "nobody");
}

static size_t listed(struct store *s)
{
    size_t n;

    (void)store_records(s, RECORD_SESSION, 10, &n);
    return n;
}

static size_t tenants(struct store *s)
{
    struct op op = store_op(s, OP_TENANT_LIST, NULL);

    op.tenant_list.limit = 10;
    store_ok(s, &op);
    return op.tenant_list.out.n;
}

START_TEST(lost_marks_come_back)
{
    store_session(&here, "a");
    drop_marks();
    store_session(&here, "b");
    store_session(&here, "a");
    pass_minute(&here);
    ck_assert_uint_eq(listed(&here), 2);
    ck_assert_uint_eq(tenants(&here), 1);
    drop_marks(); /* what was not used since is marked when it is used */
    store_session(&here, "a");
    ck_assert_uint_eq(listed(&here), 0);
    pass_minute(&here);
    ck_assert_uint_eq(listed(&here), 1);
    pass_minute(&here);
    drop_marks();
    pass_minute(&here);
    store_session(&here, "a");
    ck_assert_uint_eq(listed(&here), 1);
}
END_TEST

START_TEST(marks_are_looked_at_in_one_trip)
{
    int64_t before;

    store_session(&here, "a");
    store_session(&here, "b");
    (void)store_has(&here, "nobody");
    before = target->driver(&here)->conn.trips;
    (void)store_has(&here, "nobody");
    before = target->driver(&here)->conn.trips - before;
    pass_minute(&here);
    before += target->driver(&here)->conn.trips;
    store_session(&here, "a"); /* still known */
    ck_assert_int_eq(target->driver(&here)->conn.trips - before, 1);
}
END_TEST

START_TEST(a_tenant_that_was_dropped_stays_away)
{
    struct op op;

    store_session(&here, "a");
    op = store_op(&there, OP_SESSION_DELETE, "a");
    store_ok(&there, &op);
    op = store_op(&there, OP_TENANT_FORGET, NULL);
    store_ok(&there, &op);
    ck_assert(op.tenant_forget.out.removed);
    pass_minute(&here);
    ck_assert_uint_eq(tenants(&here), 0);
    store_session(&here, "b");
    ck_assert_uint_eq(listed(&there), 1);
}
END_TEST

/* As versions before did. */
static void let_expire(const char *id)
{
    struct call c = at(&here, id);

    ck_assert_int_eq(SEND(&here, &c, SLICE("PEXPIRE"), call_key(&c, "session"), SLICE("60000")), 1);
    ck_assert_int_eq(SEND(&here, &c, SLICE("PEXPIRE"), call_key(&c, "order"), SLICE("60000")), 1);
    ck_assert_int_eq(SEND(&here, &c, SLICE("PEXPIRE"), call_key(&c, "messages"), SLICE("60000")),
                     1);
}

static bool expires(const char *id)
{
    struct call c = at(&here, id);

    return SEND(&here, &c, SLICE("PTTL"), call_key(&c, "session")) >= 0 ||
           SEND(&here, &c, SLICE("PTTL"), call_key(&c, "order")) >= 0 ||
           SEND(&here, &c, SLICE("PTTL"), call_key(&c, "messages")) >= 0;
}

START_TEST(sessions_last)
{
    store_session(&here, "a");
    store_message(&here, "a", "m");
    let_expire("a");
    (void)store_clean(&here, 0, 10);
    ck_assert(!expires("a"));
    let_expire("a"); /* by an instance of an older version */
    ck_assert_int_lt(target->driver(&here)->lasting_ns, clock_now_ns() + HOUR * 1000);
    target->driver(&here)->lasting_ns = 0; /* the time has come */
    (void)store_clean(&here, 0, 10);
    ck_assert(!expires("a"));
    target->driver(&here)->lasting_ns = 0;
    (void)store_clean(&here, 0, 10); /* finds none, and that is all for this connection */
    ck_assert_int_eq(target->driver(&here)->lasting_ns, INT64_MAX);
    conn_close(&target->driver(&here)->conn); /* the next one may lead to another store */
    (void)store_has(&here, "a");
    let_expire("a");
    (void)store_clean(&here, 0, 10);
    ck_assert(!expires("a"));
}
END_TEST

TCase *upkeep_redis_case(const struct upkeep_redis *of)
{
    TCase *tc = tcase_create("upkeep");

    target = of;
    tcase_add_checked_fixture(tc, of->set_up, of->tear_down);
    tcase_add_test(tc, lost_marks_come_back);
    tcase_add_test(tc, marks_are_looked_at_in_one_trip);
    tcase_add_test(tc, a_tenant_that_was_dropped_stays_away);
    tcase_add_test(tc, sessions_last);
    return tc;
}

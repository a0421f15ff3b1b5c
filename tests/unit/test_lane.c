#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "fake_backend.h"
#include "inbox.h"
#include "lane.h"

enum { FAKES = 8 };

/* Hands out fakes in turn, the last one for scans. The fail_at-th opening fails. */
struct opener {
    pthread_mutex_t lock; /* guards what follows while lanes open */
    struct fake_backend fakes[FAKES];
    enum backend_role roles[FAKES];
    size_t n, fail_at;
    bool fail_on;                /* later openings fail, too */
    pthread_barrier_t *together; /* where all lanes but the first meet; NULL: they do not */
    pthread_mutex_t *gate;
    size_t gather;
    enum err_kind fail;
};

static struct backend *open_fake(void *ctx, enum backend_role role, struct err *err)
{
    struct opener *o = ctx;
    struct fake_backend *f = NULL;
    size_t at;

    pthread_mutex_lock(&o->lock);
    at = o->n++;
    if (o->fail_at != o->n && !(o->fail_on && o->fail_at < o->n)) {
        f = &o->fakes[role == BACKEND_SCANNER ? FAKES - 1 : at - (o->roles[FAKES - 1] != 0)];
        o->roles[f - o->fakes] = role;
        *f = FAKE_BACKEND;
        f->gate = o->gate;
        f->fail = o->fail;
    }
    pthread_mutex_unlock(&o->lock);
    if (o->together && at > 0)
        pthread_barrier_wait(o->together);
    if (f)
        return &f->base;
    err_fill(err, ERR_UNAVAILABLE, "no such store");
    return NULL;
}

static struct lanes *try_lanes(struct opener *o, enum backend_lanes layout, size_t queue_max,
                               struct err *err)
{
    struct lanes_config cfg = {
        .layout = layout,
        .n_readers = 2,
        .n_lanes = 4,
        .gather = o->gather,
        .batch_max_ops = 10,
        .queue_max = queue_max,
        .open = open_fake,
        .ctx = o,
    };

    return lanes_open(&cfg, err);
}

static struct lanes *open_lanes(struct opener *o, enum backend_lanes layout, size_t queue_max)
{
    struct err err;
    struct lanes *l = try_lanes(o, layout, queue_max, &err);

    ck_assert_ptr_nonnull(l);
    return l;
}

/* Opening fails, and the lanes that were open are closed. */
static void do_not_open(struct opener *o, enum backend_lanes layout)
{
    struct err err;

    ck_assert_ptr_null(try_lanes(o, layout, 1, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_str_eq(err.text, "no such store");
    for (size_t i = 0; i < FAKES; i++)
        ck_assert(!o->fakes[i].base.ops || o->fakes[i].closed);
}

/* Makes n linked ops on a few records. */
static void make_ops(struct op *ops, char ids[][8], size_t n, enum op_type type, struct inbox *home)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], 8, "r%zu", i % 3);
        ops[i] = (struct op){
            .type = type, .id = slice_of(ids[i]), .home = home, .now_us = (int64_t)i};
        ops[i].next = i + 1 < n ? &ops[i + 1] : NULL;
    }
}

static void submit(struct lanes *l, struct op *first, size_t n)
{
    struct err err;

    ck_assert(lanes_admit(l, n, &err));
    lanes_submit(l, first);
}

START_TEST(what_gathers_is_one_sorted_batch)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct opener o = {.gate = &gate};
    struct lanes *l = open_lanes(&o, LANES_ONE, 100);
    struct fake_backend *f = &o.fakes[0];
    struct op first = {.type = OP_STATS}, ops[25];
    char ids[25][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    first.home = &home;
    make_ops(ops, ids, 25, OP_SESSION_PATCH, &home);
    pthread_mutex_lock(&gate);
    submit(l, &first, 1);
    submit(l, ops, 25);
    ck_assert_uint_eq(lanes_depth(l), 26);
    pthread_mutex_unlock(&gate);
    ck_assert_uint_eq(inbox_wait_for(&home, 26), 26);
    ck_assert_uint_eq(lanes_depth(l), 0);
    lanes_close(l);
    ck_assert(f->closed);
    ck_assert_uint_le(f->largest, 10);
    ck_assert_uint_le(f->n_batches, 5); /* 26 ops, at most 10 in a batch; the first may be alone */
    for (size_t i = 0; i < f->n_ran; i++)
        for (size_t j = i + 1; j < f->n_ran; j++)
            if (slice_equal(f->ran[i]->id, f->ran[j]->id)) /* ops on one record keep their order */
                ck_assert_int_le(f->ran[i]->now_us, f->ran[j]->now_us);
    inbox_done(&home);
}
END_TEST

START_TEST(readers_never_write)
{
    struct opener o = {0};
    struct lanes *l = open_lanes(&o, LANES_WRITER_READERS, 1000);
    struct op writes[60], reads[60];
    char ids[60][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    ck_assert_uint_eq(o.n, 3);
    ck_assert_int_eq(o.roles[0], BACKEND_WRITER);
    ck_assert_int_eq(o.roles[1], BACKEND_READER);
    ck_assert_int_eq(o.roles[2], BACKEND_READER);
    make_ops(writes, ids, 60, OP_SESSION_PATCH, &home);
    make_ops(reads, ids, 60, OP_SESSION_GET, &home);
    for (int i = 0; i < 59; i++) { /* links them into one mixed list */
        writes[i].next = &reads[i];
        reads[i].next = &writes[i + 1];
    }
    writes[59].next = &reads[59];
    submit(l, writes, 120);
    inbox_wait_for(&home, 120);
    lanes_close(l);
    ck_assert_uint_eq(o.fakes[0].n_ran, 60);
    ck_assert_uint_eq(o.fakes[1].n_ran + o.fakes[2].n_ran, 60);
    for (int f = 1; f < 3; f++)
        for (size_t i = 0; i < o.fakes[f].n_ran; i++)
            ck_assert(!op_writes(o.fakes[f].ran[i]));
    inbox_done(&home);
}
END_TEST

START_TEST(a_record_has_one_lane)
{
    struct opener o = {0};
    struct lanes *l = open_lanes(&o, LANES_BY_KEY, 1000);
    struct op ops[90], general[8] = {{0}};
    const void *lane_of[3] = {NULL};
    char ids[90][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    make_ops(ops, ids, 90, OP_SESSION_PATCH, &home);
    submit(l, ops, 90);
    for (int i = 0; i < 8; i++) { /* about no record: in turn */
        general[i] = (struct op){.type = OP_DESCRIBE, .home = &home};
        submit(l, &general[i], 1);
    }
    inbox_wait_for(&home, 98);
    lanes_close(l);
    for (int f = 0; f < 4; f++) {
        size_t n_general = 0;

        ck_assert_int_eq(o.roles[f], BACKEND_ANY);
        for (size_t i = 0; i < o.fakes[f].n_ran; i++) {
            const struct op *op = o.fakes[f].ran[i];
            const void **lane;

            if (op->type == OP_DESCRIBE) {
                n_general++;
                continue;
            }
            lane = &lane_of[op->id.at[1] - '0'];
            ck_assert(!*lane || *lane == &o.fakes[f]);
            *lane = &o.fakes[f];
        }
        ck_assert_uint_eq(n_general, 2);
    }
    inbox_done(&home);
}
END_TEST

/* Makes n changes of n_ids records, each a list of its own. */
static void make_singles(struct op *ops, char ids[][8], size_t n, size_t n_ids, struct inbox *home)
{
    make_ops(ops, ids, n, OP_SESSION_PATCH, home);
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof(ids[i]), "r%zu", i % n_ids);
        ops[i].id = slice_of(ids[i]);
        ops[i].next = NULL;
    }
}

/* How many ops ran in all lanes by key but the first. */
static size_t ran_elsewhere(const struct opener *o)
{
    return o->fakes[1].n_ran + o->fakes[2].n_ran + o->fakes[3].n_ran;
}

START_TEST(few_ops_gather_in_the_first_lane)
{
    struct opener o = {.gather = 8};
    struct lanes *l = open_lanes(&o, LANES_BY_KEY, 1000);
    struct op ops[40];
    char ids[40][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    make_singles(ops, ids, 40, 40, &home);
    for (int i = 0; i < 40; i++) {
        submit(l, &ops[i], 1);
        inbox_wait_for(&home, 1);
    }
    lanes_close(l);
    ck_assert_uint_eq(o.fakes[0].n_ran, 40);
    ck_assert_uint_eq(ran_elsewhere(&o), 0);
    inbox_done(&home);
}
END_TEST

START_TEST(many_ops_spread_and_keep_their_order)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct opener o = {.gate = &gate, .gather = 8};
    struct lanes *l = open_lanes(&o, LANES_BY_KEY, 1000);
    struct op ops[120];
    char ids[120][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    make_singles(ops, ids, 120, 40, &home);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 120; i++)
        submit(l, &ops[i], 1);
    pthread_mutex_unlock(&gate);
    inbox_wait_for(&home, 120);
    lanes_close(l);
    ck_assert_uint_gt(ran_elsewhere(&o), 20);
    ck_assert_uint_eq(o.fakes[0].n_ran + ran_elsewhere(&o), 120);
    for (int f = 0; f < 4; f++) {
        const struct fake_backend *fake = &o.fakes[f];

        for (size_t i = 0; i < fake->n_ran; i++) {
            size_t same = 0;
            int64_t last = -1;

            for (size_t k = 0; k < fake->n_ran; k++)
                if (slice_equal(fake->ran[k]->id, fake->ran[i]->id)) {
                    ck_assert_int_gt(fake->ran[k]->now_us, last);
                    last = fake->ran[k]->now_us;
                    same++;
                }
            ck_assert_uint_eq(same, 3); /* all of one record waited together, so in one lane */
        }
    }
    inbox_done(&home);
}
END_TEST

START_TEST(a_long_batch_is_passed_by)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct opener o = {.gate = &gate, .gather = 1000};
    struct lanes *l = open_lanes(&o, LANES_BY_KEY, 1000);
    struct op ops[60];
    char ids[60][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    make_singles(ops, ids, 60, 60, &home);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 60; i++) {
        submit(l, &ops[i], 1);
        usleep(2000); /* the first one is under way by then, and will take long */
    }
    pthread_mutex_unlock(&gate);
    inbox_wait_for(&home, 60);
    lanes_close(l);
    ck_assert_uint_gt(ran_elsewhere(&o), 0);
    inbox_done(&home);
}
END_TEST

START_TEST(scans_have_a_lane)
{
    struct opener o = {0};
    struct lanes *l = open_lanes(&o, LANES_BY_KEY, 1000);
    struct op ops[20], scans[] = {{.type = OP_STATS},       {.type = OP_SESSION_LIST},
                                  {.type = OP_THREAD_LIST}, {.type = OP_CHECKPOINT_LIST},
                                  {.type = OP_CLEANUP},     {.type = OP_RUNS_DELETE}};
    char ids[20][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    make_ops(ops, ids, 20, OP_CHECKPOINT_LIST, &home); /* of a thread, so no scans */
    submit(l, ops, 20);
    for (size_t i = 0; i < COUNT_OF(scans); i++) {
        scans[i].home = &home;
        submit(l, &scans[i], 1);
    }
    inbox_wait_for(&home, 20 + COUNT_OF(scans));
    lanes_close(l);
    ck_assert_uint_eq(o.n, 5);
    ck_assert_int_eq(o.roles[FAKES - 1], BACKEND_SCANNER);
    ck_assert_uint_eq(o.fakes[FAKES - 1].n_ran, COUNT_OF(scans));
    for (size_t i = 0; i < o.fakes[FAKES - 1].n_ran; i++)
        ck_assert(op_scans(o.fakes[FAKES - 1].ran[i]));
    inbox_done(&home);
}
END_TEST

START_TEST(a_full_queue_refuses)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct opener o = {.gate = &gate};
    struct lanes *l = open_lanes(&o, LANES_ONE, 5);
    struct op ops[5];
    char ids[5][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    make_ops(ops, ids, 5, OP_SESSION_GET, &home);
    ck_assert(!lanes_admit(l, 6, &err));
    ck_assert_int_eq(err.kind, ERR_OVERLOADED);
    pthread_mutex_lock(&gate);
    submit(l, ops, 5);
    ck_assert(!lanes_admit(l, 1, &err));
    ck_assert_uint_eq(lanes_depth(l), 5);
    pthread_mutex_unlock(&gate);
    inbox_wait_for(&home, 5);
    ck_assert(lanes_admit(l, 1, &err));
    ops[0].next = NULL;
    lanes_submit(l, &ops[0]);
    lanes_close(l); /* runs what is queued */
    ck_assert_ptr_eq(inbox_take(&home), &ops[0]);
    inbox_done(&home);
}
END_TEST

START_TEST(homes_get_their_own)
{
    struct opener o = {0};
    struct lanes *l = open_lanes(&o, LANES_ONE, 100);
    struct op ops[30];
    char ids[30][8];
    struct inbox homes[2];
    struct err err;

    ck_assert(inbox_init(&homes[0], &err) && inbox_init(&homes[1], &err));
    make_ops(ops, ids, 30, OP_SESSION_GET, NULL);
    for (int i = 0; i < 30; i++)
        ops[i].home = &homes[i % 2];
    submit(l, ops, 30);
    ck_assert_uint_eq(inbox_wait_for(&homes[0], 15), 15);
    ck_assert_uint_eq(inbox_wait_for(&homes[1], 15), 15);
    lanes_close(l);
    inbox_done(&homes[0]);
    inbox_done(&homes[1]);
}
END_TEST

START_TEST(a_failed_batch_fails_each_op)
{
    struct opener o = {.fail = ERR_IN_DOUBT};
    struct lanes *l = open_lanes(&o, LANES_ONE, 100);
    struct inbox home;
    struct err err;
    struct op write = {.type = OP_SESSION_PATCH}, read = {.type = OP_SESSION_GET};

    ck_assert(inbox_init(&home, &err));
    write.home = read.home = &home;
    write.next = &read;
    submit(l, &write, 2);
    inbox_wait_for(&home, 2);
    ck_assert_int_eq(write.status.kind, ERR_IN_DOUBT);
    ck_assert_int_eq(read.status.kind, ERR_UNAVAILABLE); /* a read is never in doubt */
    lanes_close(l);
    inbox_done(&home);
}
END_TEST

START_TEST(a_store_that_does_not_open_stops_the_start)
{
    for (size_t at = 1; at <= 3; at++) {
        struct opener o = {.fail_at = at};

        do_not_open(&o, LANES_WRITER_READERS);
    }
    lanes_close(NULL);
}
END_TEST

START_TEST(all_but_the_first_open_at_once)
{
    pthread_barrier_t together;
    struct opener o = {.together = &together};

    pthread_barrier_init(&together, NULL, 4);
    lanes_close(open_lanes(&o, LANES_BY_KEY, 1));
    pthread_barrier_destroy(&together);
    ck_assert_uint_eq(o.n, 5);
}
END_TEST

/* Many openings at once may be more than a store takes in its time. */
START_TEST(one_of_those_that_fails_opens_again)
{
    for (size_t at = 2; at <= 5; at++) {
        struct opener o = {.fail_at = at};

        lanes_close(open_lanes(&o, LANES_BY_KEY, 1));
        ck_assert_uint_eq(o.n, 6);
    }
}
END_TEST

/* It does not matter from which lane on it fails. */
START_TEST(a_lane_that_does_not_open_stops_the_start)
{
    for (size_t at = 1; at <= 5; at++) {
        struct opener o = {.fail_at = at, .fail_on = true};

        do_not_open(&o, LANES_BY_KEY);
        ck_assert_uint_eq(o.n, at == 1 ? 1 : 5 + (6 - at)); /* they try once more */
    }
}
END_TEST

/* "long" takes three parts; a and b are submitted behind it. */
START_TEST(parts_let_others_in_between)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct opener o = {.gate = &gate};
    struct lanes *l = open_lanes(&o, LANES_ONE, 3);
    struct fake_backend *f = &o.fakes[0];
    struct op big = {.type = OP_THREAD_DELETE, .id = SLICE("long")};
    struct op a = {.type = OP_STATS, .id = SLICE("short")}, b = a;
    struct inbox home, big_home;
    struct err err;

    ck_assert(inbox_init(&home, &err) && inbox_init(&big_home, &err));
    big.home = &big_home;
    a.home = b.home = &home;
    a.next = &b;
    f->parts = 2;
    pthread_mutex_lock(&gate);
    submit(l, &big, 1);
    submit(l, &a, 2);
    ck_assert(!lanes_admit(l, 1, &err)); /* it counts as one op until it is home */
    pthread_mutex_unlock(&gate);
    inbox_wait_for(&home, 2);
    inbox_wait_for(&big_home, 1);
    ck_assert_uint_eq(lanes_depth(l), 0);
    ck_assert_int_eq(big.status.kind, ERR_OK);
    ck_assert(!big.again);
    lanes_close(l);
    ck_assert_uint_eq(f->n_ran, 5);
    ck_assert_ptr_eq(f->ran[4], &big);
    inbox_done(&home);
    inbox_done(&big_home);
}
END_TEST

START_TEST(closing_runs_all_parts)
{
    struct opener o = {0};
    struct lanes *l = open_lanes(&o, LANES_WRITER_READERS, 10);
    struct op big = {.type = OP_THREAD_DELETE, .id = SLICE("long")};
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    big.home = &home;
    o.fakes[0].parts = 100;
    submit(l, &big, 1);
    lanes_close(l);
    ck_assert_ptr_eq(inbox_take(&home), &big);
    ck_assert_uint_eq(o.fakes[0].n_ran, 101);
    inbox_done(&home);
}
END_TEST

/* An op that has begun is done to its end, the others fail. */
START_TEST(what_has_not_begun_expires)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct opener o = {.gate = &gate};
    struct lanes *l = open_lanes(&o, LANES_ONE, 100);
    struct op big = {.type = OP_THREAD_DELETE, .id = SLICE("long")}, ops[25];
    char ids[25][8];
    struct inbox home;
    struct err err;

    ck_assert(inbox_init(&home, &err));
    big.home = &home;
    make_ops(ops, ids, 25, OP_SESSION_PATCH, &home);
    o.fakes[0].parts = 3;
    pthread_mutex_lock(&gate);
    submit(l, &big, 1);
    while (!atomic_load(&o.fakes[0].entered))
        usleep(100);
    submit(l, ops, 25);
    ck_assert(!lanes_expired(l));
    lanes_expire(l);
    ck_assert(lanes_expired(l));
    pthread_mutex_unlock(&gate);
    ck_assert_uint_eq(inbox_wait_for(&home, 26), 26);
    ck_assert_uint_eq(o.fakes[0].n_ran, 4);
    ck_assert_int_eq(big.status.kind, ERR_OK);
    for (int i = 0; i < 25; i++)
        ck_assert_int_eq(ops[i].status.kind, ERR_UNAVAILABLE);
    lanes_close(l);
    inbox_done(&home);
}
END_TEST

Suite *suite_lane(void);

Suite *suite_lane(void)
{
    Suite *s = suite_create("lane");
    TCase *t = tcase_create("lane");

    tcase_add_test(t, what_gathers_is_one_sorted_batch);
    tcase_add_test(t, readers_never_write);
    tcase_add_test(t, a_record_has_one_lane);
    tcase_add_test(t, few_ops_gather_in_the_first_lane);
    tcase_add_test(t, many_ops_spread_and_keep_their_order);
    tcase_add_test(t, a_long_batch_is_passed_by);
    tcase_add_test(t, scans_have_a_lane);
    tcase_add_test(t, a_full_queue_refuses);
    tcase_add_test(t, homes_get_their_own);
    tcase_add_test(t, a_failed_batch_fails_each_op);
    tcase_add_test(t, all_but_the_first_open_at_once);
    tcase_add_test(t, one_of_those_that_fails_opens_again);
    tcase_add_test(t, a_lane_that_does_not_open_stops_the_start);
    tcase_add_test(t, parts_let_others_in_between);
    tcase_add_test(t, closing_runs_all_parts);
    tcase_add_test(t, what_has_not_begun_expires);
    tcase_add_test(t, a_store_that_does_not_open_stops_the_start);
    suite_add_tcase(s, t);
    return s;
}

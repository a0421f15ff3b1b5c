/* test_lane_order.c - in lanes that gather, ops on one record keep their order and never overlap. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "inbox.h"
#include "lane.h"

Suite *suite_lane_order(void);

enum { CLIENTS = 3, RECORDS = 5, OPS = 400, TOGETHER = 8, LANES = 3, GATHER = 4, SLOW_US = 4000 };

/* A record of one client. */
struct place {
    int lane; /* where the ops are that have begun and not ended */
    int open; /* how many they are */
    int last; /* the number of the one that began last, from 1 */
};

struct job {
    struct op op; /* the first member */
    char id[8];
    struct place *place;
    int number;
    int parts; /* left to do */
    bool begun;
};

struct lane_backend {
    struct backend base;
    int lane;
    int n_batches;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all that follows */
static struct place places[CLIENTS][RECORDS];
static struct lane_backend backends[LANES + 1];
static int n_backends, n_overlaps, n_disorders, n_elsewhere;

static void begin(const struct lane_backend *b, struct job *job)
{
    struct place *p = job->place;

    n_overlaps += p->open > 0 && p->lane != b->lane;
    if (!job->begun) {
        n_disorders += job->number <= p->last;
        p->last = job->number;
        p->open++;
    }
    job->begun = true;
    p->lane = b->lane;
    n_elsewhere += b->lane > 0;
    job->op.again = --job->parts > 0;
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err UNUSED)
{
    struct lane_backend *b = (struct lane_backend *)self;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n; i++)
        begin(b, (struct job *)ops[i]);
    pthread_mutex_unlock(&lock);
    usleep(++b->n_batches % 8 ? 100 : SLOW_US);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n; i++)
        ((struct job *)ops[i])->place->open -= !ops[i]->again;
    pthread_mutex_unlock(&lock);
    return true;
}

static void close_nothing(struct backend *self UNUSED)
{
}

static struct backend *open_lane(void *ctx UNUSED, enum backend_role role UNUSED,
                                 struct err *err UNUSED)
{
    static const struct backend_ops ops = {
        .name = "order", .execute = execute, .close = close_nothing};
    struct lane_backend *b;

    pthread_mutex_lock(&lock);
    b = &backends[n_backends];
    *b = (struct lane_backend){.base = {.ops = &ops}, .lane = n_backends++};
    pthread_mutex_unlock(&lock);
    return &b->base;
}

struct client {
    struct lanes *lanes;
    int number;
    int n_here; /* ops that it has run itself */
    pthread_t thread;
};

/* Waits until at least so many are home; returns how many are. */
static int take(struct inbox *home, int least)
{
    return least > 0 ? (int)inbox_wait_for(home, (size_t)least) : 0;
}

/* Offers to run ops, one by one; returns how many it has run. */
static int run_each(struct lanes *l, struct job *jobs)
{
    int n = 0;

    for (int i = 0; i < TOGETHER; i++) {
        jobs[i].op.next = NULL;
        n += (int)op_count(lanes_run(l, &jobs[i].op, true));
    }
    return n;
}

/* Submits some ops at a time, or offers to run them, and waits for some. Every seventh op has three parts. */
static void *run_client(void *arg)
{
    struct client *c = arg;
    static struct job jobs[CLIENTS][OPS];
    struct inbox home;
    struct err err;
    int n_home = 0;

    if (!inbox_init(&home, &err))
        return NULL;
    for (int i = 0; i < OPS; i++) {
        struct job *job = &jobs[c->number][i];
        int record = i * i % RECORDS, n_here;

        *job = (struct job){.op = {.type = OP_SESSION_PATCH, .tenant = SLICE("t"), .home = &home},
                            .place = &places[c->number][record],
                            .number = i + 1,
                            .parts = i % 7 ? 1 : 3};
        snprintf(job->id, sizeof(job->id), "%d-%d", c->number, record);
        job->op.id = slice_of(job->id);
        if (i % TOGETHER)
            job[-1].op.next = &job->op;
        if (i % TOGETHER < TOGETHER - 1)
            continue;
        if (!lanes_admit(c->lanes, TOGETHER, &err))
            return NULL;
        if (i / TOGETHER % 3) {
            lanes_submit(c->lanes, &job[1 - TOGETHER].op);
            n_home += take(&home, i + 1 - 2 * TOGETHER - n_home);
        } else {
            n_home += take(&home, i + 1 - TOGETHER - n_home); /* all, so that lanes may be idle */
            n_here = run_each(c->lanes, &job[1 - TOGETHER]);
            n_home += n_here;
            c->n_here += n_here;
        }
    }
    n_home += take(&home, OPS - n_home);
    inbox_done(&home);
    return c;
}

START_TEST(records_have_one_lane_at_a_time)
{
    struct client clients[CLIENTS];
    struct lanes_config cfg = {.layout = LANES_BY_KEY,
                               .n_lanes = LANES,
                               .gather = GATHER,
                               .batch_max_ops = TOGETHER,
                               .queue_max = 1000,
                               .open = open_lane};
    struct err err;
    struct lanes *l = lanes_open(&cfg, &err);
    int n_here = 0;
    void *done;

    ck_assert_ptr_nonnull(l);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.lanes = l, .number = i};
        ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, &done);
        ck_assert_ptr_nonnull(done);
        n_here += clients[i].n_here;
    }
    ck_assert_uint_eq(lanes_depth(l), 0);
    lanes_close(l);
    ck_assert_int_eq(n_overlaps, 0);
    ck_assert_int_eq(n_disorders, 0);
    ck_assert_int_gt(n_elsewhere, 0);
    ck_assert_int_gt(n_here, TOGETHER);
}
END_TEST

Suite *suite_lane_order(void)
{
    Suite *s = suite_create("lane_order");
    TCase *tc = tcase_create("lane_order");

    tcase_add_test(tc, records_have_one_lane_at_a_time);
    suite_add_tcase(s, tc);
    return s;
}

/* main_trips_postgres.c - counts exactly how often an op waits for PostgreSQL; run as main_postgres.c. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oom.h"
#include "pair.h"
#include "postgres.h"
#include "postgres_driver.h"
#include "threads.h"
#include "trips_bulk.h"
#include "trips_cleanup.h"
#include "trips_pair.h"
#include "trips_removal.h"
#include "trips_small.h"
#include "value_cache.h"
#include "versions.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

enum { BATCH = 16, INLINE_MAX = 1024 };

static const char *url;
static struct postgres *store; /* the driver below the chain through which the ops go */

/* Opens store `number`. `here` and `there` share one schema, unless they are a pair. */
static struct backend *open_schema(struct backend_config cfg, int number, struct err *err)
{
    char schema[64];
    struct backend *b;

    snprintf(schema, sizeof(schema), "trips_%ld_%d", (long)getpid(), number);
    cfg.url = url;
    cfg.postgres_schema = schema;
    cfg.store_timeout_ms = 60000;
    b = postgres_open(&cfg, err);
    store = (struct postgres *)b;
    return b ? versions_open(b, &(struct encoding_rules){cfg.cache, cfg.inline_max}, err) : NULL;
}

static struct postgres *store_here, *store_there;
static struct value_cache *cache;

static void open_both(size_t inline_max)
{
    struct backend_config cfg = store_config();

    cfg.inline_max = inline_max;
    store_open(&there, cfg, 0);
    store_there = store;
    cfg.cache = cache = value_cache_new(1 << 20);
    store_open(&here, cfg, 0);
    store_here = store;
}

static void set_up(void)
{
    open_both(0);
}

static void set_up_small(void)
{
    open_both(INLINE_MAX);
}

static void tear_down(void)
{
    store_close(&here);
    store_close(&there);
    value_cache_free(cache);
}

/* Sessions live for an hour. */
static void set_up_expiring(void)
{
    struct backend_config cfg = store_config();

    cfg.session_ttl_us = HOUR;
    store_open(&here, cfg, 0);
    store_here = store;
}

static void tear_down_here(void)
{
    store_close(&here);
}

/* A pair has two schemas. */
static void set_up_pair(void)
{
    store_open(&here, store_config(), 0);
    store_here = store;
    store_open(&there, store_config(), 1);
    store_there = store;
}

static void tear_down_pair(void)
{
    store_close(&here);
    store_close(&there);
}

static int64_t so_far(const struct store *s)
{
    return (s == &here ? store_here : store_there)->trips;
}

/* The round trips of an op, which must succeed. */
static int64_t trips(struct store *s, struct op op)
{
    int64_t before = so_far(s);

    store_ok(s, &op);
    return so_far(s) - before;
}

/* The n-th step of a thread: four values, each an earlier one with a new end, and two that are carried. */
static struct op step(struct store *s, const char *thread, int n)
{
    const char *id = arena_printf(&s->arena, "c%03d", n).at;
    const char *parent = arena_printf(&s->arena, "c%03d", n - 1).at;
    const char *values = arena_printf(&s->arena,
                                      "a=%d:" LONG "%d b=%d:" LONG "%d c=%d:" LONG "%d d=%d:%d", n,
                                      n, n, n, n, n, n, n)
                             .at;
    const char *head = arena_printf(&s->arena,
                                    "{\"id\":\"%s\",\"channel_versions\":{\"a\":%d,\"e\":1,"
                                    "\"f\":1},\"x\":\"" LONG "\"}",
                                    id, n)
                           .at;

    return put_op(s, (struct checkpoint_in){.thread = thread,
                                            .id = id,
                                            .parent = n > 1 ? parent : NULL,
                                            .head = head,
                                            .values = n > 1 ? values : "e=1:x f=1:" LONG,
                                            .carried = n > 1 ? "e=1 f=1" : NULL});
}

static struct op task(struct store *s, const char *thread, const char *id, const char *task)
{
    return writes_op(
        s, (struct writes_in){
               .thread = thread, .checkpoint = id, .task = task, .writes = "0:a=x 1:b=y"});
}

static void put_steps(struct store *s, const char *thread, int n)
{
    for (int i = 1; i <= n; i++)
        (void)trips(s, step(s, thread, i));
}

START_TEST(a_step)
{
    put_steps(&here, "other", 2); /* so that the tenant and the statements are known */
    ck_assert_int_eq(trips(&here, step(&here, "t", 1)), 4); /* makes a thread and a namespace */
    (void)trips(&here, step(&here, "t", 2));
    ck_assert_int_eq(trips(&here, step(&here, "t", 3)), 1);
    ck_assert_int_eq(trips(&here, task(&here, "t", "c003", "t1")), 1);
    ck_assert_int_eq(trips(&here, task(&here, "t", "c003", "t1")), 3); /* replaces writes */
    ck_assert_int_eq(trips(&here, task(&here, "t", "c004", "t1")),
                     3);                                    /* comes before its checkpoint */
    ck_assert_int_eq(trips(&here, step(&here, "t", 4)), 3); /* takes over the place of the writes */
    ck_assert_int_eq(trips(&here, step(&here, "t", 5)), 1);
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c003")),
                     "a=3:" LONG "3 b=3:" LONG "3 c=3:" LONG "3 d=3:3 e=1:x f=1:" LONG);
    ck_assert_str_eq(get_writes(&here, "t", "", "c004"), "t1//0:a=x t1//1:b=y");
}
END_TEST

START_TEST(a_step_of_a_session)
{
    store_session(&here, "t");
    put_steps(&here, "t", 2);
    here.now_us += 1000;
    ck_assert_int_eq(trips(&here, step(&here, "t", 3)), 1);
    ck_assert_int_eq(store_get(&here, "t").last_activity_us, here.now_us);
}
END_TEST

START_TEST(steps_together)
{
    struct op all[BATCH], *ops[BATCH];
    struct err err;
    int64_t before;

    for (int i = 0; i < BATCH; i++)
        put_steps(&here, arena_printf(&here.arena, "t%d", i).at, 2);
    for (int i = 0; i < BATCH; i++) {
        all[i] = step(&here, arena_printf(&here.arena, "t%d", i).at, 3);
        ops[i] = &all[i];
    }
    before = store_here->trips;
    ck_assert(backend_execute(here.backend, ops, BATCH, &err));
    ck_assert_int_eq(store_here->trips - before, 2);
    for (int i = 0; i < BATCH; i++)
        ck_assert_int_eq(all[i].status.kind, ERR_OK);
}
END_TEST

/* What another instance has stored since counts, whatever is remembered here. */
START_TEST(a_step_that_others_came_between)
{
    struct op gone;

    put_steps(&here, "t", 2);
    put(&there, (struct checkpoint_in){
                    .thread = "t", .id = "c002x", .parent = "c002", .values = "e=1:other"});
    ck_assert_int_eq(trips(&here, step(&here, "t", 3)), 3);
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c003")),
                     "a=3:" LONG "3 b=3:" LONG "3 c=3:" LONG "3 d=3:3 e=1:other f=1:" LONG);
    ck_assert_int_eq(trips(&here, step(&here, "t", 4)), 3); /* the guess is the same */
    gone = store_op(&there, OP_THREAD_DELETE, "t");
    store_ok(&there, &gone);
    ck_assert_int_ge(trips(&here, step(&here, "t", 5)), 3); /* the bases are gone */
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", NULL)),
                     "a=5:" LONG "5 b=5:" LONG "5 c=5:" LONG "5 d=5:5");
}
END_TEST

/* A parent without a list names what is carried, so not one more head is read, however many there are. */
START_TEST(a_step_behind_many_of_another_instance)
{
    put_steps(&here, "t", 120);
    (void)get(&there, "t", "", NULL); /* so that the tenant is known */
    ck_assert_int_eq(trips(&there, step(&there, "t", 121)), 6);
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", NULL)),
                     "a=121:" LONG "121 b=121:" LONG "121 c=121:" LONG
                     "121 d=121:121 e=1:x f=1:" LONG);
}
END_TEST

/* The step has the values of the n-th step(). */
static void check_step(const char *thread, int n)
{
    struct op op = step(&here, thread, n);
    const struct checkpoint *got = get(&here, thread, "", op.checkpoint_put.checkpoint_id.at);

    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(got->n_values, op.checkpoint_put.n_values + op.checkpoint_put.n_carried);
    for (size_t i = 0; i < op.checkpoint_put.n_values; i++)
        ck_assert(slice_equal(got->values[i]->blob.bytes, op.checkpoint_put.values[i].blob.bytes));
}

/* One allocation during a batch fails: what is acknowledged is there, once. */
START_TEST(memory_ends)
{
    enum { THREADS = 4 };
    struct op all[THREADS + 1], *ops[THREADS + 1];
    int64_t counted = 0;
    bool struck = true, ran;
    struct err err = {0};

    store_session(&here, "s");
    for (int i = 0; i < THREADS; i++)
        put_steps(&here, arena_printf(&here.arena, "t%d", i).at, 2);
    for (size_t n = 1; struck; n++) {
        for (int i = 0; i < THREADS; i++)
            all[i] = step(&here, arena_printf(&here.arena, "t%d", i).at, (int)n + 2);
        all[THREADS] = store_op(&here, OP_SESSION_PATCH, "s");
        all[THREADS].session_patch.increment_requests = 1;
        for (int i = 0; i <= THREADS; i++)
            ops[i] = &all[i];
        oom_at(n);
        ran = backend_execute(here.backend, ops, THREADS + 1, &err);
        struck = oom_end();
        for (int i = 0; i <= THREADS && !ran; i++)
            all[i].status = err;
        for (int i = 0; i < THREADS; i++)
            if (all[i].status.kind == ERR_OK)
                check_step(arena_printf(&here.arena, "t%d", i).at, (int)n + 2);
        counted += all[THREADS].status.kind == ERR_OK;
        ck_assert_int_eq(store_get(&here, "s").request_count, counted);
    }
}
END_TEST

/* Writes of new tasks, whose COMMIT travels with them: what is acknowledged is there. */
START_TEST(memory_ends_in_a_quick_batch)
{
    enum { THREADS = 6 };
    struct op all[THREADS], *ops[THREADS];
    struct arena arenas[THREADS] = {0};
    char threads[THREADS][16];
    bool struck = true, ran;
    struct err err = {0};

    for (size_t n = 1; struck; n++) {
        tear_down();
        set_up(); /* a lane that has no memory at hand */
        for (int i = 0; i < THREADS; i++) {
            snprintf(threads[i], sizeof(threads[i]), "t%zu.%d", n, i);
            put_steps(&here, threads[i], 1);
            all[i] = task(&here, threads[i], "c001", "task");
            all[i].arena = &arenas[i];
            ops[i] = &all[i];
        }
        oom_at(n);
        ran = backend_execute(here.backend, ops, THREADS, &err);
        struck = oom_end();
        for (int i = 0; ran && i < THREADS; i++)
            if (all[i].status.kind == ERR_OK)
                ck_assert_str_eq(get_writes(&here, threads[i], "", "c001"),
                                 "task//0:a=x task//1:b=y");
        for (int i = 0; i < THREADS; i++)
            arena_done(&arenas[i]);
    }
}
END_TEST

/* As long as nothing of an op was sent, nothing of it is in doubt. On the driver alone, without the
 * chain. */
START_TEST(memory_ends_before_anything_is_sent)
{
    enum { THREADS = 3 };
    struct op all[THREADS], *ops[THREADS];
    struct arena none = {0};
    struct err err = {0};

    for (int round = 0; round < 2; round++) { /* in the first round the driver allocates what it
                                                 keeps */
        for (int i = 0; i < THREADS; i++) {
            const char *thread = arena_printf(&here.arena, "t%d.%d", round, i).at;

            put_steps(&here, thread, 1);
            all[i] = task(&here, thread, "c001", "task");
            ops[i] = &all[i];
        }
        all[0].arena = &none;
        oom_at((size_t)round); /* an arena without a block allocates one */
        ck_assert(backend_execute(&store_here->sql.base, ops, THREADS, &err));
        ck_assert_int_eq(oom_end(), round);
        arena_done(&none);
        for (int i = 0; i < THREADS; i++)
            ck_assert_msg(all[i].status.kind == ERR_OK && all[i].writes_put.out.created, "%d: %s",
                          i, all[i].status.text);
    }
}
END_TEST

static struct op told_append(const char *session, struct message *m)
{
    struct op op = store_op(&here, OP_MESSAGE_APPEND, session);

    *m = (struct message){
        .id = SLICE("m"), .role = SLICE("user"), .content = SLICE("1"), .fresh = true};
    op.message_append.messages = m;
    op.message_append.n = 1;
    op.replicate = true;
    return op;
}

static bool has_entry(int64_t number)
{
    struct op_pair_read read = pair_read(&here, 1000);

    for (size_t i = 0; i < read.out.n; i++)
        if (read.out.entries[i].number == number)
            return true;
    return false;
}

/* The same for appends of a pair: what is there has its entry, and what is not there has none. */
START_TEST(memory_ends_in_appends_of_a_pair)
{
    enum { SESSIONS = 4 };
    struct op all[SESSIONS], *ops[SESSIONS];
    struct message messages[SESSIONS];
    struct arena arenas[SESSIONS] = {0};
    char sessions[SESSIONS][16];
    bool struck = true, ran, is_there;
    struct err err = {0};

    for (size_t n = 1; struck; n++) {
        tear_down();
        set_up();
        here.now_us += MINUTE - here.now_us % MINUTE;
        for (int i = 0; i < SESSIONS; i++) {
            snprintf(sessions[i], sizeof(sessions[i]), "s%zu.%d", n, i);
            (void)store_message(&here, sessions[i], "first of a minute");
        }
        here.now_us += SECOND;
        for (int i = 0; i < SESSIONS; i++) {
            all[i] = told_append(sessions[i], &messages[i]);
            all[i].arena = &arenas[i];
            ops[i] = &all[i];
        }
        oom_at(n);
        ran = backend_execute(here.backend, ops, SESSIONS, &err);
        struck = oom_end();
        for (int i = 0; i < SESSIONS; i++) {
            is_there = store_count(&here, sessions[i]) == 2;
            ck_assert_msg(has_entry(all[i].stamp) == is_there, "%s", sessions[i]);
            ck_assert_msg(is_there || !ran || all[i].status.kind != ERR_OK, "%s", sessions[i]);
            arena_done(&arenas[i]);
        }
    }
}
END_TEST

static struct op get_op(struct store *s, enum op_type type, const char *thread, const char *id)
{
    struct op op = store_op(s, type, thread);

    if (type == OP_WRITES_GET)
        op.writes_get = (struct op_writes_get){.ns = SLICE(""), .checkpoint_id = slice_of(id)};
    else
        op.checkpoint_get = (struct op_checkpoint_get){.ns = SLICE(""),
                                                       .checkpoint_id = slice_of(id)};
    return op;
}

START_TEST(a_checkpoint_read)
{
    put_steps(&here, "t", 40);
    (void)trips(&here, task(&here, "t", "c040", "t1"));
    (void)get(&there, "t", "", NULL); /* so that the tenant is known */
    for (struct store *s = &here; s; s = s == &here ? &there : NULL) {
        int row_values = s == &here ? 1 : 2; /* here they are cached */

        ck_assert_int_eq(trips(s, get_op(s, OP_CHECKPOINT_GET, "t", NULL)), row_values);
        ck_assert_int_eq(trips(s, get_op(s, OP_CHECKPOINT_GET, "t", "c033")), row_values);
        ck_assert_int_eq(trips(s, get_op(s, OP_WRITES_GET, "t", "c040")), 2);
    }
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", NULL)),
                     values_text(&there, get(&there, "t", "", NULL)));
    ck_assert_int_eq(get(&here, "t", "", NULL)->n_writes, 2);
}
END_TEST

START_TEST(values_read)
{
    struct value_ask asks[3] = {
        {.of = {SLICE("a"), SLICE("7")}}, {.of = {SLICE("b"), SLICE("8")}}, {.id = 1}};
    struct op op;

    put_steps(&here, "t", 8);
    (void)get(&there, "t", "", NULL);
    op = store_op(&there, OP_VALUES_GET, "t");
    op.values_get = (struct op_values_get){.ns = SLICE(""), .asks = asks, .n = 2};
    ck_assert_int_eq(trips(&there, op), 2); /* which rows; then the rows and their bases */
    op.values_get.n = 3;
    ck_assert_int_eq(trips(&there, op), 3); /* one of them is not in this namespace */
}
END_TEST

static struct op page(struct store *s, const char *thread, const char *ns, int64_t limit)
{
    struct op op = list_op(s, thread, ns);

    op.checkpoint_list.values = true;
    op.checkpoint_list.limit = limit;
    return op;
}

START_TEST(a_list)
{
    const char *metadata = "{\"a\":1}";
    struct filter filter;
    struct err err;
    struct op op;

    ck_assert(filter_parse(slice_of(metadata), &here.arena, &filter, &err));
    put_steps(&here, "t", 40);
    for (int i = 1; i <= 40; i++)
        (void)trips(&here, task(&here, "t", arena_printf(&here.arena, "c%03d", i).at, "t1"));
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c000", .metadata = metadata});
    (void)get(&there, "t", "", NULL); /* so that the tenant is known */
    for (struct store *s = &here; s; s = s == &here ? &there : NULL) {
        /* the namespace; rows of the page; checkpoints; their values and writes */
        ck_assert_int_eq(trips(s, page(s, "t", "", 10)), 4);
        ck_assert_int_eq(trips(s, page(s, "t", NULL, 10)), 4);
        ck_assert_int_eq(trips(s, page(s, "t", "", 30)), 4);
        op = page(s, "t", "", 10);
        op.checkpoint_list.filter = &filter;
        ck_assert_int_eq(trips(s, op), 5);
    }
}
END_TEST

/* Sessions: ids, then rows, 4, 16, 64 at a time. Threads: ids, then namespaces and latest checkpoints, 32
 * at a time. */
START_TEST(lists_of_a_tenant)
{
    struct op op = store_op(&here, OP_SESSION_LIST, NULL);

    for (int i = 0; i < 50; i++) {
        const char *id = arena_printf(&here.arena, "s%02d", i).at;

        store_session(&here, id);
        put(&here, (struct checkpoint_in){.thread = id, .id = "c"});
    }
    op.session_list.limit = 50;
    ck_assert_int_eq(trips(&here, op), 4);
    op = store_op(&here, OP_THREAD_LIST, NULL);
    op.thread_list.limit = 50;
    ck_assert_int_eq(trips(&here, op), 5);
}
END_TEST

/* How often the ops of a pair wait. */
static const struct trips_pair of_pairs = {
    .so_far = so_far,
    .set_up = set_up_pair,
    .tear_down = tear_down_pair,
    .append = 1,
    .copy = 1,
    .again = 2,
    .guess = 1,
    .get = 1,
};
static const struct trips_small of_small = {
    .so_far = so_far,
    .set_up = set_up_small,
    .tear_down = tear_down,
    .step = 1,
    .cold = 6,
    .stale = 1,
    .gone = 8,
    .get = 2,
    .base = 5,
};
static const struct trips_cleanup of_cleanup = {
    .so_far = so_far,
    .set_up = set_up_expiring,
    .tear_down = tear_down_here,
    .expired = {10, 10},
    .idle = {6, 6},
    .told = {6, 6},
    .alone = {7, 7},
};
static const struct trips_bulk of_copies = {
    .so_far = so_far,
    .set_up = set_up,
    .tear_down = tear_down,
    .copy = 16,
    .part = 3,
    .chunk_rows = 200,
    .per_rows = 4, /* its stamps, its row, its head and a value */
};
static const struct trips_removal of_removals = {
    .so_far = so_far,
    .set_up = set_up_small,
    .tear_down = tear_down,
    .always = 20,
    .rows = 100,
};

int main(void)
{
    static const struct contract_target target = {.name = "trips", .open = open_schema};
    Suite *suite = suite_create(target.name);
    TCase *tc = tcase_create("trips");
    SRunner *runner;
    int failed;

    contract_target = &target;
    url = getenv("STATEWARD_TEST_POSTGRES");
    if (!url) {
        fprintf(stderr, "tests/support/stores.py postgres %s\n",
                "build/tests/contract_trips_postgres");
        return EXIT_FAILURE;
    }
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_step);
    tcase_add_test(tc, a_step_of_a_session);
    tcase_add_test(tc, steps_together);
    tcase_add_test(tc, a_step_that_others_came_between);
    tcase_add_test(tc, a_step_behind_many_of_another_instance);
    tcase_add_test(tc, memory_ends);
    tcase_add_test(tc, memory_ends_in_a_quick_batch);
    tcase_add_test(tc, memory_ends_before_anything_is_sent);
    tcase_add_test(tc, memory_ends_in_appends_of_a_pair);
    tcase_add_test(tc, a_checkpoint_read);
    tcase_add_test(tc, values_read);
    tcase_add_test(tc, a_list);
    tcase_add_test(tc, lists_of_a_tenant);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, trips_cleanup_case(&of_cleanup));
    suite_add_tcase(suite, trips_pair_case(&of_pairs));
    suite_add_tcase(suite, trips_removal_case(&of_removals));
    suite_add_tcase(suite, trips_small_case(&of_small));
    suite_add_tcase(suite, trips_bulk_case(&of_copies));
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

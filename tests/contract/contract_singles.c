/*
 * contract_singles.c - messages and contexts that are merged one by one, as a pair copies them.
 *
 * Drivers have a shorter way for a single message (redis_merge_next(), merge_next() in sql_merge.c). Whatever
 * state the session is in, it must do what memory: does, which has only the general way.
 */
#include "clock.h"
#include "random.h"

enum { SEEDS = 6, STEPS = 250, STAMPS = 16, COMPARE = 5, IDS = 3, STAY = 25 };

static struct store target, reference;
static int64_t stamps[STAMPS]; /* of some earlier changes */
static int now_at;             /* the step */

static void open_stores(int64_t session_ttl_us)
{
    struct backend_config cfg = store_config();

    cfg.session_ttl_us = session_ttl_us;
    store_open(&target, cfg, 0);
    memory_open(&reference, &target, cfg);
    for (size_t i = 0; i < STAMPS; i++)
        stamps[i] = stamp_next();
}

static void close_stores(void)
{
    store_close(&target);
    store_close(&reference);
}

/* A session. Once it was deleted it stays unusual, so after some steps others have their turn. */
static const char *some_id(void)
{
    return arena_printf(&target.arena, "s%d", now_at / STAY * IDS + (int)random_below(IDS)).at;
}

/* A stamp of an earlier change, or a new one. */
static int64_t some_stamp(void)
{
    int64_t *at = &stamps[random_below(STAMPS)];

    if (random_below(3) > 0)
        *at = stamp_next();
    return *at;
}

/* Runs the op in both stores. Returns how it ended in the reference, and in *op what it answered there. */
static void run_both(struct op *op)
{
    struct op twin = *op;
    enum err_kind got, want;

    twin.arena = &reference.arena;
    got = store_run(&target, op);
    want = store_run(&reference, &twin);
    ck_assert_msg(got == want, "%s: %s, not %s", op_name(op->type), err_wire_name(got),
                  err_wire_name(want));
    if (op->type != OP_MERGE)
        return;
    ck_assert_uint_eq(op->merge.out.applied, twin.merge.out.applied);
    ck_assert_uint_eq(op->merge.out.broken, twin.merge.out.broken);
    if (op->merge.items->kind != RECORD_SESSION)
        ck_assert_int_eq(op->merge.out.newest, twin.merge.out.newest);
}

static struct op some_op(enum op_type type)
{
    struct op op = store_op(&target, type, some_id());

    stamps[random_below(STAMPS)] = op.stamp;
    return op;
}

static void merge(struct record record)
{
    struct op op = store_op(&target, OP_MERGE, NULL);

    op.id = record.key.id;
    op.merge.items = &record;
    op.merge.n = 1;
    run_both(&op);
}

/* A time near now, or, rarely, one with fewer digits. */
static int64_t some_time(void)
{
    if (random_below(8) == 0)
        return (int64_t)random_below(1000) + 1;
    return target.now_us +
           ((int64_t)random_below(9) - 6) * (random_below(2) ? SECOND : 20 * SECOND);
}

static void merge_message(void)
{
    static const char *const metadata[] = {NULL, "{}", "{\"a\":1}"};
    struct record record = {
        .kind = RECORD_MESSAGE,
        .key = {.id = slice_of(some_id()), .sub = slice_of(random_text(&target, "m", 12))},
        .message = {.stamp = some_stamp(),
                    .seq = some_time(),
                    .role = SLICE("user"),
                    .content = slice_of(random_text(&target, "1", 100)),
                    .metadata = slice_of(metadata[random_below(3)])},
    };

    if (random_below(12) == 0)
        record.gone = some_stamp();
    merge(record);
}

static void merge_context(void)
{
    merge((struct record){
        .kind = RECORD_CONTEXT,
        .key = {.id = slice_of(some_id()),
                .number = (int64_t)random_below(6) + 1,
                .stamp = some_stamp()},
        .context = {some_time(), SLICE("1")},
    });
}

/* A session that was made or deleted elsewhere. */
static void merge_session(void)
{
    bool dead = random_below(3) == 0;
    int64_t stamp = some_stamp();

    merge((struct record){
        .kind = RECORD_SESSION,
        .key = {.id = slice_of(some_id())},
        .session = {.gen = dead ? 0 : stamp,
                    .tomb = dead ? stamp : 0,
                    .user_id = {dead ? 0 : stamp, dead ? (struct slice){NULL, 0} : SLICE("u")},
                    .created_us = target.now_us,
                    .updated_us = target.now_us,
                    .last_activity_us = some_time(),
                    .version = (int64_t)random_below(9) + 1,
                    .last_seq = random_below(2) ? some_time() : 0},
    });
}

static void put_session(void)
{
    struct op op = some_op(OP_SESSION_PUT);

    op.session_put.user_id = slice_of(random_text(&target, "u", 2));
    op.session_put.metadata = SLICE("{}");
    run_both(&op);
}

static void append(void)
{
    struct op op = some_op(OP_MESSAGE_APPEND), twin = op;
    struct message m = {.id = slice_of(random_text(&target, "m", 12)),
                        .role = SLICE("user"),
                        .content = SLICE("1")},
                   other = m;

    op.message_append.messages = &m;
    twin.message_append.messages = &other;
    op.message_append.n = twin.message_append.n = 1;
    twin.arena = &reference.arena;
    store_ok(&target, &op);
    store_ok(&reference, &twin);
    ck_assert_int_eq(m.seq, other.seq);
    ck_assert(m.created == other.created);
}

static void put_context(void)
{
    struct op op = some_op(OP_CONTEXT_PUT);

    op.context_put.context = SLICE("2");
    run_both(&op);
}

static void trim(void)
{
    struct op op = some_op(OP_MESSAGE_TRIM);

    op.message_trim.keep_last = (int64_t)random_below(3) + 1;
    if (random_below(4) == 0) {
        op.message_trim.keep_last = 0;
        op.message_trim.has_before = true;
        op.message_trim.before = (struct message_pos){target.now_us + HOUR, SLICE("")};
    }
    run_both(&op);
}

static void pass_time(void)
{
    target.now_us += random_below(12) == 0 ? HOUR : (int64_t)random_below(40) * SECOND;
    reference.now_us = target.now_us;
}

/* Stores forget deletions after COLLECT_AFTER_US, some by the minute. All stamps are of the first second. */
static void clean(void)
{
    int64_t age_us = target.now_us - stamp_us(stamps[0]);
    struct op op = store_op(&target, OP_CLEANUP, NULL);

    if (age_us >= COLLECT_AFTER_US && age_us <= COLLECT_AFTER_US + 2 * MINUTE)
        return;
    op.cleanup.expired = random_below(2) == 0;
    op.cleanup.idle_us = target.now_us - HOUR;
    op.cleanup.limit = 100;
    run_both(&op);
}

static void compare_stats(int step)
{
    struct op_stats got = store_stats(&target), want = store_stats(&reference);

    ck_assert_msg(got.out.sessions == want.out.sessions && got.out.messages == want.out.messages &&
                      got.out.active_sessions == want.out.active_sessions,
                  "step %d: %lld messages of %lld sessions, not %lld of %lld", step,
                  (long long)got.out.messages, (long long)got.out.sessions,
                  (long long)want.out.messages, (long long)want.out.sessions);
}

static void take_step(void)
{
    static void (*const steps[])(void) = {put_session,   append, put_context, merge_context,
                                          merge_session, trim,   clean,       pass_time};
    struct op op;

    if (random_below(2)) {
        merge_message();
    } else if (random_below(20) == 0) {
        op = some_op(OP_SESSION_DELETE);
        run_both(&op);
    } else {
        steps[random_below(sizeof(steps) / sizeof(*steps))]();
    }
}

START_TEST(single_records_merge_alike)
{
    open_stores(_i < SEEDS ? 0 : HOUR);
    random_start(_i);
    for (int i = 0; i < STEPS; i++) {
        now_at = i;
        take_step();
        if (i % COMPARE > 0)
            continue;
        same_state(&target, &reference, STATE_EXACT, arena_printf(&target.arena, "step %d", i).at);
        compare_stats(i);
    }
    close_stores();
}
END_TEST

TCase *contract_singles_case(void)
{
    TCase *tc = tcase_create("singles");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, single_records_merge_alike, 0, 2 * SEEDS);
    return tc;
}

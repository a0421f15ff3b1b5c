/* test_failover.c - what a lane makes of the answers of two stores. */
#include "failover.h"

#include <check.h>

#include "clock.h"
#include "failover_state.h"
#include "failover_tend.h"
#include "sides.h"

Suite *suite_failover(void);

static struct sides sides;
static struct failover *failover;
static struct backend *lane;

/* Tends the stores until all is copied that waited. */
static void settle(void)
{
    struct failover_report report;
    int rounds = 0;

    do {
        sides_pass(1000);
        (void)failover_tend(failover, sides.faults[0], sides.faults[1]);
        failover_report(failover, &report);
        ck_assert_msg(rounds++ < 60, "%s", report.trouble);
    } while (rounds < 4 || report.state != FAILOVER_NORMAL || report.primary.outbox > 0 ||
             report.fallback.outbox > 0);
}

static void setup(void)
{
    struct err err = {0};

    failover = sides_begin(&sides, 5, INT64_C(2000000000));
    settle();
    lane = failover_open(failover, sides.faults[0], sides.faults[1], &err);
    ck_assert_msg(lane != NULL, "%s", err.text);
}

static void teardown(void)
{
    backend_close(lane);
    sides.faults[0] = sides.faults[1] = NULL; /* the lane owned them */
    sides_end(&sides, failover);
}

static enum err_kind run(struct op *op)
{
    struct err err = {0};

    ck_assert_msg(backend_execute(lane, &op, 1, &err), "%s", err.text);
    return op->status.kind;
}

static struct op put_op(const char *user)
{
    struct op op = sides_op(&sides, OP_SESSION_PUT, "s1");

    op.session_put.user_id = slice_of(user);
    op.session_put.metadata = SLICE("{}");
    return op;
}

/* The op in a call of the primary, counted from now, is refused. */
static void refuse_op(size_t call, enum err_kind kind)
{
    sides.plans[PRIMARY].mode = FAULT_OP;
    sides.plans[PRIMARY].kind = kind;
    atomic_store(&sides.plans[PRIMARY].at, atomic_load(&sides.plans[PRIMARY].calls) + call);
}

static const enum err_kind refusals[] = {ERR_OVERLOADED, ERR_NO_MEMORY};

START_TEST(a_refusal_of_the_primary_is_the_answer)
{
    struct op op = put_op("u");

    refuse_op(1, refusals[_i]);
    ck_assert_int_eq(run(&op), refusals[_i]);
    ck_assert_uint_eq(sides_count(&sides, PRIMARY, RECORD_SESSION), 0);
    ck_assert_uint_eq(sides_count(&sides, FALLBACK, RECORD_SESSION), 0);
}
END_TEST

/* An op that finds something newer in the fallback, so that the primary makes its change once more. */
static struct op outdated_op(void)
{
    struct op first = put_op("first"), op;

    ck_assert_int_eq(run(&first), ERR_OK);
    op = put_op("mine");
    sides_session(&sides, FALLBACK, "s1");
    return op;
}

START_TEST(a_change_that_is_made_again)
{
    struct op op = outdated_op();
    size_t n;

    ck_assert_msg(run(&op) == ERR_OK, "%s", op.status.text);
    for (int side = 0; side < 2; side++)
        ck_assert(slice_equal(sides_read(&sides, side, RECORD_SESSION, &n)->session.user_id.text,
                              SLICE("mine")));
}
END_TEST

/* It was made once already. */
START_TEST(a_change_that_is_refused_when_it_is_made_again_is_in_doubt)
{
    struct op op = outdated_op();

    refuse_op(2, refusals[_i]);
    ck_assert_int_eq(run(&op), ERR_IN_DOUBT);
}
END_TEST

/* A checkpoint with a value of its own, or the next one, which carries that on. */
static struct op checkpoint_op(bool next)
{
    static struct value value = {{{"a", 1}, {"1", 1}},
                                 {.type = {"msgpack", 7}, .bytes = {"\1", 1}}};
    struct op op = sides_op(&sides, OP_CHECKPOINT_PUT, "t");

    op.checkpoint_put = (struct op_checkpoint_put){
        .ns = SLICE(""),
        .checkpoint_id = next ? SLICE("c2") : SLICE("c1"),
        .form = FORM_CHANNEL,
        .head = {.type = SLICE(""), .bytes = SLICE("{\"v\":4}")},
        .metadata = SLICE("{}"),
        .values = &value,
        .n_values = !next,
        .carried = &value.of,
        .n_carried = next,
    };
    return op;
}

/* The fallback lacks the value, and so does not take the checkpoint: it is missing it until that is copied
 * with what it needs. */
START_TEST(a_checkpoint_that_the_fallback_leaves_out_waits)
{
    struct op first = checkpoint_op(false), op = checkpoint_op(true), get;

    sides_run(&sides, PRIMARY, &first);
    ck_assert_int_eq(run(&op), ERR_OK);
    ck_assert_uint_eq(sides_count(&sides, FALLBACK, RECORD_CHECKPOINT), 0);
    ck_assert(state_lacks(failover, &op));
    settle();
    ck_assert(!state_lacks(failover, &op));
    get = sides_op(&sides, OP_CHECKPOINT_GET, "t");
    get.checkpoint_get.ns = SLICE("");
    get.checkpoint_get.checkpoint_id = SLICE("c2");
    sides_run(&sides, FALLBACK, &get);
    ck_assert_uint_eq(get.checkpoint_get.out.checkpoint->n_values, 1);
}
END_TEST

static struct op count_op(uint8_t key)
{
    struct op op = sides_op(&sides, OP_SESSION_PATCH, "s1");

    op.session_patch.increment_requests = true;
    op.repeat = (struct op_repeat){.present = true, .op_id = {key, 1}};
    return op;
}

static int64_t count_in(int side)
{
    struct op get = sides_op(&sides, OP_SESSION_GET, "s1");

    sides_run(&sides, side, &get);
    return get.session_get.out.session.request_count;
}

static void check_counts(int64_t expected)
{
    settle();
    for (int side = 0; side < 2; side++)
        ck_assert_int_eq(count_in(side), expected);
}

/* A request that both stores have counted, but of which only the fallback knows the id, since the primary was
 * filled. */
static void count_and_fill(int64_t age_us)
{
    struct op counts = count_op(1), alike = count_op(2);

    sides_session(&sides, FALLBACK, "s1");
    sides_session(&sides, PRIMARY, "s1"); /* has the higher stamps */
    sides_run(&sides, FALLBACK, &counts);
    sides_run(&sides, PRIMARY, &alike);
    settle();
    atomic_store(&failover->recall_until_us, clock_now_us() - age_us + REPEAT_WINDOW_US);
}

static const struct {
    int64_t age_us; /* of the fill */
    uint8_t key;
    size_t fails[2]; /* by store: the call that fails, from now */
    int64_t count;   /* then */
    bool replayed;
} recalls[] = {
    {0, 1, {0, 0}, 1, true},
    {0, 3, {0, 0}, 2, false}, /* another request */
    {0, 1, {1, 0}, 1, true},  /* the fallback answers */
    {0, 1, {0, 1}, 2, false}, /* nobody knows */
    {REPEAT_WINDOW_US, 1, {0, 0}, 2, false},
};

START_TEST(a_primary_that_was_filled_learns_of_requests)
{
    struct op op;

    count_and_fill(recalls[_i].age_us);
    for (int side = 0; side < 2; side++)
        sides_fail(&sides, side, recalls[_i].fails[side]);
    op = count_op(recalls[_i].key);
    ck_assert_msg(run(&op) == ERR_OK, "%s", op.status.text);
    ck_assert(op.session_patch.out.replayed == recalls[_i].replayed);
    ck_assert_int_eq(op.session_patch.out.session.request_count, recalls[_i].count);
    check_counts(recalls[_i].count);
}
END_TEST

static void put_and_settle(void)
{
    struct op op = put_op("u");

    ck_assert_int_eq(run(&op), ERR_OK);
    settle();
}

/* The fallback takes a request alone, for another instance. */
static void take_alone(uint8_t key)
{
    struct op op = count_op(key);

    op.alone = op.replicate = op.fence = true;
    sides_run(&sides, FALLBACK, &op);
}

/* The fallback has taken a request alone: for another instance, or for this one, which was not told. */
START_TEST(what_is_pending_is_counted_though_it_is_repeated)
{
    struct op op;

    put_and_settle();
    atomic_store(&failover->recall_until_us, clock_now_us() + REPEAT_WINDOW_US);
    if (_i == 0) {
        take_alone(9);
    } else {
        op = count_op(9);
        sides_fail(&sides, PRIMARY, 1);
        sides_fail(&sides, FALLBACK, 2); /* behind the question whether it knows the request */
        sides.plans[FALLBACK].mode = FAULT_AFTER;
        ck_assert_int_eq(run(&op), ERR_IN_DOUBT);
    }
    op = count_op(9);
    ck_assert_msg(run(&op) == ERR_OK, "%s", op.status.text);
    check_counts(1);
}
END_TEST

static void count(uint8_t key, bool adds, bool replayed)
{
    struct op op = count_op(key);

    if (!adds) {
        op.session_patch.increment_requests = false;
        op.session_patch.status = SLICE("done");
    }
    ck_assert_msg(run(&op) == ERR_OK, "%s", op.status.text);
    ck_assert(op.session_patch.out.replayed == replayed);
}

static void lose(enum side side)
{
    state_lost(failover, side, true, "gone");
}

/* A key counts for ten minutes; what comes under it then is another request. Not so while the fallback is alone, which
 * could not tell what is pending under the one from what is under the other. */
START_TEST(a_key_that_is_used_again_is_another_request)
{
    enum { IN_BOTH, IN_PRIMARY, ALONE };

    put_and_settle();
    if (_i % 3 == ALONE)
        lose(PRIMARY);
    if (_i % 3 == IN_PRIMARY)
        lose(FALLBACK);
    count(9, _i < 3, false);
    if (_i % 3 == IN_PRIMARY)
        state_answered(failover, FALLBACK);
    sides_pass(15 * 60 * 1000);
    if (_i % 3 == IN_BOTH) {
        settle();
        count(9, true, false);
        settle();
        lose(PRIMARY);
        count(9, true, true);
        check_counts(1 + (_i < 3));
    } else if (_i % 3 == IN_PRIMARY) {
        take_alone(9);
        check_counts(1 + (_i < 3));
    } else {
        count(9, true, true);
        check_counts(_i < 3);
    }
}
END_TEST

static enum failover_state state(void)
{
    struct failover_report report;

    failover_report(failover, &report);
    return report.state;
}

/* A fallback that is being filled cannot stand in. */
START_TEST(while_neither_may_serve_it_is_said)
{
    struct op get = sides_op(&sides, OP_SESSION_GET, "s1");

    sides_session(&sides, PRIMARY, "s1");
    state_set_filled(failover, FALLBACK, false);
    if (_i == 0)
        lose(PRIMARY);
    else
        state_set_filled(failover, PRIMARY, false);
    ck_assert_int_eq(run(&get), ERR_UNAVAILABLE);
    ck_assert_int_eq(state(), FAILOVER_BOTH_DOWN);
    ck_assert(!failover_serves(state()));
}
END_TEST

/* Two changes of one id in one batch, of which only the primary is to have: it is lost before it has noted that. */
START_TEST(no_change_relies_on_a_note_that_failed)
{
    struct op put = put_op("u"), end = sides_op(&sides, OP_SESSION_PATCH, "s1");
    struct op *ops[] = {&put, &end};
    struct arena arena = {0};
    struct err err = {0};

    lose(FALLBACK);
    end.session_patch.status = SLICE("done");
    end.arena = &arena;
    sides_fail(&sides, PRIMARY, 2);
    ck_assert(backend_execute(lane, ops, 2, &err));
    ck_assert_int_eq(put.status.kind, ERR_IN_DOUBT);
    ck_assert_int_eq(end.status.kind, ERR_IN_DOUBT);
    arena_done(&arena);
}
END_TEST

static struct op copy_op(void)
{
    struct op op = sides_op(&sides, OP_THREAD_COPY, "from");

    op.thread_copy.to = SLICE("to");
    return op;
}

/* It would be mixed into what the fallback lacks. */
START_TEST(no_thread_is_copied_over_one_that_only_the_primary_has)
{
    struct op put = checkpoint_op(false), copy = copy_op();

    failover->cfg.single_instance = true;
    for (int side = 0; side < 2; side++)
        sides_checkpoint(&sides, side, "from", "c");
    lose(FALLBACK);
    put.id = SLICE("to");
    ck_assert_int_eq(run(&put), ERR_OK);
    state_answered(failover, FALLBACK);
    lose(PRIMARY);
    ck_assert_int_eq(run(&copy), ERR_UNAVAILABLE);
    state_answered(failover, PRIMARY);
    settle();
    ck_assert_uint_eq(sides_count(&sides, PRIMARY, RECORD_CHECKPOINT), 2);
    copy = copy_op();
    ck_assert_int_eq(run(&copy), ERR_THREAD);
}
END_TEST

/* A lane above stores that do something of their own before they run ops; NULL: nothing. */
struct odd {
    struct backend base;
    bool (*before)(struct op *const ops[], size_t n, struct err *err);
    enum side side;
};

static bool run_odd(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct odd *odd = (struct odd *)self;

    return (!odd->before || odd->before(ops, n, err)) &&
           backend_execute(sides.faults[odd->side], ops, n, err);
}

static void close_odd(struct backend *self UNUSED)
{
}

static const struct backend_ops odd_ops = {.name = "odd", .execute = run_odd, .close = close_odd};

/* Runs an op with a lane of which one store is odd. */
static enum err_kind run_oddly(struct op *op, enum side side,
                               bool (*before)(struct op *const ops[], size_t n, struct err *err))
{
    struct odd stores[2] = {{.base.ops = &odd_ops, .side = PRIMARY},
                            {.base.ops = &odd_ops, .side = FALLBACK}};
    struct err err = {0};
    struct backend *odd;

    stores[side].before = before;
    odd = failover_open(failover, &stores[PRIMARY].base, &stores[FALLBACK].base, &err);
    ck_assert_ptr_nonnull(odd);
    ck_assert_msg(backend_execute(odd, &op, 1, &err), "%s", err.text);
    backend_close(odd);
    return op->status.kind;
}

static bool hang(struct op *const ops[] UNUSED, size_t n UNUSED, struct err *err)
{
    sides_pass(2000);
    lose(PRIMARY); /* a look has noticed before */
    return err_set(err, ERR_IN_DOUBT, "no answer");
}

/* A read whose time is over is nothing that the store has answered. */
START_TEST(an_op_that_expires_in_a_store_that_hangs_is_no_answer)
{
    struct op get = sides_op(&sides, OP_SESSION_GET, "s1");

    get.deadline_ns = clock_now_ns() + 1000 * MS_NS;
    ck_assert_int_eq(run_oddly(&get, PRIMARY, hang), ERR_UNAVAILABLE);
    ck_assert(!state_is_up(failover, PRIMARY));
}
END_TEST

/* The fallback remembers another primary than this one, which a look finds just before the ops run. */
static bool forget(struct op *const ops[], size_t n UNUSED, struct err *err UNUSED)
{
    struct pair_note note = {.name = SLICE("peer"), .text = SLICE("0 another")};
    struct op change = sides_op(&sides, OP_PAIR_CHANGE, NULL);

    if (ops[0]->type == OP_MERGE || ops[0]->type == OP_PAIR_CHANGE)
        return true;
    change.pair_change = (struct op_pair_change){.notes = &note, .n_notes = 1};
    sides_run(&sides, FALLBACK, &change);
    sides_pass(1000);
    sides_fail(&sides, FALLBACK, 3); /* the fill gets no further than its beginning */
    (void)failover_tend(failover, sides.faults[PRIMARY], sides.faults[FALLBACK]);
    state_answered(failover, FALLBACK);
    sides_fail(&sides, FALLBACK, 0);
    ck_assert(state_behind(failover));
    return true;
}

START_TEST(what_a_primary_has_forgotten_it_does_not_answer)
{
    struct op op = _i ? count_op(1) : sides_op(&sides, OP_SESSION_GET, "s1");

    failover->cfg.single_instance = true;
    sides_session(&sides, FALLBACK, "s1");
    ck_assert_msg(run_oddly(&op, PRIMARY, forget) == ERR_OK, "%s", op.status.text);
    check_counts(_i);
}
END_TEST

static bool fence(struct op *const ops[], size_t n UNUSED, struct err *err)
{
    if (ops[0]->type != OP_SESSION_PUT)
        return true;
    ops[0]->newest = stamp_next();
    return err_set(err, ERR_FENCED, "newer");
}

/* Nothing was changed, so there is no doubt. */
START_TEST(a_fallback_with_newer_changes_again_and_again)
{
    struct op put = put_op("u");

    lose(PRIMARY);
    ck_assert_int_eq(run_oddly(&put, FALLBACK, fence), ERR_UNAVAILABLE);
    ck_assert(strstr(put.status.text, "newer changes"));
}
END_TEST

Suite *suite_failover(void)
{
    Suite *suite = suite_create("failover");
    TCase *tests = tcase_create("lane");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_refusal_of_the_primary_is_the_answer, 0, COUNT_OF(refusals));
    tcase_add_test(tests, a_change_that_is_made_again);
    tcase_add_loop_test(tests, a_change_that_is_refused_when_it_is_made_again_is_in_doubt, 0,
                        COUNT_OF(refusals));
    tcase_add_test(tests, a_checkpoint_that_the_fallback_leaves_out_waits);
    tcase_add_loop_test(tests, a_primary_that_was_filled_learns_of_requests, 0, COUNT_OF(recalls));
    tcase_add_loop_test(tests, what_is_pending_is_counted_though_it_is_repeated, 0, 2);
    tcase_add_loop_test(tests, a_key_that_is_used_again_is_another_request, 0, 6);
    tcase_add_loop_test(tests, while_neither_may_serve_it_is_said, 0, 2);
    tcase_add_test(tests, no_change_relies_on_a_note_that_failed);
    tcase_add_test(tests, no_thread_is_copied_over_one_that_only_the_primary_has);
    tcase_add_test(tests, an_op_that_expires_in_a_store_that_hangs_is_no_answer);
    tcase_add_loop_test(tests, what_a_primary_has_forgotten_it_does_not_answer, 0, 2);
    tcase_add_test(tests, a_fallback_with_newer_changes_again_and_again);
    suite_add_tcase(suite, tests);
    return suite;
}

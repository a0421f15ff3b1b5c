/* test_check.c - the checker finds what is planted in a world in which nothing went wrong. */
#include "test_check.h"

#include "acts.h"
#include "client.h"
#include "sim.h"
#include "store.h"

enum { SEED = 13, FORGETFUL = 13, STAYS = 0, GOES = 2 };

static struct sim sim;

static void open_sim(void)
{
    sim_init(&sim, &(struct sim_config){.skew_ms = 800, .instances = 1});
}

static void close_sim(void)
{
    sim_done(&sim);
}

static void run_on(struct world *w, int side, struct op op)
{
    struct stamp_clock clock = {.node = 900};
    struct op *ops[] = {&op};

    world_set_clock(w, 0);
    store_execute(w->stores[side], ops, 1, &clock);
    ck_assert_int_eq(op.status.kind, ERR_OK);
}

static void run_on_both(struct world *w, struct op op)
{
    run_on(w, 0, op);
    run_on(w, 1, op);
}

/* Adds an entry that comes after all others. */
static struct entry *add(struct world *w, enum act act, int id, enum told told)
{
    struct entry *e = journal_add(w);

    e->act = act;
    e->id = id;
    e->token = "planted";
    e->told = told;
    e->begun_us = e->ended_us = w->schedule.now_us;
    return e;
}

/* The first confirmed entry with this act, on an id that stays. */
static struct entry *find(struct world *w, enum act act)
{
    struct entry *e = w->journal->first;

    while (e && (e->act != act || e->told != TOLD_OK || e->id >= ID_STAYS))
        e = e->next;
    ck_assert_ptr_nonnull(e);
    return e;
}

static void plant_entry_in_outbox(struct world *w)
{
    struct op op = acts_op(w, OP_SESSION_PUT, STAYS);

    op.replicate = true;
    op.session_put.user_id = slice_of(find(w, ACT_PUT)->token);
    op.session_put.metadata = SLICE("{}");
    run_on(w, 0, op);
}

static void plant_difference(struct world *w)
{
    struct op op = acts_op(w, OP_SESSION_PATCH, STAYS);

    op.session_patch.metadata_merge = SLICE("{\"a\":1}");
    run_on(w, 1, op);
}

static void plant_pending(struct world *w)
{
    struct op op = acts_op(w, OP_SESSION_PATCH, STAYS);

    op.alone = op.replicate = true;
    op.session_patch.increment_requests = true;
    op.repeat.present = true;
    run_on(w, 1, op);
}

static void plant_lost_message(struct world *w)
{
    struct entry *e = find(w, ACT_APPEND);
    struct op op = acts_op(w, OP_MERGE, e->id);
    struct record *gone = world_alloc(w, sizeof(*gone));

    *gone = (struct record){
        .kind = RECORD_MESSAGE, .key = {.id = op.id, .sub = slice_of(e->token)}, .gone = INT64_MAX};
    op.merge.items = gone;
    op.merge.n = 1;
    run_on_both(w, op);
}

static void plant_refused_message(struct world *w)
{
    find(w, ACT_APPEND)->told = TOLD_FAILED;
}

static void plant_deletion(struct world *w)
{
    struct op op = acts_op(w, OP_SESSION_PUT, GOES);

    op.session_put.user_id = SLICE("planted");
    op.session_put.metadata = SLICE("{}");
    run_on_both(w, op);
    for (struct entry *e = w->journal->first; e; e = e->next) /* no put may be in doubt: one in
                                                                 doubt may be there */
        if (e->act == ACT_PUT && e->id == GOES && e->told == TOLD_UNKNOWN)
            e->told = TOLD_FAILED;
    add(w, ACT_PUT, GOES, TOLD_OK)->ended_us--;
    add(w, ACT_DELETE, GOES, TOLD_OK);
}

static void plant_increment(struct world *w)
{
    add(w, ACT_PATCH, STAYS, TOLD_OK)->token = "not set";
}

static void plant_doubled_increment(struct world *w)
{
    for (struct entry *e = w->journal->first; e; e = e->next)
        if (e->act == ACT_PATCH && e->id < ID_STAYS && e->told == TOLD_UNKNOWN)
            e->told = TOLD_FAILED;
    find(w, ACT_PATCH)->told = TOLD_FAILED;
}

static void plant_counters_apart(struct world *w)
{
    struct op op = acts_op(w, OP_SESSION_PATCH, STAYS);

    op.session_patch.mark_error = true;
    run_on_both(w, op);
}

static void plant_second_creation(struct world *w)
{
    add(w, ACT_PUT, find(w, ACT_PUT)->id, TOLD_OK)->create_only = true;
}

static void plant_same_version(struct world *w)
{
    add(w, ACT_PATCH, STAYS, TOLD_OK)->if_version = 7;
    add(w, ACT_PATCH, STAYS, TOLD_OK)->if_version = 7;
}

static void plant_lost_session(struct world *w)
{
    struct op op = acts_op(w, OP_SESSION_DELETE, find(w, ACT_PUT)->id);

    op.session_delete.threads = true;
    run_on_both(w, op);
}

static void plant_strange_value(struct world *w)
{
    struct op op = acts_op(w, OP_SESSION_PUT, STAYS);

    op.session_put.user_id = SLICE("nobody");
    op.session_put.metadata = SLICE("{}");
    run_on_both(w, op);
}

static void plant_overwritten_value(struct world *w)
{
    add(w, ACT_PUT, find(w, ACT_PUT)->id, TOLD_OK);
}

static void plant_unread_message(struct world *w)
{
    struct entry *e = find(w, ACT_APPEND);
    struct op op = acts_op(w, OP_MESSAGE_LIST, e->id);

    e->home = true;
    client_check_read(w, e->client, e->id, &op, e->life);
}

static void plant_unread_increment(struct world *w)
{
    struct entry *e = find(w, ACT_PATCH);
    struct op op = acts_op(w, OP_SESSION_GET, e->id);

    e->home = true;
    client_check_read(w, e->client, e->id, &op, e->life);
}

/* One store takes a change that the other never gets. Returns its stamp. */
static int64_t take_alone(struct world *w, int side, int id)
{
    struct op op = acts_op(w, OP_SESSION_PUT, id);

    op.replicate = true;
    op.session_put.user_id = SLICE("planted");
    op.session_put.metadata = SLICE("{}");
    run_on(w, side, op);
    return op.stamp;
}

/* The instance was killed after the message, and its next life does not show it. */
static void miss_message(struct world *w, struct entry *e)
{
    struct op op = acts_op(w, OP_MESSAGE_LIST, e->id);

    e->home = true;
    client_check_read(w, e->client, e->id, &op, e->life + 1);
}

/* The fallback was taken over after the message: whoever did so knew what it was missing. */
static void plant_missed_message(struct world *w)
{
    struct entry *e = find(w, ACT_APPEND);

    journal_acknowledged(w, e->id, take_alone(w, 0, e->id));
    (void)take_alone(w, 1, GOES);
    miss_message(w, e);
}

/* The fallback had been taken over, but nobody heard its answer: so the primary went on alone. */
static void plant_message_passed_by(struct world *w)
{
    struct entry *e = find(w, ACT_APPEND);

    (void)take_alone(w, 1, GOES);
    journal_acknowledged(w, e->id, take_alone(w, 0, e->id));
    miss_message(w, e);
}

/* The same, but the primary went on with another id. */
static void plant_other_passed_by(struct world *w)
{
    struct entry *e = find(w, ACT_APPEND);

    (void)take_alone(w, 1, GOES);
    journal_acknowledged(w, !e->id, take_alone(w, 0, !e->id));
    miss_message(w, e);
}

static void plant_late_copy(struct world *w)
{
    w->journal->outlived[STAYS] = true;
    plant_difference(w);
}

/* A copy of another id came late. */
static void plant_difference_beside(struct world *w)
{
    w->journal->outlived[!STAYS] = true;
    plant_difference(w);
}

/* It was appended where nobody could know that the store was older. */
static void plant_lost_blindly(struct world *w)
{
    for (int id = 0; id < IDS; id++)
        w->journal->blind[id] = true;
    plant_lost_message(w);
}

static const struct {
    void (*plant)(struct world *w);
    enum finding_kind found;
} plants[] = {
    {plant_difference_beside, STORES_DIFFER},
    {plant_lost_blindly, APPEND_LOST},
    {plant_entry_in_outbox, OUTBOX_LEFT},
    {plant_difference, STORES_DIFFER},
    {plant_pending, STORES_DIFFER},
    {plant_lost_message, APPEND_LOST},
    {plant_refused_message, REFUSED_APPLIED},
    {plant_deletion, DELETE_UNDONE},
    {plant_increment, INCREMENT_LOST},
    {plant_doubled_increment, INCREMENT_DOUBLED},
    {plant_counters_apart, COUNTERS_APART},
    {plant_second_creation, CONDITION_BROKEN},
    {plant_same_version, CONDITION_BROKEN},
    {plant_lost_session, SESSION_LOST},
    {plant_lost_session, VALUE_LOST},
    {plant_strange_value, VALUE_STRANGE},
    {plant_overwritten_value, OLDER_WON},
    {plant_unread_message, OWN_WRITE_UNREAD},
    {plant_unread_increment, OWN_WRITE_UNREAD},
    {plant_missed_message, OWN_WRITE_MISSED},
    {plant_other_passed_by, OWN_WRITE_MISSED},
};

/* Also where stores forget: what is lost then is no excuse for the rest. */
START_TEST(what_is_planted_is_found)
{
    uint64_t seed = _i % 2 ? FORGETFUL : SEED;
    struct sim_result r;
    bool found = false;

    sim.cfg.forgets = _i % 2;
    sim_run(&sim, seed, &r);
    ck_assert(!sim_failed(&r));
    sim.cfg.plant = plants[_i / 2].plant;
    sim_run(&sim, seed, &r);
    for (size_t i = 0; i < r.n_findings; i++)
        found |= r.findings[i].kind == plants[_i / 2].found && !r.findings[i].allowed;
    ck_assert_msg(found, "%s is not found", finding_name(plants[_i / 2].found));
    ck_assert(sim_failed(&r));
}
END_TEST

/* docs/failover.md says so. */
START_TEST(a_restart_may_go_on_with_the_other_store)
{
    struct sim_result r;
    int missed = 0;

    sim.cfg.plant = plant_message_passed_by;
    sim_run(&sim, SEED, &r);
    for (size_t i = 0; i < r.n_findings; i++) {
        if (r.findings[i].kind != OWN_WRITE_MISSED)
            continue;
        missed++;
        ck_assert_msg(r.findings[i].allowed, "%s", r.findings[i].text);
    }
    ck_assert_int_gt(missed, 0);
}
END_TEST

START_TEST(a_copy_may_outlive_what_it_was_made_from)
{
    struct sim_result r;
    bool back = false;

    sim.cfg.forgets = true;
    sim.cfg.plant = plant_late_copy;
    sim_run(&sim, FORGETFUL, &r);
    ck_assert(!sim_failed(&r));
    for (size_t i = 0; i < r.n_findings; i++)
        back |= r.findings[i].kind == BROUGHT_BACK;
    ck_assert(back);
}
END_TEST

TCase *check_case(void)
{
    TCase *tc = tcase_create("check");

    tcase_add_checked_fixture(tc, open_sim, close_sim);
    tcase_add_loop_test(tc, what_is_planted_is_found, 0, 2 * COUNT_OF(plants));
    tcase_add_test(tc, a_restart_may_go_on_with_the_other_store);
    tcase_add_test(tc, a_copy_may_outlive_what_it_was_made_from);
    return tc;
}

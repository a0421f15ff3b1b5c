/*
 * trips_pair.c - counts exactly how often the ops of a pair wait for its stores; see
 * trips_pair.h.
 */
#include "trips_pair.h"

#include "pair.h"
#include "threads.h"

enum { BATCH = 16 };

static const struct trips_pair *target;

/* The round trips of a batch, which must succeed. */
static int64_t trips_of(struct store *s, struct op *const ops[], size_t n)
{
    int64_t before = target->so_far(s);
    struct err err = {0};

    ck_assert_msg(backend_execute(s->backend, ops, n, &err), "%s", err.text);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(ops[i]->status.kind == ERR_OK, "%s: %s", op_name(ops[i]->type),
                      ops[i]->status.text);
    return target->so_far(s) - before;
}

static int64_t trips(struct store *s, struct op *op)
{
    return trips_of(s, &op, 1);
}

static struct op session_op(const char *id)
{
    struct op op = store_op(&here, OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{\"a\":1}");
    op.repeat.present = true;
    memcpy(op.repeat.op_id, &op.stamp, sizeof(op.stamp));
    return op;
}

static struct op patch_op(const char *id)
{
    struct op op = store_op(&here, OP_SESSION_PATCH, id);

    op.session_patch.status = slice_of(arena_printf(&here.arena, "%lld", (long long)op.stamp).at);
    op.repeat.present = true;
    memcpy(op.repeat.op_id, &op.stamp, sizeof(op.stamp));
    return op;
}

static struct op context_op(const char *id)
{
    struct op op = store_op(&here, OP_CONTEXT_PUT, id);

    op.context_put.context = SLICE("1");
    return op;
}

static struct op append_op(const char *id)
{
    struct op op = store_op(&here, OP_MESSAGE_APPEND, id);
    struct message *m = arena_zalloc(&here.arena, 1, sizeof(*m));

    ck_assert_ptr_nonnull(m);
    m->id = arena_printf(&here.arena, "m%lld", (long long)op.stamp);
    m->role = SLICE("user");
    m->content = SLICE("\"hello\"");
    m->fresh = true;
    op.message_append.messages = m;
    op.message_append.n = 1;
    return op;
}

static struct op checkpoint_op(const char *id)
{
    const char *name = arena_printf(&here.arena, "c%lld", (long long)here.now_us).at;

    return put_op(&here, (struct checkpoint_in){
                             .thread = id, .id = name, .values = "a=1:v b=1:w c=1:x d=1:y"});
}

static struct op task_op(const char *id)
{
    const char *name = arena_printf(&here.arena, "t%lld", (long long)here.now_us).at;

    return writes_op(&here, (struct writes_in){
                                .thread = id, .checkpoint = "c", .task = name, .writes = "0:a=b"});
}

enum { APPEND = 3 };

static struct op (*const makers[])(const char *id) = {
    session_op, patch_op, context_op, [APPEND] = append_op, checkpoint_op, task_op};

/* Makes an op a second after the last one, so that the session moves on. */
static struct op make(size_t i, const char *id, bool replicate)
{
    struct op op;

    here.now_us += SECOND;
    op = makers[i](id);
    op.replicate = replicate;
    return op;
}

/* The merge that the other store is asked for. */
static struct op merge_of(const struct op *op)
{
    struct op merge = store_op(&there, OP_MERGE, NULL);
    struct record *items = arena_alloc(&there.arena, op->n_copies * sizeof(*items));

    ck_assert_ptr_nonnull(items);
    ck_assert_uint_gt(op->n_copies, 0);
    merge.id = op->id;
    merge.merge.items = items;
    for (int kind = 0; kind < RECORD_MESSAGES; kind++)
        for (size_t i = 0; i < op->n_copies; i++)
            if ((int)op->copies[i].kind == kind)
                items[merge.merge.n++] = op->copies[i];
    return merge;
}

/* Makes the session and the thread of this id known to both stores. */
static void begin(const char *id)
{
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        struct op op = make(i, id, true), merge;

        store_ok(&here, &op);
        merge = merge_of(&op);
        store_ok(&there, &merge);
    }
    here.now_us += MINUTE - here.now_us % MINUTE;
    there.now_us = here.now_us;
    (void)store_message(&here, id, "first of a minute");
    (void)store_message(&there, id, "first of a minute");
}

START_TEST(what_a_pair_costs_the_primary)
{
    begin("s");
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        struct op plain = make(i, "s", false), told;
        int64_t before = trips(&here, &plain);

        told = make(i, "s", true);
        ck_assert_msg(trips(&here, &told) <= before, "%s", op_name(told.type));
        ck_assert_uint_gt(told.n_copies, 0);
        if (told.type == OP_MESSAGE_APPEND)
            ck_assert_int_eq(before, target->append);
    }
}
END_TEST

static void clear_entries(void)
{
    struct op_pair_read read = pair_read(&here, 1000);

    pair_change(&here, (struct op_pair_change){.clear = read.out.entries, .n_clear = read.out.n});
}

/* The outbox holds the entries of these appends, in their order, and nothing else. */
static void check_entries(const struct op *ops, size_t n)
{
    struct op_pair_read read = pair_read(&here, 1000);

    ck_assert_uint_eq(read.out.n, n);
    for (size_t i = 0; i < n; i++) {
        const struct outbox_entry *e = &read.out.entries[i];

        ck_assert_int_eq(e->number, ops[i].stamp);
        ck_assert(slice_equal(e->tenant, ops[i].tenant));
        ck_assert(slice_equal(e->id, ops[i].id));
        ck_assert_uint_eq(e->n_names, 1);
        ck_assert_int_eq(e->names->kind, RECORD_MESSAGE);
        ck_assert(slice_equal(e->names->key.id, ops[i].id));
        ck_assert(slice_equal(e->names->key.sub, ops[i].message_append.messages->id));
    }
}

/*
 * Runs a batch of appends, each in a session of its own; the first n_known of these have been active in
 * this minute. Returns its round trips.
 */
static int64_t append_together(size_t n_known)
{
    struct op ops[BATCH], *batch[BATCH];
    const char *ids[BATCH];
    int64_t took;

    for (size_t i = 0; i < BATCH; i++) {
        ids[i] = arena_printf(&here.arena, "s%zu", i).at;
        begin(ids[i]);
    }
    for (size_t i = 0; i < n_known; i++)
        (void)store_message(&here, ids[i], "first of this minute");
    clear_entries();
    for (size_t i = 0; i < BATCH; i++) {
        ops[i] = make(APPEND, ids[i], true);
        batch[i] = &ops[i];
    }
    took = trips_of(&here, batch, BATCH);
    check_entries(ops, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        ck_assert_uint_eq(store_count(&here, ids[i]), i < n_known ? 4 : 3);
    return took;
}

START_TEST(entries_go_with_their_appends)
{
    ck_assert_int_eq(append_together(BATCH), target->append);
}
END_TEST

/* What one statement cannot do leaves nothing, and is done in the usual way. */
START_TEST(entries_of_appends_that_run_again)
{
    (void)append_together(BATCH / 2);
}
END_TEST

START_TEST(a_copy_takes_two_trips_at_most)
{
    begin("s");
    for (size_t i = 0; i < COUNT_OF(makers); i++) {
        struct op op = make(i, "s", true), merge;
        int64_t again;

        store_ok(&here, &op);
        merge = merge_of(&op);
        ck_assert_msg(trips(&there, &merge) == (op.type == OP_MESSAGE_APPEND ? target->copy : 2),
                      "%s", op_name(op.type));
        ck_assert_uint_eq(merge.merge.out.applied, merge.merge.n);
        again = target->again + (op.type == OP_MESSAGE_APPEND ? target->guess : 0);
        ck_assert_msg(trips(&there, &merge) == again, "%s", op_name(op.type));
        ck_assert_uint_eq(merge.merge.out.applied, 0);
    }
}
END_TEST

START_TEST(copies_share_their_trips)
{
    struct op ops[BATCH], merges[BATCH], *batch[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        begin(arena_printf(&here.arena, "s%zu", i).at);
        ops[i] = make(i % COUNT_OF(makers), arena_printf(&here.arena, "s%zu", i).at, true);
        store_ok(&here, &ops[i]);
        merges[i] = merge_of(&ops[i]);
        batch[i] = &merges[i];
    }
    ck_assert_int_eq(trips_of(&there, batch, BATCH), 2);
    for (size_t i = 0; i < BATCH; i++)
        ck_assert_uint_eq(merges[i].merge.out.applied, merges[i].merge.n);
}
END_TEST

START_TEST(records_are_read_together)
{
    struct op ops[BATCH], gets[BATCH], *batch[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        struct record_name *names;

        begin(arena_printf(&here.arena, "s%zu", i).at);
        ops[i] = make(i % COUNT_OF(makers), arena_printf(&here.arena, "s%zu", i).at, true);
        store_ok(&here, &ops[i]);
        names = arena_zalloc(&here.arena, ops[i].n_copies, sizeof(*names));
        ck_assert_ptr_nonnull(names);
        for (size_t k = 0; k < ops[i].n_copies; k++)
            names[k] = (struct record_name){ops[i].copies[k].kind, ops[i].copies[k].key};
        gets[i] = store_op(&here, OP_RECORDS_GET, NULL);
        gets[i].id = ops[i].id;
        gets[i].records_get = (struct op_records_get){.names = names, .n = ops[i].n_copies};
        batch[i] = &gets[i];
    }
    ck_assert_int_eq(trips_of(&here, batch, BATCH), target->get);
    for (size_t i = 0; i < BATCH; i++)
        ck_assert_uint_eq(gets[i].records_get.out.n, gets[i].records_get.n);
}
END_TEST

TCase *trips_pair_case(const struct trips_pair *of)
{
    TCase *tc = tcase_create("trips of a pair");

    target = of;
    tcase_add_checked_fixture(tc, of->set_up, of->tear_down);
    tcase_add_test(tc, what_a_pair_costs_the_primary);
    tcase_add_test(tc, entries_go_with_their_appends);
    tcase_add_test(tc, entries_of_appends_that_run_again);
    tcase_add_test(tc, a_copy_takes_two_trips_at_most);
    tcase_add_test(tc, copies_share_their_trips);
    tcase_add_test(tc, records_are_read_together);
    return tc;
}

/*
 * contract_pair.c - what two stores of a pair tell each other; see op_pair.h.
 *
 * Changes are made here, at random, and copied there: with each change, or later, by what the outbox
 * names. Both must hold the same then.
 */
#include <stdlib.h>

#include "clock.h"
#include "record_fields.h"
#include "state.h"
#include "threads.h"

enum { SEEDS = 6, STEPS = 40, EVERY = 5, PAGE = 10, MANY = 100 };

static uint64_t seed;

static void open_stores(void)
{
    store_open(&here, store_config(), 0);
    store_open(&there, store_config(), 1);
}

static void close_stores(void)
{
    store_close(&here);
    store_close(&there);
}

/* A number below n; xorshift*, by S. Vigna. */
static uint64_t random_below(uint64_t n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * UINT64_C(2685821657736338717) >> 33) % n;
}

static const char *pick(const char *stem, uint64_t n)
{
    return arena_printf(&here.arena, "%s%d", stem, (int)random_below(n)).at;
}

/* --- the two stores ------------------------------------------------------------------------------- */

static struct op_pair_read read_pair(struct store *s, int64_t limit)
{
    struct op op = store_op(s, OP_PAIR_READ, NULL);

    op.pair_read.limit = limit;
    store_ok(s, &op);
    ck_assert(slice_present(op.pair_read.out.incarnation));
    for (size_t i = 1; i < op.pair_read.out.n; i++)
        ck_assert_int_le(op.pair_read.out.entries[i - 1].number,
                         op.pair_read.out.entries[i].number);
    return op.pair_read;
}

static void change_pair(struct store *s, struct op_pair_change change)
{
    struct op op = store_op(s, OP_PAIR_CHANGE, NULL);

    op.pair_change = change;
    store_ok(s, &op);
}

/* A merge of records of one id (absent: any), in the order of their kinds. */
static struct op merge_op(struct store *s, struct slice id, const struct record *records, size_t n)
{
    struct record *items = arena_alloc(&s->arena, (n + 1) * sizeof(*items));
    struct op op = store_op(s, OP_MERGE, NULL);

    ck_assert_ptr_nonnull(items);
    op.id = id;
    op.merge.items = items;
    for (int kind = 0; kind < RECORD_MESSAGES; kind++)
        for (size_t i = 0; i < n; i++)
            if ((int)records[i].kind == kind)
                items[op.merge.n++] = records[i];
    ck_assert_uint_eq(op.merge.n, n);
    return op;
}

static struct op_merge merge_into(struct store *s, struct slice id, const struct record *records,
                                  size_t n)
{
    struct op op = merge_op(s, id, records, n);

    store_ok(s, &op);
    return op.merge;
}

/* The records of these names that have this id. */
static struct op_records_get get_records(struct store *s, struct slice id,
                                         const struct record_name *names, size_t n)
{
    struct record_name *some = arena_alloc(&s->arena, (n + 1) * sizeof(*some));
    struct op op = store_op(s, OP_RECORDS_GET, NULL);

    ck_assert_ptr_nonnull(some);
    op.id = id;
    op.records_get.names = some;
    for (size_t i = 0; i < n; i++)
        if (slice_equal(names[i].key.id, id))
            some[op.records_get.n++] = names[i];
    store_ok(s, &op);
    return op.records_get;
}

/* Copies what an entry names; an id is done when its first name comes. */
static void copy_entry(struct store *from, struct store *to, const struct outbox_entry *e)
{
    for (size_t i = 0; i < e->n_names; i++) {
        struct slice id = e->names[i].key.id;
        struct op_records_get got;
        bool done = false;

        for (size_t k = 0; k < i; k++)
            done |= slice_equal(e->names[k].key.id, id);
        if (done)
            continue;
        got = get_records(from, id, e->names, e->n_names);
        merge_into(to, id, got.out.items, got.out.n);
    }
}

/* Until the outbox is empty; how many changes had entries. */
static size_t drain(struct store *from, struct store *to, int64_t limit)
{
    int64_t last = 0;
    size_t n = 0;
    bool more = true;

    while (more) {
        struct op_pair_read waiting = read_pair(from, limit);

        ck_assert_uint_le(waiting.out.n, (size_t)limit);
        ck_assert(waiting.out.n > 0 || !waiting.out.more);
        for (size_t i = 0; i < waiting.out.n; i++) {
            copy_entry(from, to, &waiting.out.entries[i]);
            n += waiting.out.entries[i].number != last;
            last = waiting.out.entries[i].number;
        }
        change_pair(
            from, (struct op_pair_change){.clear = waiting.out.entries, .n_clear = waiting.out.n});
        more = waiting.out.more;
    }
    return n;
}

static void check_equal(int step)
{
    struct slice states[2];
    struct arena arena = {0};
    struct err err = {0};

    ck_assert_msg(state_read(here.backend, STATE_EXACT, &arena, &states[0], &err) &&
                      state_read(there.backend, STATE_EXACT, &arena, &states[1], &err),
                  "%s", err.text);
    ck_assert_msg(slice_equal(states[0], states[1]), "step %d:\n%.*s\n--- is not\n%.*s", step,
                  SLICE_ARGS(state_difference(states[0], states[1])),
                  SLICE_ARGS(state_difference(states[1], states[0])));
    arena_done(&arena);
}

/* A request with an Idempotency-Key of its own. */
static struct op_repeat request(int64_t number)
{
    struct op_repeat repeat = {.present = true};

    memcpy(repeat.op_id, &number, sizeof(number));
    return repeat;
}

/* --- changes at random ---------------------------------------------------------------------------- */

static struct op session_op(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, pick("s", 3));

    op.session_put.user_id = slice_of(pick("u", 2));
    op.session_put.metadata = SLICE("{\"a\":1}");
    op.session_put.with_context = random_below(2);
    return op;
}

static struct op patch_op(void)
{
    struct op op = store_op(&here, OP_SESSION_PATCH, pick("s", 3));

    if (random_below(2))
        op.session_patch.status = slice_of(pick("status", 2));
    op.session_patch.increment_requests = random_below(2);
    op.session_patch.add_processing_time = (double)random_below(2) / 2;
    return op;
}

static struct op append_op(void)
{
    struct op op = store_op(&here, OP_MESSAGE_APPEND, pick("s", 4));
    struct message *m = arena_zalloc(&here.arena, 2, sizeof(*m));

    ck_assert_ptr_nonnull(m);
    op.message_append.messages = m;
    op.message_append.n = random_below(2) + 1;
    for (size_t i = 0; i < op.message_append.n; i++) {
        m[i].id = slice_of(pick("m", 8));
        m[i].role = SLICE("user");
        m[i].content = SLICE("\"hello\"");
    }
    return op;
}

static struct op context_op(void)
{
    struct op op = store_op(&here, OP_CONTEXT_PUT, pick("s", 4));

    op.context_put.context = slice_of(pick("1", 9));
    return op;
}

static struct op delete_op(void)
{
    struct op op = store_op(&here, random_below(2) ? OP_SESSION_DELETE : OP_THREAD_DELETE,
                            pick("s", 3));

    if (op.type == OP_SESSION_DELETE)
        op.session_delete.threads = random_below(2);
    return op;
}

static struct op idle_op(void)
{
    struct op op = store_op(&here, OP_CLEANUP, NULL);

    op.cleanup.idle_us = here.now_us - 3 * SECOND;
    op.cleanup.limit = 10;
    return op;
}

/* Of threads that are called as sessions are. */
static struct op thread_op(void)
{
    const char *thread = pick("s", 3), *id = pick("c", 4);

    switch (random_below(3)) {
    case 0:
        return put_op(&here, (struct checkpoint_in){.thread = thread,
                                                    .id = id,
                                                    .head = pick("1", 9),
                                                    .run = pick("r", 2),
                                                    .values = "a=1:v b=1:w"});
    case 1:
        return put_op(&here, (struct checkpoint_in){
                                 .thread = thread, .ns = "doc", .id = id, .form = FORM_DOCUMENT});
    default:
        return writes_op(&here, (struct writes_in){.thread = thread,
                                                   .checkpoint = id,
                                                   .task = pick("task", 2),
                                                   .mode = (enum writes_mode)random_below(3),
                                                   .writes = "0:a=b 1:c=d"});
    }
}

static struct op random_op(void)
{
    static struct op (*const makers[])(void) = {session_op, patch_op,  append_op, append_op,
                                                context_op, thread_op, thread_op, thread_op,
                                                delete_op,  idle_op};
    struct op op;

    here.now_us += (int64_t)random_below(3) * SECOND;
    op = makers[random_below(COUNT_OF(makers))]();
    op.replicate = true;
    if ((op.type == OP_SESSION_PUT || op.type == OP_SESSION_PATCH) && random_below(2))
        op.repeat = request(op.stamp);
    return op;
}

static bool is_named(const struct op_pair_read *waiting, const struct record *record)
{
    for (size_t i = 0; i < waiting->out.n; i++)
        for (size_t k = 0; k < waiting->out.entries[i].n_names; k++) {
            const struct record_name *name = &waiting->out.entries[i].names[k];

            if (name->kind == record->kind && record_key_compare(&name->key, &record->key) == 0)
                return true;
        }
    return false;
}

/* A change that failed, or that changed nothing, leaves nothing behind. What is done in parts may have an
 * entry for each. */
static void check_entries(const struct op *op, const struct op_pair_read *waiting)
{
    size_t n_names = 0;

    ck_assert(op->status.kind == ERR_OK || op->n_copies == 0);
    ck_assert_uint_eq(waiting->out.n > 0, op->n_copies > 0);
    for (size_t i = 0; i < waiting->out.n; i++) {
        ck_assert_int_eq(waiting->out.entries[i].number, op->stamp);
        ck_assert(slice_equal(waiting->out.entries[i].tenant, op->tenant));
        n_names += waiting->out.entries[i].n_names;
    }
    ck_assert_uint_ge(n_names, op->n_copies); /* a known message may be named */
    for (size_t i = 0; i < op->n_copies; i++)
        ck_assert(is_named(waiting, &op->copies[i]));
}

START_TEST(copies_are_enough)
{
    seed = (uint64_t)_i * 2654435761u + 88172645463325252u;
    for (int i = 0; i < STEPS; i++) {
        struct op op = random_op();
        struct op_pair_read waiting;

        store_run(&here, &op);
        waiting = read_pair(&here, 1000);
        check_entries(&op, &waiting);
        if (op.n_copies == 0)
            continue;
        merge_into(&there, op.id, op.copies, op.n_copies);
        check_equal(i);
        change_pair(
            &here, (struct op_pair_change){.clear = waiting.out.entries, .n_clear = waiting.out.n});
        ck_assert_uint_eq(read_pair(&here, PAGE).out.n, 0);
    }
}
END_TEST

START_TEST(names_are_enough)
{
    seed = (uint64_t)_i * 2654435761u + 88172645463325252u;
    for (int i = 0; i < STEPS; i++) {
        size_t made = 0;

        for (int k = 0; k < EVERY; k++) {
            struct op op = random_op();

            store_run(&here, &op);
            made += op.n_copies > 0;
        }
        ck_assert_uint_eq(drain(&here, &there, _i % 2 ? PAGE : 1), made);
        check_equal(i);
    }
}
END_TEST

/* A change of many ids: some of them lie side by side, wherever a store keeps its outbox. */
START_TEST(a_sweep_is_copied_piece_by_piece)
{
    struct op op;

    for (int i = 0; i < MANY; i++) {
        op = store_op(&here, OP_SESSION_PUT, arena_printf(&here.arena, "s%d", i).at);
        op.session_put.user_id = SLICE("u");
        op.session_put.metadata = SLICE("{}");
        op.replicate = true;
        store_ok(&here, &op);
    }
    ck_assert_uint_eq(drain(&here, &there, MANY), MANY);
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.idle_us = here.now_us;
    op.cleanup.limit = MANY;
    op.replicate = true;
    store_ok(&here, &op);
    ck_assert_int_eq(op.cleanup.out.removed, MANY);
    drain(&here, &there, 1);
    check_equal(0);
}
END_TEST

/* --- counters ------------------------------------------------------------------------------------- */

/* Adds to the counters of the session "s" in the store that stands in for the primary. */
static struct op add_alone(int64_t request_number)
{
    struct op op = store_op(&there, OP_SESSION_PATCH, "s");

    op.session_patch.increment_requests = op.session_patch.mark_error = true;
    op.session_patch.add_processing_time = 0.5;
    op.replicate = op.alone = true;
    op.repeat = request(request_number);
    return op;
}

static struct session get_alone(const char *id)
{
    struct op op = store_op(&there, OP_SESSION_GET, id);

    op.alone = true;
    store_ok(&there, &op);
    return op.session_get.out.session;
}

static void open_session(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, "s");

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    op.replicate = true;
    store_ok(&here, &op);
    ck_assert_uint_eq(drain(&here, &there, PAGE), 1);
}

START_TEST(the_primary_counts)
{
    struct outbox_entry e;
    struct op op, merge;
    struct op_records_get got;

    open_session();
    op = add_alone(1);
    store_ok(&there, &op);
    ck_assert_int_eq(op.session_patch.out.session.request_count, 1);
    op = add_alone(1); /* the client asks again */
    store_ok(&there, &op);
    ck_assert(op.session_patch.out.replayed);
    ck_assert_int_eq(get_alone("s").request_count, 1);
    ck_assert_int_eq(get_alone("s").error_count, 1);
    ck_assert_int_eq(store_get(&there, "s").request_count, 0);

    e = read_pair(&there, PAGE).out.entries[0];
    got = get_records(&there, SLICE("s"), e.names, e.n_names);
    merge = merge_op(&here, SLICE("s"), got.out.items, got.out.n);
    merge.replicate = true;
    store_ok(&here, &merge);
    ck_assert_int_eq(store_get(&here, "s").request_count, 1);
    ck_assert_uint_eq(merge.n_copies, 2); /* SESSION and REPEAT */
    ck_assert_int_eq(read_pair(&here, PAGE).out.entries[0].number, merge.stamp);
    merge.replicate = false;
    store_ok(&here, &merge); /* once more */
    ck_assert_int_eq(store_get(&here, "s").request_count, 1);

    ck_assert_uint_eq(drain(&here, &there, PAGE), 1);
    ck_assert_int_eq(get_alone("s").request_count, 1);
    got = get_records(&there, SLICE("s"), e.names, e.n_names);
    for (size_t i = 0; i < got.out.n; i++)
        ck_assert_int_ne(got.out.items[i].kind, RECORD_PENDING);
}
END_TEST

static struct record addition(int64_t stamp, int64_t request_number)
{
    struct op_repeat repeat = request(request_number);

    return (struct record){
        .kind = RECORD_PENDING,
        .key = {.id = SLICE("s"),
                .sub = arena_copy(&here.arena,
                                  (struct slice){(const char *)repeat.op_id, BLOB_HASH_LEN})},
        .pending = {.stamp = stamp, .requests = 1, .repeat = {.at_us = here.now_us}},
    };
}

START_TEST(an_addition_is_counted_once)
{
    struct record records[3];
    struct op op;

    open_session();
    records[0] = records[1] = addition(stamp_next(), 1);
    records[0].kind = RECORD_REPEAT;
    records[0].repeat = (struct record_repeat){.at_us = here.now_us};
    merge_into(&here, SLICE("s"), records, 2);
    ck_assert_int_eq(store_get(&here, "s").request_count, 0); /* the request is known by then */

    records[0] = addition(stamp_next(), 2);
    records[1] = addition(stamp_next(), 3);
    ck_assert_uint_eq(merge_into(&here, SLICE("s"), records, 2).out.applied, 2);
    ck_assert_uint_eq(merge_into(&here, SLICE("s"), records, 2).out.applied, 0);
    ck_assert_int_eq(store_get(&here, "s").request_count, 2);

    op = store_op(&here, OP_SESSION_PATCH, "s");
    op.session_patch.increment_requests = true;
    op.replicate = true;
    store_ok(&here, &op);
    records[0] = addition(op.stamp, 4); /* what was in doubt here is in the outbox */
    ck_assert_uint_eq(merge_into(&here, SLICE("s"), records, 1).out.applied, 0);
    ck_assert_int_eq(store_get(&here, "s").request_count, 3);
}
END_TEST

START_TEST(a_deletion_takes_what_is_pending)
{
    struct op op;
    struct op_records_get got;
    struct record_name name;

    open_session();
    op = add_alone(1);
    store_ok(&there, &op);
    name = (struct record_name){RECORD_PENDING, addition(1, 1).key};
    got = get_records(&there, SLICE("s"), &name, 1);
    ck_assert_uint_eq(got.out.n, 1);
    ck_assert_int_eq(got.out.items[0].pending.stamp, op.stamp);
    ck_assert_int_eq(got.out.items[0].pending.errors, 1);
    op = store_op(&there, OP_SESSION_DELETE, "s");
    op.replicate = op.alone = true;
    store_ok(&there, &op);
    ck_assert_uint_eq(get_records(&there, SLICE("s"), &name, 1).out.n, 0);

    open_session();
    op = add_alone(1);
    op.repeat = request(2);
    store_ok(&there, &op);
    op = store_op(&here, OP_SESSION_DELETE, "s");
    op.replicate = true;
    store_ok(&here, &op);
    drain(&here, &there, PAGE);
    name.key = addition(1, 2).key;
    ck_assert_uint_eq(get_records(&there, SLICE("s"), &name, 1).out.n, 0);
}
END_TEST

/* --- what is missing, notes, what is newer -------------------------------------------------------- */

START_TEST(what_is_missing_is_not_answered)
{
    const struct pair_id missing[] = {{SLICE("default"), SLICE("a")}, {SLICE("other"), SLICE("b")}};
    struct op get, stats;
    struct op_pair_read is;

    store_session(&here, "a");
    store_session(&here, "b");
    change_pair(&here, (struct op_pair_change){.missing = missing, .n_missing = 2});
    is = read_pair(&here, PAGE);
    ck_assert_uint_eq(is.out.n_missing, 2);
    get = store_op(&here, OP_SESSION_GET, "a");
    store_ok(&here, &get);
    get.alone = true;
    store_fails(&here, &get, ERR_UNAVAILABLE);
    get.id = SLICE("b");
    store_ok(&here, &get);
    stats = store_op(&here, OP_STATS, NULL);
    stats.alone = true;
    store_fails(&here, &stats, ERR_UNAVAILABLE);

    change_pair(&here, (struct op_pair_change){.found = missing, .n_found = 2});
    ck_assert_uint_eq(read_pair(&here, PAGE).out.n_missing, 0);
    get.id = SLICE("a");
    store_ok(&here, &get);
    store_ok(&here, &stats);
}
END_TEST

/* The text of a note, absent if there is none. */
static struct slice note(const char *name)
{
    struct op_pair_read is = read_pair(&here, PAGE);

    for (size_t i = 0; i < is.out.n_notes; i++)
        if (slice_equal(is.out.notes[i].name, slice_of(name)))
            return is.out.notes[i].text;
    return (struct slice){NULL, 0};
}

START_TEST(notes_are_kept)
{
    struct pair_note notes[] = {{SLICE("a"), SLICE("1"), false}, {SLICE("b"), SLICE("2"), true}};

    change_pair(&here, (struct op_pair_change){.notes = notes, .n_notes = 2});
    notes[0].text = notes[1].text = SLICE("3");
    change_pair(&here, (struct op_pair_change){.notes = notes, .n_notes = 2});
    ck_assert_slice(note("a"), "3");
    ck_assert_slice(note("b"), "2");
    notes[0].text = (struct slice){NULL, 0};
    change_pair(&here, (struct op_pair_change){.notes = notes, .n_notes = 1});
    ck_assert(!slice_present(note("a")));
    ck_assert_slice(note("b"), "2");
}
END_TEST

START_TEST(a_merge_tells_what_is_newer)
{
    struct op older, newer;
    struct op_merge merge;

    open_session();
    older = store_op(&here, OP_SESSION_PATCH, "s");
    older.session_patch.status = SLICE("older");
    older.replicate = true;
    store_ok(&here, &older);
    merge = merge_into(&there, older.id, older.copies, older.n_copies);
    ck_assert_uint_eq(merge.out.applied, 1);
    ck_assert(!merge.out.outbox);
    merge = merge_into(&there, older.id, older.copies, older.n_copies);
    ck_assert_uint_eq(merge.out.applied, 0);
    ck_assert_int_eq(merge.out.newest, 0); /* it is the same */

    newer = store_op(&there, OP_SESSION_PATCH, "s");
    newer.session_patch.status = SLICE("newer");
    newer.replicate = true;
    store_ok(&there, &newer);
    merge = merge_into(&there, older.id, older.copies, older.n_copies);
    ck_assert_int_eq(merge.out.newest, newer.stamp);
    ck_assert(merge.out.outbox);
}
END_TEST

TCase *contract_pair_case(void)
{
    TCase *tc = tcase_create("pair");

    tcase_add_checked_fixture(tc, open_stores, close_stores);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, copies_are_enough, 0, SEEDS);
    tcase_add_loop_test(tc, names_are_enough, 0, SEEDS);
    tcase_add_test(tc, a_sweep_is_copied_piece_by_piece);
    tcase_add_test(tc, the_primary_counts);
    tcase_add_test(tc, an_addition_is_counted_once);
    tcase_add_test(tc, a_deletion_takes_what_is_pending);
    tcase_add_test(tc, what_is_missing_is_not_answered);
    tcase_add_test(tc, notes_are_kept);
    tcase_add_test(tc, a_merge_tells_what_is_newer);
    return tc;
}

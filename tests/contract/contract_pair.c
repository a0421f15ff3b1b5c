/* contract_pair.c - what a store keeps for a pair: outbox, missing ids, notes; and the fence. */
#include "pair.h"

#include "clock.h"

/* Makes a change that leaves an entry. Returns the number of the entry. */
static int64_t leave(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    op.replicate = true;
    store_ok(s, &op);
    return op.stamp;
}

static void clear_entry(struct outbox_entry e)
{
    pair_change(&here, (struct op_pair_change){.clear = &e, .n_clear = 1});
}

START_TEST(a_new_store_has_nothing)
{
    struct op_pair_read read = pair_read(&here, 1000);

    ck_assert(read.out.n == 0 && !read.out.more);
    ck_assert(read.out.n_missing == 0 && read.out.n_notes == 0);
    store_session(&here, "s1"); /* not for a pair, so it leaves no entry */
    read = pair_read(&here, 1000);
    ck_assert(read.out.n == 0 && !read.out.more);
}
END_TEST

START_TEST(entries_come_in_their_order)
{
    static const char *const tenants[] = {"default", "b", "a"};
    int64_t numbers[60];
    struct op_pair_read read;

    for (int i = 0; i < 60; i++) {
        here.tenant = slice_of(tenants[i % 3]);
        numbers[i] = leave(&here, arena_printf(&here.arena, "s%d", (i * 7) % 60).at);
    }
    read = pair_read(&here, 1000);
    ck_assert(read.out.n == 60 && !read.out.more);
    for (int i = 0; i < 60; i++) {
        const struct outbox_entry *e = &read.out.entries[i];

        ck_assert_int_eq(e->number, numbers[i]);
        ck_assert_slice(e->tenant, tenants[i % 3]);
        ck_assert_slice(e->id, arena_printf(&here.arena, "s%d", (i * 7) % 60).at);
        ck_assert_uint_eq(e->n_names, 1);
        ck_assert_int_eq(e->names[0].kind, RECORD_SESSION);
        ck_assert(slice_equal(e->names[0].key.id, e->id));
    }
}
END_TEST

START_TEST(a_page_has_the_lowest_numbers)
{
    enum { ENTRIES = 40 };
    int64_t numbers[ENTRIES];

    for (int i = 0; i < ENTRIES; i++)
        numbers[i] = leave(&here, "s1");
    for (int64_t limit = 1; limit <= ENTRIES + 1; limit++) {
        struct op_pair_read read = pair_read(&here, limit);

        ck_assert_uint_eq(read.out.n, limit < ENTRIES ? (size_t)limit : ENTRIES);
        ck_assert(read.out.more == (limit < ENTRIES));
        for (size_t i = 0; i < read.out.n; i++)
            ck_assert_int_eq(read.out.entries[i].number, numbers[i]);
    }
}
END_TEST

/* Many ids with an entry, and one id with many. */
START_TEST(what_fits_into_a_page_is_read_whole)
{
    enum { IDS = 100, ENTRIES = 160 };
    struct op_pair_read read;

    for (int i = 0; i < ENTRIES; i++)
        (void)leave(&here, arena_printf(&here.arena, "s%d", i < IDS ? i : 0).at);
    read = pair_read(&here, ENTRIES);
    ck_assert(read.out.n == ENTRIES && !read.out.more);
}
END_TEST

START_TEST(entries_are_read_on_behind_a_number)
{
    enum { ENTRIES = 40 };
    int64_t numbers[ENTRIES];

    for (int i = 0; i < ENTRIES; i++)
        numbers[i] = leave(&here, arena_printf(&here.arena, "s%d", i % 7).at);
    for (size_t from = 0; from < ENTRIES; from++) {
        struct op op = store_op(&here, OP_PAIR_READ, NULL);

        op.pair_read.after = numbers[from];
        op.pair_read.limit = 5;
        store_ok(&here, &op);
        ck_assert_uint_eq(op.pair_read.out.n, from + 6 > ENTRIES ? ENTRIES - from - 1 : 5);
        ck_assert(op.pair_read.out.more == (from + 6 < ENTRIES));
        for (size_t i = 0; i < op.pair_read.out.n; i++)
            ck_assert_int_eq(op.pair_read.out.entries[i].number, numbers[from + 1 + i]);
    }
}
END_TEST

/* One id has many entries, which are older than those of many others. */
START_TEST(no_page_leaves_anything_out)
{
    enum { HOT = 100, IDS = 60 };
    int64_t numbers[HOT + IDS];
    bool seen[HOT + IDS] = {false};
    struct op op = store_op(&here, OP_PAIR_READ, NULL);

    for (int i = 0; i < HOT + IDS; i++)
        numbers[i] = leave(&here, arena_printf(&here.arena, "s%d", i < HOT ? 0 : i).at);
    do {
        op.pair_read.limit = 64;
        store_ok(&here, &op);
        for (size_t k = 0; k < op.pair_read.out.n; k++)
            for (int i = 0; i < HOT + IDS; i++)
                seen[i] |= op.pair_read.out.entries[k].number == numbers[i];
        ck_assert_int_gt(op.pair_read.out.through, op.pair_read.after);
        op.pair_read.after = op.pair_read.out.through;
    } while (op.pair_read.out.more);
    for (int i = 0; i < HOT + IDS; i++)
        ck_assert_msg(seen[i], "entry %d", i);
}
END_TEST

START_TEST(entries_are_cleared_by_their_number)
{
    int64_t first = leave(&here, "s1"), second = leave(&here, "s1"), third = leave(&here, "s2");
    struct op_pair_read read = pair_read(&here, 1000);
    struct outbox_entry unknown = read.out.entries[0];

    unknown.number = third + 1024;
    clear_entry(unknown);
    clear_entry(read.out.entries[1]);
    clear_entry(read.out.entries[1]); /* the entry has gone */
    read = pair_read(&here, 1000);
    ck_assert_uint_eq(read.out.n, 2);
    ck_assert_int_eq(read.out.entries[0].number, first);
    ck_assert_int_eq(read.out.entries[1].number, third);
    ck_assert_int_lt(first, second);
    pair_change(&here, (struct op_pair_change){.clear = read.out.entries, .n_clear = 2});
    ck_assert_uint_eq(pair_read(&here, 1000).out.n, 0);
    ck_assert(store_has(&here, "s1"));
}
END_TEST

START_TEST(an_entry_of_many_ids_is_cleared_as_it_was_read)
{
    struct op_pair_read read;
    struct op op;

    for (int i = 0; i < 5; i++)
        store_session(&here, arena_printf(&here.arena, "s%d", i).at);
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.idle_us = here.now_us;
    op.cleanup.limit = 10;
    ck_assert_str_ne(left_by(&op), "");
    ck_assert_int_eq(op.cleanup.out.removed, 5);
    read = pair_read(&here, 1000);
    pair_change(&here, (struct op_pair_change){.clear = read.out.entries, .n_clear = read.out.n});
    ck_assert_uint_eq(pair_read(&here, 1000).out.n, 0);
}
END_TEST

static size_t count_missing(const char *tenant, const char *id)
{
    struct op_pair_read read = pair_read(&here, 1);
    size_t n = 0;

    for (size_t i = 0; i < read.out.n_missing; i++)
        n += slice_equal(read.out.missing[i].tenant, slice_of(tenant)) &&
             slice_equal(read.out.missing[i].id, slice_of(id));
    return n;
}

START_TEST(what_is_missing_is_missing_once)
{
    pair_missing(&here, "s1");
    pair_missing(&here, "s1");
    pair_missing(&here, "s2");
    here.tenant = SLICE("other");
    pair_missing(&here, "s1");
    ck_assert_uint_eq(pair_read(&here, 1).out.n_missing, 3);
    ck_assert_uint_eq(count_missing("default", "s1"), 1);
    ck_assert_uint_eq(count_missing("other", "s1"), 1);
    pair_found(&here, "s1");
    pair_found(&here, "s1");
    pair_found(&here, "never missing");
    ck_assert_uint_eq(count_missing("other", "s1"), 0);
    ck_assert_uint_eq(count_missing("default", "s1"), 1);
    here.tenant = SLICE("default");
    pair_found(&here, "s1");
    pair_found(&here, "s2");
    ck_assert_uint_eq(pair_read(&here, 1).out.n_missing, 0);
}
END_TEST

START_TEST(notes_are_set_kept_and_removed)
{
    pair_note(&here, "beat", "1", false);
    pair_note(&here, "beat", "2", false);
    pair_note(&here, "pair", "first", true);
    pair_note(&here, "pair", "second", true);
    pair_note(&here, "empty", "", false);
    ck_assert_str_eq(pair_noted(&here, "beat"), "2");
    ck_assert_str_eq(pair_noted(&here, "pair"), "first");
    ck_assert_str_eq(pair_noted(&here, "empty"), "");
    ck_assert_uint_eq(pair_read(&here, 1).out.n_notes, 3);
    pair_note(&here, "pair", "third", false);
    ck_assert_str_eq(pair_noted(&here, "pair"), "third");
    pair_note(&here, "pair", NULL, false);
    pair_note(&here, "pair", NULL, false);
    pair_note(&here, "empty", NULL, true);
    ck_assert_ptr_null(pair_noted(&here, "pair"));
    pair_note(&here, "pair", "fourth", true);
    ck_assert_str_eq(pair_noted(&here, "pair"), "fourth");
    ck_assert_uint_eq(pair_read(&here, 1).out.n_notes, 2);
    ck_assert_uint_eq(pair_read(&there, 1).out.n_notes, 0);
}
END_TEST

START_TEST(all_lists_of_one_change_are_done)
{
    struct pair_id ids[] = {{SLICE("default"), SLICE("s1")}, {SLICE("default"), SLICE("s2")}};
    struct pair_note notes[] = {{.name = SLICE("a"), .text = SLICE("1")},
                                {.name = SLICE("b"), .text = SLICE("2")}};
    struct op_pair_read read;

    leave(&here, "s1");
    read = pair_read(&here, 10);
    pair_missing(&here, "s2");
    pair_change(&here, (struct op_pair_change){.clear = read.out.entries,
                                               .n_clear = read.out.n,
                                               .missing = ids,
                                               .n_missing = 1,
                                               .found = ids + 1,
                                               .n_found = 1,
                                               .notes = notes,
                                               .n_notes = 2});
    read = pair_read(&here, 10);
    ck_assert(read.out.n == 0 && read.out.n_missing == 1 && read.out.n_notes == 2);
    ck_assert_uint_eq(count_missing("default", "s1"), 1);
    pair_change(&here, (struct op_pair_change){.n_clear = 0});
    ck_assert_uint_eq(pair_read(&here, 10).out.n_missing, 1);
}
END_TEST

START_TEST(it_stays_the_same_store_and_its_position_rises)
{
    struct op_pair_read before = pair_read(&here, 1), after;

    ck_assert(slice_present(before.out.incarnation) && before.out.incarnation.len > 0);
    for (int i = 0; i < 5; i++) {
        leave(&here, "s1");
        pair_note(&here, "beat", arena_printf(&here.arena, "%d", i).at, false);
        after = pair_read(&here, 1);
        ck_assert(slice_equal(after.out.incarnation, before.out.incarnation));
        ck_assert_int_ge(after.out.position, before.out.position);
        before = after;
    }
}
END_TEST

/* A change that is not above `newest` is refused, says so, and leaves nothing; one above it is made. */
static void fenced(struct op op, int64_t newest)
{
    struct op_pair_read read = pair_read(&here, 1000);

    pair_change(&here, (struct op_pair_change){.clear = read.out.entries, .n_clear = read.out.n});
    op.stamp = newest;
    if (op.type != OP_CONTEXT_PUT) { /* by its stamp that is a repeat */
        replicates_nothing(&op, ERR_FENCED);
        ck_assert_int_eq(op.newest, newest);
    }
    op.stamp = newest - 1024;
    replicates_nothing(&op, ERR_FENCED);
    ck_assert_int_eq(op.newest, newest);
    op.stamp = newest + 1024;
    ck_assert_str_ne(replicated(&op), "");
}

static int64_t put_s1(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, "s1");

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    ck_assert_str_ne(replicated(&op), "");
    return op.stamp;
}

START_TEST(an_older_change_of_a_session_is_refused)
{
    struct op put = store_op(&here, OP_SESSION_PUT, "s1");
    struct op patch = store_op(&here, OP_SESSION_PATCH, "s1");
    struct op del = store_op(&here, OP_SESSION_DELETE, "s1");
    struct op append = store_op(&here, OP_MESSAGE_APPEND, "s1");
    struct message m = {
        .id = SLICE("m"), .role = SLICE("user"), .content = SLICE("1"), .metadata = SLICE("{}")};
    int64_t newest = put_s1();

    put.session_put.user_id = SLICE("v");
    put.session_put.metadata = SLICE("{\"a\":1}");
    fenced(put, newest);
    patch.session_patch.status = SLICE("done");
    fenced(patch, newest + 1024);
    fenced(del, newest + 2048);
    append.message_append.messages = &m;
    append.message_append.n = 1;
    fenced(append, newest + 3072); /* messages come only after a deletion */
    fenced(del, newest + 4096);
}
END_TEST

START_TEST(an_addition_that_was_meant_for_an_earlier_session_is_refused)
{
    struct op patch = store_op(&here, OP_SESSION_PATCH, "s1");
    int64_t newest = put_s1();

    patch.session_patch.increment_requests = true;
    patch.repeat = request_of('1', 'b');
    fenced(patch, newest);
}
END_TEST

START_TEST(an_older_context_is_refused)
{
    struct op older = store_op(&here, OP_CONTEXT_PUT, "s1"), op;
    struct op del = store_op(&here, OP_SESSION_DELETE, "s1");

    older.context_put.context = SLICE("1");
    op = older;
    op.stamp = stamp_next();
    ck_assert_str_ne(replicated(&op), "");
    fenced(older, op.stamp);
    fenced(del, op.stamp + 1024);
    fenced(older, op.stamp + 2048);
}
END_TEST

START_TEST(an_older_change_of_a_thread_is_refused)
{
    struct op checkpoint = put_op(
        &here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx"});
    struct op writes, other, del = store_op(&here, OP_THREAD_DELETE, "t");
    int64_t newest;

    ck_assert_str_ne(replicated(&checkpoint), "");
    newest = checkpoint.stamp;
    fenced(put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c2"}), newest);
    writes = writes_op(
        &here,
        (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "k", .writes = "0:a=b"});
    other = writes_op(
        &here,
        (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "l", .writes = "0:a=b"});
    ck_assert_str_ne(replicated(&writes), "");
    other.stamp = writes.stamp - 1024; /* tasks have no order among themselves */
    ck_assert_str_ne(replicated(&other), "");
    newest = writes.stamp;
    writes = writes_op(
        &here,
        (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "k", .writes = "1:c=d"});
    fenced(writes, newest);
    fenced(del, newest + 1024);
    fenced(writes, newest + 2048);
    fenced(del, newest + 3072);
}
END_TEST

TCase *contract_pair_case(void)
{
    TCase *tc = tcase_create("pair");

    tcase_add_checked_fixture(tc, pair_open_stores, pair_close_stores);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_new_store_has_nothing);
    tcase_add_test(tc, entries_come_in_their_order);
    tcase_add_test(tc, a_page_has_the_lowest_numbers);
    tcase_add_test(tc, what_fits_into_a_page_is_read_whole);
    tcase_add_test(tc, entries_are_read_on_behind_a_number);
    tcase_add_test(tc, no_page_leaves_anything_out);
    tcase_add_test(tc, entries_are_cleared_by_their_number);
    tcase_add_test(tc, an_entry_of_many_ids_is_cleared_as_it_was_read);
    tcase_add_test(tc, what_is_missing_is_missing_once);
    tcase_add_test(tc, notes_are_set_kept_and_removed);
    tcase_add_test(tc, all_lists_of_one_change_are_done);
    tcase_add_test(tc, it_stays_the_same_store_and_its_position_rises);
    tcase_add_test(tc, an_older_change_of_a_session_is_refused);
    tcase_add_test(tc, an_addition_that_was_meant_for_an_earlier_session_is_refused);
    tcase_add_test(tc, an_older_context_is_refused);
    tcase_add_test(tc, an_older_change_of_a_thread_is_refused);
    contract_replicate_add(tc);
    contract_replicate_threads_add(tc);
    contract_alone_add(tc);
    contract_records_get_add(tc);
    contract_copies_add(tc);
    return tc;
}

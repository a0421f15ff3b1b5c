/* Where a put looks for what it carries, in which order, and what it makes of what it finds. */
#include <check.h>

#include "clock.h"
#include "encode.h"
#include "oom.h"

Suite *suite_encode_search(void);

enum { PAGE = 100, SEARCHED_MAX = 1000, HEAD_LONG = 2000 };

static struct arena arena;
static struct err err;
static struct value_cache *cache;
static struct value sent[1];
static struct channel_version carried[2];
static struct checkpoint found[PAGE], *items[PAGE];
static struct encoder e;

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    cache = value_cache_new(1 << 24);
    for (size_t i = 0; i < PAGE; i++)
        items[i] = &found[i];
}

static void teardown(void)
{
    value_cache_free(cache);
    arena_done(&arena);
}

static struct op put_of(const char *id, const char *parent)
{
    struct op op = {.type = OP_CHECKPOINT_PUT,
                    .tenant = SLICE("t"),
                    .id = SLICE("thread"),
                    .now_us = 17,
                    .deadline_ns = 18,
                    .arena = &arena};

    op.checkpoint_put = (struct op_checkpoint_put){
        .ns = SLICE("ns"),
        .checkpoint_id = slice_of(id),
        .parent_id = slice_of(parent),
        .form = FORM_CHANNEL,
        .head = {.type = SLICE(""), .bytes = SLICE("{\"v\":4}")},
        .metadata = SLICE("{}"),
        .values = sent,
        .carried = carried,
    };
    return op;
}

/* A put that carries version 1 of these channels, each named by one letter. */
static struct op carrying(const char *id, const char *parent, const char *names)
{
    struct op op = put_of(id, parent);

    for (size_t i = 0; names[i]; i++)
        carried[i] = (struct channel_version){{names + i, 1}, SLICE("1")};
    op.checkpoint_put.n_carried = strlen(names);
    return op;
}

static void start(struct op *op, struct value_cache *with, bool alone)
{
    ck_assert(encode_start(&e, &(struct encoding_rules){with, 1024}, op, alone, &err));
}

static struct op *search(void)
{
    ck_assert(encode_search(&e, &err));
    return e.search;
}

/* The head of a checkpoint that says this of one channel. */
static struct slice head_of(const char *channel, enum value_place place, const char *bytes)
{
    struct inlined in = {{slice_of(channel), SLICE("1")}, place, SLICE("json"), slice_of(bytes)};
    struct slice packed;

    ck_assert(pack_head(&(struct packed_head){SLICE("{}"), &in, 1, true}, &arena, &packed, &err));
    return packed;
}

/* Answers a search with n checkpoints that say nothing of what is carried. */
static void answer(struct op *search, size_t n, bool more)
{
    for (size_t i = 0; i < n; i++) {
        found[i].head.id = (int64_t)(500 + i);
        found[i].packed = head_of("other", IN_ROW, NULL);
    }
    search->checkpoint_list.out.items = items;
    search->checkpoint_list.out.n = n;
    search->checkpoint_list.out.more = more;
    search->checkpoint_list.out.next.checkpoint_id = SLICE("next");
}

static void check_search(const struct op *op, const char *id)
{
    const struct op_checkpoint_list *list = &op->checkpoint_list;

    ck_assert_int_eq(op->type, OP_CHECKPOINT_LIST);
    ck_assert(slice_equal(op->tenant, SLICE("t")) && slice_equal(op->id, SLICE("thread")));
    ck_assert_int_eq(op->now_us, 17);
    ck_assert_int_eq(op->deadline_ns, 18);
    ck_assert(slice_equal(list->ns, SLICE("ns")));
    ck_assert_int_eq(slice_present(list->checkpoint_id), id != NULL);
    ck_assert(slice_equal(list->checkpoint_id, slice_of(id)));
    ck_assert_int_eq(list->limit, id ? 1 : PAGE);
    ck_assert(!list->values && !list->filter && !slice_present(list->before));
}

/* Hands the put to the driver. Returns the head that the driver gets. */
static struct packed_head handed(const struct op *op)
{
    struct packed_head head;

    ck_assert(encode_choose(&e, &err));
    ck_assert_ptr_null(e.anchors);
    ck_assert(encode_values(&e, &err));
    ck_assert_int_eq(op->checkpoint_put.head.encoding, BLOB_WHOLE);
    ck_assert(unpack_head(op->checkpoint_put.head.bytes, &arena, &head, &err));
    return head;
}

static const struct inlined *said(const struct packed_head *head, const char *channel)
{
    const struct inlined *in = head_find(head,
                                         &(struct channel_version){slice_of(channel), SLICE("1")});

    ck_assert_ptr_nonnull(in);
    return in;
}

/* Stores a checkpoint with one small value, which the cache then knows. Returns the id of its head. */
static int64_t store(const char *id)
{
    struct op op = put_of(id, NULL);
    struct packed_head head;

    sent[0] = (struct value){.of = {SLICE("a"), SLICE("1")},
                             .blob = {.type = SLICE("json"), .bytes = SLICE("A")}};
    op.checkpoint_put.n_values = 1;
    start(&op, cache, false);
    ck_assert_ptr_null(search());
    head = handed(&op);
    ck_assert_int_eq(said(&head, "a")->place, IN_HEAD);
    ck_assert_uint_eq(op.checkpoint_put.n_values, 0); /* no row */
    ck_assert_uint_eq(op.checkpoint_put.n_sources, 0);
    encode_done(&e);
    ck_assert_uint_eq(op.checkpoint_put.n_values, 1);
    return op.checkpoint_put.head.id;
}

START_TEST(the_newest_of_the_cache_is_asked_first)
{
    int64_t source = store("c1");
    struct op op = carrying("c2", "c1", "a");
    struct packed_head head;

    start(&op, cache, false);
    ck_assert_uint_eq(e.inlining.n_open, 0);
    ck_assert_ptr_null(e.latest);
    ck_assert_ptr_null(search());
    head = handed(&op);
    ck_assert(slice_equal(said(&head, "a")->bytes, SLICE("A")));
    ck_assert_uint_eq(op.checkpoint_put.n_sources, 1);
    ck_assert_int_eq(op.checkpoint_put.sources[0], source);
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 0);
    encode_done(&e);
}
END_TEST

/* The next put knows of the doubt: a channel that no head has is searched for once, not by each put. */
START_TEST(doubt_is_handed_on)
{
    struct op op = carrying("c1", NULL, "b");
    struct packed_head head;
    int64_t first;

    start(&op, cache, false);
    check_search(search(), NULL);
    answer(e.search, 0, false);
    ck_assert_ptr_null(search());
    head = handed(&op);
    ck_assert_int_eq(said(&head, "b")->place, IN_DOUBT_WHERE);
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 1); /* a row may have it */
    encode_done(&e);
    first = op.checkpoint_put.head.id;
    op = carrying("c2", "c1", "b");
    start(&op, cache, false);
    ck_assert_ptr_null(search());
    head = handed(&op);
    ck_assert_int_eq(said(&head, "b")->place, IN_DOUBT_WHERE);
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 1);
    ck_assert_int_eq(op.checkpoint_put.sources[0], first);
    encode_done(&e);
}
END_TEST

START_TEST(alone_asks_no_cache)
{
    struct op op;

    (void)store("c1");
    op = carrying("c2", "c1", "a");
    start(&op, cache, true);
    ck_assert_uint_eq(e.inlining.n_open, 1);
    check_search(search(), "c1");
    encode_done(&e);
}
END_TEST

START_TEST(then_the_checkpoint_before_if_it_was_read)
{
    struct op op = carrying("c2", "c1", "a");
    struct checkpoint before = {.id = SLICE("c1"), .head = {.id = 5}};
    char *json = arena_zalloc(&arena, HEAD_LONG, 1); /* so long that a base is looked for */

    ck_assert_ptr_nonnull(json);
    op.checkpoint_put.head.bytes = (struct slice){json, HEAD_LONG};
    before.packed = head_of("a", IN_HEAD, "A");
    start(&op, NULL, false);
    ck_assert_ptr_nonnull(e.latest);
    e.latest->checkpoint_get.out.checkpoint = &before;
    ck_assert_ptr_null(search());
    ck_assert_int_eq(e.inlining.sources[0], 5);
    ck_assert(encode_choose(&e, &err) && encode_values(&e, &err));
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 0);
    encode_done(&e);
    before.packed = head_of("b", IN_HEAD, "B"); /* it says nothing of the channel, and is not asked
                                                   twice */
    start(&op, NULL, false);
    e.latest->checkpoint_get.out.checkpoint = &before;
    check_search(search(), NULL);
    encode_done(&e);
    start(&op, NULL, false); /* it could not be read: the search will say why */
    e.latest->status.kind = ERR_DAMAGED;
    check_search(search(), "c1");
    encode_done(&e);
    before.packed = SLICE("\x01\x02{}\x05");
    start(&op, NULL, false);
    e.latest->checkpoint_get.out.checkpoint = &before;
    ck_assert(!encode_search(&e, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    encode_done(&e);
}
END_TEST

START_TEST(then_the_parent_by_its_id)
{
    struct op op = carrying("c3", "c1", "ab");
    struct packed_head head;

    start(&op, NULL, false);
    ck_assert_ptr_null(e.latest); /* too short for that */
    check_search(search(), "c1");
    answer(e.search, 1, false);
    found[0] = (struct checkpoint){.head = {.id = 7}, .packed = head_of("a", IN_HEAD, "A")};
    check_search(search(), NULL);
    answer(e.search, 3, true);
    found[1] = (struct checkpoint){.head = {.id = 8}, .packed = head_of("b", IN_ROW, NULL)};
    ck_assert_ptr_null(search());
    head = handed(&op);
    ck_assert(slice_equal(said(&head, "a")->bytes, SLICE("A")));
    ck_assert_int_eq(said(&head, "b")->place, IN_ROW);
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 1);
    ck_assert(slice_equal(op.checkpoint_put.carried[0].channel, SLICE("b")));
    ck_assert_uint_eq(op.checkpoint_put.n_sources, 2);
    ck_assert_int_eq(op.checkpoint_put.sources[0], 7);
    ck_assert_int_eq(op.checkpoint_put.sources[1], 8);
    encode_done(&e);
}
END_TEST

START_TEST(a_parent_that_is_not_there)
{
    struct op op = carrying("c3", "c1", "a");

    start(&op, NULL, false);
    check_search(search(), "c1");
    answer(e.search, 0, false);
    check_search(search(), NULL);
    answer(e.search, 0, false);
    ck_assert_ptr_null(search());
    encode_done(&e);
}
END_TEST

/* What a parent from an earlier version of the program names has a row; the rest is looked for. */
START_TEST(a_parent_of_an_earlier_version)
{
    static const char *const heads[] = {"{\"v\":1}", "{\"channel_versions\":{\"a\":1}}"};
    struct op op = carrying("c3", "c1", "a");

    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        start(&op, NULL, false);
        check_search(search(), "c1");
        answer(e.search, 1, false);
        found[0].id = SLICE("c1");
        found[0].packed = slice_of(heads[i]);
        ck_assert_int_eq(search() == NULL, i);
        ck_assert_uint_eq(e.inlining.n_sources, i);
        encode_done(&e);
    }
}
END_TEST

START_TEST(then_the_newest_page_by_page)
{
    struct op op = carrying("c3", NULL, "a");

    start(&op, NULL, false);
    check_search(search(), NULL);
    ck_assert(!slice_present(e.search->checkpoint_list.after.checkpoint_id));
    answer(e.search, PAGE, true);
    check_search(search(), NULL);
    ck_assert(slice_equal(e.search->checkpoint_list.after.checkpoint_id, SLICE("next")));
    answer(e.search, PAGE, true);
    found[PAGE - 1] = (struct checkpoint){.head = {.id = 9}, .packed = head_of("a", IN_ROW, NULL)};
    ck_assert_ptr_null(search());
    ck_assert_int_eq(e.inlining.sources[0], 9);
    ck_assert_uint_eq(e.inlining.n_sources, 1);
    encode_done(&e);
}
END_TEST

START_TEST(no_more_ends_it)
{
    struct op op = carrying("c3", NULL, "a");

    start(&op, NULL, false);
    answer(search(), PAGE, true);
    answer(search(), 1, false);
    ck_assert_ptr_null(search());
    ck_assert_uint_eq(e.inlining.n_open, 1);
    (void)handed(&op);
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 1);
    ck_assert_uint_eq(op.checkpoint_put.n_sources, 0);
    encode_done(&e);
}
END_TEST

START_TEST(a_thousand_end_it)
{
    struct op op = carrying("c3", NULL, "a");
    size_t n = 0;

    start(&op, NULL, false);
    for (; search(); n++)
        answer(e.search, PAGE, true);
    ck_assert_uint_eq(n, SEARCHED_MAX / PAGE);
    encode_done(&e);
}
END_TEST

/* Instances with and without inlined values may take turns. */
START_TEST(a_head_without_a_list_does_not_end_it)
{
    struct op op = carrying("c3", NULL, "a");

    start(&op, NULL, false);
    answer(search(), 4, true);
    found[1].packed = SLICE("{\"v\":1}");
    found[2].packed = head_of("a", IN_HEAD, "A");
    ck_assert_ptr_null(search());
    ck_assert_uint_eq(e.inlining.n_open, 0);
    (void)handed(&op);
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 0);
    encode_done(&e);
}
END_TEST

static const enum err_kind failures[] = {ERR_DAMAGED, ERR_UNAVAILABLE, ERR_IN_DOUBT, ERR_STORAGE};

/* What could not be read is not absent. */
START_TEST(a_failed_search_fails_the_put)
{
    static const char *const parents[] = {"c1", NULL};
    struct op op;

    for (size_t i = 0; i < COUNT_OF(parents); i++) {
        op = carrying("c3", parents[i], "a");
        start(&op, NULL, false);
        check_search(search(), parents[i]);
        err_fill(&e.search->status, failures[_i], "told to fail");
        ck_assert(!encode_search(&e, &err));
        ck_assert_int_eq(err.kind, failures[_i]);
        ck_assert_str_eq(err.text, "told to fail");
        op.status = err;
        encode_done(&e);
    }
    start(&op, NULL, false);
    answer(search(), 3, true);
    found[2].packed = SLICE("\x01\x02{}\x05");
    ck_assert(!encode_search(&e, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    op.status = err;
    encode_done(&e);
}
END_TEST

static void check_as_it_came(struct op_checkpoint_put now, const struct op_checkpoint_put *was)
{
    ck_assert(slice_equal(now.head.bytes, was->head.bytes));
    ck_assert_int_eq(now.head.base_id, was->head.base_id);
    ck_assert_int_eq(now.head.encoding, was->head.encoding);
    ck_assert_ptr_eq(now.values, was->values);
    ck_assert_uint_eq(now.n_values, was->n_values);
    ck_assert(slice_equal(now.values[0].blob.bytes, was->values[0].blob.bytes));
    ck_assert_int_eq(now.values[0].blob.id, 0);
    ck_assert_ptr_eq(now.carried, was->carried);
    ck_assert_uint_eq(now.n_carried, was->n_carried);
    ck_assert_ptr_eq(now.removed, was->removed);
    ck_assert_uint_eq(now.n_removed, was->n_removed);
    ck_assert_ptr_null(now.sources);
    ck_assert_uint_eq(now.n_sources, 0);
    ck_assert_ptr_null(now.carried_ids);
}

/* A put that is made in both stores of a pair has the same head in both, whatever the second one knows. */
START_TEST(what_is_settled_stays)
{
    struct op op = carrying("c2", "c1", "ab");
    struct slice first;

    sent[0] = (struct value){.of = {SLICE("s"), SLICE("1")},
                             .blob = {.type = SLICE("json"), .bytes = SLICE("small")}};
    op.checkpoint_put.n_values = 1;
    op.checkpoint_put.first_id = stamp_take(2);
    start(&op, NULL, false);
    check_search(search(), "c1");
    answer(e.search, 1, false);
    found[0].packed = head_of("a", IN_HEAD, "of the parent");
    check_search(search(), NULL);
    answer(e.search, 0, false);
    ck_assert_ptr_null(search());
    (void)handed(&op);
    first = op.checkpoint_put.head.bytes;
    op.status.kind = ERR_IN_DOUBT;
    encode_done(&e);

    op.status.kind = ERR_OK;
    start(&op, cache, false); /* the other store: it knows nothing, and is not asked */
    ck_assert_ptr_null(e.latest);
    ck_assert_ptr_null(search());
    (void)handed(&op);
    ck_assert(slice_equal(op.checkpoint_put.head.bytes, first));
    ck_assert_uint_eq(op.checkpoint_put.n_values, 0);
    ck_assert_uint_eq(op.checkpoint_put.n_sources, 0);
    ck_assert_uint_eq(op.checkpoint_put.n_carried, 1); /* b: still in doubt */
    op.status.kind = ERR_NO_BASE;
    encode_done(&e);
    start(&op, cache, true);
    (void)handed(&op);
    ck_assert(slice_equal(op.checkpoint_put.head.bytes, first));
    encode_done(&e);
}
END_TEST

/* What rests on a head that has gone is not settled. */
START_TEST(what_has_gone_is_not_settled)
{
    struct op op = carrying("c2", "c1", "a");

    op.checkpoint_put.first_id = stamp_take(1);
    start(&op, NULL, false);
    check_search(search(), "c1");
    answer(e.search, 1, false);
    found[0].packed = head_of("a", IN_HEAD, "x");
    ck_assert_ptr_null(search());
    (void)handed(&op);
    op.status.kind = ERR_NO_BASE;
    encode_done(&e);
    op.status.kind = ERR_OK;
    start(&op, NULL, true);
    check_search(search(), "c1");
    encode_done(&e);
}
END_TEST

START_TEST(the_op_is_given_back)
{
    static const enum err_kind ends[] = {ERR_OK, ERR_FORM, ERR_NO_BASE, ERR_UNAVAILABLE};
    struct channel_version gone = {SLICE("c"), SLICE("2")};

    (void)store("c1");
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct op op = carrying("c2", "c1", "a");
        struct op_checkpoint_put was;

        sent[0].of.channel = SLICE("b");
        op.checkpoint_put.n_values = 1;
        op.checkpoint_put.removed = &gone;
        op.checkpoint_put.n_removed = 1;
        was = op.checkpoint_put;
        start(&op, i % 2 ? cache : NULL, false);
        if (search()) {
            answer(e.search, 1, false);
            found[0] = (struct checkpoint){.head = {.id = 7}, .packed = head_of("a", IN_ROW, NULL)};
            ck_assert_ptr_null(search());
        }
        ck_assert(encode_choose(&e, &err) && encode_values(&e, &err));
        ck_assert_ptr_ne(op.checkpoint_put.values, sent);
        op.checkpoint_put.out.created = true;
        op.status.kind = ends[i];
        encode_done(&e);
        check_as_it_came(op.checkpoint_put, &was);
        ck_assert(op.checkpoint_put.out.created);
    }
}
END_TEST

static struct op sweeping;

static bool go(struct arena *a, struct err *out)
{
    bool ok;

    sweeping.arena = a;
    ok = encode_start(&e, &(struct encoding_rules){NULL, 1024}, &sweeping, false, out) &&
         encode_search(&e, out);
    if (ok) {
        e.search->checkpoint_list.out.items = items;
        e.search->checkpoint_list.out.n = 1;
        ok = encode_search(&e, out) && encode_choose(&e, out) && encode_values(&e, out);
    }
    sweeping.status.kind = ok ? ERR_OK : ERR_NO_MEMORY;
    encode_done(&e);
    return ok;
}

START_TEST(memory_may_end_anywhere)
{
    sweeping = carrying("c3", NULL, "a");
    found[0] = (struct checkpoint){.head = {.id = 7}, .packed = head_of("a", IN_HEAD, "A")};
    oom_sweep(go);
}
END_TEST

Suite *suite_encode_search(void)
{
    Suite *suite = suite_create("encode_search");
    TCase *tc = tcase_create("encode_search");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_newest_of_the_cache_is_asked_first);
    tcase_add_test(tc, doubt_is_handed_on);
    tcase_add_test(tc, alone_asks_no_cache);
    tcase_add_test(tc, then_the_checkpoint_before_if_it_was_read);
    tcase_add_test(tc, then_the_parent_by_its_id);
    tcase_add_test(tc, a_parent_that_is_not_there);
    tcase_add_test(tc, a_parent_of_an_earlier_version);
    tcase_add_test(tc, then_the_newest_page_by_page);
    tcase_add_test(tc, no_more_ends_it);
    tcase_add_test(tc, a_thousand_end_it);
    tcase_add_test(tc, a_head_without_a_list_does_not_end_it);
    tcase_add_loop_test(tc, a_failed_search_fails_the_put, 0, COUNT_OF(failures));
    tcase_add_test(tc, what_is_settled_stays);
    tcase_add_test(tc, what_has_gone_is_not_settled);
    tcase_add_test(tc, the_op_is_given_back);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

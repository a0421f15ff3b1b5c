/* test_inlining.c - which values a head holds: those that are sent, carried and removed. */
#include <check.h>
#include <stdlib.h>

#include "inlining.h"
#include "oom.h"

Suite *suite_inlining(void);

enum { MOST = 24 };

static struct arena arena;
static struct err err;
static struct op op;
static struct inlining x;
static struct value sent[MOST];
static struct channel_version carried[MOST], removed[MOST];
static char zeros[32 << 10];

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    op = (struct op){.type = OP_CHECKPOINT_PUT, .arena = &arena};
    op.checkpoint_put = (struct op_checkpoint_put){
        .form = FORM_CHANNEL,
        .head = {.bytes = SLICE("{\"v\":4}")},
        .values = sent,
        .carried = carried,
        .removed = removed,
    };
}

static void teardown(void)
{
    arena_done(&arena);
}

static struct channel_version of(const char *channel, const char *version)
{
    return (struct channel_version){slice_of(channel), slice_of(version)};
}

static void send(const char *channel, struct slice bytes)
{
    sent[op.checkpoint_put.n_values++] = (struct value){
        .of = of(channel, "1"), .blob = {.type = SLICE("msgpack"), .bytes = bytes}};
}

static void carry(const char *channel, const char *version)
{
    carried[op.checkpoint_put.n_carried++] = of(channel, version);
}

static void start(size_t max)
{
    ck_assert(inlining_start(&x, max, &op, &err));
}

/* Learns from a head that says this, whose bytes are freed then. */
static void learn(int64_t id, struct inlined *items, size_t n, bool newest)
{
    struct packed_head head = {SLICE("{}"), items, n, true};
    struct inlining_source from = {.id = id, .parent = newest, .newest = newest};
    char *bytes;

    ck_assert(pack_head(&head, &arena, &from.packed, &err));
    bytes = malloc(from.packed.len);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, from.packed.at, from.packed.len);
    from.packed.at = bytes;
    ck_assert(inlining_learn(&x, &from, &err));
    memset(bytes, 'x', from.packed.len);
    free(bytes);
}

static void learn_one(int64_t id, struct inlined in, bool newest)
{
    learn(id, &in, 1, newest);
}

static struct inlined at(const char *channel, const char *version, enum value_place place)
{
    return (struct inlined){.of = of(channel, version), .place = place};
}

static struct inlined in_head(const char *channel, const char *version, struct slice bytes)
{
    return (struct inlined){of(channel, version), IN_HEAD, SLICE("json"), bytes};
}

static struct packed_head settled(void)
{
    struct packed_head head;

    ck_assert(inlining_settle(&x, &err));
    ck_assert(unpack_head(x.settled, &arena, &head, &err));
    ck_assert(slice_equal(head.json, op.checkpoint_put.head.bytes));
    return head;
}

static const struct inlined *said(const struct packed_head *head, const char *channel,
                                  const char *version)
{
    struct channel_version name = of(channel, version);
    const struct inlined *found = head_find(head, &name);

    ck_assert_ptr_nonnull(found);
    return found;
}

/* The names of carried channels that are not in the head, joined. */
static const char *rest(void)
{
    static char names[MOST * 2];
    struct channel_version *list;
    size_t n, len = 0;

    ck_assert(inlining_rest(&x, &list, &n, &err));
    for (size_t i = 0; i < n; i++) {
        memcpy(names + len, list[i].channel.at, list[i].channel.len);
        len += list[i].channel.len;
    }
    names[len] = '\0';
    return names;
}

START_TEST(nothing_to_say)
{
    struct packed_head head;

    start(1024);
    ck_assert_uint_eq(x.n_open, 0);
    head = settled();
    ck_assert(head.listed);
    ck_assert_uint_eq(head.n, 0);
    ck_assert_str_eq(rest(), "");
}
END_TEST

START_TEST(sent_up_to_max)
{
    struct packed_head head;

    send("b", SLICE("0123456789"));
    send("c", SLICE("0123456789x"));
    send("a", SLICE(""));
    start(10);
    ck_assert(!inlining_is_long(&x, 0));
    ck_assert(inlining_is_long(&x, 1));
    ck_assert(!inlining_is_long(&x, 2));
    head = settled();
    ck_assert_uint_eq(head.n, 3);
    ck_assert_int_eq(x.items[0].place, IN_HEAD);
    ck_assert_int_eq(x.items[1].place, IN_ROW);
    ck_assert_int_eq(x.items[2].place, IN_HEAD);
    ck_assert(slice_equal(said(&head, "b", "1")->bytes, SLICE("0123456789")));
    ck_assert(slice_equal(said(&head, "b", "1")->type, SLICE("msgpack")));
    ck_assert_int_eq(said(&head, "c", "1")->place, IN_ROW);
    ck_assert_int_eq(said(&head, "a", "1")->place, IN_HEAD);
    ck_assert_uint_eq(said(&head, "a", "1")->bytes.len, 0);
}
END_TEST

START_TEST(no_max_no_values)
{
    struct packed_head head;

    send("a", SLICE(""));
    send("b", SLICE("x"));
    start(0);
    ck_assert(inlining_is_long(&x, 0) && inlining_is_long(&x, 1));
    head = settled();
    ck_assert(!head.listed); /* as earlier versions have it */
    ck_assert_int_eq(x.items[0].place, IN_ROW);
    ck_assert_int_eq(x.items[1].place, IN_ROW);
}
END_TEST

START_TEST(documents_say_nothing)
{
    op.checkpoint_put.form = FORM_DOCUMENT;
    start(1024);
    ck_assert(!settled().listed);
}
END_TEST

/* How many of the values that are sent go into the head. */
static size_t n_in_head(void)
{
    size_t n = 0;

    (void)settled();
    for (size_t i = 0; i < x.n_sent; i++) {
        ck_assert(x.items[i].place == IN_HEAD || x.items[i].place == IN_ROW);
        n += x.items[i].place == IN_HEAD;
    }
    return n;
}

static void send_thousands(size_t n)
{
    static char names[MOST][8];

    for (size_t i = 0; i < n; i++) {
        names[i][0] = (char)('a' + i);
        send(names[i], (struct slice){zeros, 1000});
    }
}

START_TEST(all_together_have_a_bound)
{
    send_thousands(20);
    send("small", (struct slice){zeros, 384}); /* there is exactly so much room */
    send("smaller", (struct slice){zeros, 1});
    start(1024);
    ck_assert_uint_eq(n_in_head(), 17);
    ck_assert_int_eq(x.items[15].place, IN_HEAD);
    ck_assert_int_eq(x.items[16].place, IN_ROW);
    ck_assert_int_eq(x.items[20].place, IN_HEAD);
    ck_assert_int_eq(x.items[21].place, IN_ROW);
}
END_TEST

START_TEST(what_is_carried_comes_first)
{
    struct inlined before[] = {in_head("x", "1", (struct slice){zeros, 4000}),
                               in_head("y", "1", (struct slice){zeros, 4000})};

    send_thousands(20);
    carry("x", "1");
    carry("y", "1");
    start(1024);
    learn(5, before, 2, true);
    ck_assert_uint_eq(n_in_head(), 8);
    ck_assert_int_eq(x.items[20].place, IN_HEAD);
    ck_assert_int_eq(x.items[21].place, IN_HEAD);
}
END_TEST

/* A value that is carried stays in the head even if the bounds were other ones then. */
START_TEST(what_is_carried_stays_in_the_head)
{
    struct packed_head head;

    send("a", SLICE(""));
    carry("x", "1");
    start(4);
    learn_one(5, in_head("x", "1", (struct slice){zeros, 20000}), false);
    ck_assert_uint_eq(n_in_head(), 0);
    head = settled();
    ck_assert_uint_eq(said(&head, "x", "1")->bytes.len, 20000);
    ck_assert_str_eq(rest(), "");
    op.checkpoint_put.n_values = 0;
    start(0);
    learn_one(5, in_head("x", "1", SLICE("y")), false);
    head = settled();
    ck_assert(slice_equal(said(&head, "x", "1")->bytes, SLICE("y")));
}
END_TEST

START_TEST(learns_what_a_head_says)
{
    struct inlined before[] = {in_head("a", "1", SLICE("A")), at("b", "1", IN_ROW),
                               at("c", "1", NOWHERE), at("d", "1", IN_DOUBT_WHERE),
                               at("other", "1", IN_ROW)};
    struct packed_head head;

    carry("e", "1");
    carry("d", "1");
    carry("c", "1");
    carry("b", "1");
    carry("a", "1");
    start(1024);
    ck_assert_uint_eq(x.n_open, 5);
    learn(7, before, COUNT_OF(before), true);
    ck_assert_uint_eq(x.n_open, 1);
    ck_assert_uint_eq(x.n_sources, 1);
    ck_assert_int_eq(x.sources[0], 7);
    head = settled();
    ck_assert_uint_eq(head.n, 5);
    ck_assert(slice_equal(said(&head, "a", "1")->bytes, SLICE("A")));
    ck_assert(slice_equal(said(&head, "a", "1")->type, SLICE("json")));
    ck_assert_int_eq(said(&head, "b", "1")->place, IN_ROW);
    ck_assert_int_eq(said(&head, "c", "1")->place, NOWHERE);
    ck_assert_int_eq(said(&head, "d", "1")->place, IN_DOUBT_WHERE);
    ck_assert_int_eq(said(&head, "e", "1")->place, IN_DOUBT_WHERE);
    ck_assert_str_eq(rest(), "edb");
}
END_TEST

START_TEST(doubt_is_that_of_the_newest)
{
    carry("a", "1");
    start(1024);
    learn_one(7, at("a", "1", IN_DOUBT_WHERE), false);
    ck_assert_uint_eq(x.n_open, 1);
    ck_assert_uint_eq(x.n_sources, 0);
    learn_one(8, in_head("a", "1", SLICE("A")), false);
    ck_assert_uint_eq(x.n_open, 0);
    ck_assert_uint_eq(x.n_sources, 1);
    ck_assert_int_eq(x.sources[0], 8);
    start(1024);
    learn_one(7, at("a", "1", IN_DOUBT_WHERE), true);
    ck_assert_uint_eq(x.n_open, 0);
    ck_assert_int_eq(x.sources[0], 7);
}
END_TEST

START_TEST(the_first_word_counts)
{
    struct packed_head head;

    carry("a", "1");
    start(1024);
    learn_one(7, in_head("a", "1", SLICE("new")), false);
    learn_one(6, in_head("a", "1", SLICE("old")), false);
    ck_assert_uint_eq(x.n_sources, 1);
    head = settled();
    ck_assert(slice_equal(said(&head, "a", "1")->bytes, SLICE("new")));
}
END_TEST

START_TEST(each_head_is_one_source)
{
    struct inlined first[] = {at("a", "1", IN_ROW), at("b", "1", IN_ROW)};
    struct inlined then[] = {in_head("c", "1", SLICE("C")), at("d", "1", IN_ROW)};

    carry("a", "1");
    carry("b", "1");
    carry("c", "1");
    carry("d", "1");
    start(1024);
    learn(9, first, 2, false);
    learn_one(8, at("other", "1", IN_ROW), false); /* it says nothing of the channel */
    learn(7, then, 2, false);
    learn(9, first, 2, false); /* the parent, met again */
    ck_assert_uint_eq(x.n_sources, 2);
    ck_assert_int_eq(x.sources[0], 9);
    ck_assert_int_eq(x.sources[1], 7);
}
END_TEST

START_TEST(removed_is_nowhere)
{
    struct packed_head head;

    send("b", SLICE("B"));
    carry("c", "1");
    removed[0] = of("d", "4");
    removed[1] = of("a", "2");
    op.checkpoint_put.n_removed = 2;
    start(1024);
    ck_assert_uint_eq(x.n_open, 1);
    head = settled();
    ck_assert_uint_eq(head.n, 4);
    ck_assert_int_eq(said(&head, "a", "2")->place, NOWHERE);
    ck_assert_int_eq(said(&head, "d", "4")->place, NOWHERE);
    ck_assert_str_eq(rest(), "c");
}
END_TEST

START_TEST(versions_are_two_things)
{
    struct inlined before[] = {in_head("a", "1", SLICE("one")), in_head("a", "2", SLICE("two"))};
    struct packed_head head;

    carry("a", "2");
    carry("b", "1.0");
    start(1024);
    learn_one(5, at("a", "1", NOWHERE), true);
    learn_one(5, at("b", "1", NOWHERE), true);
    ck_assert_uint_eq(x.n_open, 2);
    learn(6, before, 2, true);
    head = settled();
    ck_assert(slice_equal(said(&head, "a", "2")->bytes, SLICE("two")));
    ck_assert_uint_eq(head.n, 2);
    ck_assert_str_eq(rest(), "b");
}
END_TEST

START_TEST(heads_that_say_nothing)
{
    static const char *const texts[] = {"{\"v\":1}", "[1]", "\"channel_versions\"",
                                        "{\"channel_versions\":3}",
                                        "{\"channel_versions\":{\"a\":2,\"b\":1}}"};
    struct inlining_source from = {.id = 5, .parent = true, .newest = true};

    carry("a", "1");
    start(1024);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        from.packed = slice_of(texts[i]);
        ck_assert(inlining_learn(&x, &from, &err));
        ck_assert_uint_eq(x.n_open, 1);
    }
    from.packed = SLICE("\x01\x02{}\x05");
    ck_assert(!inlining_learn(&x, &from, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
    ck_assert_uint_eq(x.n_open, 1);
    ck_assert_uint_eq(x.n_sources, 0);
}
END_TEST

/* What a parent without a list names has a row, or no value at all; others may have it in their heads. */
START_TEST(a_parent_without_a_list)
{
    struct inlining_source from = {
        .id = 5, .packed = SLICE("{\"channel_versions\":{\"b\":1,\"\\u0061\":\"01\"}}")};
    struct packed_head head;

    carry("a", "\"01\"");
    carry("c", "1");
    start(1024);
    ck_assert(inlining_learn(&x, &from, &err));
    ck_assert_uint_eq(x.n_open, 2);
    from.parent = true;
    ck_assert(inlining_learn(&x, &from, &err));
    ck_assert_uint_eq(x.n_open, 1);
    ck_assert_uint_eq(x.n_sources, 1);
    ck_assert_int_eq(x.sources[0], 5);
    head = settled();
    ck_assert_int_eq(said(&head, "a", "\"01\"")->place, IN_DOUBT_WHERE);
    ck_assert_str_eq(rest(), "ac");
}
END_TEST

/* What others have removed may still be somewhere. */
START_TEST(nowhere_is_the_word_of_the_parent)
{
    struct inlined before = at("a", "1", NOWHERE);
    struct inlining_source from = {.id = 5};

    carry("a", "1");
    start(1024);
    ck_assert(pack_head(&(struct packed_head){SLICE("{}"), &before, 1, true}, &arena, &from.packed,
                        &err));
    ck_assert(inlining_learn(&x, &from, &err));
    ck_assert_uint_eq(x.n_open, 1);
    from.parent = true;
    ck_assert(inlining_learn(&x, &from, &err));
    ck_assert_uint_eq(x.n_open, 0);
    ck_assert_str_eq(rest(), "");
}
END_TEST

static bool go(struct arena *a, struct err *e)
{
    struct inlined before[] = {in_head("a", "1", SLICE("A")), at("b", "1", IN_ROW)};
    struct packed_head head = {SLICE("{}"), before, 2, true};
    struct inlining_source from = {.id = 5};
    struct inlining_source plain = {
        .id = 6, .packed = SLICE("{\"channel_versions\":{\"d\":1}}"), .parent = true};
    struct channel_version *list;
    struct inlining own;
    size_t n;

    op.arena = a;
    return pack_head(&head, a, &from.packed, e) && inlining_start(&own, 1024, &op, e) &&
           inlining_learn(&own, &from, e) && inlining_learn(&own, &plain, e) &&
           inlining_settle(&own, e) && inlining_rest(&own, &list, &n, e);
}

START_TEST(memory_may_end_anywhere)
{
    carry("a", "1");
    carry("b", "1");
    carry("d", "1");
    send("c", SLICE("C"));
    oom_sweep(go);
}
END_TEST

Suite *suite_inlining(void)
{
    Suite *suite = suite_create("inlining");
    TCase *tc = tcase_create("inlining");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_to_say);
    tcase_add_test(tc, sent_up_to_max);
    tcase_add_test(tc, no_max_no_values);
    tcase_add_test(tc, documents_say_nothing);
    tcase_add_test(tc, all_together_have_a_bound);
    tcase_add_test(tc, what_is_carried_comes_first);
    tcase_add_test(tc, what_is_carried_stays_in_the_head);
    tcase_add_test(tc, learns_what_a_head_says);
    tcase_add_test(tc, doubt_is_that_of_the_newest);
    tcase_add_test(tc, the_first_word_counts);
    tcase_add_test(tc, each_head_is_one_source);
    tcase_add_test(tc, removed_is_nowhere);
    tcase_add_test(tc, versions_are_two_things);
    tcase_add_test(tc, heads_that_say_nothing);
    tcase_add_test(tc, a_parent_without_a_list);
    tcase_add_test(tc, nowhere_is_the_word_of_the_parent);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

/* test_pack_head.c - packed heads: round trips, what is JSON and what is not, and damage of every kind. */
#include <check.h>
#include <stdlib.h>

#include "oom.h"
#include "pack.h"

Suite *suite_pack_head(void);

static struct arena arena;
static struct err err;

static void clear(void)
{
    arena_done(&arena);
}

#define TEXT(text)              \
    {                           \
        text, sizeof(text) - 1, \
    }

/* Every place; names and values with NUL, UTF-8, or empty. Sorted. */
static struct inlined samples[] = {
    {.of = {TEXT(""), TEXT("1")}, .place = IN_ROW},
    {{TEXT("a\0b"), TEXT("\"x\"")}, IN_HEAD, TEXT("msgpack"), TEXT("a\0b")},
    {.of = {TEXT("a\0b"), TEXT("\"y\"")}, .place = NOWHERE},
    {.of = {TEXT("ch"), TEXT("1")}, .place = IN_DOUBT_WHERE},
    {{TEXT("ch"), TEXT("2")}, IN_HEAD, TEXT(""), TEXT("")},
    {{TEXT("\xc3\xa9\xe2\x82\xac"), TEXT("1.0")}, IN_HEAD, TEXT("json"), {NULL, 0}},
};

static const struct packed_head all = {TEXT("{\"v\":4}"), samples, COUNT_OF(samples), true};

static struct slice pack(const struct packed_head *head)
{
    struct slice packed;

    ck_assert(pack_head(head, &arena, &packed, &err));
    return packed;
}

static void check_same(const struct packed_head *a, const struct packed_head *b)
{
    ck_assert(slice_equal(a->json, b->json));
    ck_assert_int_eq(a->listed, b->listed);
    ck_assert_uint_eq(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        ck_assert(slice_equal(a->items[i].of.channel, b->items[i].of.channel));
        ck_assert(slice_equal(a->items[i].of.version, b->items[i].of.version));
        ck_assert_int_eq(a->items[i].place, b->items[i].place);
        ck_assert(slice_equal(a->items[i].type, b->items[i].type));
        ck_assert(slice_equal(a->items[i].bytes, b->items[i].bytes));
    }
}

static void check_round_trip(const struct packed_head *head)
{
    struct packed_head back;

    ck_assert(unpack_head(pack(head), &arena, &back, &err));
    check_same(&back, head);
    for (size_t i = 0; i < back.n; i++)
        ck_assert_ptr_eq(head_find(&back, &head->items[i].of), &back.items[i]);
}

START_TEST(whole_heads)
{
    for (size_t n = 0; n <= all.n; n++)
        check_round_trip(&(struct packed_head){all.json, samples, n, true});
    for (size_t i = 0; i < all.n; i++)
        check_round_trip(&(struct packed_head){SLICE("{}"), &samples[i], 1, true});
    check_round_trip(&(struct packed_head){.json = SLICE(""), .listed = true});
    check_round_trip(&(struct packed_head){.listed = true});
}
END_TEST

START_TEST(values_are_present)
{
    struct packed_head back;

    ck_assert(unpack_head(pack(&all), &arena, &back, &err));
    for (size_t i = 0; i < back.n; i++)
        ck_assert_int_eq(slice_present(back.items[i].bytes), back.items[i].place == IN_HEAD);
}
END_TEST

enum { MANY = 3000 };

START_TEST(many_channels)
{
    struct packed_head head = {SLICE("{}"), arena_zalloc(&arena, MANY, sizeof(*samples)), MANY,
                               true};

    ck_assert_ptr_nonnull(head.items);
    for (size_t i = 0; i < MANY; i++) {
        struct inlined *in = &head.items[i];

        in->of.channel = arena_printf(&arena, "ch%05zu", i / 2);
        in->of.version = arena_printf(&arena, "%zu", i % 2);
        in->place = (enum value_place)(i % 4);
        if (in->place == IN_HEAD) {
            in->type = SLICE("t");
            in->bytes = arena_printf(&arena, "%0*zu", (int)(i % 300), i);
        }
    }
    check_round_trip(&head);
}
END_TEST

START_TEST(what_a_head_does_not_say)
{
    static const struct channel_version others[] = {
        {TEXT(""), TEXT("")},      {TEXT("a"), TEXT("\"x\"")}, {TEXT("a\0b"), TEXT("\"xx\"")},
        {TEXT("ch"), TEXT("1.0")}, {TEXT("ch"), TEXT("3")},    {TEXT("zz"), TEXT("1")},
    };
    struct packed_head back;

    ck_assert(unpack_head(pack(&all), &arena, &back, &err));
    for (size_t i = 0; i < COUNT_OF(others); i++)
        ck_assert_ptr_null(head_find(&back, &others[i]));
    back = (struct packed_head){.json = SLICE("{}")};
    ck_assert_ptr_null(head_find(&back, &others[0]));
}
END_TEST

START_TEST(unlisted_heads_are_their_json)
{
    struct packed_head head = {SLICE("{\"v\":1}"), NULL, 0, false};
    struct slice packed = pack(&head);

    ck_assert_ptr_eq(packed.at, head.json.at);
    ck_assert_uint_eq(packed.len, head.json.len);
    check_round_trip(&head);
}
END_TEST

/* What heads of earlier versions and documents begin with. */
static const char *const texts[] = {
    "{\"v\":1}", "[1]", "\"\\u0001\"", "0", "1", "42", "9.5", "-1", "true", "false", "null", " {}",
};

START_TEST(no_json_is_packed)
{
    struct slice text = slice_of(texts[_i]);
    struct packed_head back = all;

    ck_assert(unpack_head(text, &arena, &back, &err));
    ck_assert_ptr_eq(back.json.at, text.at);
    ck_assert_uint_eq(back.json.len, text.len);
    ck_assert(!back.listed);
    ck_assert_uint_eq(back.n, 0);
}
END_TEST

START_TEST(nothing_is_no_head)
{
    struct packed_head back;

    ck_assert(unpack_head((struct slice){NULL, 0}, &arena, &back, &err));
    ck_assert(!slice_present(back.json) && !back.listed);
    ck_assert(unpack_head(SLICE(""), &arena, &back, &err));
    ck_assert(slice_present(back.json) && back.json.len == 0 && !back.listed);
}
END_TEST

/* Whether the bytes are a head; if so, packing it gives a head again. */
static bool unpacks(struct slice packed)
{
    struct packed_head head, back;
    bool ok = unpack_head(packed, &arena, &head, &err);

    ck_assert(ok || err.kind == ERR_DAMAGED);
    if (!ok)
        return false;
    ck_assert(unpack_head(pack(&head), &arena, &back, &err));
    check_same(&head, &back);
    for (size_t i = 0; i < head.n; i++)
        (void)!head_find(&head, &head.items[i].of);
    return true;
}

/* A copy of exactly this size, so that a sanitizer sees reads beyond it. */
static char *copy_of(struct slice s, size_t size)
{
    char *bytes = malloc(size ? size : 1);

    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, s.at, size < s.len ? size : s.len);
    return bytes;
}

START_TEST(cut_heads)
{
    struct slice whole = pack(&all);

    for (size_t len = 0; len < whole.len; len++) {
        char *bytes = copy_of(whole, len);

        ck_assert_int_eq(unpacks((struct slice){bytes, len}), len == 0);
        free(bytes);
    }
}
END_TEST

START_TEST(longer_heads)
{
    struct slice whole = pack(&all);
    char *bytes = copy_of(whole, whole.len + 1);

    for (int byte = 0; byte < 256; byte++) {
        bytes[whole.len] = (char)byte;
        ck_assert(!unpacks((struct slice){bytes, whole.len + 1}));
    }
    free(bytes);
}
END_TEST

/* Each byte is replaced by every other: the result may be a head, but never more than there is. */
START_TEST(changed_heads)
{
    struct slice whole = pack(&all);
    char *bytes = copy_of(whole, whole.len);

    whole.at = copy_of(whole, whole.len);
    for (size_t at = 0; at < whole.len; at++) {
        for (int byte = 0; byte < 256; byte++) {
            bytes[at] = (char)byte;
            (void)unpacks((struct slice){bytes, whole.len});
            arena_reset(&arena);
        }
        bytes[at] = whole.at[at];
    }
    ck_assert(unpacks((struct slice){bytes, whole.len}));
    free(bytes);
    free((char *)(uintptr_t)whole.at);
}
END_TEST

#define HUGE_NUMBER "\xff\xff\xff\xff\xff\xff\xff\xff\xff"

static const struct slice damaged[] = {
    TEXT("\x01"),                      /* nothing but the format */
    TEXT("\x01\x02{}"),                /* no count */
    TEXT("\x01\x03{}"),                /* JSON longer than what is there */
    TEXT("\x01" HUGE_NUMBER "\x01{}"), /* much longer */
    TEXT("\x01\x02{}\x01\x01"
         "a\x01"
         "1\x04"), /* no such place */
    TEXT("\x01\x02{}\x01\x01"
         "a\x01"
         "1\x84\x00"), /* the same in two bytes */
    TEXT("\x01\x02{}\x01\x01"
         "a\x01"
         "1" HUGE_NUMBER "\x01"),
    TEXT("\x01\x02{}\x01\x01"
         "a\x01"
         "1\x01\x01t"), /* a value without bytes */
    TEXT("\x01\x02{}\x02\x01"
         "a\x01"
         "1\x02"),          /* one channel of two */
    TEXT("\x01\x02{}\x01"), /* none of one */
    TEXT("\x01\x02{}" HUGE_NUMBER "\x01"
         "a\x01"
         "1"), /* a huge count */
    TEXT("\x01\x02{}" HUGE_NUMBER "\x02"
         "a\x01"
         "1"),                                 /* beyond 64 bits */
    TEXT("\x01\x02{}" HUGE_NUMBER "\xff\x01"), /* beyond that */
    TEXT("\x01\x02{}\x00x"),                   /* something behind it */
};

START_TEST(damaged_heads)
{
    char *bytes = copy_of(damaged[_i], damaged[_i].len);

    ck_assert(!unpacks((struct slice){bytes, damaged[_i].len}));
    free(bytes);
}
END_TEST

static bool both_ways(struct arena *a, struct err *e)
{
    struct slice packed;
    struct packed_head back;

    return pack_head(&all, a, &packed, e) && unpack_head(packed, a, &back, e);
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(both_ways);
}
END_TEST

Suite *suite_pack_head(void)
{
    Suite *suite = suite_create("pack_head");
    TCase *tc = tcase_create("pack_head");

    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, whole_heads);
    tcase_add_test(tc, values_are_present);
    tcase_add_test(tc, many_channels);
    tcase_add_test(tc, what_a_head_does_not_say);
    tcase_add_test(tc, unlisted_heads_are_their_json);
    tcase_add_loop_test(tc, no_json_is_packed, 0, COUNT_OF(texts));
    tcase_add_test(tc, nothing_is_no_head);
    tcase_add_test(tc, cut_heads);
    tcase_add_test(tc, longer_heads);
    tcase_add_test(tc, changed_heads);
    tcase_add_loop_test(tc, damaged_heads, 0, COUNT_OF(damaged));
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

/* The cache of whole values: bounds, order of eviction, values that are in use, threads. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>

#include "oom.h"
#include "value_cache.h"

static struct value_cache *cache;

static void open_cache(void)
{
    cache = value_cache_new(100000);
    ck_assert_ptr_nonnull(cache);
}

static void close_cache(void)
{
    value_cache_free(cache);
}

static struct value_key key_of(const char *name)
{
    struct slice parts[] = {SLICE("tenant"), slice_of(name)};

    return value_cache_key(parts, COUNT_OF(parts));
}

static void add(int64_t id, uint32_t place, size_t len)
{
    static char bytes[60000];

    memset(bytes, 'a' + (int)(id % 26), len);
    value_cache_put(cache, &(struct cached_value){.id = id,
                                                  .place = place,
                                                  .base_id = id - 1,
                                                  .anchor_id = id - 2,
                                                  .hash = {7},
                                                  .type = SLICE("msgpack"),
                                                  .bytes = {bytes, len}});
}

static bool has(int64_t id)
{
    const struct cached_value *found = value_cache_find(cache, id);

    value_cache_release(cache, found);
    return found != NULL;
}

START_TEST(value_cache_gives_a_value)
{
    struct cached_value named = {.id = 5, .hash = {7}, .of = {SLICE("a"), SLICE("\"1\"")}};
    const struct cached_value *found;
    struct arena arena;
    struct value value;

    arena_init(&arena, NULL, 0);
    named.bytes = SLICE("text");
    value_cache_put(cache, &named);
    add(6, 3, 100);
    found = value_cache_find(cache, 5);
    ck_assert(value_cache_copy(found, &arena, &value));
    value_cache_release(cache, found);
    ck_assert(slice_equal(value.of.channel, SLICE("a")));
    ck_assert(slice_equal(value.of.version, SLICE("\"1\"")));
    ck_assert(slice_equal(value.blob.bytes, SLICE("text")));
    ck_assert_int_eq(value.blob.id, 5);
    ck_assert_int_eq(value.blob.hash[0], 7);
    ck_assert(value.blob.whole);
    found = value_cache_find(cache, 6);
    ck_assert(value_cache_copy(found, &arena, &value));
    value_cache_release(cache, found);
    ck_assert(!slice_present(value.of.channel));
    ck_assert_int_eq(value.blob.place, 3);
    arena_done(&arena);
}
END_TEST

START_TEST(value_cache_copies_what_it_is_given)
{
    const struct cached_value *found;

    add(5, 3, 100);
    add(6, 3, 100);
    found = value_cache_find(cache, 5);
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->id, 5);
    ck_assert_int_eq(found->base_id, 4);
    ck_assert_int_eq(found->anchor_id, 3);
    ck_assert_uint_eq(found->place, 3);
    ck_assert_int_eq(found->hash[0], 7);
    ck_assert(slice_equal(found->type, SLICE("msgpack")));
    ck_assert_uint_eq(found->bytes.len, 100);
    ck_assert_int_eq(found->bytes.at[99], 'f');
    value_cache_release(cache, found);
    ck_assert(!has(7));
}
END_TEST

START_TEST(value_cache_is_bounded)
{
    for (int64_t id = 1; id <= 1000; id++) {
        add(id, 1, 1000);
        ck_assert_uint_le(value_cache_bytes(cache), 100000);
        ck_assert(has(1)); /* used all the time */
    }
    ck_assert(has(1000));
    ck_assert(!has(500));
    add(2000, 1, 50001); /* more than half of the cache */
    ck_assert(!has(2000));
}
END_TEST

START_TEST(value_cache_holds_what_is_used)
{
    const struct cached_value *found;

    add(1, 1, 1000);
    found = value_cache_find(cache, 1);
    for (int64_t id = 2; id <= 200; id++)
        add(id, 1, 1000);
    ck_assert(!has(1));
    ck_assert_int_eq(found->bytes.at[999], 'b');
    value_cache_release(cache, found);
}
END_TEST

START_TEST(value_cache_knows_the_newest)
{
    struct value_key a = key_of("a"), b = key_of("b");
    const struct cached_value *found;
    uint64_t tag = 0;

    ck_assert_ptr_null(value_cache_newest(cache, &a, &tag));
    add(1, 1, 10);
    add(2, 2, 10);
    value_cache_note(cache, &a, 1, 11);
    value_cache_note(cache, &b, 1, 12);
    value_cache_note(cache, &a, 2, 13);
    found = value_cache_newest(cache, &a, &tag);
    ck_assert_int_eq(found->id, 2);
    ck_assert_uint_eq(tag, 13);
    value_cache_release(cache, found);
    found = value_cache_newest(cache, &b, &tag);
    ck_assert_int_eq(found->id, 1);
    ck_assert_uint_eq(tag, 12);
    value_cache_release(cache, found);
    value_cache_forget(cache, &a);
    ck_assert_ptr_null(value_cache_newest(cache, &a, &tag));
    ck_assert(has(2));
    value_cache_note(cache, &b, 99, 1); /* of a value that is not cached */
    ck_assert_ptr_null(value_cache_newest(cache, &b, &tag));
}
END_TEST

/* Adds values until one has to go. */
static void fill_up(int64_t id)
{
    size_t before;

    do {
        before = value_cache_bytes(cache);
        add(id++, 1, 1000);
    } while (value_cache_bytes(cache) > before);
}

/* A value that is no longer the newest goes first, unless it is an anchor. */
START_TEST(value_cache_sets_back_the_old)
{
    struct value_key key = key_of("a");

    fill_up(1);
    add(501, 33, 1000);
    value_cache_note(cache, &key, 501, 0);
    add(502, 34, 1000);
    value_cache_note(cache, &key, 502, 0);
    ck_assert(has(501));
    value_cache_note(cache, &key, 501, 0);
    value_cache_note(cache, &key, 502, 0);
    add(503, 1, 1000);
    ck_assert(!has(501));
    ck_assert(has(502));
    add(532, 64, 1000);
    value_cache_note(cache, &key, 532, 0);
    value_cache_note(cache, &key, 503, 0);
    add(504, 1, 1000);
    ck_assert(has(532));
}
END_TEST

START_TEST(value_cache_none)
{
    struct value_key key = key_of("a");
    uint64_t tag;

    value_cache_put(NULL, &(struct cached_value){.id = 1});
    value_cache_note(NULL, &key, 1, 0);
    value_cache_forget(NULL, &key);
    ck_assert_ptr_null(value_cache_find(NULL, 1));
    ck_assert_ptr_null(value_cache_newest(NULL, &key, &tag));
    value_cache_release(NULL, NULL);
    value_cache_free(NULL);
}
END_TEST

START_TEST(value_cache_keys_differ)
{
    struct slice ab_c[] = {SLICE("ab"), SLICE("c")}, a_bc[] = {SLICE("a"), SLICE("bc")};
    struct value_key x = value_cache_key(ab_c, 2), y = value_cache_key(a_bc, 2);
    struct value_key z = value_cache_key(ab_c, 1);

    ck_assert_mem_ne(&x, &y, sizeof(x));
    ck_assert_mem_ne(&x, &z, sizeof(x));
}
END_TEST

START_TEST(value_cache_without_memory)
{
    struct value_key key = key_of("a");
    struct value_cache *none;
    uint64_t tag;

    oom_set(true);
    none = value_cache_new(1000);
    add(1, 1, 10);
    value_cache_note(cache, &key, 1, 0);
    oom_set(false);
    ck_assert_ptr_null(none);
    ck_assert(!has(1));
    ck_assert_ptr_null(value_cache_newest(cache, &key, &tag));
}
END_TEST

static char went_wrong; /* its address stands for a failure */

static void *use(void *arg)
{
    int64_t first = *(int64_t *)arg;

    for (int64_t i = 0; i < 3000; i++) {
        struct value_key key = key_of(i % 2 ? "a" : "b");
        int64_t id = first + i % 300;
        char bytes[500];
        const struct cached_value *found;
        uint64_t tag;

        memset(bytes, (int)(id % 26), sizeof(bytes));
        value_cache_put(
            cache, &(struct cached_value){.id = id, .place = 1, .bytes = {bytes, sizeof(bytes)}});
        value_cache_note(cache, &key, id, (uint64_t)id);
        found = value_cache_newest(cache, &key, &tag);
        if (found && found->bytes.at[499] != found->id % 26)
            return &went_wrong;
        value_cache_release(cache, found);
        if (i % 50 == 0)
            value_cache_forget(cache, &key);
    }
    return NULL;
}

START_TEST(value_cache_of_many_threads)
{
    int64_t first[] = {1, 150, 300, 450};
    pthread_t threads[COUNT_OF(first)];
    void *wrong;

    for (size_t i = 0; i < COUNT_OF(first); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use, &first[i]), 0);
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        pthread_join(threads[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
    ck_assert_uint_le(value_cache_bytes(cache), 100000);
}
END_TEST

Suite *suite_value_cache(void);

Suite *suite_value_cache(void)
{
    Suite *suite = suite_create("value_cache");
    TCase *tc = tcase_create("value_cache");

    tcase_add_checked_fixture(tc, open_cache, close_cache);
    tcase_add_test(tc, value_cache_gives_a_value);
    tcase_add_test(tc, value_cache_copies_what_it_is_given);
    tcase_add_test(tc, value_cache_is_bounded);
    tcase_add_test(tc, value_cache_holds_what_is_used);
    tcase_add_test(tc, value_cache_knows_the_newest);
    tcase_add_test(tc, value_cache_sets_back_the_old);
    tcase_add_test(tc, value_cache_none);
    tcase_add_test(tc, value_cache_keys_differ);
    tcase_add_test(tc, value_cache_without_memory);
    tcase_add_test(tc, value_cache_of_many_threads);
    suite_add_tcase(suite, tc);
    return suite;
}

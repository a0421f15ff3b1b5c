#include <check.h>
#include <pthread.h>

#include "clock.h"
#include "id.h"
#include "oom.h"

static const struct {
    struct slice id;
    const char *wrong; /* NULL: the id is valid */
} ids[] = {
    {{"a", 1}, NULL},
    {{" /%:}\xF0\x9F\x98\x80", 9}, NULL},
    {{"\xC2\xA0", 2}, NULL},
    {{"", 0}, "must not be empty"},
    {{NULL, 0}, "must not be empty"},
    {{"a\0b", 3}, "must not contain control characters"},
    {{"\x1F", 1}, "must not contain control characters"},
    {{"a\x7F", 2}, "must not contain control characters"},
    {{"\xC2\x80", 2}, "must not contain control characters"},
    {{"\xC2\x9F", 2}, "must not contain control characters"},
    {{"\xC0\x80", 2}, "must be UTF-8"},
    {{"a\xED\xA0\xBD", 4}, "must be UTF-8"},
    {{"\xFF", 1}, "must be UTF-8"},
};

START_TEST(checks)
{
    struct err err;

    if (!ids[_i].wrong) {
        ck_assert(id_check(ids[_i].id, &err));
        return;
    }
    ck_assert(!id_check(ids[_i].id, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.text, ids[_i].wrong);
}
END_TEST

START_TEST(length_has_a_limit)
{
    char id[ID_MAX + 1];
    struct err err;

    memset(id, 'a', sizeof(id));
    ck_assert(id_check((struct slice){id, ID_MAX}, &err));
    ck_assert(!id_check((struct slice){id, ID_MAX + 1}, &err));
    ck_assert_str_eq(err.text, "must be at most 512 bytes long");
}
END_TEST

START_TEST(namespaces_may_be_empty_and_longer)
{
    char ns[ID_NS_MAX + 1];
    struct err err;

    memset(ns, 'a', sizeof(ns));
    ck_assert(id_check_ns((struct slice){ns, 0}, &err));
    ck_assert(id_check_ns((struct slice){ns, ID_NS_MAX}, &err));
    ck_assert(!id_check_ns((struct slice){ns, ID_NS_MAX + 1}, &err));
    ck_assert_str_eq(err.text, "must be at most 2048 bytes long");
    ck_assert(!id_check_ns(SLICE("a\n"), &err));
    ck_assert_str_eq(err.text, "must not contain control characters");
}
END_TEST

static const struct {
    const char *id, *segment;
} segments[] = {
    {"aZ09_.:-", "aZ09_.:-"}, {".", "~Lg"},         {"..", "~Li4"},   {"...", "..."},
    {"~a", "~fmE"},           {"a~", "~YX4"},       {"a/b", "~YS9i"}, {"%2F", "~JTJG"},
    {"a b", "~YSBi"},         {"\xC3\xA9", "~w6k"},
};

START_TEST(segments_there_and_back)
{
    struct arena a = {0};
    struct slice segment = id_to_segment(slice_of(segments[_i].id), &a), id;
    struct err err;

    ck_assert_str_eq(segment.at, segments[_i].segment);
    ck_assert(id_from_segment(segment, &a, &id, &err));
    ck_assert(slice_equal(id, slice_of(segments[_i].id)));
    arena_done(&a);
}
END_TEST

START_TEST(percent_encoding)
{
    static const char *const bad[] = {"%",   "%4",    "%4g",    "%g4",       "a%2", "%%41",
                                      "%00", "%C3",   "%C2%80", "%ED%A0%BD", "",    "~",
                                      "~!",  "~YQ==", "~AA",    "~YR"};
    struct arena a = {0};
    struct slice out;
    struct err err;

    ck_assert(id_from_segment(SLICE("a%2Fb%2f%25+%7E"), &a, &out, &err));
    ck_assert(slice_equal(out, SLICE("a/b/%+~")));
    ck_assert(id_from_segment(SLICE("%7Ea"), &a, &out, &err));
    ck_assert(slice_equal(out, SLICE("~a")));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_msg(!id_from_segment(slice_of(bad[i]), &a, &out, &err), "%s", bad[i]);
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
    ck_assert(id_percent_decode(SLICE("a+b%2B%00%FF"), true, &a, &out, &err));
    ck_assert(slice_equal(out, SLICE("a b+\0\xFF")));
    ck_assert(id_percent_decode(SLICE("a+b"), false, &a, &out, &err));
    ck_assert(slice_equal(out, SLICE("a+b")));
    ck_assert(!id_percent_decode(SLICE("ab%zz"), false, &a, &out, &err));
    ck_assert_str_eq(err.text, "has a % without two hexadecimal digits behind it, at byte 2");
    arena_done(&a);
}
END_TEST

static void check_uuid(const char *uuid, char version)
{
    ck_assert_uint_eq(strlen(uuid), ID_UUID_LEN);
    for (int i = 0; i < ID_UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        ck_assert(dash ? uuid[i] == '-' : strchr("0123456789abcdef", uuid[i]) != NULL);
    }
    ck_assert_int_eq(uuid[14], version);
    ck_assert_ptr_nonnull(strchr("89ab", uuid[19]));
}

START_TEST(uuid7_holds_the_time)
{
    char first[ID_UUID_LEN + 1], second[ID_UUID_LEN + 1];

    clock_fake(1, INT64_C(4102444800000500)); /* 2100-01-01, and half a millisecond */
    id_uuid7(first);
    id_uuid7(second);
    clock_fake(0, 0);
    check_uuid(first, '7');
    ck_assert(strncmp(first, "03bb2cc3-d800-7800-", 19) == 0);
    ck_assert(strncmp(second, "03bb2cc3-d800-7801-", 19) == 0);
}
END_TEST

enum { THREADS = 4, ROUNDS = 5000 };

static void *make_many(void *failed)
{
    char last[ID_UUID_LEN + 1] = "", next[ID_UUID_LEN + 1];

    for (int i = 0; i < ROUNDS; i++) {
        id_uuid7(next);
        if (strcmp(last, next) >= 0)
            return failed;
        memcpy(last, next, sizeof(last));
    }
    return NULL;
}

START_TEST(uuid7_rises_in_every_thread)
{
    pthread_t threads[THREADS];
    int mark;

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_many, &mark), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

START_TEST(uuid8_is_the_hash_of_tenant_and_key)
{
    char a[ID_UUID_LEN + 1], b[ID_UUID_LEN + 1];

    id_uuid8(SLICE("default"), SLICE("key-1"), a);
    id_uuid8(SLICE("default"), SLICE("key-1"), b);
    check_uuid(a, '8');
    ck_assert_str_eq(a, b);
    ck_assert_str_eq(a, "523954bb-cedb-8179-9d7b-bf5da4e3d1fd");
    id_uuid8(SLICE("default2"), SLICE("key-1"), b);
    ck_assert_str_ne(a, b);
    id_uuid8(SLICE("default"), (struct slice){NULL, 0}, b);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(hash_tells_parts_apart)
{
    static const uint8_t expected[ID_HASH_LEN] = {
        0x43, 0xEE, 0x65, 0x55, 0x79, 0xDE, 0x01, 0xCA,
        0x73, 0x9B, 0x3F, 0x95, 0xC1, 0xC2, 0xD3, 0xF4,
    };
    const struct slice ab_c[] = {SLICE("ab"), SLICE("c")}, a_bc[] = {SLICE("a"), SLICE("bc")};
    uint8_t one[ID_HASH_LEN], two[ID_HASH_LEN];

    id_hash(ab_c, 2, one);
    id_hash(a_bc, 2, two);
    ck_assert_mem_eq(one, expected, ID_HASH_LEN);
    ck_assert_mem_ne(one, two, ID_HASH_LEN);
}
END_TEST

static bool make_segment(struct arena *arena, struct err *err)
{
    struct slice out;

    if (!id_to_segment(SLICE("an id that is not plain"), arena).at)
        return err_set(err, ERR_NO_MEMORY, "failed");
    return id_from_segment(SLICE("plain"), arena, &out, err);
}

START_TEST(memory_ends)
{
    oom_sweep(make_segment);
}
END_TEST

Suite *suite_id(void);

Suite *suite_id(void)
{
    Suite *suite = suite_create("id");
    TCase *tests = tcase_create("id");

    tcase_add_loop_test(tests, checks, 0, COUNT_OF(ids));
    tcase_add_test(tests, length_has_a_limit);
    tcase_add_test(tests, namespaces_may_be_empty_and_longer);
    tcase_add_loop_test(tests, segments_there_and_back, 0, COUNT_OF(segments));
    tcase_add_test(tests, percent_encoding);
    tcase_add_test(tests, uuid7_holds_the_time);
    tcase_add_test(tests, uuid7_rises_in_every_thread);
    tcase_add_test(tests, uuid8_is_the_hash_of_tenant_and_key);
    tcase_add_test(tests, hash_tells_parts_apart);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}

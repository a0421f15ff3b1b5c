#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "oom.h"
#include "split.h"

static const char *const valid[] = {
    "0",
    "-0",
    "-0.0",
    "1e5",
    "1E+05",
    "1.25e-3",
    "1180591620717411303424",
    "1e400",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\ud83d\"",
    "\"\\u0000\"",
    "\"\\uD83D\\uDE00 \xF0\x9F\x98\x80 \xC3\xA9\xE2\x82\xAC\"",
    "\"\x7F\"",
    "{}",
    "[]",
    " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n",
    "{\"a\":{\"a\":{\"a\":[[],[{}],{\"\":[]}]}},\"b\":\"c\"}",
    "[1,[2,[3,[4]]],{\"x\":-1.5}]",
    "{\"id\":\"0198c7b2-1111-7000-8000-abcdefabcdef\",\"n\":3,\"ok\":true,\"nil\":null}",
    "[\"a longer text without anything special in it\",\"and a second one, \xC3\xBC\"]",
};

START_TEST(takes_valid)
{
    struct slice value;
    struct err err;

    ck_assert_msg(split_check(slice_of(valid[_i]), &value, &err), "%s: %s", valid[_i], err.text);
}
END_TEST

static const struct {
    struct slice text;
    size_t at;
    const char *expected;
} invalid[] = {
    {{NULL, 0}, 0, "a value"},
    {{"", 0}, 0, "a value"},
    {{"  ", 2}, 2, "a value"},
    {{"\xEF\xBB\xBF{}", 5}, 0, "a value"},
    {{"tru", 3}, 0, "a value"},
    {{"True", 4}, 0, "a value"},
    {{"'a'", 3}, 0, "a value"},
    {{"NaN", 3}, 0, "a value"},
    {{"nul", 3}, 0, "a value"},
    {{"falsy", 5}, 0, "a value"},
    {{"+1", 2}, 0, "a value"},
    {{".5", 2}, 0, "a value"},
    {{"-", 1}, 1, "a digit"},
    {{"-a", 2}, 1, "a digit"},
    {{"1.", 2}, 2, "a digit"},
    {{"1.e5", 4}, 2, "a digit"},
    {{"1e", 2}, 2, "a digit"},
    {{"1e+", 3}, 3, "a digit"},
    {{"01", 2}, 1, "the end"},
    {{"1 2", 3}, 2, "the end"},
    {{"{}\0", 3}, 2, "the end"},
    {{"\"abc", 4}, 4, "the end of a string"},
    {{"\"a\nb\"", 5}, 2, "no raw control character"},
    {{"\"a\0b\"", 5}, 2, "no raw control character"},
    {{"\"\\x\"", 4}, 1, "a valid escape"},
    {{"\"\\", 2}, 1, "a valid escape"},
    {{"\"\\\0\"", 4}, 1, "a valid escape"},
    {{"\"\\u12g4\"", 8}, 5, "four hexadecimal digits"},
    {{"\"\\u12", 5}, 5, "four hexadecimal digits"},
    {{"\"\xC0\x80\"", 4}, 1, "valid UTF-8"},
    {{"\"\xED\xA0\x80\"", 5}, 1, "valid UTF-8"},
    {{"\"\xC3\xA9\xC3\"", 5}, 3, "valid UTF-8"},
    {{"[", 1}, 1, "a value"},
    {{"[1", 2}, 2, "',' or ']'"},
    {{"[1 2]", 5}, 3, "',' or ']'"},
    {{"[1,]", 4}, 3, "a value"},
    {{"[1}", 3}, 2, "',' or ']'"},
    {{"{", 1}, 1, "a name in quotes"},
    {{"{1:2}", 5}, 1, "a name in quotes"},
    {{"{\"a\"}", 5}, 4, "':'"},
    {{"{\"a\":}", 6}, 5, "a value"},
    {{"{\"a\":1,}", 8}, 7, "a name in quotes"},
    {{"{\"a\":1]", 7}, 6, "',' or '}'"},
    {{"{\"a\":1", 6}, 6, "',' or '}'"},
    {{"{\"a", 3}, 3, "the end of a string"},
};

START_TEST(refuses_invalid)
{
    struct slice value = SLICE("untouched");
    struct err err;
    char start[40];

    ck_assert_msg(!split_check(invalid[_i].text, &value, &err), "case %d", _i);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    snprintf(start, sizeof(start), "not JSON at byte %zu: expected ", invalid[_i].at);
    ck_assert_msg(strncmp(err.text, start, strlen(start)) == 0, "case %d: %s", _i, err.text);
    ck_assert_msg(
        strncmp(err.text + strlen(start), invalid[_i].expected, strlen(invalid[_i].expected)) == 0,
        "case %d: %s", _i, err.text);
    ck_assert(slice_equal(value, SLICE("untouched")));
}
END_TEST

START_TEST(nesting_has_a_limit)
{
    char text[2 * SPLIT_DEPTH + 2];
    struct slice value;
    struct err err;

    memset(text, '[', SPLIT_DEPTH);
    memset(text + SPLIT_DEPTH, ']', SPLIT_DEPTH);
    ck_assert(split_check((struct slice){text, sizeof(text) - 2}, &value, &err));
    memset(text, '[', SPLIT_DEPTH + 1);
    memset(text + SPLIT_DEPTH + 1, ']', SPLIT_DEPTH + 1);
    ck_assert(!split_check((struct slice){text, sizeof(text)}, &value, &err));
    ck_assert_str_eq(err.text, "not JSON at byte 512: expected at most 512 levels");
}
END_TEST

static void check_member(const struct split_member *m, const char *name, const char *value)
{
    ck_assert(slice_equal(m->name, slice_of(name)));
    ck_assert(slice_equal(m->value, slice_of(value)));
}

START_TEST(lists_members)
{
    struct slice text = SLICE(
        " { \"a\" : 1 , \"b\\\"]\":[{ \"a\":[ ] }, \"}\\\\\"] ,\"\":\n\"x\\\\\","
        "\"c\":{},\"d\":true } ");
    struct split_member *members;
    struct arena a = {0};
    struct slice value;
    struct err err;
    size_t n;

    for (int checked = 0; checked < 2; checked++) {
        if (checked) {
            ck_assert(split_check(text, &value, &err));
            ck_assert(split_members(value, &a, &members, &n, &err));
        } else {
            ck_assert(split_object(text, &a, &members, &n, &err));
        }
        ck_assert_uint_eq(n, 5);
        check_member(&members[0], "a", "1");
        check_member(&members[1], "b\\\"]", "[{ \"a\":[ ] }, \"}\\\\\"]");
        check_member(&members[2], "", "\"x\\\\\"");
        check_member(&members[3], "c", "{}");
        check_member(&members[4], "d", "true");
    }
    arena_done(&a);
}
END_TEST

START_TEST(lists_elements)
{
    static const char *const expected[] = {"1", "\"]\"", "[ 2,3 ]", "{\"a\":[]}", "null", "-1e5"};
    struct arena a = {0};
    struct slice *elements;
    struct err err;
    size_t n;

    ck_assert(split_elements(SLICE("[ 1,\"]\" , [ 2,3 ],{\"a\":[]}\n,null, -1e5 ]"), &a, &elements,
                             &n, &err));
    ck_assert_uint_eq(n, COUNT_OF(expected));
    for (size_t i = 0; i < n; i++)
        ck_assert(slice_equal(elements[i], slice_of(expected[i])));
    ck_assert(split_elements(SLICE("[ ]"), &a, &elements, &n, &err));
    ck_assert_uint_eq(n, 0);
    arena_done(&a);
}
END_TEST

START_TEST(wants_the_right_type)
{
    struct split_member *members;
    struct arena a = {0};
    struct slice *elements;
    struct err err;
    size_t n;

    ck_assert(!split_object(SLICE(" [1]"), &a, &members, &n, &err));
    ck_assert_str_eq(err.text, "not JSON at byte 1: expected an object");
    ck_assert(!split_object(SLICE(""), &a, &members, &n, &err));
    ck_assert(!split_members(SLICE("[]"), &a, &members, &n, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!split_members((struct slice){NULL, 0}, &a, &members, &n, &err));
    ck_assert(!split_elements(SLICE("{}"), &a, &elements, &n, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!split_elements((struct slice){NULL, 0}, &a, &elements, &n, &err));
    arena_done(&a);
}
END_TEST

START_TEST(names_stand_once)
{
    static const char *const twice[] = {
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":2,\"\\u0061\":3}",
        "{\"\":1,\"\":2}",
        "{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}",
        "{\"\\ud83d\":1,\"\\uD83D\":2}",
    };
    struct split_member *members;
    struct arena a = {0};
    struct err err;
    size_t n;

    for (size_t i = 0; i < COUNT_OF(twice); i++) {
        ck_assert(!split_object(slice_of(twice[i]), &a, &members, &n, &err));
        ck_assert_ptr_nonnull(strstr(err.text, "is given more than once"));
        ck_assert(!split_members(slice_of(twice[i]), &a, &members, &n, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert(split_list(slice_of(twice[i]), &a, &members, &n, &err));
        ck_assert_uint_ge(n, 2);
    }
    ck_assert(split_object(SLICE("{\"a\":{\"b\":1,\"b\":2},\"b\":3}"), &a, &members, &n, &err));
    ck_assert(split_object(SLICE("{\"\\ud83d\":1,\"\\ud83e\":2}"), &a, &members, &n, &err));
    arena_done(&a);
}
END_TEST

START_TEST(many_members)
{
    enum { MANY = 20000, ROOM = 16 };
    struct split_member *members;
    struct arena a = {0};
    struct err err;
    size_t n, len = 0;
    char *text = arena_alloc(&a, MANY * ROOM + 2);

    for (int i = 0; i < MANY; i++)
        len += (size_t)snprintf(text + len, ROOM, "%c\"%d\":%d", i ? ',' : '{', i, i % 10);
    text[len++] = '}';
    ck_assert(split_object((struct slice){text, len}, &a, &members, &n, &err));
    ck_assert_uint_eq(n, MANY);
    check_member(&members[12345], "12345", "5");
    memcpy(text + len - 9, "10001", 5);
    ck_assert(!split_object((struct slice){text, len}, &a, &members, &n, &err));
    ck_assert_str_eq(err.text, "/10001: is given more than once");
    arena_done(&a);
}
END_TEST

START_TEST(compares_names)
{
    ck_assert(split_name_is(SLICE("abc"), "abc"));
    ck_assert(split_name_is(SLICE("\\u0061bc"), "abc"));
    ck_assert(split_name_is(SLICE(""), ""));
    ck_assert(!split_name_is(SLICE("ab"), "abc"));
    ck_assert(!split_name_is(SLICE("abcd"), "abc"));
    ck_assert(!split_name_is(SLICE("abc\\u0000"), "abc"));
    ck_assert(!split_name_is(SLICE("\\n"), "n"));
    ck_assert(!split_name_is(
        SLICE("\\u0061aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        "a"));
}
END_TEST

/* Whether jansson refuses something that we take; api.md and split.h say what. */
static bool jansson_is_narrower(const json_error_t *error)
{
    return json_error_code(error) == json_error_numeric_overflow ||
           json_error_code(error) == json_error_null_byte_in_key ||
           strstr(error->text, "invalid Unicode '\\u");
}

static void check_members_again(struct slice text, struct arena *a)
{
    struct split_member *listed, *skipped;
    size_t n, m;
    struct slice value;
    struct err err;

    if (!split_object(text, a, &listed, &n, &err))
        return;
    ck_assert(split_check(text, &value, &err));
    ck_assert(split_members(value, a, &skipped, &m, &err));
    ck_assert_uint_eq(n, m);
    for (size_t i = 0; i < n; i++) {
        ck_assert(slice_equal(listed[i].name, skipped[i].name));
        ck_assert(slice_equal(listed[i].value, skipped[i].value));
        ck_assert(split_check(listed[i].value, &value, &err));
        ck_assert(slice_equal(listed[i].value, value));
    }
}

static void check_elements_again(struct slice value, struct arena *a)
{
    struct slice *elements, element;
    struct err err;
    size_t n;

    if (!split_elements(value, a, &elements, &n, &err))
        return;
    for (size_t i = 0; i < n; i++) {
        ck_assert(split_check(elements[i], &element, &err));
        ck_assert(slice_equal(elements[i], element));
    }
}

/* Compares one text with jansson. Its bytes are copied, so that a read beyond them is caught. */
static void compare(const char *bytes, size_t len)
{
    char *exact = malloc(len ? len : 1);
    struct slice text = {exact, len}, value;
    struct arena a = {0};
    json_error_t error;
    struct err err;
    json_t *oracle;
    bool ok;

    memcpy(exact, bytes, len);
    oracle = json_loadb(exact, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    ok = split_check(text, &value, &err);
    if (memchr(exact, '\0', len)) /* jansson skips some of them */
        ck_assert(!ok);
    else
        ck_assert_msg(ok || !oracle, "jansson takes %.*s: %s", (int)len, exact, err.text);
    ck_assert_msg(!ok || oracle || jansson_is_narrower(&error), "jansson refuses %.*s: %s",
                  (int)len, exact, error.text);
    if (ok) {
        check_members_again(text, &a);
        check_elements_again(value, &a);
    }
    json_decref(oracle);
    arena_done(&a);
    free(exact);
}

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

/* Changes, removes, adds or doubles something, or cuts the text. */
static size_t mutate(char *text, size_t len)
{
    static const char likely[] = "{}[]:,\"\\/bfnrtu0123456789abcdefABCDEF+-.eE \t\r\n\x01\x1F\x7F"
                                 "\x80\xBF\xC2\xC3\xE0\xED\xA0\xF0\x9F\xF4";
    uint32_t at = random_below((uint32_t)len + 1), n;
    char c = likely[random_below(sizeof(likely))];

    switch (random_below(5)) {
    case 0:
        text[at] = c;
        return at == len ? len + 1 : len;
    case 1:
        memmove(text + at + 1, text + at, len - at);
        text[at] = c;
        return len + 1;
    case 2:
        n = at < len;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    case 3:
        n = random_below((uint32_t)(len - at) + 1);
        memmove(text + at + n, text + at, len - at);
        return len + n;
    default:
        return random_below(8) ? len : at;
    }
}

START_TEST(agrees_with_jansson)
{
    enum { ROUNDS = 30000, ROOM = 4096 };

    for (size_t i = 0; i < COUNT_OF(valid); i++)
        compare(valid[i], strlen(valid[i]));
    for (size_t i = 0; i < COUNT_OF(invalid); i++)
        if (invalid[i].text.at)
            compare(invalid[i].text.at, invalid[i].text.len);
    seed = 20260131;
    for (int round = 0; round < ROUNDS; round++) {
        const char *start = valid[random_below(COUNT_OF(valid))];
        size_t len = strlen(start);
        char text[ROOM];

        memcpy(text, start, len);
        for (uint32_t i = random_below(4) + 1; i > 0; i--)
            len = mutate(text, len);
        compare(text, len);
    }
}
END_TEST

static bool split_everything(struct arena *arena, struct err *err)
{
    struct slice text = SLICE("{\"\\u0061\":[1,2],\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,"
                              "\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12,\"m\":13,\"n\":14,"
                              "\"o\":15,\"p\":16,\"q\":17,\"r\":18}");
    struct split_member *members;
    struct slice *elements;
    size_t n, m;

    return split_object(text, arena, &members, &n, err) &&
           split_members(text, arena, &members, &n, err) &&
           split_elements(members[0].value, arena, &elements, &m, err);
}

START_TEST(memory_ends)
{
    oom_sweep(split_everything);
}
END_TEST

/* n members, or n elements, of the value 1. */
static struct slice many(struct arena *arena, size_t n, bool object)
{
    char *text = arena_alloc(arena, 16 * n + 2), *p = text;

    ck_assert_ptr_nonnull(text);
    *p++ = object ? '{' : '[';
    for (size_t i = 0; i < n; i++)
        p += sprintf(p, object ? "%s\"%zx\":1" : "%s%zx", i ? "," : "", object ? i : i % 10);
    *p++ = object ? '}' : ']';
    return (struct slice){text, (size_t)(p - text)};
}

START_TEST(lists_are_bounded)
{
    for (size_t n = SPLIT_ITEMS_MAX; n <= SPLIT_ITEMS_MAX + 1; n++) {
        bool fits = n == SPLIT_ITEMS_MAX;
        struct arena arena = {0};
        struct split_member *members;
        struct slice object = many(&arena, n, true), *elements, value;
        size_t found;
        struct err err;

        ck_assert(split_object(object, &arena, &members, &found, &err) == fits);
        ck_assert_msg(fits ? found == n : strstr(err.text, "at most 262144") != NULL, "%s",
                      err.text);
        ck_assert(split_list(object, &arena, &members, &found, &err) == fits);
        ck_assert(fits || err.kind == ERR_INVALID);
        ck_assert(split_check(object, &value, &err));
        ck_assert(split_elements(many(&arena, n, false), &arena, &elements, &found, &err) == fits);
        ck_assert(fits || err.kind == ERR_INVALID);
        arena_done(&arena);
    }
}
END_TEST

Suite *suite_split(void);

Suite *suite_split(void)
{
    Suite *suite = suite_create("split");
    TCase *tests = tcase_create("split");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, takes_valid, 0, COUNT_OF(valid));
    tcase_add_loop_test(tests, refuses_invalid, 0, COUNT_OF(invalid));
    tcase_add_test(tests, nesting_has_a_limit);
    tcase_add_test(tests, lists_members);
    tcase_add_test(tests, lists_elements);
    tcase_add_test(tests, wants_the_right_type);
    tcase_add_test(tests, names_stand_once);
    tcase_add_test(tests, many_members);
    tcase_add_test(tests, compares_names);
    tcase_add_test(tests, agrees_with_jansson);
    tcase_add_test(tests, memory_ends);
    tcase_add_test(tests, lists_are_bounded);
    suite_add_tcase(suite, tests);
    return suite;
}

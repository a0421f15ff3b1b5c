#include <check.h>

#include "filter.h"
#include "oom.h"
#include "text.h"

static const struct {
    const char *a, *b;
    bool equal;
} values[] = {
    {"1", "1.0", true},
    {"1", "true", false},
    {"0", "false", false},
    {"true", "true", true},
    {"true", "false", false},
    {"null", "null", true},
    {"null", "0", false},
    {"-0", "0e5", true},
    {"1180591620717411303424", "1180591620717411303425", false},
    {"\"1\"", "1", false},
    {"\"a\"", "\"\\u0061\"", true},
    {"\"a\"", "\"b\"", false},
    {"\"\"", "\"\\u0000\"", false},
    {"\"\\ud83d\"", "\"\\uD83D\"", true},
    {"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"", true},
    {"[]", "[ ]", true},
    {"[]", "{}", false},
    {"[1,2]", "[1, 2e0]", true},
    {"[1,2]", "[2,1]", false},
    {"[1,2]", "[1,2,3]", false},
    {"[[1],2]", "[[1.5],2]", false},
    {"{\"a\":1,\"b\":[2]}", "{ \"b\":[2.0],\"\\u0061\":1 }", true},
    {"{\"a\":1}", "{\"a\":2}", false},
    {"{\"a\":1}", "{\"b\":1}", false},
    {"{\"a\":1}", "{\"a\":1,\"b\":null}", false},
    {"{\"a\":1,\"a\":2}", "{\"a\":2}", true},
    {"{\"a\":1,\"a\":2}", "{\"a\":1}", false},
    {"{}", "{ }", true},
    {"{}", "{ \"a\" : 1 }", false},
    {"[1, {}]", "[ 1 ,{ } , 2 ]", false},
    {"[\"]\",[\"\\\"\",[]],3]", "[ \"]\" , [ \"\\u0022\" , [ ] ] , 3.0 ]", true},
    {"{\"a\":{\"b\":[{\"c\":1,\"d\":[[]]}],\"e\":\"}\"},\"f\":2}",
     "{\"f\":2,\"a\":{\"e\":\"}\",\"b\":[{\"d\":[[ ]],\"c\":1}]}}", true},
    {"{\"a\":{\"b\":[{\"c\":1,\"d\":[[]]}],\"e\":\"}\"},\"f\":2}",
     "{\"f\":2,\"a\":{\"e\":\"}\",\"b\":[{\"d\":[[0]],\"c\":1}]}}", false},
    {"[{\"a\":[1],\"b\":2},{\"c\":3}]", "[{\"b\":2,\"a\":[1]},{\"c\":4}]", false},
};

START_TEST(compares_values)
{
    struct slice a = slice_of(values[_i].a), b = slice_of(values[_i].b);
    struct arena arena = {0};
    struct err err;
    bool equal;

    ck_assert(filter_equal(a, b, &arena, &equal, &err));
    ck_assert(equal == values[_i].equal);
    ck_assert(filter_equal(b, a, &arena, &equal, &err));
    ck_assert(equal == values[_i].equal);
    arena_done(&arena);
}
END_TEST

static const struct {
    const char *filter, *metadata;
    bool matches;
} cases[] = {
    {"{}", NULL, true},
    {"{}", "{\"a\":1}", true},
    {"{\"a\":null}", NULL, true},
    {"{\"a\":null}", "{}", true},
    {"{\"a\":null}", "{\"a\":null}", true},
    {"{\"a\":null}", "{\"a\":0}", false},
    {"{\"a\":1}", NULL, false},
    {"{\"a\":1}", "{\"a\":1.0,\"b\":2}", true},
    {"{\"a\":1,\"b\":3}", "{\"a\":1,\"b\":2}", false},
    {"{\"a.b\":1}", "{\"a\":{\"b\":1}}", false},
    {"{\"a.b\":1}", "{\"a.b\":1}", true},
    {"{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1,\"c\":2}}", false},
    {"{\"\\u0061\":\"x\"}", "{\"a\":\"\\u0078\"}", true},
    {"{\"a\":2}", "{\"a\":1,\"a\":2}", true},
    {" { \"z\" : 1 } ", "{\"m\":0,\"z\":1,\"a\":0,\"b\":0}", true},
};

START_TEST(matches_metadata)
{
    struct arena arena = {0};
    struct filter f;
    struct err err;
    bool matches;

    ck_assert(filter_parse(slice_of(cases[_i].filter), &arena, &f, &err));
    ck_assert(filter_matches(&f, slice_of(cases[_i].metadata), &arena, &matches, &err));
    ck_assert(matches == cases[_i].matches);
    arena_done(&arena);
}
END_TEST

START_TEST(refuses_what_is_no_filter)
{
    static const char *const bad[] = {"", "[]", "1", "{\"a\"}", "{\"a\":1,\"a\":2}"};
    struct arena arena = {0};
    struct filter f;
    struct err err;

    ck_assert(!filter_parse(slice_of(bad[_i]), &arena, &f, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    arena_done(&arena);
}
END_TEST

START_TEST(what_is_no_object_matches_nothing)
{
    static const char *const bad[] = {"", "[]", "1", "{\"a\":null", "{\"b\":[}", "]", "{}}"};
    struct arena arena = {0};
    struct filter f;
    struct err err;
    bool matches = true;

    ck_assert(filter_parse(SLICE("{\"a\":null}"), &arena, &f, &err));
    ck_assert(filter_matches(&f, slice_of(bad[_i]), &arena, &matches, &err));
    ck_assert(!matches);
    arena_done(&arena);
}
END_TEST

/* Of more items than split.h lists. */
START_TEST(many_items)
{
    static const struct {
        const char *open, *item, *close;
    } parts[] = {
        {"{\"a\":[", "0", "]}"}, {"{\"a\":{", "\"\":0", "}}"}, {"{", "\"b\":0", ",\"a\":1}"}};
    struct arena arena = {0};
    struct filter f;
    struct text t;
    struct err err;
    bool matches = true;

    text_init(&t, &arena);
    text_puts(&t, parts[_i].open);
    for (int i = 0; i <= SPLIT_ITEMS_MAX; i++) {
        text_puts(&t, i ? "," : "");
        text_puts(&t, parts[_i].item);
    }
    text_puts(&t, parts[_i].close);
    ck_assert(!t.failed);
    ck_assert(filter_parse(SLICE("{\"a\":[ 0]}"), &arena, &f, &err));
    ck_assert(filter_matches(&f, text_slice(&t), &arena, &matches, &err));
    ck_assert(!matches);
    ck_assert(filter_parse(SLICE("{\"c\":null}"), &arena, &f, &err));
    ck_assert(filter_matches(&f, text_slice(&t), &arena, &matches, &err));
    ck_assert(matches);
    arena_done(&arena);
}
END_TEST

START_TEST(deep_values)
{
    char a[2 * SPLIT_DEPTH + 1], b[2 * SPLIT_DEPTH + 1];
    struct arena arena = {0};
    struct err err;
    bool equal;

    memset(a, '[', SPLIT_DEPTH);
    a[SPLIT_DEPTH] = '1';
    memset(a + SPLIT_DEPTH + 1, ']', SPLIT_DEPTH);
    memcpy(b, a, sizeof(b));
    b[SPLIT_DEPTH] = '2';
    ck_assert(filter_equal((struct slice){a, sizeof(a)}, (struct slice){b, sizeof(b)}, &arena,
                           &equal, &err));
    ck_assert(!equal);
    arena_done(&arena);
}
END_TEST

static struct slice nest(const char *open, const char *inner, const char *close, int depth,
                         struct arena *arena)
{
    struct text t;

    text_init(&t, arena);
    for (int i = 0; i < depth; i++)
        text_puts(&t, open);
    text_puts(&t, "[");
    for (int i = 0; i < 100000; i++)
        text_puts(&t, inner);
    text_puts(&t, "0]");
    for (int i = 0; i < depth; i++)
        text_puts(&t, close);
    ck_assert(!t.failed);
    return text_slice(&t);
}

/* 10 MB that differ in white space only: scanned anew at each level, they would take longer than a test may. */
START_TEST(depth_costs_nothing)
{
#define LONG \
    "\"a text of a hundred bytes, so that there is much to scan, but not so many elements to compare: x\""
    bool objects = _i, equal;
    struct arena arena = {0};
    struct slice a = nest(objects ? "{\"b\":0,\"a\":" : "[", "[" LONG "],", objects ? "}" : "]",
                          SPLIT_DEPTH - 2, &arena);
    struct slice b = nest(objects ? "{\"a\":" : "[", "[ " LONG "],", objects ? ",\"b\":0}" : "]",
                          SPLIT_DEPTH - 2, &arena);
    struct err err;

    ck_assert(filter_equal(a, b, &arena, &equal, &err));
    ck_assert(equal);
    arena_done(&arena);
#undef LONG
}
END_TEST

static bool parse_and_match(struct arena *arena, struct err *err)
{
    struct slice metadata = SLICE("{\"\\u0061\":[1,{\"b\":\"\\n\"}]}");
    struct filter f;
    bool matches;

    return filter_parse(SLICE("{\"a\":[1.0,{\"\\u0062\":\"\\u000a\"}],\"\\u0063\":null}"), arena,
                        &f, err) &&
           filter_matches(&f, metadata, arena, &matches, err);
}

START_TEST(memory_ends)
{
    oom_sweep(parse_and_match);
}
END_TEST

Suite *suite_filter(void);

Suite *suite_filter(void)
{
    Suite *suite = suite_create("filter");
    TCase *tests = tcase_create("filter");

    tcase_add_loop_test(tests, compares_values, 0, COUNT_OF(values));
    tcase_add_loop_test(tests, matches_metadata, 0, COUNT_OF(cases));
    tcase_add_loop_test(tests, refuses_what_is_no_filter, 0, 5);
    tcase_add_loop_test(tests, what_is_no_object_matches_nothing, 0, 7);
    tcase_add_loop_test(tests, many_items, 0, 3);
    tcase_add_loop_test(tests, depth_costs_nothing, 0, 2);
    tcase_add_test(tests, deep_values);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}

#include <check.h>
#include <math.h>

#include "body.h"
#include "oom.h"
#include "split.h"

struct all {
    struct slice s, id, o, a, any, need;
    bool b;
    int64_t i, t;
    double d;
};

static const struct member members[] = {
    MEMBER(struct all, s, MEMBER_STRING),
    MEMBER(struct all, id, MEMBER_ID),
    MEMBER(struct all, o, MEMBER_OBJECT),
    MEMBER(struct all, a, MEMBER_ARRAY),
    MEMBER(struct all, any, MEMBER_ANY),
    MEMBER(struct all, b, MEMBER_BOOL),
    MEMBER_RANGE(struct all, i, MEMBER_INT, 1, 1000),
    MEMBER(struct all, t, MEMBER_TIME),
    MEMBER_RANGE(struct all, d, MEMBER_NUMBER, 0, INT64_MAX),
    MEMBER(struct all, need, MEMBER_ANY | MEMBER_REQUIRED),
    MEMBER_END,
};

static struct arena arena;

static void refused(const char *json, const char *text)
{
    struct all out = {0};
    struct err err;

    ck_assert_msg(!body_read(slice_of(json), members, &out, &arena, &err), "%s", json);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    if (text)
        ck_assert_str_eq(err.text, text);
}

static void query_refused(const char *query, const char *text)
{
    struct all out = {0};
    struct err err;

    ck_assert_msg(!query_read(slice_of(query), members, &out, &arena, &err), "%s", query);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    if (text)
        ck_assert_str_eq(err.text, text);
}

START_TEST(reads_every_type)
{
    struct all out = {0};
    struct err err;

    ck_assert(
        body_read(SLICE(" {\"s\":\"\\u0041\", \"id\":\"x/y\", \"o\":{ \"k\":1e400 }, \"a\":[ 1 ],"
                        "\"any\":null,\"b\":true,\"i\":1000,\"t\":\"1970-01-01T00:00:01Z\","
                        "\"d\":0.5,\"n\\u0065ed\":2} "),
                  members, &out, &arena, &err));
    ck_assert(slice_equal(out.s, SLICE("A")));
    ck_assert(slice_equal(out.id, SLICE("x/y")));
    ck_assert(slice_equal(out.o, SLICE("{ \"k\":1e400 }")));
    ck_assert(slice_equal(out.a, SLICE("[ 1 ]")));
    ck_assert(slice_equal(out.any, SLICE("null")));
    ck_assert(slice_equal(out.need, SLICE("2")));
    ck_assert(out.b);
    ck_assert_int_eq(out.i, 1000);
    ck_assert_int_eq(out.t, 1000000);
    ck_assert(out.d > 0.49 && out.d < 0.51);
    arena_done(&arena);
}
END_TEST

START_TEST(absent_and_null_leave_defaults)
{
    struct all out = {.i = 50, .s = SLICE("old")};
    struct err err;

    ck_assert(body_read(SLICE("{\"need\":null,\"i\":null}"), members, &out, &arena, &err));
    ck_assert_int_eq(out.i, 50);
    ck_assert(slice_equal(out.s, SLICE("old")));
    ck_assert(!slice_present(out.any));
    arena_done(&arena);
}
END_TEST

START_TEST(refuses_wrong_types)
{
    refused("{\"need\":1,\"s\":1}", "/s: must be a string");
    refused("{\"need\":1,\"id\":\"\"}", NULL);
    refused("{\"need\":1,\"id\":\"\\u0000\"}", NULL);
    refused("{\"need\":1,\"o\":[]}", "/o: must be an object");
    refused("{\"need\":1,\"a\":{}}", "/a: must be an array");
    refused("{\"need\":1,\"b\":1}", "/b: must be true or false");
    refused("{\"need\":1,\"i\":\"1\"}", "/i: must be an integer");
    refused("{\"need\":1,\"i\":1.5}", NULL);
    refused("{\"need\":1,\"i\":0}", "/i: must be an integer from 1 to 1000");
    refused("{\"need\":1,\"i\":1001}", "/i: must be an integer from 1 to 1000");
    refused("{\"need\":1,\"d\":true}", "/d: must be a number");
    refused("{\"need\":1,\"d\":-1}", "/d: must be a number, 0 or more");
    refused("{\"need\":1,\"d\":1e999}", NULL);
    refused("{\"need\":1,\"t\":\"yesterday\"}", NULL);
    refused("{\"need\":1,\"s\":\"\\ud83d\"}", NULL);
    arena_done(&arena);
}
END_TEST

START_TEST(refuses_wrong_bodies)
{
    refused("", "a JSON body is needed");
    refused("[]", "the body must be a JSON object");
    refused(" \n null", "the body must be a JSON object");
    refused("\"x\"", "the body must be a JSON object");
    refused("x", "not JSON at byte 0: expected a value");
    refused("[", NULL);
    refused("{", NULL);
    refused("{\"need\":1} x", NULL);
    refused("{\"need\":1,\"need\":2}", NULL);
    refused("{}", "/need: is needed");
    refused("{\"s\":\"\"}", "/need: is needed");
    refused("{\"ne\":1}", "/ne: there is no such member");
    arena_done(&arena);
}
END_TEST

START_TEST(names_are_shown_as_pointers)
{
    refused("{\"a/b~c\":1}", "/a~1b~0c: there is no such member");
    refused("{\"x: y\":1}", "/x:%20y: there is no such member");
    refused("{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9zzz\":1}",
            "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: there is no such member");
    arena_done(&arena);
}
END_TEST

START_TEST(parts_carry_their_place)
{
    struct all out = {0};
    struct err err;

    ck_assert(body_read_part(SLICE("{\"need\":7}"), "/messages/3", members, &out, &arena, &err));
    ck_assert(slice_equal(out.need, SLICE("7")));
    ck_assert(
        !body_read_part(SLICE("{\"need\":7,\"b\":0}"), "/messages/3", members, &out, &arena, &err));
    ck_assert_str_eq(err.text, "/messages/3/b: must be true or false");
    ck_assert(!body_read_part(SLICE("{}"), "/m/0", members, &out, &arena, &err));
    ck_assert_str_eq(err.text, "/m/0/need: is needed");
    ck_assert(!body_read_part(SLICE("[]"), "/m/0", members, &out, &arena, &err));
    ck_assert_int_eq(strncmp(err.text, "/m/0: ", 6), 0);
    arena_done(&arena);
}
END_TEST

START_TEST(reads_queries)
{
    struct all out = {.i = 5};
    struct err err;

    ck_assert(query_read(SLICE("need=1&&s=a+b%2Bc&id=%7e&o=%7B%7D&b=false&i=7&d=2&t="
                               "1970-01-01T00:00:00.5Z"),
                         members, &out, &arena, &err));
    ck_assert(slice_equal(out.s, SLICE("a b+c")));
    ck_assert(slice_equal(out.id, SLICE("~")));
    ck_assert(slice_equal(out.o, SLICE("{}")));
    ck_assert(!out.b);
    ck_assert_int_eq(out.i, 7);
    ck_assert_int_eq(out.t, 500000);
    out = (struct all){0};
    ck_assert(query_read(SLICE("s=&need=1"), members, &out, &arena, &err));
    ck_assert(slice_present(out.s) && out.s.len == 0);
    arena_done(&arena);
}
END_TEST

START_TEST(refuses_wrong_queries)
{
    query_refused("", "?need: is needed");
    query_refused("need=1&\\u0073=x", "?\\u0073: there is no such query parameter");
    query_refused("need=1&%5Cu=x", NULL);
    query_refused("need=1&\\ud83d\\u", NULL);
    query_refused("need=1&x=1", "?x: there is no such query parameter");
    query_refused("need=1&%zz=1", "?%zz: there is no such query parameter");
    query_refused("need=1&i=1&i=2", "?i: is given more than once");
    query_refused("need=1&i=", "?i: must be an integer");
    query_refused("need=1&i=%2B5", "?i: must be an integer");
    query_refused("need=1&i=x", "?i: must be an integer");
    query_refused("need=1&i=tru", "?i: must be an integer");
    query_refused("need=1&i=null", "?i: must be an integer");
    query_refused("need=1&d=x", "?d: must be a number");
    query_refused("need=1&i=0", "?i: must be an integer from 1 to 1000");
    query_refused("need=1&b=yes", "?b: must be true or false");
    query_refused("need=1&b=", "?b: must be true or false");
    query_refused("need=1&b=False", "?b: must be true or false");
    query_refused("need=1&o={", "?o: not JSON at byte 1: expected a name in quotes");
    query_refused("need=1&o=x", "?o: not JSON at byte 0: expected a value");
    query_refused("need=1&o=[]", "?o: must be an object");
    query_refused("need=1&s=%ff", "?s: is not UTF-8");
    query_refused("need=1&s=%4", NULL);
    query_refused("need=1&id=", NULL);
    query_refused("need=1&t=0", NULL);
    arena_done(&arena);
}
END_TEST

static bool read_body(struct arena *a, struct err *err)
{
    struct all out;

    return body_read(SLICE("{\"need\":1,\"s\":\"\\u0041\"}"), members, &out, a, err);
}

static bool read_part(struct arena *a, struct err *err)
{
    struct all out;

    return body_read_part(SLICE("{\"need\":1,\"s\":\"\\u0041\"}"), "/x", members, &out, a, err);
}

static bool read_query(struct arena *a, struct err *err)
{
    struct all out;

    return query_read(SLICE("need=1&s=%41"), members, &out, a, err);
}

START_TEST(out_of_memory_is_an_error)
{
    oom_sweep(read_body);
    oom_sweep(read_part);
    oom_sweep(read_query);
}
END_TEST

Suite *suite_body(void);

Suite *suite_body(void)
{
    Suite *s = suite_create("body");
    TCase *t = tcase_create("body");

    tcase_add_test(t, reads_every_type);
    tcase_add_test(t, absent_and_null_leave_defaults);
    tcase_add_test(t, refuses_wrong_types);
    tcase_add_test(t, refuses_wrong_bodies);
    tcase_add_test(t, names_are_shown_as_pointers);
    tcase_add_test(t, parts_carry_their_place);
    tcase_add_test(t, reads_queries);
    tcase_add_test(t, refuses_wrong_queries);
    tcase_add_test(t, out_of_memory_is_an_error);
    suite_add_tcase(s, t);
    return s;
}

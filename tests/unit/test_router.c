#include <check.h>

#include "router.h"

static const struct route table[] = {
    {.method = "GET", .path = "/sessions/{id}", .name = "get"},
    {.method = "PATCH", .path = "/sessions/{id}", .name = "patch"},
    {.method = "GET", .path = "/sessions", .name = "list"},
    {.method = "PUT", .path = "/writes/{t}/{c}/{task}", .name = "writes"},
    {.method = "GET", .path = "/things/{id}", .name = "thing"},
    {.method = "POST", .path = "/things/query", .name = "query"},
    {.method = "GET", .path = "/things/{id}/latest", .name = "latest"},
};
static const struct router router = {table, COUNT_OF(table)};

static struct arena arena;

static const char *match(const char *method, const char *path, struct route_match *m,
                         struct err *err)
{
    return router_match(&router, slice_of(method), slice_of(path), &arena, m, err) ? m->route->name
                                                                                   : NULL;
}

static void is_route(const char *method, const char *path, const char *name)
{
    struct route_match m;
    struct err err;

    ck_assert_str_eq(match(method, path, &m, &err), name);
}

static void is_error(const char *method, const char *path, enum err_kind kind)
{
    struct route_match m;
    struct err err;

    ck_assert_ptr_null(match(method, path, &m, &err));
    ck_assert_int_eq(err.kind, kind);
}

START_TEST(finds_routes)
{
    is_route("GET", "/sessions", "list");
    is_route("HEAD", "/sessions", "list");
    is_route("PATCH", "/sessions/x", "patch");
    is_route("GET", "/things/query2", "thing");
    is_route("GET", "/things/a/latest", "latest");
    arena_done(&arena);
}
END_TEST

START_TEST(a_literal_wins_whatever_the_order)
{
    is_route("POST", "/things/query", "query");
    is_error("GET", "/things/query", ERR_METHOD);
    arena_done(&arena);
}
END_TEST

START_TEST(decodes_parameters)
{
    struct route_match m;
    struct err err;

    ck_assert_ptr_nonnull(match("PUT", "/writes/a%2Fb/~L3g/%20", &m, &err));
    ck_assert_uint_eq(m.n, 3);
    ck_assert(slice_equal(m.names[0], SLICE("t")));
    ck_assert(slice_equal(m.values[0], SLICE("a/b")));
    ck_assert(slice_equal(m.names[1], SLICE("c")));
    ck_assert(slice_equal(m.values[1], SLICE("/x")));
    ck_assert(slice_equal(m.names[2], SLICE("task")));
    ck_assert(slice_equal(m.values[2], SLICE(" ")));
    arena_done(&arena);
}
END_TEST

START_TEST(unknown_paths)
{
    is_error("GET", "/", ERR_NOT_FOUND);
    is_error("GET", "", ERR_NOT_FOUND);
    is_error("GET", "sessions", ERR_NOT_FOUND);
    is_error("GET", "/sessions/", ERR_NOT_FOUND);
    is_error("GET", "/sessions/a/", ERR_NOT_FOUND);
    is_error("GET", "/sessionsx", ERR_NOT_FOUND);
    is_error("GET", "/session", ERR_NOT_FOUND);
    is_error("GET", "/things//latest", ERR_NOT_FOUND);
    is_error("OPTIONS", "*", ERR_NOT_FOUND);
    arena_done(&arena);
}
END_TEST

START_TEST(a_segment_that_is_no_id)
{
    is_error("GET", "/sessions/%00", ERR_INVALID);
    is_error("GET", "/sessions/%zz", ERR_INVALID);
    is_error("GET", "/sessions/%ff", ERR_INVALID);
    arena_done(&arena);
}
END_TEST

START_TEST(says_what_is_allowed)
{
    struct route_match m;
    struct err err;

    ck_assert_ptr_null(match("DELETE", "/sessions/x", &m, &err));
    ck_assert_int_eq(err.kind, ERR_METHOD);
    ck_assert_str_eq(m.allow, "GET, HEAD, PATCH");
    ck_assert_ptr_null(match("OPTIONS", "/things/query", &m, &err));
    ck_assert_str_eq(m.allow, "POST");
    ck_assert_ptr_null(match("get", "/sessions", &m, &err)); /* methods are case-sensitive */
    ck_assert_str_eq(m.allow, "GET, HEAD");
    ck_assert_ptr_null(match("CONNECT", "host:80", &m, &err));
    ck_assert_int_eq(err.kind, ERR_METHOD);
    ck_assert_ptr_null(match("TRACE", "/nowhere", &m, &err));
    ck_assert_int_eq(err.kind, ERR_METHOD);
    ck_assert_str_ne(m.allow, "");
    arena_done(&arena);
}
END_TEST

Suite *suite_router(void);

Suite *suite_router(void)
{
    Suite *s = suite_create("router");
    TCase *t = tcase_create("router");

    tcase_add_test(t, finds_routes);
    tcase_add_test(t, a_literal_wins_whatever_the_order);
    tcase_add_test(t, decodes_parameters);
    tcase_add_test(t, unknown_paths);
    tcase_add_test(t, a_segment_that_is_no_id);
    tcase_add_test(t, says_what_is_allowed);
    suite_add_tcase(s, t);
    return s;
}

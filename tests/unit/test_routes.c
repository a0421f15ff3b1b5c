#include <check.h>

#include "routes.h"

static struct router router;

static void setup(void)
{
    router = routes_table();
}

static bool is_word(const char *text, const char *allowed)
{
    return *text && strspn(text, allowed) == strlen(text);
}

/* Writes the path with a text in place of each parameter. Returns how many there are. */
static size_t fill(const char *path, char out[128])
{
    size_t n = 0, len = 0;

    while (*path) {
        ck_assert_uint_lt(len + 2, 128);
        if (*path == '{') {
            path = strchr(path, '}');
            ck_assert_ptr_nonnull(path);
            path++;
            out[len++] = 'x';
            n++;
        } else {
            out[len++] = *path++;
        }
    }
    out[len] = '\0';
    return n;
}

START_TEST(test_each_route_is_whole)
{
    ck_assert_uint_gt(router.n, 0);
    for (size_t i = 0; i < router.n; i++) {
        const struct route *route = &router.routes[i];
        char path[128];

        ck_assert_msg(route->finish != NULL, "%s has no finish", route->path);
        ck_assert_msg(is_word(route->name, "abcdefghijklmnopqrstuvwxyz_"), "%s", route->name);
        ck_assert_msg(is_word(route->method, "GETPUOSACHDL"), "%s", route->method);
        ck_assert_msg(route->path[0] == '/', "%s", route->path);
        ck_assert_uint_le(fill(route->path, path), ROUTE_PARAMS_MAX);
    }
}
END_TEST

/* A route that answers without an op is about the service itself. */
START_TEST(test_start_is_missing_only_where_nothing_is_stored)
{
    for (size_t i = 0; i < router.n; i++) {
        const struct route *route = &router.routes[i];
        struct slice path = slice_of(route->path);
        bool of_service = slice_starts(path, SLICE("/health")) ||
                          slice_equal(path, SLICE("/metrics")) ||
                          slice_equal(path, SLICE("/openapi.json")) ||
                          slice_equal(path, SLICE("/docs"));

        ck_assert_msg((route->start == NULL) == of_service, "%s", route->path);
    }
}
END_TEST

START_TEST(test_names_and_places_are_unique)
{
    for (size_t i = 0; i < router.n; i++) {
        for (size_t j = i + 1; j < router.n; j++) {
            const struct route *a = &router.routes[i], *b = &router.routes[j];
            char path_a[128], path_b[128];

            fill(a->path, path_a);
            fill(b->path, path_b);
            ck_assert_msg(strcmp(a->name, b->name) != 0, "%s twice", a->name);
            ck_assert_msg(strcmp(a->method, b->method) != 0 || strcmp(path_a, path_b) != 0,
                          "%s %s twice", a->method, a->path);
        }
    }
}
END_TEST

/* Probes and metrics need no token, all else does; and what a reader may do changes nothing. */
START_TEST(test_scopes_follow_the_methods)
{
    for (size_t i = 0; i < router.n; i++) {
        const struct route *route = &router.routes[i];
        struct slice path = slice_of(route->path);
        bool open = slice_starts(path, SLICE("/health")) || slice_equal(path, SLICE("/metrics"));
        bool reads = strcmp(route->method, "GET") == 0 ||
                     slice_equal(path, SLICE("/batch/sessions/get")) ||
                     slice_equal(path, SLICE("/checkpoints/query"));

        ck_assert_msg((route->scope == SCOPE_OPEN) == open, "%s", route->path);
        if (!open)
            ck_assert_msg((route->scope == SCOPE_READ) == reads, "%s %s", route->method,
                          route->path);
    }
}
END_TEST

START_TEST(test_bodies_follow_the_methods)
{
    for (size_t i = 0; i < router.n; i++) {
        const struct route *route = &router.routes[i];
        bool no_body = strcmp(route->method, "GET") == 0 || strcmp(route->method, "DELETE") == 0;

        ck_assert_msg(((route->flags & ROUTE_NO_BODY) != 0) == no_body, "%s %s", route->method,
                      route->path);
        if (route->flags & ROUTE_FRAME)
            ck_assert_str_eq(route->method, "PUT");
    }
}
END_TEST

START_TEST(test_each_route_is_found)
{
    struct arena arena = {0};

    for (size_t i = 0; i < router.n; i++) {
        const struct route *route = &router.routes[i];
        struct route_match match;
        struct err err = {0};
        char path[128];
        size_t n = fill(route->path, path);

        ck_assert_msg(
            router_match(&router, slice_of(route->method), slice_of(path), &arena, &match, &err),
            "%s: %s", route->path, err.text);
        ck_assert_str_eq(match.route->name, route->name);
        ck_assert_uint_eq(match.n, n);
    }
    arena_done(&arena);
}
END_TEST

START_TEST(test_op_ok)
{
    struct op op = {.type = OP_SESSION_GET};
    struct err err = {.kind = ERR_INTERNAL};

    ck_assert(routes_op_ok(&op, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    err_fill(&op.status, ERR_NO_SESSION, "no such session");
    ck_assert(!routes_op_ok(&op, &err));
    ck_assert_int_eq(err.kind, ERR_NO_SESSION);
    ck_assert_str_eq(err.text, "no such session");
}
END_TEST

Suite *suite_routes(void);

Suite *suite_routes(void)
{
    Suite *suite = suite_create("routes");
    TCase *table = tcase_create("table");

    tcase_add_checked_fixture(table, setup, NULL);
    tcase_add_test(table, test_each_route_is_whole);
    tcase_add_test(table, test_start_is_missing_only_where_nothing_is_stored);
    tcase_add_test(table, test_names_and_places_are_unique);
    tcase_add_test(table, test_scopes_follow_the_methods);
    tcase_add_test(table, test_bodies_follow_the_methods);
    tcase_add_test(table, test_each_route_is_found);
    tcase_add_test(table, test_op_ok);
    suite_add_tcase(suite, table);
    return suite;
}

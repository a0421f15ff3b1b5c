#include <check.h>
#include <stdlib.h>

#include "json.h"
#include "oom.h"
#include "request_internal.h"

/* A request without a server: enough to write an answer. */
static struct request *new_request(void)
{
    struct request *req = calloc(1, sizeof(*req));

    ck_assert_ptr_nonnull(req);
    arena_init(&req->arena, req->first, sizeof(req->first));
    req->id = SLICE("r-1");
    req->res = (struct response){.status = 200, .content_type = "application/json"};
    text_init(&req->res.body, &req->arena);
    return req;
}

static void free_request(struct request *req)
{
    arena_done(&req->arena);
    free(req);
}

static void body_is(const struct request *req, const char *expected)
{
    struct slice body = text_slice(&req->res.body);

    ck_assert_msg(slice_equal(body, slice_of(expected)), "%.*s", SLICE_ARGS(body));
}

static struct slice header(const struct response *res, const char *name)
{
    for (size_t i = 0; i < res->n_headers; i++)
        if (strcmp(res->headers[i].name, name) == 0)
            return res->headers[i].value;
    return (struct slice){NULL, 0};
}

START_TEST(status_headers_etag)
{
    struct request *req = new_request();

    response_status(&req->res, 201);
    response_header(&req->res, "Location", SLICE("/x"));
    response_etag(&req->res, 12);
    ck_assert_int_eq(req->res.status, 201);
    ck_assert(slice_equal(header(&req->res, "Location"), SLICE("/x")));
    ck_assert(slice_equal(header(&req->res, "ETag"), SLICE("\"12\"")));
    json_open(&req->res.body, '{');
    response_empty(&req->res);
    ck_assert_int_eq(req->res.status, 204);
    body_is(req, "");
    free_request(req);
}
END_TEST

START_TEST(bytes_as_base64_or_behind)
{
    struct request *req = new_request();

    json_open(&req->res.body, '{');
    response_bytes(&req->res, SLICE("ab"));
    json_close(&req->res.body, '}');
    body_is(req, "{\"base64\":\"YWI=\"}");
    text_init(&req->res.body, &req->arena);
    response_frame(&req->res);
    ck_assert(req->res.is_frame);
    json_open(&req->res.body, '{');
    response_bytes(&req->res, SLICE("ab"));
    json_close(&req->res.body, '}');
    body_is(req, "{\"len\":2}");
    ck_assert_uint_eq(req->res.frame.total, 2);
    free_request(req);
}
END_TEST

START_TEST(a_problem_replaces_everything)
{
    struct request *req = new_request();
    struct err err;

    response_status(&req->res, 201);
    response_header(&req->res, "Location", SLICE("/x"));
    response_frame(&req->res);
    json_open(&req->res.body, '{');
    err_fill(&err, ERR_NO_SESSION, "there is no session \"%s\"", "a");
    response_error(&req->res, req, &err);
    ck_assert_int_eq(req->res.status, 404);
    ck_assert_str_eq(req->res.content_type, "application/problem+json");
    ck_assert_uint_eq(req->res.n_headers, 0);
    ck_assert(!req->res.is_frame);
    body_is(req, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                 "\"detail\":\"there is no session \\\"a\\\"\",\"code\":\"session_not_found\","
                 "\"request_id\":\"r-1\"}");
    free_request(req);
}
END_TEST

START_TEST(a_pointer_stands_apart)
{
    struct request *req = new_request();
    struct err err;

    err_fill(&err, ERR_INVALID, "/messages/3/role: must be a string: really");
    response_error(&req->res, req, &err);
    body_is(req, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                 "\"detail\":\"/messages/3/role: must be a string: really\","
                 "\"code\":\"invalid_request\",\"request_id\":\"r-1\",\"errors\":[{\"pointer\":"
                 "\"/messages/3/role\",\"detail\":\"must be a string: really\"}]}");
    err_fill(&err, ERR_INVALID, "?limit: is too much");
    response_error(&req->res, req, &err);
    ck_assert_ptr_nonnull(
        memmem(req->res.body.at, req->res.body.len, "\"pointer\":\"?limit\"", 18));
    err_fill(&err, ERR_INVALID, "no pointer: at all");
    response_error(&req->res, req, &err);
    ck_assert_ptr_null(memmem(req->res.body.at, req->res.body.len, "errors", 6));
    free_request(req);
}
END_TEST

START_TEST(some_errors_have_a_header)
{
    struct request *req = new_request();
    struct err err;

    err_fill(&err, ERR_OVERLOADED, "too much");
    response_error(&req->res, req, &err);
    ck_assert(slice_equal(header(&req->res, "Retry-After"), SLICE("1")));
    strcpy(req->match.allow, "GET, HEAD");
    err_fill(&err, ERR_METHOD, "no");
    response_error(&req->res, req, &err);
    ck_assert(slice_equal(header(&req->res, "Allow"), SLICE("GET, HEAD")));
    ck_assert(!slice_present(header(&req->res, "Retry-After")));
    free_request(req);
}
END_TEST

START_TEST(every_kind_has_a_title)
{
    static const enum err_kind kinds[] = {
#define X(kind, name, http, retry, whose) ERR_##kind,
        ERR_KINDS(X)
#undef X
    };
    struct request *req = new_request();

    for (size_t i = 1; i < COUNT_OF(kinds); i++) {
        struct err err;

        err_fill(&err, kinds[i], "x");
        response_error(&req->res, req, &err);
        ck_assert_int_eq(req->res.status, err_http_status(kinds[i]));
        ck_assert(err_http_status(kinds[i]) == 500 ||
                  !memmem(req->res.body.at, req->res.body.len, "Internal", 8));
    }
    free_request(req);
}
END_TEST

START_TEST(no_memory_marks_the_body)
{
    struct request *req = new_request();
    struct arena empty = {0};

    text_init(&req->res.body, &empty);
    oom_set(true);
    response_etag(&req->res, 1);
    oom_set(false);
    ck_assert(req->res.body.failed);
    ck_assert_uint_eq(req->res.n_headers, 0);
    free_request(req);
}
END_TEST

Suite *suite_response(void);

Suite *suite_response(void)
{
    Suite *s = suite_create("response");
    TCase *t = tcase_create("response");

    tcase_add_test(t, status_headers_etag);
    tcase_add_test(t, bytes_as_base64_or_behind);
    tcase_add_test(t, a_problem_replaces_everything);
    tcase_add_test(t, a_pointer_stands_apart);
    tcase_add_test(t, some_errors_have_a_header);
    tcase_add_test(t, every_kind_has_a_title);
    tcase_add_test(t, no_memory_marks_the_body);
    suite_add_tcase(s, t);
    return s;
}

#include <check.h>
#include <stdlib.h>

#include "clock.h"
#include "server_internal.h"

/* A server without a daemon: enough to make requests. */
struct fixture {
    struct config config;
    struct service service;
    struct server server;
};

static struct request *begin(struct fixture *f)
{
    struct request *req;

    *f = (struct fixture){.config = {.request_timeout_ms = 1000, .queue_max = 3}};
    f->service.config = &f->config;
    f->server.service = &f->service;
    clock_fake(5000, 7000);
    req = request_new(&f->server);
    ck_assert_ptr_nonnull(req);
    return req;
}

static void end(struct fixture *f, struct request *req)
{
    request_unref(req);
    ck_assert_uint_eq(f->server.n_free, 1);
    ck_assert_ptr_eq(f->server.free_requests, req);
    free(req);
    clock_fake(0, 0);
}

START_TEST(is_new_each_time)
{
    struct fixture f;
    struct request *req = begin(&f);
    int state;

    ck_assert_int_eq(req->deadline_ns, 5000 + INT64_C(1000000000));
    ck_assert_int_eq(request_now_us(req), 7000);
    request_set_state(req, &state);
    ck_assert_ptr_eq(request_state(req), &state);
    req->refs++;
    request_unref(req);
    ck_assert_uint_eq(f.server.n_free, 0);
    request_unref(req);
    ck_assert_ptr_eq(request_new(&f.server), req); /* from the list of free ones */
    ck_assert_uint_eq(f.server.n_free, 0);
    ck_assert_ptr_null(request_state(req));
    end(&f, req);
}
END_TEST

START_TEST(reads_what_came)
{
    struct slice names[] = {SLICE("id"), SLICE("t")};
    struct fixture f;
    struct request *req = begin(&f);
    char body[] = "{}";

    ck_assert(!slice_present(request_param(req, "id")));
    ck_assert(!slice_present(request_body(req)));
    ck_assert_ptr_null(request_frame(req));
    req->match.n = 2;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        req->match.names[i] = names[i];
        req->match.values[i] = i ? SLICE("two") : SLICE("one");
    }
    ck_assert(slice_equal(request_param(req, "t"), SLICE("two")));
    ck_assert(!slice_present(request_param(req, "c")));
    req->body = body;
    req->body_len = 2;
    ck_assert(slice_equal(request_body(req), SLICE("{}")));
    req->is_frame = true;
    req->frame.json = SLICE("[]");
    ck_assert(slice_equal(request_body(req), SLICE("[]")));
    ck_assert_ptr_eq(request_frame(req), &req->frame);
    end(&f, req);
}
END_TEST

START_TEST(without_headers_nothing_is_asked)
{
    struct fixture f;
    struct request *req = begin(&f);
    struct op_repeat repeat = {.present = true};
    int64_t version = 7;
    struct route route = {.name = "session_patch"};
    bool absent = true;
    struct err err;

    req->match.route = &route;
    ck_assert(request_if_match(req, &version, &err) && version == IF_NONE);
    ck_assert(request_if_absent(req, &absent, &err) && !absent);
    ck_assert(!request_not_modified(req, 1));
    ck_assert(!request_wants_frame(req));
    ck_assert(request_repeat(req, SLICE("s"), &repeat, &err) && !repeat.present);
    end(&f, req);
}
END_TEST

START_TEST(ops_have_arenas_of_their_own)
{
    struct fixture f;
    struct request *req = begin(&f);
    struct op *ops[4];
    struct err err;

    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i] = request_op(req, i ? OP_SESSION_PUT : OP_SESSION_GET, SLICE("s"), &err);
        ck_assert_ptr_nonnull(ops[i]);
        ck_assert((ops[i]->arena == &req->arena) == (i == 0));
        ck_assert((ops[i]->stamp != 0) == (i > 0));
        ck_assert_int_eq(ops[i]->now_us, 7000);
        ck_assert_int_eq(ops[i]->deadline_ns, req->deadline_ns);
        ck_assert(request_submit(req, ops[i], &err) == (i < 3)); /* queue_max */
    }
    ck_assert_int_eq(err.kind, ERR_TOO_LARGE);
    ck_assert_ptr_ne(ops[1]->arena, ops[2]->arena);
    ck_assert_ptr_eq(req->fresh_first, ops[0]);
    ck_assert_ptr_eq(ops[0]->sibling, ops[1]);
    ck_assert_ptr_eq(req->fresh_last, ops[2]);
    end(&f, req);
}
END_TEST

START_TEST(notes_the_text_of_own_failures)
{
    struct fixture f;
    struct request *req = begin(&f);
    struct err err;

    err_fill(&err, ERR_NO_SESSION, "none");
    request_note_failure(req, &err);
    ck_assert(req->failed == ERR_NO_SESSION && !slice_present(req->failure));
    err_fill(&err, ERR_STORAGE, "broken");
    request_note_failure(req, &err);
    ck_assert(req->failed == ERR_STORAGE && slice_equal(req->failure, SLICE("broken")));
    end(&f, req);
}
END_TEST

Suite *suite_request(void);

Suite *suite_request(void)
{
    Suite *s = suite_create("request");
    TCase *t = tcase_create("request");

    tcase_add_test(t, is_new_each_time);
    tcase_add_test(t, reads_what_came);
    tcase_add_test(t, without_headers_nothing_is_asked);
    tcase_add_test(t, ops_have_arenas_of_their_own);
    tcase_add_test(t, notes_the_text_of_own_failures);
    suite_add_tcase(s, t);
    return s;
}

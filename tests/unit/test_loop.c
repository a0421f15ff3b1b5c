#include <arpa/inet.h>
#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"

static const struct config settings = {
    .listen = "127.0.0.1:0",
    .loops = 2,
    .max_connections = 10,
    .request_timeout_ms = 1000,
    .idle_timeout_ms = 1000,
    .max_body = 1,
    .body_total = 1,
};

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

START_TEST(starts_drains_and_stops)
{
    struct service service = {.config = &settings};
    struct err err;
    int port = 0, fd;
    struct loops *loops = loops_start(&service, &port, &err);
    char byte;

    ck_assert_ptr_nonnull(loops);
    ck_assert_int_gt(port, 0);
    fd = connect_to(port);
    ck_assert_int_ge(fd, 0);
    loops_drain(loops);
    ck_assert_uint_eq(loops_stop(loops, 10000), 0);
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0); /* an idle connection is closed, not reset */
    close(fd);
    ck_assert_int_lt(connect_to(port), 0);
    ck_assert_uint_eq(loops_stop(NULL, 0), 0);
}
END_TEST

START_TEST(a_port_that_is_taken)
{
    struct service service = {.config = &settings};
    struct config other = settings;
    struct err err;
    char listen[32];
    int port = 0, second = 7;
    struct loops *loops = loops_start(&service, &port, &err);

    ck_assert_ptr_nonnull(loops);
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", port);
    other.listen = listen;
    service.config = &other;
    ck_assert_ptr_null(loops_start(&service, &second, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(second, 7);
    ck_assert_uint_eq(loops_stop(loops, 0), 0);
}
END_TEST

Suite *suite_loop(void);

Suite *suite_loop(void)
{
    Suite *s = suite_create("loop");
    TCase *t = tcase_create("loop");

    tcase_add_test(t, starts_drains_and_stops);
    tcase_add_test(t, a_port_that_is_taken);
    suite_add_tcase(s, t);
    return s;
}

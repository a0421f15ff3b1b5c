#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "oom.h"
#include "stderr.h"

static size_t read_some(int fd, char *out, size_t size)
{
    ssize_t n = read(fd, out, size - 1);

    ck_assert_int_ge(n, 0);
    out[n] = '\0';
    return (size_t)n;
}

START_TEST(gathers_until_flushed)
{
    int fd = stderr_capture();
    char out[1000];
    struct text *line;

    clock_fake(1, 1000000);
    line = log_line(LOG_WARNING, "one");
    json_member_int(line, "n", 1);
    log_write(line);
    log_write(log_line(LOG_INFO, "two"));
    log_flush();
    log_flush(); /* has nothing more to write */
    read_some(fd, out, sizeof(out));
    ck_assert_str_eq(out, "{\"time\":\"1970-01-01T00:00:01.000000Z\",\"level\":\"warning\","
                          "\"event\":\"one\",\"n\":1}\n"
                          "{\"time\":\"1970-01-01T00:00:01.000000Z\",\"level\":\"info\","
                          "\"event\":\"two\"}\n");
    clock_fake(0, 0);
}
END_TEST

START_TEST(a_message_is_written_at_once)
{
    int fd = stderr_capture();
    char out[1000];

    log_message(LOG_ERROR, "failed", "it was %d \"times\"", 3);
    read_some(fd, out, sizeof(out));
    ck_assert_ptr_nonnull(strstr(out, "\"message\":\"it was 3 \\\"times\\\"\"}\n"));
}
END_TEST

START_TEST(levels_are_obeyed)
{
    log_set_level(LOG_ERROR);
    ck_assert_ptr_null(log_line(LOG_WARNING, "x"));
    log_message(LOG_DEBUG, "x", "not written");
    log_write(NULL);
    ck_assert_ptr_nonnull(log_line(LOG_ERROR, "x"));
}
END_TEST

START_TEST(much_is_flushed_by_itself)
{
    int fd = stderr_capture();
    char out[64 * 1024];
    size_t n;

    for (int i = 0; i < 300; i++) {
        struct text *line = log_line(LOG_INFO, "filler");

        json_member_string(line, "x", SLICE("0123456789"));
        log_write(line);
    }
    n = read_some(fd, out, sizeof(out));
    ck_assert_uint_ge(n, 16 * 1024);
    ck_assert_int_eq(out[n - 1], '\n');
}
END_TEST

START_TEST(what_cannot_be_written_is_counted)
{
    uint64_t before = log_dropped();
    struct text *line;
    char *big = calloc(1, 100000);

    close(STDERR_FILENO);
    log_message(LOG_ERROR, "lost", "x");
    ck_assert_uint_eq(log_dropped(), before + 1);
    memset(big, 'x', 100000);
    line = log_line(LOG_ERROR, "big");
    oom_set(true);
    json_member_string(line, "x", (struct slice){big, 100000});
    log_write(line);
    oom_set(false);
    ck_assert_uint_eq(log_dropped(), before + 2);
    free(big);
    line = log_line(LOG_ERROR, "next"); /* the log goes on */
    ck_assert(!line->failed);
}
END_TEST

/* Writes a line of at least len bytes. Returns how long that took, in ms. */
static int64_t write_filler(size_t len)
{
    int64_t began_ns = clock_now_ns();
    struct text *line = log_line(LOG_INFO, "filler");
    char *big = calloc(1, len);

    memset(big, 'x', len);
    json_member_string(line, "x", (struct slice){big, len});
    log_write(line);
    log_flush();
    free(big);
    return (clock_now_ns() - began_ns) / 1000000;
}

START_TEST(nobody_reads)
{
    int fd = stderr_capture();
    uint64_t before = log_dropped();
    char out[64 * 1024];
    size_t n;

    ck_assert_int_ge(fcntl(fd, F_SETPIPE_SZ, 8192), 0);
    while (log_dropped() == before)
        ck_assert_int_lt(write_filler(1000), 1000);
    for (int i = 0; i < 1000; i++) /* no longer waits for the reader */
        write_filler(1000);
    ck_assert_int_lt(write_filler(1000), 50);
    ck_assert_uint_eq(log_dropped(), before + 1002);
    n = read_some(fd, out, sizeof(out));
    ck_assert(out[0] == '{' && out[n - 1] == '\n'); /* whole lines */
    write_filler(10000);                            /* only a part of this one fits */
    ck_assert_uint_eq(log_dropped(), before + 1003);
    n = read_some(fd, out, sizeof(out));
    ck_assert(n == 8192 && out[n - 1] == 'x');
    write_filler(1);
    ck_assert_uint_eq(log_dropped(), before + 1003);
    n = read_some(fd, out, sizeof(out));
    ck_assert(out[0] == '\n' && out[1] == '{' && out[n - 1] == '\n');
}
END_TEST

START_TEST(a_slow_reader_gets_all)
{
    int fd = stderr_capture();
    uint64_t before = log_dropped();
    char *out = calloc(1, 200000);
    size_t n = 0;
    pid_t child;
    int status;

    ck_assert_int_ge(fcntl(fd, F_SETPIPE_SZ, 4096), 0);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 10; i++)
            write_filler(10000);
        _exit(log_dropped() == before ? 0 : 1);
    }
    close(STDERR_FILENO);
    for (ssize_t got; (got = read(fd, out + n, 1000)) > 0; n += (size_t)got)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_gt(n, 100000);
    free(out);
}
END_TEST

Suite *suite_log(void);

Suite *suite_log(void)
{
    Suite *s = suite_create("log");
    TCase *t = tcase_create("log");

    tcase_add_test(t, gathers_until_flushed);
    tcase_add_test(t, a_message_is_written_at_once);
    tcase_add_test(t, levels_are_obeyed);
    tcase_add_test(t, much_is_flushed_by_itself);
    tcase_add_test(t, what_cannot_be_written_is_counted);
    tcase_add_test(t, nobody_reads);
    tcase_add_test(t, a_slow_reader_gets_all);
    suite_add_tcase(s, t);
    return s;
}

#include <check.h>
#include <poll.h>
#include <sys/resource.h>

#include "inbox.h"

static bool readable(const struct inbox *in)
{
    struct pollfd p = {.fd = in->fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

START_TEST(keeps_the_order_of_posting)
{
    struct op a = {0}, b = {0}, c = {0};
    struct inbox in;
    struct err err;

    ck_assert(inbox_init(&in, &err));
    ck_assert(!readable(&in));
    ck_assert_ptr_null(inbox_take(&in));
    a.next = &b;
    inbox_post(&in, &a, &b);
    inbox_post(&in, &c, &c);
    ck_assert(readable(&in));
    ck_assert_ptr_eq(inbox_take(&in), &a);
    ck_assert_ptr_eq(a.next, &b);
    ck_assert_ptr_eq(b.next, &c);
    ck_assert_ptr_null(c.next);
    ck_assert(readable(&in)); /* the event of what was taken is still there */
    ck_assert_ptr_null(inbox_wait(&in, -1));
    ck_assert(!readable(&in));
    inbox_post(&in, &c, &c);
    ck_assert_ptr_eq(inbox_wait(&in, -1), &c);
    ck_assert_ptr_null(inbox_wait(&in, 0));
    inbox_done(&in);
}
END_TEST

static void *post_many(void *arg)
{
    static struct op ops[2][1000];
    static _Atomic int turn;
    struct op *mine = ops[turn++];

    for (int i = 0; i < 1000; i++)
        inbox_post(arg, &mine[i], &mine[i]);
    return NULL;
}

START_TEST(several_may_post)
{
    pthread_t threads[2];
    struct inbox in;
    struct err err;
    int n;

    ck_assert(inbox_init(&in, &err));
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, &in), 0);
    n = (int)inbox_wait_for(&in, 2000);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(n, 2000);
    inbox_done(&in);
}
END_TEST

START_TEST(without_descriptors_there_is_no_inbox)
{
    struct rlimit limit, none;
    struct inbox in;
    struct err err;
    bool ok;

    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){0, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    ok = inbox_init(&in, &err);
    setrlimit(RLIMIT_NOFILE, &limit);
    ck_assert(!ok);
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
}
END_TEST

Suite *suite_inbox(void);

Suite *suite_inbox(void)
{
    Suite *s = suite_create("inbox");
    TCase *t = tcase_create("inbox");

    tcase_add_test(t, keeps_the_order_of_posting);
    tcase_add_test(t, several_may_post);
    tcase_add_test(t, without_descriptors_there_is_no_inbox);
    suite_add_tcase(s, t);
    return s;
}

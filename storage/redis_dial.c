/* redis_dial.c - see redis_dial.h. */
#include "redis_dial.h"

#include "clock.h"
#include "lookup.h"

enum { LEAST_US = 1000 };

static struct timeval time_of(int64_t us)
{
    return (struct timeval){.tv_sec = us / S_US, .tv_usec = us % S_US};
}

static struct timeval left_until(int64_t end_ns)
{
    int64_t left_us = (end_ns - clock_now_ns()) / 1000;

    return time_of(left_us > LEAST_US ? left_us : LEAST_US);
}

/* Tries one address after the other while there is time. */
static redisContext *dial_addresses(const struct lookup *host, int port, unsigned first,
                                    int64_t end_ns)
{
    redisContext *r = NULL;
    size_t n = 0;

    while (lookup_address(host, n))
        n++;
    for (size_t i = 0; i < n && (!r || (r->err && clock_now_ns() < end_ns)); i++) {
        if (r)
            redisFree(r);
        r = redisConnectWithTimeout(lookup_address(host, (first + i) % n), port,
                                    left_until(end_ns));
    }
    return r;
}

/* hiredis itself would wait for a name server for as long as resolv.conf allows. */
static redisContext *dial_name(const struct redis_url *url, int64_t timeout_us, unsigned first,
                               struct err *err)
{
    int64_t end_ns = clock_now_ns() + timeout_us * 1000;
    struct lookup *host = lookup_begin(url->host);
    redisContext *r = NULL;

    if (!host) {
        (void)err_no_memory(err);
        return NULL;
    }
    if (lookup_wait(host, timeout_us / 2000) && lookup_address(host, 0)) {
        r = dial_addresses(host, url->port, first, end_ns);
        if (!r)
            (void)err_no_memory(err);
    } else
        err_fill(err, ERR_UNAVAILABLE, "redis: %s", lookup_reason(host));
    lookup_end(host);
    return r;
}

static redisContext *dial(const struct redis_url *url, int64_t timeout_us, unsigned first,
                          struct err *err)
{
    redisContext *r;

    if (url->port && !lookup_is_address(url->host))
        return dial_name(url, timeout_us, first, err);
    r = url->port ? redisConnectWithTimeout(url->host, url->port, time_of(timeout_us))
                  : redisConnectUnixWithTimeout(url->host, time_of(timeout_us));
    if (!r)
        (void)err_no_memory(err);
    return r;
}

redisContext *redis_dial(const struct redis_url *url, int64_t timeout_us, unsigned first,
                         struct err *err)
{
    redisContext *r = dial(url, timeout_us, first, err);

    if (!r)
        return NULL;
    if (!r->err && redisSetTimeout(r, time_of(timeout_us)) == REDIS_OK)
        return r;
    err_fill(err, ERR_UNAVAILABLE, "redis: cannot connect: %s", r->errstr);
    redisFree(r);
    return NULL;
}

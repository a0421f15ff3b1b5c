/* clock.c - see clock.h. */
#include "clock.h"

#include <assert.h>
#include <stdatomic.h>

enum { SLOWER = 32 };

static _Atomic int64_t fake_ns, fake_us;
static _Atomic int64_t last_stamp; /* the highest one made or observed */
static _Atomic int64_t node;
static _Atomic int64_t own[STAMP_OWN]; /* the last bounds of this process */
static atomic_size_t n_own;

int64_t clock_now_ns(void)
{
    int64_t fake = atomic_load_explicit(&fake_ns, memory_order_relaxed);
    struct timespec now;

    if (fake)
        return fake;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * S_NS + now.tv_nsec;
}

int64_t clock_now_us(void)
{
    int64_t fake = atomic_load_explicit(&fake_us, memory_order_relaxed);
    struct timespec now;

    if (fake)
        return fake;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * S_US + now.tv_nsec / 1000;
}

struct timespec clock_in_ms(int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (ms % 1000) * MS_NS;
    at.tv_sec += ms / 1000 + at.tv_nsec / S_NS;
    at.tv_nsec %= S_NS;
    return at;
}

void clock_fake(int64_t now_ns, int64_t now_us)
{
    atomic_store(&fake_ns, now_ns);
    atomic_store(&fake_us, now_us);
}

void stamp_set_node(unsigned number)
{
    assert(number < 1u << STAMP_NODE_BITS);
    atomic_store(&node, number);
}

int64_t stamp_next(void)
{
    return stamp_take(1);
}

int64_t stamp_take(int64_t n)
{
    int64_t now = clock_now_us(), number = atomic_load(&node);
    int64_t last = atomic_load(&last_stamp), us, first, newest;

    assert(n > 0);
    do {
        us = stamp_us(last) + 1;
        if (us < now)
            us = now;
        first = us << STAMP_NODE_BITS | number;
        newest = first + ((n - 1) << STAMP_NODE_BITS);
    } while (!atomic_compare_exchange_weak(&last_stamp, &last, newest));
    return first;
}

struct stamp_clock stamp_exchange(struct stamp_clock next)
{
    return (struct stamp_clock){.last = atomic_exchange(&last_stamp, next.last),
                                .node = atomic_exchange(&node, next.node)};
}

void stamp_observe(int64_t stamp)
{
    int64_t last = atomic_load(&last_stamp);

    while (last < stamp && !atomic_compare_exchange_weak(&last_stamp, &last, stamp))
        ;
}

/* While the stamps are ahead of the time, they go on by a microsecond each, and so more slowly than the time. */
static int64_t highest_us(int64_t last, int64_t within_us)
{
    return clock_later(clock_now_us() + within_us, stamp_us(last) + within_us / SLOWER);
}

int64_t stamp_bound(int64_t ahead_us)
{
    int64_t last = stamp_next();
    int64_t bound = highest_us(last, ahead_us) << STAMP_NODE_BITS | stamp_node(last);

    atomic_store(&own[atomic_fetch_add(&n_own, 1) % STAMP_OWN], bound);
    return bound;
}

bool stamp_may_pass(int64_t bound, int64_t within_us)
{
    return highest_us(atomic_load(&last_stamp), within_us) > stamp_us(bound);
}

size_t stamp_own(int64_t bounds[STAMP_OWN])
{
    int64_t last = atomic_load(&last_stamp);
    size_t n = 0;

    for (size_t i = 0; i < STAMP_OWN; i++) {
        int64_t bound = atomic_load(&own[i]);

        if (bound > last)
            bounds[n++] = bound;
    }
    return n;
}

bool stamp_is_own(int64_t bound)
{
    int64_t bounds[STAMP_OWN];
    size_t n = stamp_own(bounds);

    for (size_t i = 0; i < n; i++)
        if (bounds[i] == bound)
            return true;
    return false;
}

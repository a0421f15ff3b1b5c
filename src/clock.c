/* clock.c - see clock.h. */
#include "clock.h"

#include <assert.h>
#include <stdatomic.h>

static _Atomic int64_t fake_ns, fake_us;
static _Atomic int64_t last_stamp; /* the highest one made or observed */
static _Atomic int64_t node;

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

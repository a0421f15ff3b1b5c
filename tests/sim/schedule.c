/* schedule.c - see schedule.h. */
#include "schedule.h"

#include <assert.h>
#include <stdlib.h>

void schedule_init(struct schedule *s, uint64_t seed)
{
    *s = (struct schedule){.random = seed};
}

void schedule_done(struct schedule *s)
{
    free(s->events);
    s->events = NULL;
    s->n = s->cap = 0;
}

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->turn < b->turn;
}

static void exchange(struct event *a, struct event *b)
{
    struct event kept = *a;

    *a = *b;
    *b = kept;
}

void schedule_at(struct schedule *s, int64_t at_us, void (*fn)(void *arg), void *arg)
{
    size_t i = s->n;

    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 256;
        s->events = realloc(s->events, s->cap * sizeof(*s->events));
        assert(s->events);
    }
    s->events[s->n++] = (struct event){at_us > s->now_us ? at_us : s->now_us, s->turns++, fn, arg};
    for (; i > 0 && is_before(&s->events[i], &s->events[(i - 1) / 2]); i = (i - 1) / 2)
        exchange(&s->events[i], &s->events[(i - 1) / 2]);
}

void schedule_after(struct schedule *s, int64_t delay_us, void (*fn)(void *arg), void *arg)
{
    schedule_at(s, s->now_us + delay_us, fn, arg);
}

static struct event take_first(struct schedule *s)
{
    struct event first = s->events[0];
    size_t i = 0, least;

    s->events[0] = s->events[--s->n];
    for (;; i = least) {
        least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->n; child++)
            if (is_before(&s->events[child], &s->events[least]))
                least = child;
        if (least == i)
            return first;
        exchange(&s->events[i], &s->events[least]);
    }
}

void schedule_run(struct schedule *s, int64_t until_us)
{
    while (s->n > 0 && s->events[0].at_us <= until_us) {
        struct event e = take_first(s);

        s->now_us = e.at_us;
        e.fn(e.arg);
    }
    s->now_us = until_us;
}

/* splitmix64, by S. Vigna: any seed will do, successive ones too. */
static uint64_t next_random(struct schedule *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int64_t schedule_between(struct schedule *s, int64_t low, int64_t high)
{
    assert(low < high);
    return low + (int64_t)(next_random(s) % (uint64_t)(high - low));
}

bool schedule_chance(struct schedule *s, int64_t permille)
{
    return permille > 0 && schedule_between(s, 0, 1000) < permille;
}

/* failover_hold.c - see failover_hold.h. */
#include "failover_hold.h"

#include "clock.h"

enum { HOLD_MS = 250 };

#define HOLD_EVERY_NS (2 * S_NS)

void hold_init(struct hold *h)
{
    *h = (struct hold){.next_ns = 0};
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->ended, NULL);
}

void hold_done(struct hold *h)
{
    pthread_cond_destroy(&h->ended);
    pthread_mutex_destroy(&h->lock);
}

void hold_begin(struct hold *h)
{
    int64_t now_ns = clock_now_ns();

    if (now_ns < h->next_ns)
        return;
    h->next_ns = now_ns + HOLD_EVERY_NS;
    atomic_store(&h->until_ns, now_ns + HOLD_MS * MS_NS);
}

void hold_end(struct hold *h)
{
    if (atomic_load(&h->until_ns) == 0)
        return;
    pthread_mutex_lock(&h->lock);
    atomic_store(&h->until_ns, 0);
    pthread_cond_broadcast(&h->ended);
    pthread_mutex_unlock(&h->lock);
}

void hold_wait(struct hold *h)
{
    struct timespec until;
    int64_t left_ns;

    if (atomic_load(&h->until_ns) == 0)
        return;
    pthread_mutex_lock(&h->lock);
    while ((left_ns = atomic_load(&h->until_ns) - clock_now_ns()) > 0) {
        until = clock_in_ms(left_ns / MS_NS + 1);
        (void)!pthread_cond_clockwait(&h->ended, &h->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&h->lock);
}

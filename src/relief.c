/* relief.c - see relief.h. */
#include "relief.h"

#include <errno.h>

#include "clock.h"

enum {
    LOOK_MS = 5,    /* an absence that is seen twice, so far apart, is too long */
    LOOKS_AWAKE = 4 /* then the waiting thread sleeps if there was no absence */
};

void relief_init(struct relief *r)
{
    *r = (struct relief){.ended = false};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->woken, NULL);
}

void relief_done(struct relief *r)
{
    pthread_cond_destroy(&r->woken);
    pthread_mutex_destroy(&r->lock);
}

/* The lock is taken once, so that the other thread either waits already or has yet to look. */
static void wake(struct relief *r)
{
    pthread_mutex_lock(&r->lock);
    pthread_mutex_unlock(&r->lock);
    pthread_cond_signal(&r->woken);
}

uint64_t relief_leave(struct relief *r)
{
    uint64_t absence;

    if (!atomic_load(&r->ready))
        return 0;
    absence = atomic_fetch_add(&r->last, 1) + 1;
    atomic_store(&r->absence, absence);
    if (atomic_load(&r->asleep))
        wake(r);
    return absence;
}

bool relief_return(struct relief *r, uint64_t absence)
{
    return atomic_compare_exchange_strong(&r->absence, &absence, 0);
}

/* Sleeps until the next absence. One that begins meanwhile either sees `asleep`, or is seen here, even if it was
 * counted in `last` before. */
static void sleep_long(struct relief *r, uint64_t last)
{
    atomic_store(&r->asleep, true);
    while (!r->ended && !atomic_load(&r->absence) && atomic_load(&r->last) == last)
        pthread_cond_wait(&r->woken, &r->lock);
    atomic_store(&r->asleep, false);
}

static void sleep_short(struct relief *r)
{
    struct timespec until = clock_in_ms(LOOK_MS);

    while (!r->ended &&
           pthread_cond_clockwait(&r->woken, &r->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
        ;
}

bool relief_wait(struct relief *r)
{
    uint64_t seen = 0, last = 0;
    unsigned quiet = 0;
    bool taken = false;

    pthread_mutex_lock(&r->lock);
    atomic_store(&r->ready, true);
    while (!r->ended && !taken) {
        uint64_t absence = atomic_load(&r->absence), newest = atomic_load(&r->last);

        quiet = newest == last && !absence ? quiet + 1 : 0;
        last = newest;
        taken = absence && absence == seen &&
                atomic_compare_exchange_strong(&r->absence, &absence, 0);
        seen = absence;
        if (quiet >= LOOKS_AWAKE)
            sleep_long(r, last);
        else if (!taken)
            sleep_short(r);
    }
    atomic_store(&r->ready, false);
    pthread_mutex_unlock(&r->lock);
    return taken;
}

void relief_end(struct relief *r)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    pthread_cond_broadcast(&r->woken);
    pthread_mutex_unlock(&r->lock);
}

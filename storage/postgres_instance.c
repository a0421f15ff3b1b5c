/* postgres_instance.c - see postgres_instance.h. */
#include "postgres_instance.h"

#include <pthread.h>
#include <stdio.h>

#include "clock.h"
#include "postgres_setup.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What holds the number of this process in a primary store, and in a fallback. Guarded by lock. */
static struct node {
    const struct postgres *holder;
    int64_t number; /* the last one that it had */
} nodes[2];

/* Takes the lowest free number of a range; 0 if none is free. */
static bool take_of(struct postgres *d, int64_t first, int64_t last, int64_t *taken,
                    struct err *err)
{
    char text[256];

    *taken = 0;
    snprintf(text, sizeof(text), POSTGRES_TAKE_NUMBER, (long long)first, (long long)last,
             setup_key(d));
    return setup_number(d, text, taken, err);
}

static bool take(struct postgres *d, struct err *err)
{
    const struct instance_range *range = instance_range(d->fallback);
    int64_t wanted = d->wanted_instance, last = nodes[d->fallback].number, taken = 0;
    int64_t first = wanted ? wanted : range->first;

    if (wanted == 0 && last && !take_of(d, last, last, &taken, err))
        return false;
    if (!taken && !take_of(d, first, wanted ? wanted : first + range->n - 1, &taken, err))
        return false;
    if (!taken && wanted)
        return err_set(err, ERR_CONFIG, "postgres: another process runs as instance %lld",
                       (long long)wanted);
    if (!taken)
        return err_set(err, ERR_CONFIG, "postgres: all numbers of instances are taken");
    nodes[d->fallback].number = taken;
    stamp_set_node((unsigned)taken);
    return true;
}

bool instance_take(struct postgres *d, struct err *err)
{
    struct node *node = &nodes[d->fallback];
    bool done = true;

    pthread_mutex_lock(&lock);
    if (!node->holder) {
        done = take(d, err);
        if (done)
            node->holder = d;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

void instance_leave(const struct postgres *d)
{
    pthread_mutex_lock(&lock);
    if (nodes[d->fallback].holder == d)
        nodes[d->fallback].holder = NULL;
    pthread_mutex_unlock(&lock);
}

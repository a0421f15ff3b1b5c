/* postgres_instance.c - see postgres_instance.h. */
#include "postgres_instance.h"

#include <pthread.h>
#include <stdio.h>

#include "clock.h"
#include "postgres_setup.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct postgres *holder; /* guarded by lock */
static int64_t number;                /* the last one; guarded by lock */

enum { NUMBER_MAX = (1 << STAMP_NODE_BITS) - 1 };

/* The lowest of some numbers that is free; 0 when none is. */
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
    int64_t wanted = d->wanted_instance, taken = 0;

    if (wanted == 0 && number && !take_of(d, number, number, &taken, err))
        return false;
    if (!taken && !take_of(d, wanted ? wanted : 1, wanted ? wanted : NUMBER_MAX, &taken, err))
        return false;
    if (!taken && wanted)
        return err_set(err, ERR_CONFIG, "postgres: another process runs as instance %lld",
                       (long long)wanted);
    if (!taken)
        return err_set(err, ERR_CONFIG, "postgres: all numbers of instances are taken");
    number = taken;
    stamp_set_node((unsigned)taken);
    return true;
}

bool instance_take(struct postgres *d, struct err *err)
{
    bool done = true;

    pthread_mutex_lock(&lock);
    if (!holder) {
        done = take(d, err);
        if (done)
            holder = d;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

void instance_leave(const struct postgres *d)
{
    pthread_mutex_lock(&lock);
    if (holder == d)
        holder = NULL;
    pthread_mutex_unlock(&lock);
}

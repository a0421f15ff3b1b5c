/* lane_queue.c - see lane_queue.h. */
#include "lane_queue.h"

#include <assert.h>

void queue_init(struct lane_queue *q)
{
    *q = (struct lane_queue){.first = NULL};
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->filled, NULL);
}

void queue_done(struct lane_queue *q)
{
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
}

void queue_add_chain(struct lane_queue *q, struct backend *chain)
{
    assert(q->n_chains < QUEUE_CHAINS_MAX);
    q->idle[q->n_idle++] = chain;
    q->n_chains++;
}

/* Whether a worker that sleeps has something to do. */
static bool has_work(const struct lane_queue *q)
{
    return q->first && q->n_idle > 0 && q->sleeping > 0;
}

/* Unlocks, then wakes a worker: before, it would only wait again. At the end all of them look. */
static void unlock_and_wake(struct lane_queue *q)
{
    bool wake = has_work(q), all = q->closing;

    pthread_mutex_unlock(&q->lock);
    if (all)
        pthread_cond_broadcast(&q->filled);
    else if (wake)
        pthread_cond_signal(&q->filled);
}

void queue_append(struct lane_queue *q, struct op *first, struct op *last, size_t n)
{
    last->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->first)
        q->last->next = first;
    else
        q->first = first;
    q->last = last;
    q->depth += n;
    unlock_and_wake(q);
}

static size_t share(const struct lane_queue *q, size_t max)
{
    size_t n = (q->depth + q->n_chains - 1) / q->n_chains;

    return n < max ? n : max;
}

/* Whether a worker has to wait. A queue that closes is still emptied. */
static bool must_wait(const struct lane_queue *q)
{
    return q->first ? q->n_idle == 0 : !q->closing;
}

size_t queue_take(struct lane_queue *q, size_t max, struct op **ops, struct backend **chain)
{
    size_t n;

    pthread_mutex_lock(&q->lock);
    while (must_wait(q)) {
        q->sleeping++;
        pthread_cond_wait(&q->filled, &q->lock);
        q->sleeping--;
    }
    n = share(q, max);
    for (size_t i = 0; i < n; i++) {
        ops[i] = q->first;
        q->first = q->first->next;
    }
    q->depth -= n;
    if (n > 0)
        *chain = q->idle[--q->n_idle];
    unlock_and_wake(q); /* for the rest */
    return n;
}

struct backend *queue_borrow(struct lane_queue *q)
{
    struct backend *chain = NULL;

    pthread_mutex_lock(&q->lock);
    if (!q->first && q->n_idle > 0)
        chain = q->idle[--q->n_idle];
    pthread_mutex_unlock(&q->lock);
    return chain;
}

void queue_give_back(struct lane_queue *q, struct backend *chain)
{
    pthread_mutex_lock(&q->lock);
    q->idle[q->n_idle++] = chain;
    unlock_and_wake(q);
}

void queue_close(struct lane_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    unlock_and_wake(q);
}

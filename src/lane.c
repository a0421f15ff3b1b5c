/* lane.c - see lane.h. */
#include "lane.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "inbox.h"
#include "lane_pick.h"
#include "metrics.h"

/* A lane whose batch takes longer than this does not hold up more ops than it must. */
enum { LONG_BATCH_NS = 3 * 1000 * 1000, LONG_AGO_NS = 1 };

struct queue {
    pthread_mutex_t lock; /* guards all below; the atomics are read without it */
    pthread_cond_t filled;
    struct op *first, *last;
    atomic_size_t depth;
    atomic_int_least64_t busy_ns; /* when the batch that is under way began; 0: there is none */
    unsigned sleeping;            /* workers that wait for ops */
    unsigned workers;
    bool closing;
};

struct worker {
    struct lanes *lanes;
    struct queue *queue;
    struct backend *backend;
    struct err why; /* why it is not open */
    pthread_t thread;
    bool running;
};

struct lanes {
    struct lanes_config cfg;
    /* Writer and readers: 0 is the writer's, 1 the readers'. By key: the last one is for scans. */
    struct queue *queues;
    struct worker *workers;
    size_t n_queues, n_workers;
    struct lane_picks picks; /* with `gather` */
    atomic_size_t depth;
    atomic_size_t turn; /* next lane for an op that is about no single record */
    atomic_bool closing;
};

/* Sort key of an op: its record, then its position in the queue. */
struct place {
    uint64_t hash;
    size_t at;
};

static int by_record(const void *left, const void *right)
{
    const struct place *a = left, *b = right;

    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

static void sort_batch(struct op **ops, size_t n)
{
    struct place places[BATCH_MAX];
    struct op *unsorted[BATCH_MAX];

    if (n < 2)
        return;
    for (size_t i = 0; i < n; i++) {
        places[i] = (struct place){op_lane_hash(ops[i]), i};
        unsorted[i] = ops[i];
    }
    qsort(places, n, sizeof(*places), by_record);
    for (size_t i = 0; i < n; i++)
        ops[i] = unsorted[places[i].at];
}

/* Readers share what has gathered, so that one of them does not take all while others sleep. */
static size_t share(const struct queue *q, size_t batch_max)
{
    size_t n = (q->depth + q->workers - 1) / q->workers;

    return n < batch_max ? n : batch_max;
}

/* Notes that a lane begins a batch. If the last one has left an op in parts, it has begun long ago. */
static void note_busy(struct lanes *l, struct queue *q)
{
    if (l->cfg.gather && !atomic_load(&q->busy_ns))
        atomic_store(&q->busy_ns, clock_now_ns());
}

static void note_done(struct queue *q, bool parts)
{
    atomic_store(&q->busy_ns, parts ? LONG_AGO_NS : 0);
}

/* Waits for ops and takes a batch; 0 when the queue is empty and closing. */
static size_t take_batch(struct queue *q, size_t batch_max, struct op **ops)
{
    bool wake;
    size_t n;

    pthread_mutex_lock(&q->lock);
    while (!q->first && !q->closing) {
        q->sleeping++;
        pthread_cond_wait(&q->filled, &q->lock);
        q->sleeping--;
    }
    n = share(q, batch_max);
    for (size_t i = 0; i < n; i++) {
        ops[i] = q->first;
        q->first = q->first->next;
    }
    q->depth -= n;
    wake = q->first && q->sleeping;
    pthread_mutex_unlock(&q->lock);
    if (wake)
        pthread_cond_signal(&q->filled);
    return n;
}

/* Fails a whole batch; ops that only read are never in doubt. */
static void fail_batch(struct op **ops, size_t n, const struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = *err;
        if (err->kind == ERR_IN_DOUBT && !op_writes(ops[i]))
            ops[i]->status.kind = ERR_UNAVAILABLE;
    }
}

static bool is_picked(const struct lanes *l, const struct op *op)
{
    return l->cfg.gather && slice_present(op->id);
}

/* Posts ops with one call per inbox. A posted op may be freed at once, so it is not touched again. */
static void post_home(struct lanes *l, struct op **ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_picked(l, ops[i]))
            lane_picked_done(&l->picks, op_lane_hash(ops[i]));
    atomic_fetch_sub(&l->depth, n);
    if (!l->cfg.above)
        metrics_gauge_add(GAUGE_QUEUE, -(int64_t)n);
    while (n > 0) {
        struct inbox *home = ops[0]->home;
        struct op *first = ops[0], *last = first;
        size_t left = 0;

        for (size_t i = 1; i < n; i++) {
            if (ops[i]->home == home)
                last = last->next = ops[i];
            else
                ops[left++] = ops[i];
        }
        inbox_post(home, first, last);
        n = left;
    }
}

/* Appends ops. A sleeping worker is woken after the lock is free; otherwise it would only wait again. */
static void append_run(struct queue *q, struct op *first, struct op *last, size_t n)
{
    bool wake;

    last->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->first)
        q->last->next = first;
    else
        q->first = first;
    q->last = last;
    q->depth += n;
    wake = q->sleeping > 0;
    pthread_mutex_unlock(&q->lock);
    if (wake) /* a worker that leaves a rest wakes the next */
        pthread_cond_signal(&q->filled);
}

/* Appends ops with more parts to the queue again; returns how many are done, which come first then. */
static size_t put_back(struct queue *q, struct op **ops, size_t n)
{
    struct op *first = NULL, *last = NULL;
    size_t done = 0;

    for (size_t i = 0; i < n; i++) {
        if (!ops[i]->again)
            ops[done++] = ops[i];
        else if (!first)
            first = last = ops[i];
        else
            last = last->next = ops[i];
    }
    if (first)
        append_run(q, first, last, n - done);
    return done;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct lanes *l = w->lanes;
    struct op *ops[BATCH_MAX];
    size_t n, done;

    while ((n = take_batch(w->queue, l->cfg.batch_max_ops, ops)) > 0) {
        struct err err = {0};

        sort_batch(ops, n);
        note_busy(l, w->queue);
        if (!backend_execute(w->backend, ops, n, &err))
            fail_batch(ops, n, &err);
        if (!l->cfg.above)
            metrics_batch(n);
        done = put_back(w->queue, ops, n);
        note_done(w->queue, done < n);
        post_home(l, ops, done);
    }
    return NULL;
}

static enum backend_role role_of(const struct lanes *l, size_t worker)
{
    switch (l->cfg.layout) {
    case LANES_WRITER_READERS:
        return worker == 0 ? BACKEND_WRITER : BACKEND_READER;
    case LANES_BY_KEY:
        return worker == l->n_workers - 1 ? BACKEND_SCANNER : BACKEND_ANY;
    case LANES_ONE:
        break;
    }
    return BACKEND_ANY;
}

static size_t queue_of_worker(const struct lanes *l, size_t worker)
{
    return l->cfg.layout == LANES_WRITER_READERS ? worker > 0 : worker;
}

static bool lay_out(struct lanes *l, struct err *err)
{
    switch (l->cfg.layout) {
    case LANES_ONE:
        l->n_queues = l->n_workers = 1;
        break;
    case LANES_WRITER_READERS:
        l->n_queues = 2;
        l->n_workers = 1 + (l->cfg.n_readers ? l->cfg.n_readers : 1);
        break;
    case LANES_BY_KEY:
        l->n_queues = l->n_workers = (l->cfg.n_lanes ? l->cfg.n_lanes : 1) + 1;
        break;
    }
    l->queues = calloc(l->n_queues, sizeof(*l->queues));
    l->workers = calloc(l->n_workers, sizeof(*l->workers));
    if (!l->queues || !l->workers)
        return err_no_memory(err);
    for (size_t i = 0; i < l->n_queues; i++) {
        pthread_mutex_init(&l->queues[i].lock, NULL);
        pthread_cond_init(&l->queues[i].filled, NULL);
    }
    return true;
}

static void *open_chain(void *arg)
{
    struct worker *w = arg;
    struct lanes *l = w->lanes;

    w->backend = l->cfg.open(l->cfg.ctx, role_of(l, (size_t)(w - l->workers)), &w->why);
    return NULL;
}

static bool is_open(const struct worker *w, struct err *err)
{
    return w->backend || err_set(err, w->why.kind, "%s", w->why.text);
}

/* Equal lanes are opened at the same time: connecting takes some round trips, or the store may hang. */
static void open_rest(struct lanes *l)
{
    for (size_t i = 1; i < l->n_workers; i++) {
        struct worker *w = &l->workers[i];

        w->running = l->cfg.layout == LANES_BY_KEY &&
                     pthread_create(&w->thread, NULL, open_chain, w) == 0;
        if (!w->running)
            open_chain(w);
    }
    for (size_t i = 1; i < l->n_workers; i++) {
        struct worker *w = &l->workers[i];

        if (!w->running)
            continue;
        pthread_join(w->thread, NULL);
        w->running = false;
        if (!w->backend) /* all at once may be too many for a busy store */
            open_chain(w);
    }
}

/* Every chain is open before the first worker runs: if a store cannot be opened, the start fails. */
static bool open_chains(struct lanes *l, struct err *err)
{
    for (size_t i = 0; i < l->n_workers; i++) {
        struct worker *w = &l->workers[i];

        w->lanes = l;
        w->queue = &l->queues[queue_of_worker(l, i)];
        w->queue->workers++;
    }
    open_chain(&l->workers[0]);
    if (!is_open(&l->workers[0], err))
        return false;
    open_rest(l);
    for (size_t i = 1; i < l->n_workers; i++)
        if (!is_open(&l->workers[i], err))
            return false;
    return true;
}

static bool start_workers(struct lanes *l, struct err *err)
{
    for (size_t i = 0; i < l->n_workers; i++) {
        int failed = pthread_create(&l->workers[i].thread, NULL, work, &l->workers[i]);

        if (failed)
            return err_set(err, ERR_INTERNAL, "thread: %s", strerror(failed));
        l->workers[i].running = true;
    }
    return true;
}

struct lanes *lanes_open(const struct lanes_config *cfg, struct err *err)
{
    struct lanes *l = calloc(1, sizeof(*l));

    assert(cfg->batch_max_ops >= 1 && cfg->batch_max_ops <= BATCH_MAX);
    assert(!cfg->gather || cfg->layout == LANES_BY_KEY);
    if (!l) {
        err_fill(err, ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    l->cfg = *cfg;
    if (!lay_out(l, err) || !open_chains(l, err) || !start_workers(l, err)) {
        lanes_close(l);
        return NULL;
    }
    return l;
}

bool lanes_admit(struct lanes *l, size_t n, struct err *err)
{
    size_t before = atomic_fetch_add(&l->depth, n);

    if (before + n > l->cfg.queue_max || atomic_load(&l->closing)) {
        atomic_fetch_sub(&l->depth, n);
        return err_set(err, ERR_OVERLOADED, "too many operations are waiting for the store");
    }
    if (!l->cfg.above)
        metrics_gauge_add(GAUGE_QUEUE, (int64_t)n);
    return true;
}

/* Whether ops should go to other lanes than the first as well. */
static bool first_has_enough(const struct lanes *l)
{
    const struct queue *q = &l->queues[0];
    int64_t busy_ns;

    if (atomic_load(&q->depth) >= l->cfg.gather)
        return true;
    busy_ns = atomic_load(&q->busy_ns);
    return busy_ns && clock_now_ns() - busy_ns > LONG_BATCH_NS;
}

static struct queue *queue_for(struct lanes *l, const struct op *op)
{
    size_t equal = l->n_queues - 1;

    switch (l->cfg.layout) {
    case LANES_WRITER_READERS:
        return &l->queues[op_writes(op) ? 0 : 1];
    case LANES_BY_KEY:
        if (op_scans(op))
            return &l->queues[equal];
        if (is_picked(l, op))
            return &l->queues[lane_pick(&l->picks, op_lane_hash(op), equal, first_has_enough(l))];
        if (slice_present(op->id))
            return &l->queues[op_lane_hash(op) % equal];
        return &l->queues[atomic_fetch_add(&l->turn, 1) % equal];
    case LANES_ONE:
        break;
    }
    return &l->queues[0];
}

void lanes_submit(struct lanes *l, struct op *first)
{
    struct queue *q = first ? queue_for(l, first) : NULL;

    while (first) {
        struct queue *next_q = NULL;
        struct op *last = first, *rest = first->next;
        size_t n = 1;

        while (rest && (next_q = queue_for(l, rest)) == q) {
            last = rest;
            rest = rest->next;
            n++;
        }
        append_run(q, first, last, n);
        first = rest;
        q = next_q;
    }
}

size_t lanes_depth(const struct lanes *l)
{
    return atomic_load(&l->depth);
}

static void stop_workers(struct lanes *l)
{
    for (size_t i = 0; l->queues && i < l->n_queues; i++) {
        pthread_mutex_lock(&l->queues[i].lock);
        l->queues[i].closing = true;
        pthread_cond_broadcast(&l->queues[i].filled);
        pthread_mutex_unlock(&l->queues[i].lock);
    }
    for (size_t i = 0; l->workers && i < l->n_workers; i++)
        if (l->workers[i].running)
            pthread_join(l->workers[i].thread, NULL);
}

void lanes_close(struct lanes *l)
{
    if (!l)
        return;
    atomic_store(&l->closing, true);
    stop_workers(l);
    /* The writer, which was opened first, is closed last. */
    for (size_t i = l->n_workers; l->workers && i > 0; i--)
        backend_close(l->workers[i - 1].backend);
    for (size_t i = 0; l->queues && i < l->n_queues; i++) {
        pthread_cond_destroy(&l->queues[i].filled);
        pthread_mutex_destroy(&l->queues[i].lock);
    }
    free(l->workers);
    free(l->queues);
    free(l);
}

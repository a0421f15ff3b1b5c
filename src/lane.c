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
#include "lane_queue.h"
#include "metrics.h"

/* A lane whose batch takes longer than this does not hold up more ops than it must. */
enum { LONG_BATCH_NS = 3 * MS_NS, LONG_AGO_NS = 1 };

/* For an op that takes longer, waking other threads costs little. */
enum { QUICK_NS = MS_NS };

/* A queue, and how its last batch went. */
struct lane {
    struct lane_queue queue;
    atomic_int_least64_t busy_ns; /* when the batch that is under way began; 0: there is none */
    atomic_bool slow;             /* the last batch took longer than QUICK_NS */
};

struct worker {
    struct lanes *lanes;
    struct lane *lane;
    struct backend *backend;
    struct err why; /* why it is not open */
    pthread_t thread;
    bool running;
};

struct lanes {
    struct lanes_config cfg;
    /* Writer and readers: 0 is the writer's, 1 the readers'. By key: the last one is for scans. */
    struct lane *lanes;
    struct worker *workers;
    size_t n_lanes, n_workers;
    struct lane_picks picks; /* with `gather` */
    atomic_size_t depth;
    atomic_size_t turn; /* next lane for an op that is about no single record */
    atomic_bool closing, expired;
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

/* If the last batch has left an op in parts, the lane has been busy for long. */
static void note_begun(struct lane *lane, int64_t now_ns)
{
    if (!atomic_load(&lane->busy_ns))
        atomic_store(&lane->busy_ns, now_ns);
}

static void note_done(struct lane *lane, int64_t begun_ns, bool parts)
{
    atomic_store(&lane->slow, clock_now_ns() - begun_ns > QUICK_NS);
    atomic_store(&lane->busy_ns, parts ? LONG_AGO_NS : 0);
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

/* Ops are done: they are counted no longer. */
static void settle(struct lanes *l, struct op *const ops[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_picked(l, ops[i]))
            lane_picked_done(&l->picks, op_lane_hash(ops[i]));
    atomic_fetch_sub(&l->depth, n);
    if (!l->cfg.above)
        metrics_gauge_add(GAUGE_QUEUE, -(int64_t)n);
}

/* Posts ops with one call per inbox. A posted op may be freed at once, so it is not touched again. */
static void post_home(struct op **ops, size_t n)
{
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

/* Appends ops with more parts to the queue again; returns how many are done, which come first then. */
static size_t put_back(struct lane *lane, struct op **ops, size_t n)
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
        queue_append(&lane->queue, first, last, n - done);
    return done;
}

/* Sets the deadlines of ops that have not begun to the past. */
static void expire(struct op *const ops[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!ops[i]->again)
            ops[i]->deadline_ns = 1;
}

/* Runs a batch, gives the chain back, and returns how many ops are done, which come first then. */
static size_t run_batch(struct lanes *l, struct lane *lane, struct backend *chain, struct op **ops,
                        size_t n)
{
    int64_t begun_ns = clock_now_ns();
    struct err err = {0};
    size_t done;

    sort_batch(ops, n);
    note_begun(lane, begun_ns);
    if (atomic_load(&l->expired))
        expire(ops, n);
    if (!backend_execute(chain, ops, n, &err))
        fail_batch(ops, n, &err);
    if (!l->cfg.above)
        metrics_batch(n);
    done = put_back(lane, ops, n);
    note_done(lane, begun_ns, done < n);
    queue_give_back(&lane->queue, chain);
    settle(l, ops, done);
    return done;
}

static void *work(void *arg)
{
    const struct worker *w = arg;
    struct op *ops[BATCH_MAX];
    struct backend *chain;
    size_t n;

    while ((n = queue_take(&w->lane->queue, w->lanes->cfg.batch_max_ops, ops, &chain)) > 0)
        post_home(ops, run_batch(w->lanes, w->lane, chain, ops, n));
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

static size_t lane_of_worker(const struct lanes *l, size_t worker)
{
    return l->cfg.layout == LANES_WRITER_READERS ? worker > 0 : worker;
}

static bool lay_out(struct lanes *l, struct err *err)
{
    switch (l->cfg.layout) {
    case LANES_ONE:
        l->n_lanes = l->n_workers = 1;
        break;
    case LANES_WRITER_READERS:
        l->n_lanes = 2;
        l->n_workers = 1 + (l->cfg.n_readers ? l->cfg.n_readers : 1);
        break;
    case LANES_BY_KEY:
        l->n_lanes = l->n_workers = (l->cfg.n_lanes ? l->cfg.n_lanes : 1) + 1;
        break;
    }
    l->lanes = calloc(l->n_lanes, sizeof(*l->lanes));
    l->workers = calloc(l->n_workers, sizeof(*l->workers));
    if (!l->lanes || !l->workers)
        return err_no_memory(err);
    for (size_t i = 0; i < l->n_lanes; i++)
        queue_init(&l->lanes[i].queue);
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
        w->lane = &l->lanes[lane_of_worker(l, i)];
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
    for (size_t i = 0; i < l->n_workers; i++)
        queue_add_chain(&l->workers[i].lane->queue, l->workers[i].backend);
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
        (void)err_no_memory(err);
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
    const struct lane *first = &l->lanes[0];
    int64_t busy_ns;

    if (atomic_load(&first->queue.depth) >= l->cfg.gather)
        return true;
    busy_ns = atomic_load(&first->busy_ns);
    return busy_ns && clock_now_ns() - busy_ns > LONG_BATCH_NS;
}

static struct lane *lane_for(struct lanes *l, const struct op *op)
{
    size_t equal = l->n_lanes - 1;

    switch (l->cfg.layout) {
    case LANES_WRITER_READERS:
        return &l->lanes[op_writes(op) ? 0 : 1];
    case LANES_BY_KEY:
        if (op_scans(op))
            return &l->lanes[equal];
        if (is_picked(l, op))
            return &l->lanes[lane_pick(&l->picks, op_lane_hash(op), equal, first_has_enough(l))];
        if (slice_present(op->id))
            return &l->lanes[op_lane_hash(op) % equal];
        return &l->lanes[atomic_fetch_add(&l->turn, 1) % equal];
    case LANES_ONE:
        break;
    }
    return &l->lanes[0];
}

/* Runs ops in the thread of the caller. Returns those that are done. */
static struct op *run_here(struct lanes *l, struct lane *lane, struct backend *chain,
                           struct op *first, size_t n)
{
    struct op *ops[BATCH_MAX], *done = NULL;

    for (size_t i = 0; i < n; i++, first = first->next)
        ops[i] = first;
    for (n = run_batch(l, lane, chain, ops, n); n > 0; n--) {
        ops[n - 1]->next = done;
        done = ops[n - 1];
    }
    return done;
}

/* Ops that come one after the other and go to the same lane. */
struct stretch {
    struct lane *lane;
    struct op *first, *last;
    size_t n;
    struct op *rest;        /* what comes behind, */
    struct lane *rest_lane; /* and where it goes, for a lane is chosen once for each op */
};

static struct stretch stretch_of(struct lanes *l, struct op *first, struct lane *lane)
{
    struct stretch s = {.lane = lane, .first = first, .last = first, .n = 1, .rest = first->next};

    while (s.rest && (s.rest_lane = lane_for(l, s.rest)) == lane) {
        s.last = s.rest;
        s.rest = s.rest->next;
        s.n++;
    }
    return s;
}

static void append_all(struct lanes *l, struct stretch s)
{
    for (;;) {
        queue_append(&s.lane->queue, s.first, s.last, s.n);
        if (!s.rest)
            return;
        s = stretch_of(l, s.rest, s.rest_lane);
    }
}

void lanes_submit(struct lanes *l, struct op *first)
{
    if (first)
        append_all(l, stretch_of(l, first, lane_for(l, first)));
}

struct op *lanes_run(struct lanes *l, struct op *first, bool patient)
{
    struct stretch s = stretch_of(l, first, lane_for(l, first));
    struct backend *chain = NULL;

    if (!s.rest && s.n <= l->cfg.batch_max_ops && (patient || !atomic_load(&s.lane->slow)))
        chain = queue_borrow(&s.lane->queue);
    if (chain)
        return run_here(l, s.lane, chain, first, s.n);
    append_all(l, s);
    return NULL;
}

size_t lanes_depth(const struct lanes *l)
{
    return atomic_load(&l->depth);
}

void lanes_expire(struct lanes *l)
{
    atomic_store(&l->expired, true);
}

bool lanes_expired(const struct lanes *l)
{
    return atomic_load(&l->expired);
}

static void stop_workers(struct lanes *l)
{
    for (size_t i = 0; l->lanes && i < l->n_lanes; i++)
        queue_close(&l->lanes[i].queue);
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
    for (size_t i = 0; l->lanes && i < l->n_lanes; i++)
        queue_done(&l->lanes[i].queue);
    free(l->workers);
    free(l->lanes);
    free(l);
}

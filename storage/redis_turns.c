/* redis_turns.c - see redis_turns.h. */
#include "redis_turns.h"

#include <stdlib.h>

#include "fiber.h"

enum { TURNS_MAX = 128 }; /* fibers, and so ops that run at the same time */

enum turn_state { TURN_IDLE, TURN_READY, TURN_WAITING };

struct turn {
    struct fiber *fiber;
    enum turn_state state;
    struct call call, *asks; /* the call that waits: of the op, or of a part of it */
    void (*run)(struct call *c);
    struct batch *batch;
    size_t number; /* of the op in its batch */
    bool ok;       /* whether the replies that it waited for came */
    struct err err;
};

/* The fibers of one connection. */
struct turns {
    struct turn *all[TURNS_MAX];
    size_t n;
    struct turn *waiting[TURNS_MAX]; /* in the order of their replies */
    size_t n_waiting;
    struct batch *split; /* the parts of one of the ops; NULL: no op is in parts */
};

static struct turn *make(struct turns *all)
{
    struct turn *t = calloc(1, sizeof(*t));
    struct err ignored;

    if (t)
        t->fiber = fiber_new(&ignored);
    if (t && t->fiber)
        return all->all[all->n++] = t;
    free(t);
    return NULL;
}

static struct turn *find_idle(struct turns *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->all[i]->state == TURN_IDLE)
            return all->all[i];
    return all->n < TURNS_MAX ? make(all) : NULL;
}

void turns_free(struct redis *d)
{
    if (!d->turns)
        return;
    for (size_t i = 0; i < d->turns->n; i++) {
        fiber_free(d->turns->all[i]->fiber);
        free(d->turns->all[i]);
    }
    free(d->turns);
    d->turns = NULL;
}

static bool turn_wait(struct call *c, struct err *err)
{
    struct turns *all = c->d->turns;
    struct turn *t = c->turn;

    t->state = TURN_WAITING;
    t->asks = c;
    all->waiting[all->n_waiting++] = t;
    fiber_leave(t->fiber);
    if (!t->ok)
        *err = t->err;
    return t->ok;
}

/* Sends what has been asked, and reads the replies of each turn that waits. */
static void serve(struct redis *d)
{
    struct turns *all = d->turns;
    struct err err = d->conn.why;
    bool up;

    if (all->n_waiting == 0)
        return;
    up = d->conn.redis && conn_send(&d->conn, &err);
    for (size_t i = 0; i < all->n_waiting; i++) {
        struct turn *t = all->waiting[i];

        t->ok = up && call_take(t->asks, &err);
        up = up && d->conn.redis;
        if (!t->ok) {
            t->err = err;
            t->asks->asked = 0;
        }
        t->state = TURN_READY;
    }
    all->n_waiting = 0;
}

/* A batch of ops at work, or the parts of one op. */
struct batch {
    struct redis *d;
    struct op *const *ops;
    void (*run)(struct call *c);
    size_t n, ended;
    bool begun[BATCH_MAX], done[BATCH_MAX];
    size_t before[BATCH_MAX]; /* 1 + number of the op before it on the same record, or 0 */
    struct turn *whole;       /* the turn of the op whose parts these are */
};

static bool same_record(const struct op *a, const struct op *b)
{
    return slice_present(a->id) && slice_equal(a->id, b->id) && slice_equal(a->tenant, b->tenant);
}

/* Finds for each op the last one before it on the same record. A lane sorts ops by record, so it is near. */
static void find_before(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = i; k-- > 0 && b->before[i] == 0;)
            if (same_record(b->ops[i], b->ops[k]))
                b->before[i] = k + 1;
}

static bool may_begin(const struct batch *b, size_t i)
{
    return b->before[i] == 0 || b->done[b->before[i] - 1];
}

static void live(void *arg)
{
    struct turn *t = arg;

    t->run(&t->call);
}

static void note(struct turn *t, bool ended)
{
    struct batch *b = t->batch;

    if (!ended)
        return;
    t->state = TURN_IDLE;
    b->done[t->number] = true;
    b->ended++;
}

static void begin(struct batch *b)
{
    struct turn *t;

    for (size_t i = 0; i < b->n; i++) {
        if (b->begun[i] || !may_begin(b, i))
            continue;
        t = find_idle(b->d->turns);
        if (!t)
            return;
        b->begun[i] = true;
        t->batch = b;
        t->number = i;
        t->state = TURN_READY;
        t->call = (struct call){
            .d = b->d, .op = b->ops[i], .arena = b->ops[i]->arena, .turn = t, .wait = turn_wait};
        t->run = b->run;
        note(t, fiber_start(t->fiber, live, t));
    }
}

/* Runs the parts of the op that has been split, and resumes that op when all have ended. */
static void begin_parts(struct turns *all)
{
    struct batch *b = all->split;

    if (!b)
        return;
    begin(b);
    if (b->ended < b->n)
        return;
    all->split = NULL;
    b->whole->state = TURN_READY;
}

/* Runs a part in the fiber of its op. */
static void run_within(struct call *whole, struct op *part, void (*run)(struct call *c))
{
    struct call c = {
        .d = whole->d, .op = part, .arena = part->arena, .turn = whole->turn, .wait = whole->wait};

    run(&c);
}

/* Runs an op outside a fiber: it is the only one, or there is no memory for a stack. */
static void run_alone(struct redis *d, struct op *op, void (*run)(struct call *c))
{
    struct call c = {.d = d, .op = op, .arena = op->arena};

    run(&c);
}

void turns_run(struct redis *d, struct op *const ops[], size_t n, void (*run)(struct call *c))
{
    struct batch b = {.d = d, .ops = ops, .run = run, .n = n};

    if (!d->turns && n > 1)
        d->turns = calloc(1, sizeof(*d->turns));
    if (n == 1 || !d->turns || !find_idle(d->turns)) {
        for (size_t i = 0; i < n; i++)
            run_alone(d, ops[i], run);
        return;
    }
    find_before(&b);
    while (b.ended < n) {
        begin(&b);
        begin_parts(d->turns);
        serve(d);
        for (size_t i = 0; i < d->turns->n; i++)
            if (d->turns->all[i]->state == TURN_READY)
                note(d->turns->all[i], fiber_resume(d->turns->all[i]->fiber));
    }
}

void turns_split(struct call *c, struct op *const parts[], size_t n, void (*run)(struct call *c))
{
    struct turns *all = c->d->turns;
    struct batch b = {.d = c->d, .ops = parts, .run = run, .n = n, .whole = c->turn};

    if (!c->turn) {
        turns_run(c->d, parts, n, run);
        return;
    }
    if (all->split || !find_idle(all)) {
        for (size_t i = 0; i < n; i++)
            run_within(c, parts[i], run);
        return;
    }
    all->split = &b;
    c->turn->state = TURN_WAITING;
    fiber_leave(c->turn->fiber);
}

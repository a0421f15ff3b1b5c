/* redis_fiber.c - see redis_fiber.h. */
#include "redis_fiber.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef SANITIZED_ADDRESS
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SANITIZED_THREAD
#include <sanitizer/tsan_interface.h>
#endif

enum {
    STACK_SIZE = 256 * 1024, /* pages that are not touched take no memory */
    GUARD_SIZE = 4096,
    FIBERS_MAX = 128, /* that run at the same time */
};

enum fiber_state { FIBER_IDLE, FIBER_READY, FIBER_WAITING };

struct fiber {
    enum fiber_state state;
    ucontext_t context;
    char *stack;
    struct call call;
    size_t number; /* of the op in the batch */
    bool ok;       /* of what it waited for */
    struct err err;
    void *fake, *thread; /* the sanitizers' */
};

/* The fibers of one connection. */
struct fibers {
    ucontext_t lane;
    struct fiber *all[FIBERS_MAX];
    size_t n;
    struct fiber *running;
    struct fiber *waiting[FIBERS_MAX]; /* in the order of what they have asked */
    size_t n_waiting;
    void *fake, *thread;
    const void *lane_stack;
    size_t lane_size;
};

#ifdef SANITIZED_ADDRESS
static void leave(void **fake, const void *stack, size_t size)
{
    __sanitizer_start_switch_fiber(fake, stack, size);
}

static void arrive(void *fake, const void **stack, size_t *size)
{
    __sanitizer_finish_switch_fiber(fake, stack, size);
}
#else
static void leave(void **fake UNUSED, const void *stack UNUSED, size_t size UNUSED)
{
}

static void arrive(void *fake UNUSED, const void **stack UNUSED, size_t *size UNUSED)
{
}
#endif

#ifdef SANITIZED_THREAD
static void *thread_new(void)
{
    return __tsan_create_fiber(0);
}

static void thread_free(void *thread)
{
    __tsan_destroy_fiber(thread);
}

static void *thread_now(void)
{
    return __tsan_get_current_fiber();
}

static void thread_switch(void *thread)
{
    __tsan_switch_to_fiber(thread, 0);
}
#else
static void *thread_new(void)
{
    return NULL;
}

static void thread_free(void *thread UNUSED)
{
}

static void *thread_now(void)
{
    return NULL;
}

static void thread_switch(void *thread UNUSED)
{
}
#endif

/* From the lane to a fiber, until it waits or ends. */
static void resume(struct fibers *all, struct fiber *f)
{
    all->running = f;
    all->thread = thread_now();
    leave(&all->fake, f->stack + GUARD_SIZE, STACK_SIZE);
    thread_switch(f->thread);
    swapcontext(&all->lane, &f->context);
    arrive(all->fake, NULL, NULL);
    all->running = NULL;
}

static void suspend(struct fibers *all, struct fiber *f)
{
    leave(&f->fake, all->lane_stack, all->lane_size);
    thread_switch(all->thread);
    swapcontext(&f->context, &all->lane);
    arrive(f->fake, &all->lane_stack, &all->lane_size);
}

/* The life of a fiber: one op after the other. A pointer comes in two halves: makecontext(). */
static void live(unsigned high, unsigned low)
{
    uintptr_t bits = (uintptr_t)high << 32 | low;
    struct fibers *all;
    struct fiber *f;

    memcpy(&all, &bits, sizeof(all));
    f = all->running;
    arrive(NULL, &all->lane_stack, &all->lane_size);
    for (;;) {
        redis_run(&f->call);
        f->state = FIBER_IDLE;
        suspend(all, f);
    }
}

static void prepare(struct fibers *all, struct fiber *f)
{
    f->thread = thread_new();
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack + GUARD_SIZE;
    f->context.uc_stack.ss_size = STACK_SIZE;
    makecontext(&f->context, (void (*)(void))live, 2, (unsigned)((uintptr_t)all >> 32),
                (unsigned)(uintptr_t)all);
}

static struct fiber *fiber_new(struct fibers *all)
{
    struct fiber *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->stack = mmap(NULL, STACK_SIZE + GUARD_SIZE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (f->stack == MAP_FAILED) {
        free(f);
        return NULL;
    }
    mprotect(f->stack, GUARD_SIZE, PROT_NONE);
    prepare(all, f);
    all->all[all->n++] = f;
    return f;
}

static struct fiber *fiber_idle(struct fibers *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->all[i]->state == FIBER_IDLE)
            return all->all[i];
    return all->n < FIBERS_MAX ? fiber_new(all) : NULL;
}

void fibers_free(struct redis *d)
{
    if (!d->fibers)
        return;
    for (size_t i = 0; i < d->fibers->n; i++) {
        struct fiber *f = d->fibers->all[i];

        munmap(f->stack, STACK_SIZE + GUARD_SIZE);
        thread_free(f->thread);
        free(f);
    }
    free(d->fibers);
    d->fibers = NULL;
}

bool fiber_wait(struct call *c, struct err *err)
{
    struct fibers *all = c->d->fibers;
    struct fiber *f = c->fiber;

    f->state = FIBER_WAITING;
    all->waiting[all->n_waiting++] = f;
    suspend(all, f);
    if (!f->ok)
        *err = f->err;
    return f->ok;
}

/* Sends what was asked, and gives each its replies. */
static void serve(struct redis *d)
{
    struct fibers *all = d->fibers;
    struct err err = d->conn.why;
    bool up = d->conn.redis && conn_send(&d->conn, &err);

    for (size_t i = 0; i < all->n_waiting; i++) {
        struct fiber *f = all->waiting[i];

        f->ok = up && call_take(&f->call, &err);
        up &= f->ok;
        if (!f->ok) {
            f->err = err;
            f->call.asked = 0;
        }
        f->state = FIBER_READY;
    }
    all->n_waiting = 0;
}

/* One batch at work. */
struct batch {
    struct redis *d;
    struct op *const *ops;
    size_t n, ended;
    bool begun[BATCH_MAX], done[BATCH_MAX];
    size_t before[BATCH_MAX]; /* 1 + number of the op on the same record that comes before */
};

static bool same_record(const struct op *a, const struct op *b)
{
    return slice_present(a->id) && slice_equal(a->id, b->id) && slice_equal(a->tenant, b->tenant);
}

/* A lane sorts its ops by record, so the one before is near. */
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

static void go(struct batch *b, struct fiber *f)
{
    resume(b->d->fibers, f);
    if (f->state == FIBER_IDLE) {
        b->done[f->number] = true;
        b->ended++;
    }
}

static void begin(struct batch *b)
{
    struct fiber *f;

    for (size_t i = 0; i < b->n; i++) {
        if (b->begun[i] || !may_begin(b, i))
            continue;
        f = fiber_idle(b->d->fibers);
        if (!f)
            return;
        b->begun[i] = true;
        f->number = i;
        f->state = FIBER_READY;
        f->call = (struct call){.d = b->d, .op = b->ops[i], .arena = b->ops[i]->arena, .fiber = f};
        go(b, f);
    }
}

/* Without memory for a stack: one after the other. */
static void run_alone(struct redis *d, struct op *op)
{
    struct call c = {.d = d, .op = op, .arena = op->arena};

    redis_run(&c);
}

void fibers_run(struct redis *d, struct op *const ops[], size_t n)
{
    struct batch b = {.d = d, .ops = ops, .n = n};

    if (!d->fibers && n > 1)
        d->fibers = calloc(1, sizeof(*d->fibers));
    if (n == 1 || !d->fibers || !fiber_idle(d->fibers)) {
        for (size_t i = 0; i < n; i++)
            run_alone(d, ops[i]);
        return;
    }
    find_before(&b);
    while (b.ended < n) {
        begin(&b);
        serve(d);
        for (size_t i = 0; i < d->fibers->n; i++)
            if (d->fibers->all[i]->state == FIBER_READY)
                go(&b, d->fibers->all[i]);
    }
}

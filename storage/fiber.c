/* fiber.c - see fiber.h. */
#include "fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif

#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* The deepest op takes a tenth of it; pages that are not touched cost nothing. */
enum { STACK = 256 * 1024, GUARD = 4096 };

struct fiber {
    ucontext_t own, caller;
    void *stack; /* a page that may not be touched, then the stack */
    void (*fn)(void *arg);
    void *arg;
    bool ended;
#ifdef FIBER_TSAN
    void *tsan_own, *tsan_caller;
#endif
};

/* ThreadSanitizer keeps a history for each stack. */
static void tell_sanitizer(struct fiber *f, bool in)
{
#ifdef FIBER_TSAN
    if (in)
        f->tsan_caller = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(in ? f->tsan_own : f->tsan_caller, 0);
#else
    (void)f;
    (void)in;
#endif
}

struct fiber *fiber_new(struct err *err)
{
    struct fiber *f = calloc(1, sizeof(*f));
    void *stack;

    if (f) {
        stack = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
        if (stack != MAP_FAILED && mprotect(stack, GUARD, PROT_NONE) == 0) {
            f->stack = stack;
#ifdef FIBER_TSAN
            f->tsan_own = __tsan_create_fiber(0);
#endif
            return f;
        }
        if (stack != MAP_FAILED)
            munmap(stack, GUARD + STACK);
        free(f);
    }
    err_fill(err, ERR_NO_MEMORY, "Out of memory while asking the store.");
    return NULL;
}

void fiber_free(struct fiber *f)
{
    if (!f)
        return;
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(f->tsan_own);
#endif
    munmap(f->stack, GUARD + STACK);
    free(f);
}

/* makecontext() passes ints only. */
static void enter(unsigned high, unsigned low)
{
    uintptr_t at = (uintptr_t)high << 32 | low;
    struct fiber *f;

    memcpy(&f, &at, sizeof(at));
    f->fn(f->arg);
    f->ended = true;
    fiber_leave(f);
}

bool fiber_resume(struct fiber *f)
{
    tell_sanitizer(f, true);
    swapcontext(&f->caller, &f->own);
    return f->ended;
}

bool fiber_start(struct fiber *f, void (*fn)(void *arg), void *arg)
{
    uintptr_t at = (uintptr_t)f;

    f->fn = fn;
    f->arg = arg;
    f->ended = false;
    getcontext(&f->own);
    f->own.uc_stack.ss_sp = (char *)f->stack + GUARD;
    f->own.uc_stack.ss_size = STACK;
    f->own.uc_link = NULL; /* enter() never returns */
    makecontext(&f->own, (void (*)(void))enter, 2, (unsigned)(at >> 32), (unsigned)at);
    return fiber_resume(f);
}

void fiber_leave(struct fiber *f)
{
    tell_sanitizer(f, false);
    swapcontext(&f->own, &f->caller);
}

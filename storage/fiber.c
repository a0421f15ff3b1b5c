/* fiber.c - see fiber.h. */
#include "fiber.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#endif

#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

/* The deepest op needs a tenth of it; untouched pages cost nothing. */
enum { STACK = 256 * 1024, GUARD = 4096 };

struct fiber {
    jmp_buf own, caller;
    ucontext_t first; /* context that first enters the stack */
    void *stack;      /* a guard page, then the stack */
    bool entered;     /* it is on its stack; if ended, it waits there for the next fn */
    void (*fn)(void *arg);
    void *arg;
    bool ended;
#ifdef FIBER_TSAN
    void *tsan_own, *tsan_caller;
#endif
#ifdef FIBER_ASAN
    void *asan_own, *asan_caller;
    const void *caller_stack;
    size_t caller_size;
#endif
};

/* Tell sanitizers, which track each stack, of a switch into a fiber (`in`) or out of it: before and after. */
static void leaves(struct fiber *f, bool in)
{
#ifdef FIBER_TSAN
    if (in)
        f->tsan_caller = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(in ? f->tsan_own : f->tsan_caller, 0);
#endif
#ifdef FIBER_ASAN
    if (in)
        __sanitizer_start_switch_fiber(&f->asan_caller, (char *)f->stack + GUARD, STACK);
    else
        __sanitizer_start_switch_fiber(&f->asan_own, f->caller_stack, f->caller_size);
#endif
    (void)f;
    (void)in;
}

static void arrives(struct fiber *f, bool in)
{
#ifdef FIBER_ASAN
    if (in)
        __sanitizer_finish_switch_fiber(f->asan_own, &f->caller_stack, &f->caller_size);
    else
        __sanitizer_finish_switch_fiber(f->asan_caller, NULL, NULL);
#endif
    (void)f;
    (void)in;
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
    (void)err_no_memory(err);
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

/* The bottom function of each stack. makecontext() passes only ints. */
static void enter(unsigned high, unsigned low)
{
    uintptr_t at = (uintptr_t)high << 32 | low;
    struct fiber *f;

    memcpy(&f, &at, sizeof(at));
    arrives(f, true);
    for (;;) {
        f->fn(f->arg);
        f->ended = true;
        fiber_leave(f);
    }
}

/* Enters the stack for the first time. This sets the signal mask by system calls, so only once. */
static void climb(struct fiber *f)
{
    uintptr_t at = (uintptr_t)f;

    f->entered = true;
    getcontext(&f->first);
    f->first.uc_stack.ss_sp = (char *)f->stack + GUARD;
    f->first.uc_stack.ss_size = STACK;
    f->first.uc_link = NULL; /* enter() never returns */
    makecontext(&f->first, (void (*)(void))enter, 2, (unsigned)(at >> 32), (unsigned)at);
    setcontext(&f->first);
}

bool fiber_resume(struct fiber *f)
{
    leaves(f, true);
    if (_setjmp(f->caller) == 0) {
        if (f->entered)
            _longjmp(f->own, 1);
        climb(f);
    }
    arrives(f, false);
    return f->ended;
}

bool fiber_start(struct fiber *f, void (*fn)(void *arg), void *arg)
{
    f->fn = fn;
    f->arg = arg;
    f->ended = false;
    return fiber_resume(f);
}

void fiber_leave(struct fiber *f)
{
    leaves(f, false);
    if (_setjmp(f->own) == 0)
        _longjmp(f->caller, 1);
    arrives(f, true);
}
